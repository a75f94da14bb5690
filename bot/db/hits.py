"""Find the newest message of each conversation that meets filters, the newest first.

A list may begin anywhere, so each message found must be known to be the newest of its conversation that is: those after
it, back to where the list began, are looked at too. Without a text one query does that. The full-text index of SQLite
answers for all messages at once but is slow at single ones, so with a text the messages come from the index, and those
after them are compared one by one, by their terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.conditions import (
    SEARCH,
    Span,
    contact_conditions,
    find_span,
    matches_search,
    matches_terms,
    message_conditions,
)
from bot.db.filters import Filters
from bot.db.models import Contact, Message, MessageTerms
from bot.db.search import read_search
from bot.db.terms import Search

#: How many messages with a text are taken from the index at first; then twice as many each time.
FIRST_STEP = 250
#: Of so many conversations all messages are looked through sooner than the log of everybody.
FEW_CONTACTS = 500
#: How many messages PostgreSQL reads back through to find as many, before it asks its index.
READ_BACK = 30_000


async def find_hits(session: AsyncSession, filters: Filters, before: int | None, limit: int) -> list[tuple[int, int]]:
    """Contacts with their newest message that meets the filters, the newest first; `before`: only older than this one.

    Raises:
        ValueError: the text holds nothing to search for.
    """
    if not _is_sqlite(session):
        # A plan made for any values at all reads the whole log for a month or a rare word.
        await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    span = await find_span(session, filters)
    if filters.text is not None:
        return await _find_with_text(session, filters, span, read_search(filters.text), before, limit)
    newer = aliased(Message)
    is_superseded = exists(
        select(newer.id).where(
            newer.contact_id == Message.contact_id, newer.id > Message.id, *message_conditions(filters, newer, span)
        )
    )
    conditions = [*message_conditions(filters, Message, span), ~is_superseded, *await of_contacts(session, filters)]
    query = select(Message.contact_id, Message.id).where(*conditions)
    if before is not None:
        query = query.where(Message.id < before)
    found = await session.execute(query.order_by(Message.id.desc()).limit(limit))
    return [(row.contact_id, row.id) for row in found]


async def find_newest(
    session: AsyncSession, filters: Filters, contact_ids: Sequence[int], since: int = 0, span: Span | None = None
) -> dict[int, int]:
    """The newest message that meets the filters of each of a few contacts, with an id from `since` on.

    Raises:
        ValueError: the text holds nothing to search for.
    """
    if span is None:
        span = await find_span(session, filters)
    conditions = [Message.contact_id.in_(contact_ids), Message.id >= since, *message_conditions(filters, Message, span)]
    query = select(Message.contact_id, Message.id).where(*conditions).order_by(Message.id)
    if filters.text is None:
        return {row.contact_id: row.id for row in await session.execute(query)}
    search = read_search(filters.text)
    query = query.join(MessageTerms, MessageTerms.message_id == Message.id)
    if not _is_sqlite(session):
        found = await session.execute(query.where(matches_terms(search)))
        return {row.contact_id: row.id for row in found}
    # The database leaves out what can't be: it is faster at that.
    wanted = [*search.words, *((" ".join(phrase),) for phrase in search.phrases)]
    can_match = [or_(*(func.instr(MessageTerms.words, each) > 0 for each in spellings)) for spellings in wanted]
    rows = await session.execute(query.add_columns(MessageTerms.words).where(*can_match))
    return {row.contact_id: row.id for row in rows if search.matches(row.words)}


async def _find_with_text(
    session: AsyncSession, filters: Filters, span: Span, search: Search, before: int | None, limit: int
) -> list[tuple[int, int]]:
    is_sqlite = _is_sqlite(session)
    key = SEARCH.c.rowid if is_sqlite else MessageTerms.message_id.expression
    conditions = [*message_conditions(filters, Message, span), *await of_contacts(session, filters)]
    query = select(Message.contact_id, key.label("id")).where(*conditions)
    if is_sqlite:
        # FTS5 gives its rows in the order of their ids, and is read only as far as is asked.
        query = query.select_from(SEARCH).join(Message, Message.id == key).where(matches_search(search))
    else:
        query = query.select_from(MessageTerms).join(Message, Message.id == key).where(matches_terms(search))
    hits: list[tuple[int, int]] = []
    seen: set[int] = set()
    place, step = before, FIRST_STEP
    is_rare = False
    while True:
        older = query if place is None else query.where(key < place)
        rows: Sequence[Any] = []
        if not is_sqlite and not is_rare:
            # PostgreSQL's index of words has no order. What most say is found soonest by reading back through the log;
            # what few say, by that index; and the planner can't tell a rare beginning of a word from a frequent one.
            newest_id = place or (await session.scalar(select(func.max(Message.id))) or 0)
            near = older.where(key > newest_id - READ_BACK).order_by(key.desc())
            rows = (await session.execute(near.limit(step))).all()
            is_rare = len(rows) < step
        if is_sqlite or is_rare:
            ordered = older.order_by((key if is_sqlite else key + 0).desc())
            rows = (await session.execute(ordered.limit(step))).all()
        newest: dict[int, int] = {}
        for row in rows:
            if row.contact_id not in seen:
                newest.setdefault(row.contact_id, row.id)
        seen |= newest.keys()
        if before is not None and newest:
            listed_before = await _find_listed(session, filters, list(newest), before, span)
            newest = {contact_id: number for contact_id, number in newest.items() if contact_id not in listed_before}
        hits += newest.items()
        if len(hits) >= limit or len(rows) < step:
            return hits[:limit]
        place, step = rows[-1].id, step * 2


async def _find_listed(
    session: AsyncSession, filters: Filters, contact_ids: Sequence[int], since: int, span: Span
) -> set[int]:
    """Which of some contacts have a message that meets the filters from an id on: those are on a page before."""
    if _is_sqlite(session):
        return set(await find_newest(session, filters, contact_ids, since, span))
    conditions = [Message.contact_id == Contact.id, Message.id >= since, *message_conditions(filters, Message, span)]
    meets = select(Message.id).join(MessageTerms, MessageTerms.message_id == Message.id).where(*conditions)
    # One by one, and no further than the first: PostgreSQL would read all messages of those who write most.
    first = meets.where(matches_terms(read_search(filters.text or ""))).limit(1).lateral()
    return set(await session.scalars(select(Contact.id).join(first, true()).where(Contact.id.in_(contact_ids))))


async def of_contacts(session: AsyncSession, filters: Filters) -> list[ColumnElement[bool]]:
    """The condition that a message is one of a conversation that meets the filters."""
    conditions = contact_conditions(filters)
    if not conditions:
        return []
    contacts = select(Contact.id).where(*conditions)
    contact_id: ColumnElement[int] = Message.contact_id.expression
    if _is_sqlite(session):
        few = select(func.count()).select_from(contacts.limit(FEW_CONTACTS + 1).subquery())
        if (await session.scalar(few) or 0) > FEW_CONTACTS:
            # As a sum it can't be looked up: SQLite would read all messages of each of them, and sort what it finds.
            contact_id = contact_id + 0
    return [contact_id.in_(contacts)]


def _is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"
