"""Queries about what people asked of the team."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Application, Contact, Identity, Message, StaffMember, StaffRequest

#: Open: everything that waits; mine: of that what I took; closed.
View = Literal["open", "mine", "closed"]
VIEWS: tuple[View, ...] = ("open", "mine", "closed")
#: What came of a request; of two applications of probably one person only whether they are.
OUTCOMES = ("answered", "done", "declined", "unreachable", "mistaken")
DUPLICATE_OUTCOMES = ("same", "different")
#: The latest messages of a person that are shown beside their request.
SHOWN_MESSAGES = 6


async def list_requests(
    session: AsyncSession, view: View, kind: str, member_id: int, *, after: int | None, limit: int
) -> list[tuple[StaffRequest, StaffMember | None]]:
    """Open ones from the oldest on, closed ones from the newest on, with who has them.

    Args:
        session: a session.
        view: which.
        kind: only of this kind; empty: of all.
        member_id: who asks, for ``mine``.
        after: the id that ended the page before, or None.
        limit: how many at most.
    """
    is_closed = view == "closed"
    query = select(StaffRequest, StaffMember).outerjoin(StaffMember, StaffMember.id == StaffRequest.taken_by_id)
    query = query.where(StaffRequest.closed_at.is_not(None) if is_closed else StaffRequest.closed_at.is_(None))
    if view == "mine":
        query = query.where(StaffRequest.taken_by_id == member_id)
    if kind:
        query = query.where(StaffRequest.kind == kind)
    if after is not None:
        query = query.where(StaffRequest.id < after if is_closed else StaffRequest.id > after)
    rows = await session.execute(query.order_by(StaffRequest.id.desc() if is_closed else StaffRequest.id).limit(limit))
    return [(request, member) for request, member in rows]


async def count_open(session: AsyncSession) -> dict[str, int]:
    """How many wait, by kind, the most first."""
    query = select(StaffRequest.kind, func.count()).where(StaffRequest.closed_at.is_(None)).group_by(StaffRequest.kind)
    rows = (await session.execute(query)).all()
    return {kind: count for kind, count in sorted(rows, key=lambda row: (-row[1], row[0]))}


async def count_waiting(session: AsyncSession) -> int:
    """How many are open and in nobody's hands."""
    waiting = StaffRequest.closed_at.is_(None) & StaffRequest.taken_by_id.is_(None)
    return int(await session.scalar(select(func.count()).select_from(StaffRequest).where(waiting)) or 0)


async def list_last_messages(session: AsyncSession, contact_id: int) -> list[Message]:
    """What was said last by and to a person, oldest first."""
    query = select(Message).where(Message.contact_id == contact_id, Message.text != "")
    newest = await session.scalars(query.order_by(Message.id.desc()).limit(SHOWN_MESSAGES))
    return list(reversed(newest.all()))


async def find_names(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, str]:
    """What people are called, by contact: as their newest application says, else their channel, else nothing."""
    names = dict.fromkeys(contact_ids, "")
    for identity in await session.scalars(select(Identity).where(Identity.contact_id.in_(contact_ids))):
        names[identity.contact_id] = str(identity.profile.get("name") or names[identity.contact_id])
    query = select(Application.contact_id, Application.full_name).where(Application.contact_id.in_(contact_ids))
    for contact_id, name in await session.execute(query.order_by(Application.id)):
        names[contact_id] = name
    return names


async def find_application_by_reference(session: AsyncSession, reference: str) -> Application | None:
    """The application of a reference; None when it was erased meanwhile."""
    return await session.scalar(select(Application).where(Application.reference == reference))


async def find_channels(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, str]:
    """The channel on which each wrote last, by contact."""
    query = select(Identity.contact_id, Identity.channel).where(Identity.contact_id.in_(contact_ids))
    rows = await session.execute(query.order_by(func.coalesce(Identity.last_inbound_at, Identity.created_at)))
    return {contact_id: channel for contact_id, channel in rows}


async def lock_contact(session: AsyncSession, contact_id: int) -> Contact:
    """A person, to oneself until the commit.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such contact.
    """
    return await session.get_one(Contact, contact_id, with_for_update=True)
