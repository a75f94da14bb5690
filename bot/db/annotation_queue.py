"""What is there to label, and what was labelled: lists for the console's pages, by key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.cursors import read_cursor, write_cursor
from bot.db.models import Annotation, Candidate, CandidateGroup, Message, StaffMember

State = Literal["open", "second", "disputed", "agreed", "exported"]
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A group as a list shows it; the message that stands for it may be gone, then its annotation's text is shown."""

    group: CandidateGroup
    text: str
    variety: str
    heard: str | None
    confidence: float | None
    label: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A message of a group."""

    candidate: Candidate
    message: Message


@dataclass(frozen=True, slots=True)
class Look:
    """What a member of staff said of a group."""

    annotation: Annotation
    author: str


async def list_groups(
    session: AsyncSession,
    state: State | Literal["skipped"],
    staff_id: int,
    after: str | None = None,
    limit: int = 30,
) -> tuple[list[QueueRow], str | None]:
    """Groups in a state, what weighs most first, and the cursor of those after them.

    What the member labelled or skipped is left out of ``open`` and ``second``; ``skipped`` lists what they skipped.

    Raises:
        ValueError: the cursor is none of this list.
    """
    query = _rows().where(*_in_view(state, staff_id))
    if after is not None:
        weight, last_id = read_cursor(after, "groups", 2)
        lighter = CandidateGroup.weight < weight
        beside = and_(CandidateGroup.weight == weight, CandidateGroup.id < last_id)
        # The first condition is for the index.
        query = query.where(CandidateGroup.weight <= weight, or_(lighter, beside))
    ordered = query.order_by(CandidateGroup.weight.desc(), CandidateGroup.id.desc())
    rows = [_read_row(row) for row in await session.execute(ordered.limit(limit + 1))]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1].group
    return rows[:limit], write_cursor("groups", last.weight, last.id)


async def find_next(session: AsyncSession, state: State | Literal["skipped"], staff_id: int) -> int | None:
    """The group that weighs most of what a member has to do in a state."""
    query = select(CandidateGroup.id).where(*_in_view(state, staff_id))
    found: int | None = await session.scalar(
        query.order_by(CandidateGroup.weight.desc(), CandidateGroup.id.desc()).limit(1)
    )
    return found


async def count_groups(session: AsyncSession) -> dict[str, int]:
    """How many groups are in each state."""
    query = select(CandidateGroup.state, func.count()).group_by(CandidateGroup.state)
    counted: dict[str, int] = {state: count for state, count in await session.execute(query)}
    return {state: counted.get(state, 0) for state in STATES}


async def read_group(session: AsyncSession, group_id: int) -> QueueRow:
    """One group.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none.
    """
    return _read_row((await session.execute(_rows().where(CandidateGroup.id == group_id))).one())


async def list_members(session: AsyncSession, group_id: int, limit: int) -> list[Member]:
    """The newest messages of a group."""
    query = select(Candidate, Message).join(Message, Message.id == Candidate.message_id)
    rows = await session.execute(
        query.where(Candidate.group_id == group_id).order_by(Candidate.message_id.desc()).limit(limit)
    )
    return [Member(candidate, message) for candidate, message in rows]


async def list_looks(session: AsyncSession, group_id: int) -> list[Look]:
    """All that was said of a group, the oldest first, with whoever said it."""
    query = select(Annotation, StaffMember.name, StaffMember.email)
    query = query.join(StaffMember, StaffMember.id == Annotation.staff_id).where(Annotation.group_id == group_id)
    rows = await session.execute(query.order_by(Annotation.id))
    return [Look(annotation, name or email) for annotation, name, email in rows]


async def count_pairs(session: AsyncSession) -> dict[tuple[int, int], dict[tuple[str, str], int]]:
    """Of every two members, how often they gave each pair of labels to a group that both looked at unknowing."""
    one, other = aliased(Annotation), aliased(Annotation)
    both = (one.group_id == other.group_id) & (one.staff_id < other.staff_id)
    counted = [
        condition
        for each in (one, other)
        for condition in (each.ended_at.is_(None), each.settles.is_(False), each.intent.is_not(None))
    ]
    columns = (one.staff_id, other.staff_id, one.intent, other.intent)
    query = select(*columns, func.count()).join(other, both).where(*counted).group_by(*columns)
    pairs: dict[tuple[int, int], dict[tuple[str, str], int]] = {}
    for first, second, label, other_label, count in await session.execute(query):
        pairs.setdefault((first, second), {})[str(label), str(other_label)] = count
    return pairs


async def find_labelled(session: AsyncSession, message_ids: Collection[int]) -> dict[int, QueueRow]:
    """Of some messages those that are worth a look, with the group of each."""
    # Beside the candidate that leads the group, the one that is asked for.
    asked = aliased(Candidate)
    query = _rows().join(asked, asked.group_id == CandidateGroup.id).add_columns(asked.message_id.label("asked_id"))
    rows = await session.execute(query.where(asked.message_id.in_(message_ids)))
    return {row.asked_id: _read_row(row) for row in rows}


def is_labelled(message: Any) -> Any:
    """The condition that a message, `Message` or an alias of it, is of a group that somebody labelled."""
    labelled = select(Annotation.group_id).where(Annotation.ended_at.is_(None), Annotation.intent.is_not(None))
    return message.id.in_(select(Candidate.message_id).where(Candidate.group_id.in_(labelled)))


def _in_view(state: State | Literal["skipped"], staff_id: int) -> list[Any]:
    # An alias: lists join the annotation that counts, too.
    own = aliased(Annotation)
    of_these = (own.group_id == CandidateGroup.id) & (own.staff_id == staff_id)
    said = exists(select(own.id).where(of_these, own.ended_at.is_(None)).correlate(CandidateGroup))
    if state == "skipped":
        skipped = select(Annotation.group_id).where(
            Annotation.staff_id == staff_id, Annotation.ended_at.is_(None), Annotation.intent.is_(None)
        )
        return [CandidateGroup.id.in_(skipped), CandidateGroup.state.in_(("open", "second"))]
    return [CandidateGroup.state == state, *([~said] if state in ("open", "second") else [])]


def _rows() -> Any:
    query = select(
        CandidateGroup,
        Candidate.text,
        Message.variety,
        Message.intent,
        Message.confidence,
        Annotation.text.label("agreed_text"),
        Annotation.variety.label("agreed_variety"),
        Annotation.intent.label("label"),
    )
    query = query.outerjoin(Candidate, Candidate.message_id == CandidateGroup.lead_id)
    query = query.outerjoin(Message, Message.id == CandidateGroup.lead_id)
    return query.outerjoin(Annotation, Annotation.id == CandidateGroup.agreed_id)


def _read_row(row: Any) -> QueueRow:
    return QueueRow(
        row.CandidateGroup,
        row.agreed_text or row.text or "",
        row.agreed_variety or row.variety or "fr",
        row.intent,
        row.confidence,
        row.label,
    )
