"""Conversations and messages to be written into files: counted, then read in steps, as filters of the list ask."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.conditions import (
    NOT_UNDERSTOOD,
    SEARCH,
    contact_conditions,
    find_span,
    matches_search,
    matches_terms,
    message_conditions,
)
from bot.db.conversations import MOST_ROWS, ConversationRow, list_conversations
from bot.db.filters import Filters
from bot.db.hits import of_contacts
from bot.db.models import Application, Contact, Identity, Message, MessageTerms
from bot.db.search import read_search

#: Messages that are read at once.
STEP = 500
_IDS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """What leads to a person; empty where it is not known."""

    name: str = ""
    phone: str = ""
    username: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """How much a conversation has: messages of the person, to the person, and those of the person not understood."""

    heard: int = 0
    said: int = 0
    not_understood: int = 0


async def count_messages(session: AsyncSession, filters: Filters) -> int:
    """How many messages meet the filters about messages, in conversations that meet the others."""
    return int(await session.scalar(_count(await _select_messages(session, filters))) or 0)


async def count_conversations(session: AsyncSession, filters: Filters) -> int:
    """How many conversations meet the filters."""
    if filters.is_about_messages:
        query = (await _select_messages(session, filters, Message.contact_id)).distinct()
    else:
        query = select(Contact.id).where(Contact.last_message_id.is_not(None), *contact_conditions(filters))
    return int(await session.scalar(_count(query)) or 0)


async def list_message_ids(session: AsyncSession, filters: Filters) -> array[int]:
    """The ids of the messages that meet the filters, the oldest first: eight bytes each, whatever they say."""
    ids = array("q")
    query = (await _select_messages(session, filters)).order_by(Message.id)
    found = await session.stream_scalars(query)
    async for part in found.partitions(_IDS_AT_ONCE):
        ids.extend(part)
    return ids


async def read_messages(session: AsyncSession, ids: array[int]) -> AsyncIterator[list[Any]]:
    """The messages with some ids, in their order, `STEP` at a time: rows with the columns of `Message`."""
    columns = [getattr(Message, name) for name in _TAKEN]
    for step in _steps(ids):
        query = select(*columns).where(Message.id.in_(step)).order_by(Message.id)
        yield list((await session.execute(query)).all())


async def read_conversations(session: AsyncSession, filters: Filters) -> AsyncIterator[tuple[ConversationRow, ...]]:
    """The conversations of the list, in its order, a page at a time."""
    after = None
    while True:
        page = await list_conversations(session, filters, after, MOST_ROWS)
        if page.rows:
            yield page.rows
        if page.after is None:
            return
        after = page.after


async def find_persons(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, Person]:
    """Who some people are, by what their channels and their newest application say."""
    found = {number: Person() for number in contact_ids}
    addresses = select(Identity).where(Identity.contact_id.in_(found)).order_by(Identity.last_inbound_at, Identity.id)
    parts: dict[int, dict[str, str]] = {number: {} for number in found}
    for identity in await session.scalars(addresses):
        own = parts[identity.contact_id]
        own |= {
            part: str(identity.profile[key])
            for part, key in (("name", "name"), ("username", "username"))
            if identity.profile.get(key)
        }
        if identity.channel == "whatsapp":
            own["phone"] = identity.address.removeprefix("whatsapp:")
    columns = (Application.contact_id, Application.full_name, Application.phone, Application.email)
    applied = select(*columns).where(Application.contact_id.in_(found)).order_by(Application.id)
    for contact_id, name, phone, email in await session.execute(applied):
        given = {"name": name, "phone": phone, "email": email}
        parts[contact_id] |= {part: value for part, value in given.items() if value}
    return {number: Person(**own) for number, own in parts.items()}


async def find_volumes(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, Volume]:
    """How much each of some conversations has."""
    heard = func.sum(case((Message.direction == "in", 1), else_=0))
    is_missed = (Message.direction == "in") & Message.intent.in_(NOT_UNDERSTOOD)
    missed = func.sum(case((is_missed, 1), else_=0))
    query = select(Message.contact_id, heard, func.count(), missed).where(Message.contact_id.in_(contact_ids))
    rows = await session.execute(query.group_by(Message.contact_id))
    return {number: Volume(int(own), int(total) - int(own), int(lost)) for number, own, total, lost in rows}


async def find_beginnings(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, datetime]:
    """Since when some people are known."""
    rows = await session.execute(select(Contact.id, Contact.created_at).where(Contact.id.in_(contact_ids)))
    return {number: at for number, at in rows}


async def _select_messages(session: AsyncSession, filters: Filters, what: Any = Message.id) -> Select[Any]:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        # A plan made for any values at all reads the whole log for a month or a rare word (bot.db.hits).
        await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    span = await find_span(session, filters)
    conditions = [*message_conditions(filters, Message, span), *await of_contacts(session, filters)]
    query = select(what).where(*conditions)
    if filters.text is None:
        return query
    search = read_search(filters.text)
    if is_sqlite:
        found = select(SEARCH.c.rowid).where(matches_search(search))
        return query.where(Message.id.in_(found))
    return query.where(Message.id.in_(select(MessageTerms.message_id).where(matches_terms(search))))


def _count(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(query.subquery())


def _steps(ids: array[int]) -> Iterator[array[int]]:
    return (ids[place : place + STEP] for place in range(0, len(ids), STEP))


_TAKEN = (
    "id", "contact_id", "direction", "channel", "state", "text", "payload", "attachments", "answer_key", "staff_id",
    "variety", "intent", "confidence", "entities", "error", "created_at", "finished_at", "delivered_at", "read_at",
)  # fmt: skip
