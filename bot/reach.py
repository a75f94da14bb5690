"""How people can be written to of our own accord, by the rules of each channel, and what may be promised of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Contact, Identity

#: After the person's last message WhatsApp takes free text for so long; then approved templates only
#: (https://www.twilio.com/docs/whatsapp/key-concepts#customer-service-windows).
WHATSAPP_WINDOW = timedelta(hours=24)
#: What may be promised: that they will be told; that they will if they wrote within WhatsApp's window; that it will
#: stand on the web page when they open it; nothing, since they said STOP; nothing, since no way leads to them.
Promise = Literal["sure", "window", "page", "stopped", "none"]


@dataclass(frozen=True, slots=True)
class Route:
    """How a notice reaches a person: the address, and the approved template that it needs there."""

    identity: Identity
    template: str | None = None


class Reach:
    """The ways to people that are configured."""

    def __init__(self, channels: Collection[str], templates: Mapping[str, str]) -> None:
        """`channels` can be pushed to; `templates` are approved WhatsApp templates with one variable, by variety."""
        self._channels, self._templates = frozenset(channels), templates

    def choose_route(self, identities: Sequence[Identity], variety: str, *, waits: bool = False) -> Route | str:
        """The way to somebody, or why there is none.

        Telegram takes messages at any time; WhatsApp within its window, or as an approved template. The channel that
        the person wrote on last is tried first. The web page shows what is new when it is opened: it comes last, and
        only for what makes sense then too (`waits`).
        """
        reasons = []
        for identity in sorted(identities, key=_last_heard, reverse=True):
            if identity.channel not in self._channels:
                reasons.append(f"{identity.channel}: can't be written to")
            elif identity.blocked_at is not None:
                reasons.append(f"{identity.channel}: blocked by the person")
            elif identity.channel != "whatsapp" or _last_heard(identity) > utc_now() - WHATSAPP_WINDOW:
                return Route(identity)
            elif variety in self._templates:
                return Route(identity, self._templates[variety])
            else:
                reasons.append("whatsapp: outside of the 24-hour window, and no approved template")
        pages = [identity for identity in identities if identity.channel == "web"]
        if pages and waits:
            return Route(max(pages, key=_last_heard))
        return "; ".join(reasons) or "no address"

    async def promise(self, session: AsyncSession, contact_id: int, *, asked_at: datetime | None = None) -> Promise:
        """What may be promised to somebody about later messages; what they asked for after a STOP is told."""
        contact = await session.get_one(Contact, contact_id)
        stopped_at = contact.unsubscribed_at
        if stopped_at is not None and (asked_at is None or asked_at < stopped_at):
            return "stopped"
        identities = list(await session.scalars(select(Identity).where(Identity.contact_id == contact_id)))
        ways: set[Promise] = set()
        for identity in identities:
            if identity.channel == "web":
                ways.add("page")
            elif identity.channel in self._channels and identity.blocked_at is None:
                variety = contact.chosen_variety or contact.variety
                ways.add("sure" if identity.channel != "whatsapp" or variety in self._templates else "window")
        order: tuple[Promise, ...] = ("sure", "window", "page")
        return next((way for way in order if way in ways), "none")

    async def can_tell(self, session: AsyncSession, contact_id: int) -> bool:
        """Whether something that nobody asked for would reach a person if it was told now."""
        contact = await session.get_one(Contact, contact_id)
        identities = list(await session.scalars(select(Identity).where(Identity.contact_id == contact_id)))
        variety = contact.chosen_variety or contact.variety
        route = self.choose_route(identities, variety, waits=True)
        return contact.unsubscribed_at is None and isinstance(route, Route)


def _last_heard(identity: Identity) -> datetime:
    return identity.last_inbound_at or identity.created_at
