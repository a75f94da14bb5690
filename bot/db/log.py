"""Write to the message log: each message with the terms it is found by, and with what lists show of its conversation.

This is the one place that keeps `message_terms` and the columns of `contacts` about the last messages, what is unread
and who waits in step with the messages. Whoever stores, erases or moves messages does it here, or says so here, in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.base import UtcDateTime
from bot.db.models import Contact, Message, MessageTerms
from bot.spelling import list_terms


async def note_received(session: AsyncSession, contact_id: int, message_id: int, text: str, at: datetime) -> None:
    """Say that a message of a person was stored: it is the last one, nobody read it, and whoever has the conversation
    has it to answer."""
    is_held = Contact.held_until > at
    values: dict[Any, Any] = {
        **_last(message_id, at),
        Contact.last_inbound_id: _newer(Contact.last_inbound_id, message_id),
        Contact.unread: Contact.unread + 1,
        Contact.waiting_since: case(
            (is_held & Contact.waiting_since.is_(None), literal(at, UtcDateTime())), else_=Contact.waiting_since
        ),
    }
    await session.execute(update(Contact).where(Contact.id == contact_id).values(values))
    await _add_terms(session, {message_id: text})


async def add_sent(session: AsyncSession, messages: Sequence[Message], *, is_staff: bool = False) -> None:
    """Store messages to one person, in their order; what a member of staff wrote shows that they read, and answered."""
    if not messages:
        return
    session.add_all(messages)
    await session.flush()
    values: dict[Any, Any] = _last(messages[-1].id, messages[-1].created_at)
    if is_staff:
        values |= {Contact.unread: 0, Contact.read_by_staff_at: utc_now(), Contact.waiting_since: None}
    await session.execute(update(Contact).where(Contact.id == messages[-1].contact_id).values(values))
    await _add_terms(session, {message.id: message.text for message in messages})


async def note_waiting(session: AsyncSession, contact_id: int, since: datetime) -> None:
    """Say that a person asked for a human; they wait since the first time that nobody answered."""
    waits = (Contact.id == contact_id) & Contact.waiting_since.is_(None)
    await session.execute(update(Contact).where(waits).values(waiting_since=since))


async def drop_terms(session: AsyncSession, messages: ColumnElement[bool]) -> None:
    """Have messages, named by a condition on `Message`, found by nothing any more; before they are erased."""
    ids = select(Message.id).where(messages)
    await session.execute(delete(MessageTerms).where(MessageTerms.message_id.in_(ids)))


async def recount(session: AsyncSession, contact_id: int, **values: object) -> None:
    """Find the last messages of a conversation anew, after some were erased or came from another one.

    `values` are further columns of the contact, set with it.
    """
    own = select(func.max(Message.id)).where(Message.contact_id == contact_id)
    last = await session.scalar(own)
    at = None if last is None else await session.scalar(select(Message.created_at).where(Message.id == last))
    pointers = {
        "last_message_id": last,
        "last_message_at": at,
        "last_inbound_id": await session.scalar(own.where(Message.direction == "in")),
    }
    await session.execute(update(Contact).where(Contact.id == contact_id).values(**pointers, **values))


async def unite_conversations(session: AsyncSession, kept: Contact, merged: Contact) -> None:
    """Make one conversation of two whose messages are one person's already."""
    waiting = [since for since in (kept.waiting_since, merged.waiting_since) if since is not None]
    # Who has one of the two has both: the bot must not speak up because the person linked a channel.
    now = utc_now()
    is_held, was_held = (each.held_until is not None and each.held_until > now for each in (kept, merged))
    holder = merged if was_held and not is_held else kept
    held = {name: getattr(holder, name) for name in ("held_by", "held_by_id", "held_until")}
    since = min(waiting) if waiting else None
    await recount(session, kept.id, unread=kept.unread + merged.unread, waiting_since=since, **held)


def _last(message_id: int, at: datetime) -> dict[Any, Any]:
    """The columns that point to the last message: processes may commit in another order than that of the ids."""
    is_newer = Contact.last_message_id.is_(None) | (Contact.last_message_id < message_id)
    return {
        Contact.last_message_id: _newer(Contact.last_message_id, message_id),
        Contact.last_message_at: case((is_newer, literal(at, UtcDateTime())), else_=Contact.last_message_at),
    }


def _newer(column: Any, message_id: int) -> Any:
    return case((column.is_(None) | (column < message_id), message_id), else_=column)


async def _add_terms(session: AsyncSession, texts: Mapping[int, str]) -> None:
    rows = [{"message_id": number, "words": " ".join(list_terms(text))} for number, text in texts.items()]
    rows = [row for row in rows if row["words"]]
    if rows:
        await session.execute(insert(MessageTerms), rows)
