"""One conversation as staff read it: its messages with what was understood and done, its tags and its notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Contact, ContactTag, Interaction, Message, Note, Tag

#: The most messages that a page may have.
MOST_MESSAGES = 200
TAG_LIMIT_CHARS = 48
NOTE_LIMIT_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class LookUp:
    """One run of an action for a message: what was asked of the database, and what it found."""

    action: str
    lookup: dict[str, Any]
    rows_found: int | None
    outcome: str
    error: str | None
    duration_ms: float


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """One message with all that a thread shows of it; see `bot.db.models.Message` for what the values mean.

    `is_staff`: a member of staff wrote it. `look_ups` are those of a message of the person.
    """

    id: int
    direction: str
    channel: str
    state: str
    text: str
    payload: str | None
    attachments: list[Any]
    buttons: list[Any]
    answer_key: str | None
    staff_id: int | None
    campaign_id: int | None
    is_staff: bool
    variety: str | None
    intent: str | None
    confidence: float | None
    ranking: list[Any]
    entities: list[Any]
    timings: dict[str, Any]
    attempts: int
    error: str | None
    template: str | None
    reply_to_id: int | None
    created_at: datetime
    finished_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    look_ups: tuple[LookUp, ...]


@dataclass(frozen=True, slots=True)
class Thread:
    """A page of a conversation, oldest first. `before` and `after` are ids to go on from; None: nothing is there."""

    messages: tuple[ThreadMessage, ...]
    before: int | None
    after: int | None


async def read_thread(
    session: AsyncSession,
    contact_id: int,
    *,
    around: int | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Thread:
    """Messages of a conversation: the last ones; or those around a message, before it, or after it, by its id.

    Raises:
        LookupError: the message to read around is not in this conversation (any more).
        ValueError: more than one place is given.
    """
    if sum(place is not None for place in (around, before, after)) > 1:
        raise ValueError("a thread is read around, before or after one message")
    limit = max(1, min(limit, MOST_MESSAGES))
    if around is not None:
        if await find_contact(session, around) != contact_id:
            raise LookupError(f"message {around} is not in the conversation of contact {contact_id}")
        half = limit // 2
        older, is_more_before = await _list_messages(session, contact_id, before=around, limit=half)
        newer, is_more_after = await _list_messages(session, contact_id, after=around - 1, limit=limit - half)
    elif after is not None:
        older, is_more_before = [], await _has_message(session, contact_id, upto=after)
        newer, is_more_after = await _list_messages(session, contact_id, after=after, limit=limit)
    else:
        older, is_more_before = await _list_messages(session, contact_id, before=before, limit=limit)
        newer, is_more_after = [], before is not None
    messages = [*older, *newer]
    look_ups = await _find_look_ups(session, [message.id for message in messages])
    shown = tuple(_show(message, tuple(look_ups.get(message.id, ()))) for message in messages)
    if not shown:
        return Thread((), None, None)
    return Thread(shown, shown[0].id if is_more_before else None, shown[-1].id if is_more_after else None)


async def find_contact(session: AsyncSession, message_id: int) -> int | None:
    """In whose conversation a message is now (linked channels move it), or None; a permalink leads there."""
    found: int | None = await session.scalar(select(Message.contact_id).where(Message.id == message_id))
    return found


async def mark_read(session: AsyncSession, contact_id: int, upto: int | None = None) -> None:
    """Note that staff read a conversation, up to a message that was shown to them, or all of it (None)."""
    unread: Any = 0
    if upto is not None:
        own = (Message.contact_id == contact_id) & (Message.direction == "in") & (Message.id > upto)
        unread = await session.scalar(select(func.count()).select_from(Message).where(own))
    statement = update(Contact).where(Contact.id == contact_id)
    await session.execute(statement.values(unread=unread, read_by_staff_at=utc_now()))


async def add_tag(session: AsyncSession, contact_id: int, name: str) -> bool:
    """Tag a conversation, making the tag if it is new; False when it has it already.

    Raises:
        ValueError: the name is empty, of several lines, or longer than `TAG_LIMIT_CHARS`.
    """
    name = " ".join(name.split())
    if not name or len(name) > TAG_LIMIT_CHARS or not name.isprintable():
        raise ValueError(f"tag: 1 to {TAG_LIMIT_CHARS} characters on one line")
    insert: Any = insert_on_sqlite if session.get_bind().dialect.name == "sqlite" else insert_on_postgresql
    await session.execute(insert(Tag).values(name=name).on_conflict_do_nothing())
    tag_id = await session.scalar(select(Tag.id).where(Tag.name == name))
    tagged = insert(ContactTag).values(contact_id=contact_id, tag_id=tag_id).on_conflict_do_nothing()
    return await session.scalar(tagged.returning(ContactTag.tag_id)) is not None


async def remove_tag(session: AsyncSession, contact_id: int, name: str) -> bool:
    """Take a tag off a conversation, and away altogether when no other has it; False when it had not."""
    tag_id = await session.scalar(select(Tag.id).where(Tag.name == name))
    own = (ContactTag.contact_id == contact_id) & (ContactTag.tag_id == tag_id)
    if await session.scalar(delete(ContactTag).where(own).returning(ContactTag.tag_id)) is None:
        return False
    used = select(ContactTag.tag_id).where(ContactTag.tag_id == tag_id)
    await session.execute(delete(Tag).where(Tag.id == tag_id, ~used.exists()))
    return True


async def list_tags(session: AsyncSession, contact_id: int | None = None) -> list[str]:
    """The tags of a conversation, or all that there are (None), by name."""
    query = select(Tag.name).order_by(Tag.name)
    if contact_id is not None:
        query = query.join(ContactTag, ContactTag.tag_id == Tag.id).where(ContactTag.contact_id == contact_id)
    return list(await session.scalars(query))


async def add_note(session: AsyncSession, contact_id: int, text: str, author: str, staff_id: int | None = None) -> Note:
    """Keep a note about a person; it is shown to staff, and exported and erased with their data.

    Raises:
        ValueError: it is empty, or longer than `NOTE_LIMIT_CHARS`.
    """
    text = text.strip()
    if not text or len(text) > NOTE_LIMIT_CHARS or "\x00" in text:
        raise ValueError(f"note: 1 to {NOTE_LIMIT_CHARS} characters")
    note = Note(contact_id=contact_id, text=text, author=author, staff_id=staff_id, created_at=utc_now())
    session.add(note)
    await session.flush()
    return note


async def list_notes(session: AsyncSession, contact_id: int) -> list[Note]:
    """The notes about a person, the newest first."""
    query = select(Note).where(Note.contact_id == contact_id).order_by(Note.id.desc())
    return list(await session.scalars(query))


async def _list_messages(
    session: AsyncSession, contact_id: int, *, limit: int, before: int | None = None, after: int | None = None
) -> tuple[list[Message], bool]:
    """Messages next to a place, oldest first, and whether there are more beyond them."""
    if limit == 0:
        return [], before is not None and await _has_message(session, contact_id, upto=before - 1)
    query = select(Message).where(Message.contact_id == contact_id)
    if after is not None:
        found = await session.scalars(query.where(Message.id > after).order_by(Message.id).limit(limit + 1))
        messages = list(found)
        return messages[:limit], len(messages) > limit
    if before is not None:
        query = query.where(Message.id < before)
    messages = list(await session.scalars(query.order_by(Message.id.desc()).limit(limit + 1)))
    return messages[:limit][::-1], len(messages) > limit


async def _has_message(session: AsyncSession, contact_id: int, *, upto: int) -> bool:
    query = select(Message.id).where(Message.contact_id == contact_id, Message.id <= upto).limit(1)
    return await session.scalar(query) is not None


async def _find_look_ups(session: AsyncSession, message_ids: Sequence[int]) -> dict[int, list[LookUp]]:
    query = select(Interaction).where(Interaction.message_id.in_(message_ids)).order_by(Interaction.id)
    found: dict[int, list[LookUp]] = {}
    for row in await session.scalars(query):
        look_up = LookUp(row.action, row.lookup, row.rows_found, row.outcome, row.error, row.duration_ms)
        found.setdefault(row.message_id or 0, []).append(look_up)
    return found


def _show(message: Message, look_ups: tuple[LookUp, ...]) -> ThreadMessage:
    taken = {name: getattr(message, name) for name in _TAKEN}
    # What the bot says has the key of its answer.
    is_staff = message.direction == "out" and message.answer_key is None
    return ThreadMessage(**taken, is_staff=is_staff, look_ups=look_ups)


_TAKEN = tuple(name for name in ThreadMessage.__slots__ if name not in ("is_staff", "look_ups"))
