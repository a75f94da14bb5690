"""The list of conversations that staff read: narrowed down by filters, by pages, newest or longest waiting first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.conditions import contact_conditions, is_in_state
from bot.db.cursors import read_cursor, read_time, write_cursor
from bot.db.filters import Filters
from bot.db.hits import find_hits, find_newest
from bot.db.models import Contact, ContactTag, Identity, Message, Rating, Tag

#: The most rows that a page may have.
MOST_ROWS = 200
Order = Literal["newest", "waiting"]


@dataclass(frozen=True, slots=True)
class Said:
    """One message as a list shows it."""

    message_id: int
    text: str
    #: The payload of a button, or the kinds of what was attached, where there is no text.
    payload: str | None
    attachments: tuple[str, ...]
    direction: str
    variety: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation as a list shows it.

    Attributes:
        name: what the provider shows of the person, or None.
        channels: where they write to us.
        last: the last message, either way; None when all were erased.
        topic: what the last message of the person was understood as.
        state: one of `bot.db.filters.STATES`; `held_by`: who has it, when staff do.
        unread: messages of the person that staff have not read.
        waiting_since: since when the person waits for an answer by staff.
        rating: what the person rated last, ``up`` or ``down``.
        hit: the newest message that meets the filters about messages, when there are such.
    """

    contact_id: int
    name: str | None
    channels: tuple[str, ...]
    variety: str
    last: Said | None
    topic: str | None
    state: str
    held_by: str | None
    unread: int
    waiting_since: datetime | None
    tags: tuple[str, ...]
    rating: str | None
    hit: Said | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursor of those after them; None: there are none."""

    rows: tuple[ConversationRow, ...]
    after: str | None


async def list_conversations(
    session: AsyncSession,
    filters: Filters | None = None,
    after: str | None = None,
    limit: int = 50,
    order: Order = "newest",
) -> Page:
    """Conversations that meet all filters, a page at a time.

    With filters about messages the order is that of the newest message that meets them; without any, that of the last
    message. `order` ``waiting`` lists who waits for a human, the longest first, whatever they wrote since.

    Raises:
        ValueError: the cursor is none of this list, or the text holds nothing to search for.
    """
    filters = filters or Filters()
    limit = max(1, min(limit, MOST_ROWS))
    if order == "waiting":
        return await _list_waiting(session, filters, after, limit)
    if filters.is_about_messages:
        return await _list_hits(session, filters, after, limit)
    query = select(Contact.id, Contact.last_message_id).where(
        Contact.last_message_id.is_not(None), *contact_conditions(filters)
    )
    if after is not None:
        query = query.where(Contact.last_message_id < read_cursor(after, "last", 1)[0])
    found = (await session.execute(query.order_by(Contact.last_message_id.desc()).limit(limit + 1))).all()
    rows = await _read_rows(session, [row.id for row in found[:limit]], {})
    return Page(rows, write_cursor("last", found[limit - 1].last_message_id) if len(found) > limit else None)


async def count_waiting(session: AsyncSession) -> int:
    """How many people wait for a human whom nobody has taken."""
    query = select(func.count()).select_from(Contact).where(is_in_state("waiting", utc_now()))
    return int(await session.scalar(query) or 0)


async def _list_waiting(session: AsyncSession, filters: Filters, after: str | None, limit: int) -> Page:
    query = select(Contact.id, Contact.waiting_since).where(
        is_in_state("waiting", utc_now()), *contact_conditions(filters)
    )
    found: list[tuple[int, datetime]] = []
    hits: dict[int, int] = {}
    keys = None if after is None else read_cursor(after, "waiting", 2)
    place = None if keys is None else (read_time(keys[0]), keys[1])
    while len(found) <= limit:
        step = query.order_by(Contact.waiting_since, Contact.id).limit(MOST_ROWS)
        if place is not None:
            later = and_(Contact.waiting_since == place[0], Contact.id > place[1])
            step = step.where(Contact.waiting_since >= place[0], or_(Contact.waiting_since > place[0], later))
        waiting = [(row.id, row.waiting_since) for row in await session.execute(step)]
        if filters.is_about_messages:
            # Those who wait are few: their messages are looked through.
            hits |= await find_newest(session, filters, [contact_id for contact_id, _ in waiting])
            found += [each for each in waiting if each[0] in hits]
        else:
            found += waiting
        if len(waiting) < MOST_ROWS:
            break
        place = waiting[-1][1], waiting[-1][0]
    rows = await _read_rows(session, [contact_id for contact_id, _ in found[:limit]], hits)
    if len(found) <= limit:
        return Page(rows, None)
    return Page(rows, write_cursor("waiting", found[limit - 1][1], found[limit - 1][0]))


async def _list_hits(session: AsyncSession, filters: Filters, after: str | None, limit: int) -> Page:
    """By the newest message of each conversation that meets the filters."""
    before = None if after is None else read_cursor(after, "hit", 1)[0]
    found = await find_hits(session, filters, before, limit + 1)
    hits = dict(found[:limit])
    rows = await _read_rows(session, list(hits), hits)
    return Page(rows, write_cursor("hit", found[limit - 1][1]) if len(found) > limit else None)


async def _read_rows(
    session: AsyncSession, contact_ids: Sequence[int], hits: Mapping[int, int]
) -> tuple[ConversationRow, ...]:
    """What is shown of some conversations, in their order; `hits` are message ids by contact."""
    contacts = {row.id: row for row in await session.scalars(select(Contact).where(Contact.id.in_(contact_ids)))}
    shown = {row.last_message_id for row in contacts.values()} | {row.last_inbound_id for row in contacts.values()}
    wanted = [number for number in shown | set(hits.values()) if number is not None]
    messages = {row.id: row for row in await session.scalars(select(Message).where(Message.id.in_(wanted)))}
    identities = select(Identity).where(Identity.contact_id.in_(contact_ids)).order_by(Identity.last_inbound_at)
    addresses: dict[int, list[Identity]] = {}
    for identity in await session.scalars(identities):
        addresses.setdefault(identity.contact_id, []).append(identity)
    tags = select(ContactTag.contact_id, Tag.name).join(Tag, Tag.id == ContactTag.tag_id)
    tagged: dict[int, list[str]] = {}
    of_these = tags.where(ContactTag.contact_id.in_(contact_ids))
    for contact_id, name in await session.execute(of_these.order_by(Tag.name)):
        tagged.setdefault(contact_id, []).append(name)
    given = select(Rating.contact_id, Rating.value).where(Rating.contact_id.in_(contact_ids), Rating.value.is_not(None))
    rated = await session.execute(given.order_by(Rating.id))
    ratings: dict[int, str | None] = {contact_id: value for contact_id, value in rated}
    now = utc_now()

    def describe(contact: Contact) -> ConversationRow:
        own = addresses.get(contact.id, [])
        names = [str(each.profile["name"]) for each in own if each.profile.get("name")]
        is_held = contact.held_until is not None and contact.held_until > now
        heard = messages.get(contact.last_inbound_id or 0)
        return ConversationRow(
            contact_id=contact.id,
            name=names[-1] if names else None,
            channels=tuple(dict.fromkeys(each.channel for each in own)),
            variety=contact.chosen_variety or contact.variety,
            last=_describe(messages.get(contact.last_message_id or 0)),
            topic=heard.intent if heard is not None else None,
            state="held" if is_held else "bot" if contact.waiting_since is None else "waiting",
            held_by=contact.held_by if is_held else None,
            unread=contact.unread,
            waiting_since=contact.waiting_since,
            tags=tuple(tagged.get(contact.id, ())),
            rating=ratings.get(contact.id),
            hit=_describe(messages.get(hits.get(contact.id, 0))),
        )

    return tuple(describe(contacts[number]) for number in contact_ids)


def _describe(message: Message | None) -> Said | None:
    if message is None:
        return None
    kinds = tuple(str(item.get("kind", "other")) for item in message.attachments)
    return Said(
        message.id, message.text, message.payload, kinds, message.direction, message.variety, message.created_at
    )
