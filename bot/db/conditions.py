"""Filters as conditions on messages and on contacts, in the way that each database answers fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, String, and_, cast, column, literal_column, or_, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, utc_now
from bot.db.annotation_queue import is_labelled
from bot.db.filters import Filters
from bot.db.models import CampaignRecipient, Contact, ContactTag, Message, MessageTerms, Rating, Tag
from bot.db.terms import SEARCH_TABLE, Search

#: What a message is understood as that was not understood.
NOT_UNDERSTOOD = ("nlu_fallback", "out_of_scope")
#: The states of a message that did not reach the person: after the last attempt, or since they blocked us.
UNDELIVERED = ("failed", "undeliverable")
#: Messages whose times lie further apart are stored in the order of their times: each is stored as soon as it is there.
_IN_ORDER = timedelta(hours=1)
#: The FTS5 table; its hidden column of the same name is what an expression is matched with.
SEARCH = table(SEARCH_TABLE, column("rowid"))


@dataclass(frozen=True, slots=True)
class Span:
    """Between which ids the messages of some days are, generously; the days themselves are exact."""

    first_id: int | None = None
    last_id: int | None = None


def begin(day: date) -> datetime:
    """Midnight at which a day begins in Morocco."""
    return datetime.combine(day, time(), MOROCCO)


async def find_span(session: AsyncSession, filters: Filters) -> Span:
    """The ids between which to look: messages are kept in the order of their ids, and days are times."""
    ids: list[int | None] = [None, None]
    if filters.from_day is not None:
        since = Message.created_at >= begin(filters.from_day) - _IN_ORDER
        first = await session.scalar(select(Message.id).where(since).order_by(Message.created_at, Message.id).limit(1))
        ids[0] = first if first is not None else 2**31 - 1
    if filters.to_day is not None:
        until = Message.created_at < begin(filters.to_day + timedelta(days=1)) + _IN_ORDER
        newest = select(Message.id).where(until).order_by(Message.created_at.desc(), Message.id.desc())
        last = await session.scalar(newest.limit(1))
        ids[1] = last if last is not None else 0
    return Span(*ids)


def message_conditions(filters: Filters, message: Any, span: Span) -> list[ColumnElement[bool]]:
    """What one message has to be, its words apart; `message` is `Message` or an alias of it."""
    found: list[ColumnElement[bool]] = []
    if span.first_id is not None:
        found.append(message.id >= span.first_id)
    if span.last_id is not None:
        found.append(message.id <= span.last_id)
    if filters.from_day is not None:
        found.append(message.created_at >= begin(filters.from_day))
    if filters.to_day is not None:
        found.append(message.created_at < begin(filters.to_day + timedelta(days=1)))
    if filters.intent is not None:
        found.append(message.intent == filters.intent)
    if filters.fallback:
        found.append(message.intent.in_(NOT_UNDERSTOOD))
    if filters.failed:
        found += [message.direction == "in", message.state == "failed"]
    if filters.annotated:
        found.append(is_labelled(message))
    if filters.undelivered:
        found += [message.direction == "out", message.state.in_(UNDELIVERED)]
    if filters.confidence_min is not None:
        found.append(message.confidence >= filters.confidence_min)
    if filters.confidence_max is not None:
        found.append(message.confidence <= filters.confidence_max)
    if filters.channel is not None:
        found.append(message.channel == filters.channel)
    if filters.variety is not None:
        found.append(message.variety == filters.variety)
    return found


def contact_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """What a conversation has to be."""
    found: list[ColumnElement[bool]] = []
    if filters.state is not None:
        found.append(is_in_state(filters.state, utc_now()))
    if filters.held_by is not None:
        found += [is_in_state("held", utc_now()), Contact.held_by == filters.held_by]
    if filters.holder is not None:
        found += [is_in_state("held", utc_now()), Contact.held_by_id == filters.holder]
    if filters.unread:
        found.append(Contact.unread > 0)
    if filters.tag is not None:
        tagged = select(ContactTag.contact_id).join(Tag, Tag.id == ContactTag.tag_id).where(Tag.name == filters.tag)
        found.append(Contact.id.in_(tagged))
    for number, replied in ((filters.campaign, False), (filters.campaign_replied, True)):
        if number is not None:
            found.append(Contact.id.in_(_list_recipients(number, replied=replied)))
    if filters.rating is not None:
        found.append(Contact.id.in_(select(Rating.contact_id).where(Rating.value == filters.rating)))
    return found


def _list_recipients(campaign: int, *, replied: bool) -> Select[int]:
    """To whom a campaign was sent, or who wrote back, as its results count them."""
    row = CampaignRecipient
    query = select(row.contact_id).where(row.campaign_id == campaign, row.is_test.is_(False), row.state == "queued")
    return query.where(row.replied_at.is_not(None), row.stopped_at.is_(None)) if replied else query


def is_in_state(state: str, now: datetime) -> ColumnElement[bool]:
    """The condition that a conversation is in one of `bot.db.filters.STATES`."""
    is_free = or_(Contact.held_until.is_(None), Contact.held_until <= now)
    if state == "held":
        return Contact.held_until > now
    if state == "waiting":
        return and_(Contact.waiting_since.is_not(None), is_free)
    return and_(Contact.waiting_since.is_(None), is_free)


def matches_terms(search: Search) -> ColumnElement[bool]:
    """PostgreSQL's condition on `MessageTerms`."""
    return MessageTerms.words.op("@@", return_type=Boolean())(cast(search.as_tsquery(), TSQUERY))


def matches_search(search: Search) -> ColumnElement[bool]:
    """SQLite's condition on `SEARCH`."""
    hidden = literal_column(SEARCH_TABLE, String())
    return hidden.op("MATCH", return_type=Boolean())(search.as_fts5())
