"""What is done when its time comes: reminders and other notices, and offers of places that nobody took."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.answers import Answers, RenderError
from bot.channels.base import Channel
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Contact, Identity, Message, Notice
from bot.db.notices import list_due_notices, read_answer
from bot.db.people import end_holds
from bot.journeys.conductor import forget_old_drafts
from bot.journeys.registrations import REMINDERS, lapse_offers, offer_free_places
from bot.messages import Variety
from bot.outbox import Outbox

logger = logging.getLogger(__name__)

#: After the person's last message WhatsApp takes free text for so long; then approved templates only
#: (https://www.twilio.com/docs/whatsapp/key-concepts#customer-service-windows).
WHATSAPP_WINDOW = timedelta(hours=24)
#: A reminder of an event that could not be told so long after its time has no sense any more.
TOO_LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Route:
    """How a notice reaches a person: the address, and the approved template that it needs there."""

    identity: Identity
    template: str | None = None


def choose_route(
    identities: Sequence[Identity], channels: Mapping[str, Channel], templates: Mapping[str, str], variety: str
) -> Route | str:
    """The way to somebody by the rules of each channel, or why there is none.

    Telegram takes messages at any time; WhatsApp within its window, or as an approved template; the web page can't be
    reached. The channel that the person wrote on last is tried first.
    """
    reasons = []
    for identity in sorted(identities, key=_last_heard, reverse=True):
        if identity.channel not in channels:
            reasons.append(f"{identity.channel}: can't be written to")
        elif identity.blocked_at is not None:
            reasons.append(f"{identity.channel}: blocked by the person")
        elif identity.channel != "whatsapp" or _last_heard(identity) > utc_now() - WHATSAPP_WINDOW:
            return Route(identity)
        elif variety in templates:
            return Route(identity, templates[variety])
        else:
            reasons.append("whatsapp: outside of the 24-hour window, and no approved template")
    return "; ".join(reasons) or "no address"


def _last_heard(identity: Identity) -> datetime:
    return identity.last_inbound_at or identity.created_at


class Schedule:
    """Works off what is due; several processes may, since each notice is taken once."""

    def __init__(
        self,
        db: Database,
        answers: Answers,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        templates: Mapping[str, str],
    ) -> None:
        """`templates` are the Content SIDs of approved WhatsApp templates with one variable, by variety."""
        self._db, self._answers, self._outbox = db, answers, outbox
        self._channels, self._templates = channels, templates

    async def run_due(self) -> None:
        """Do everything whose time has come."""
        async with self._db.write() as session:
            await lapse_offers(session)
            await offer_free_places(session)
            await forget_old_drafts(session)
            await end_holds(session)
        async with self._db.read() as session:
            due = await list_due_notices(session)
        for notice in due:
            await self._tell(notice)

    async def _tell(self, notice: Notice) -> None:
        async with self._db.read() as session:
            contact = await session.get_one(Contact, notice.contact_id)
            identities = list(await session.scalars(select(Identity).where(Identity.contact_id == contact.id)))
        variety: Variety = contact.chosen_variety or contact.variety  # type: ignore[assignment]  # as stored
        route: Route | str
        if notice.kind != "requested" and contact.unsubscribed_at is not None:
            route = "the person asked for no more messages"
        elif contact.erased_at is not None:
            route = "the person was erased"
        elif notice.answer["key"] in REMINDERS and utc_now() - notice.due_at > TOO_LATE:
            route = "too late"
        else:
            route = choose_route(identities, self._channels, self._templates, variety)
        if isinstance(route, str):
            await self._close(notice, "dropped", route, None)
            return
        try:
            outbound = await self._answers.render(read_answer(notice), variety)
        except RenderError as error:
            logger.error("notice %s could not be written: %s", notice.id, error)
            await self._close(notice, "dropped", f"RenderError: {error}"[:120], None)
            return
        message = Message(
            contact_id=contact.id,
            identity_id=route.identity.id,
            direction="out",
            channel=route.identity.channel,
            state="queued",
            text=outbound.text,
            buttons=[button.as_json() for button in outbound.buttons],
            template=route.template,
            answer_key=outbound.answer_key,
            variety=outbound.variety,
        )
        await self._close(notice, "queued", route.identity.channel, message)
        self._outbox.lanes.wake(contact.id)

    async def _close(self, notice: Notice, state: str, outcome: str, message: Message | None) -> None:
        """Note what became of a notice, with its message in the same commit, unless another process was first."""
        async with self._db.write() as session:
            waiting = (Notice.id == notice.id) & (Notice.state == "waiting")
            values = {"state": state, "outcome": outcome, "handled_at": utc_now()}
            taken = await session.scalar(update(Notice).where(waiting).values(**values).returning(Notice.id))
            if taken is not None and message is not None:
                session.add(message)
        if state == "dropped":
            logger.info("notice %s (%s) was not told: %s", notice.id, notice.answer["key"], outcome)
