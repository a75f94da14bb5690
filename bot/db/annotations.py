"""Label what messages mean: candidates in groups, what each member says of a group, and what follows from it.

Whoever changes a group locks its row first (`find_group`), so that two who label at once are one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Annotation, Candidate, CandidateGroup, Gathering, Message

#: Of so many groups one is looked at by a second member, to know how far labels can be trusted.
SECOND_LOOK_EVERY: Final = 5
#: The intent of what is not for us.
FOREIGN: Final = "out_of_scope"


class ExportedError(ValueError):
    """What was exported can't be labelled anew before it is taken back."""


@dataclass(frozen=True, slots=True)
class Worthy:
    """A message worth a look: why, of which group, and as an example (`bot.annotation`)."""

    message_id: int
    reasons: frozenset[str]
    weight: int
    key: str
    text: str
    marks: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Label:
    """What a member says of a group; `intent` None skips it."""

    intent: str | None
    text: str = ""
    marks: Sequence[dict[str, Any]] = ()
    variety: str = "fr"


async def lock_gathering(session: AsyncSession) -> Gathering:
    """How far the log was looked through, locked: groups are made by one transaction at a time."""
    insert: Any = insert_on_sqlite if session.get_bind().dialect.name == "sqlite" else insert_on_postgresql
    await session.execute(insert(Gathering).values(id=1, last_message_id=None).on_conflict_do_nothing())
    return (await session.scalars(select(Gathering).where(Gathering.id == 1).with_for_update())).one()


async def add_candidate(session: AsyncSession, worthy: Worthy, weigh: Any) -> int:
    """Keep that a message is worth a look; the id of its group. Further reasons of a known one are added to it.

    Args:
        session: a transaction that holds `lock_gathering`.
        worthy: the message.
        weigh: what reasons weigh together.
    """
    known = await session.get(Candidate, worthy.message_id)
    if known is not None:
        reasons = sorted({*known.reasons, *worthy.reasons})
        added = weigh(reasons) - known.weight
        known.reasons, known.weight = reasons, known.weight + added
        await _grow(session, known.group_id, added, 0)
        return known.group_id
    group_id = await session.scalar(select(CandidateGroup.id).where(CandidateGroup.key == worthy.key))
    if group_id is None:
        group = CandidateGroup(key=worthy.key, state="open", weight=worthy.weight, size=1, lead_id=worthy.message_id)
        session.add(group)
        await session.flush()
        group_id = group.id
    else:
        await _grow(session, group_id, worthy.weight, 1)
    session.add(
        Candidate(
            message_id=worthy.message_id,
            group_id=group_id,
            reasons=sorted(worthy.reasons),
            weight=worthy.weight,
            text=worthy.text,
            marks=list(worthy.marks),
        )
    )
    await session.flush()
    return group_id


async def _grow(session: AsyncSession, group_id: int, weight: int, size: int) -> None:
    grown = {"weight": CandidateGroup.weight + weight, "size": CandidateGroup.size + size}
    await session.execute(update(CandidateGroup).where(CandidateGroup.id == group_id).values(**grown))


async def find_group(session: AsyncSession, group_id: int) -> CandidateGroup:
    """A group, locked.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none (any more).
    """
    query = select(CandidateGroup).where(CandidateGroup.id == group_id).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def annotate(
    session: AsyncSession, group_id: int, staff_id: int, label: Label, *, settles: bool = False
) -> CandidateGroup:
    """Keep what a member says of a group, in place of what they said before; the group with its new state.

    Args:
        session: a transaction.
        group_id: the group.
        staff_id: the account.
        label: what it means, or None for the intent to skip it.
        settles: they know what others said, and end the disagreement.

    Raises:
        ExportedError: it was exported.
        sqlalchemy.exc.NoResultFound: there is no such group.
    """
    group = await find_group(session, group_id)
    if group.state == "exported":
        raise ExportedError
    own = (Annotation.group_id == group_id) & (Annotation.staff_id == staff_id) & Annotation.ended_at.is_(None)
    replaced = own & (Annotation.settles == settles)
    await session.execute(update(Annotation).where(replaced).values(ended_at=utc_now()))
    session.add(
        Annotation(
            group_id=group_id,
            staff_id=staff_id,
            message_id=group.lead_id,
            intent=label.intent,
            text=label.text if label.intent else "",
            marks=list(label.marks) if label.intent else [],
            variety=label.variety,
            settles=settles,
        )
    )
    await session.flush()
    await settle_state(session, group)
    return group


async def undo_last(session: AsyncSession, staff_id: int) -> int | None:
    """Take back what a member said last; the id of its group, or None when there is nothing.

    Raises:
        ExportedError: it was exported.
    """
    query = select(Annotation).where(Annotation.staff_id == staff_id, Annotation.ended_at.is_(None))
    last = (await session.scalars(query.order_by(Annotation.id.desc()).limit(1))).first()
    if last is None:
        return None
    group = await find_group(session, last.group_id)
    if group.state == "exported":
        raise ExportedError
    last.ended_at = utc_now()
    await session.flush()
    await settle_state(session, group)
    return group.id


async def take_out(session: AsyncSession, message_id: int, key: str) -> int:
    """Put a message of a group into a group of its own, under a key that no text has; the new group's id.

    Raises:
        ExportedError: its group was exported.
        ValueError: it is alone already.
        sqlalchemy.exc.NoResultFound: it is in no group.
    """
    candidate = (await session.scalars(select(Candidate).where(Candidate.message_id == message_id))).one()
    group = await find_group(session, candidate.group_id)
    if group.state == "exported":
        raise ExportedError
    if group.size < 2:
        raise ValueError("it is alone in its group")
    alone = CandidateGroup(key=key, state="open", weight=candidate.weight, size=1, lead_id=message_id)
    session.add(alone)
    await session.flush()
    candidate.group_id = alone.id
    await session.flush()
    await recount_group(session, group)
    return alone.id


async def forget_messages(session: AsyncSession, messages: ColumnElement[bool]) -> int:
    """Drop the candidates among messages, named by a condition on `Message`, and what was said of their texts.

    What was exported stays, without the message: a member has seen that nobody's data is in it. To be called before
    the messages are erased. Returns how many rows went.
    """
    ids = select(Message.id).where(messages)
    labelled = select(Annotation.group_id).where(Annotation.message_id.in_(ids))
    candidates = select(Candidate.group_id).where(Candidate.message_id.in_(ids))
    led = CandidateGroup.lead_id.in_(ids)
    query = select(CandidateGroup).where(or_(led, CandidateGroup.id.in_(labelled), CandidateGroup.id.in_(candidates)))
    groups = list(await session.scalars(query.order_by(CandidateGroup.id).with_for_update()))
    gone = await _delete(session, delete(Candidate).where(Candidate.message_id.in_(ids)))
    exported = [group.id for group in groups if group.state == "exported"]
    about = Annotation.message_id.in_(ids)
    kept = update(Annotation).where(about, Annotation.group_id.in_(exported))
    await session.execute(kept.values(message_id=None))
    gone += await _delete(session, delete(Annotation).where(about))
    for group in groups:
        await recount_group(session, group)
    await session.flush()
    return gone


async def _delete(session: AsyncSession, statement: Any) -> int:
    return int((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]  # a DELETE's result has it


async def recount_group(session: AsyncSession, group: CandidateGroup) -> None:
    """Bring a group in step with its candidates; without any it goes, unless it was exported."""
    own = Candidate.group_id == group.id
    size, weight = (await session.execute(select(func.count(), func.sum(Candidate.weight)).where(own))).one()
    heaviest = select(Candidate.message_id).where(own).order_by(Candidate.weight.desc(), Candidate.message_id.desc())
    leads = list(await session.scalars(heaviest.limit(1)))
    lead_stays = group.lead_id is not None and await session.scalar(
        select(Candidate.message_id).where(own, Candidate.message_id == group.lead_id)
    )
    if not size and group.state != "exported":
        await session.execute(delete(Annotation).where(Annotation.group_id == group.id))
        await session.delete(group)
        await session.flush()
        return
    group.size, group.weight = size, weight or 0
    if not lead_stays:
        group.lead_id = leads[0] if leads else None
    await session.flush()
    if group.state != "exported":
        await settle_state(session, group)


async def settle_state(session: AsyncSession, group: CandidateGroup) -> None:
    """What follows from what members said of a group."""
    query = select(Annotation).where(
        Annotation.group_id == group.id, Annotation.ended_at.is_(None), Annotation.intent.is_not(None)
    )
    said = list(await session.scalars(query.order_by(Annotation.id)))
    looks, settled = [each for each in said if not each.settles], [each for each in said if each.settles]
    group.agreed_id = None
    if settled:
        group.state, group.agreed_id = "agreed", settled[-1].id
    elif not looks:
        group.state = "open"
    elif len(looks) == 1 and wants_second_look(group.key):
        group.state = "second"
    elif is_unanimous(looks):
        group.state, group.agreed_id = "agreed", looks[-1].id
    else:
        group.state = "disputed"
    await session.flush()


def wants_second_look(key: str) -> bool:
    """Whether a group is of the share that a second member looks at; its key, a digest, is as good as dice."""
    return int(key[:8], 16) % SECOND_LOOK_EVERY == 0


def is_unanimous(looks: Iterable[Annotation]) -> bool:
    """Whether all say the same: the intent, the variety, and which words are which entities."""
    return len({_meaning(look) for look in looks}) <= 1


def _meaning(look: Annotation) -> tuple[object, ...]:
    marked = {(mark["entity"], look.text[mark["start"] : mark["end"]].casefold()) for mark in look.marks}
    return look.intent, look.variety, frozenset(marked)
