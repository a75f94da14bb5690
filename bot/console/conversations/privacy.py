"""Who sees what of a person: what is personal is dots until somebody who answers people asks, and the log says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.conversations import ANSWERING
from bot.console.security.sessions import Signed
from bot.db.models import Application, AuditEntry, Identity, StaffSession
from bot.masking import mask_entities, mask_text, mask_value

#: The action of the audit log by which a conversation is open to a member of staff, until their session ends.
REVEALED = "conversation_revealed"


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of one person: all of it, or texts with dots.

    Attributes:
        is_open: whether nothing is hidden.
        names: names known of the person, every part of which is hidden.
    """

    is_open: bool
    names: tuple[str, ...] = ()

    def text(self, text: str, entities: Sequence[Mapping[str, Any]] = ()) -> str:
        """A text that the person, the bot or staff wrote."""
        return text if self.is_open else mask_text(text, self.names, entities)

    def name(self, name: str) -> str:
        """The person's name."""
        return name if self.is_open else mask_value("name", name)

    def phone(self, number: str) -> str:
        """A number that leads to the person."""
        return number if self.is_open else mask_value("phone", number)

    def entities(self, entities: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """What was understood in a text."""
        return list(entities) if self.is_open else list(mask_entities(entities, self.names))


async def list_revealed(session: AsyncSession, signed: Signed, contact_ids: Collection[int]) -> set[int]:
    """Which of these people somebody asked to see since they signed in."""
    if signed.role not in ANSWERING or not contact_ids:
        return set()
    subjects = {f"contact:{contact_id}": contact_id for contact_id in contact_ids}
    since = select(StaffSession.created_at).where(StaffSession.id == signed.session_id).scalar_subquery()
    query = select(AuditEntry.subject).where(
        AuditEntry.member_id == signed.member_id,
        AuditEntry.action == REVEALED,
        AuditEntry.subject.in_(subjects),
        AuditEntry.done_at >= since,
    )
    return {subjects[subject] for subject in await session.scalars(query.distinct())}


async def find_sights(session: AsyncSession, signed: Signed, contact_ids: Collection[int]) -> dict[int, Sight]:
    """What somebody sees of each of some people."""
    revealed = await list_revealed(session, signed, contact_ids)
    names = await list_names(session, [number for number in contact_ids if number not in revealed])
    return {
        number: Sight(is_open=True) if number in revealed else Sight(is_open=False, names=tuple(names.get(number, ())))
        for number in contact_ids
    }


async def reveal(session: AsyncSession, signed: Signed, contact_id: int) -> None:
    """Open a person's data to a member of staff until they sign out; the log keeps who saw whom, and when."""
    if not await list_revealed(session, signed, [contact_id]):
        record(session, signed.member_id, "conversation_revealed", f"contact:{contact_id}")


async def list_names(session: AsyncSession, contact_ids: Iterable[int]) -> dict[int, list[str]]:
    """Names known of some people, to be hidden in what they wrote."""
    ids = list(contact_ids)
    found: dict[int, list[str]] = {}
    profiles = select(Identity.contact_id, Identity.profile).where(Identity.contact_id.in_(ids))
    for contact_id, profile in await session.execute(profiles):
        found.setdefault(contact_id, []).extend(
            str(profile[part]) for part in ("name", "username") if profile.get(part)
        )
    applied = select(Application.contact_id, Application.full_name).where(Application.contact_id.in_(ids))
    for contact_id, name in await session.execute(applied):
        found.setdefault(contact_id, []).append(name)
    return found
