"""Queries about who registered for an event, who was told of it, and who came."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Event, Message, Notice, Registration
from bot.journeys.registrations import REMINDERS, subject_of

#: How a list of an event is ordered: who comes, who may come, who waits, who does not come any more.
ORDER = ("registered", "offered", "waiting", "lapsed", "cancelled")


@dataclass(frozen=True, slots=True)
class Places:
    """The places of an event in numbers; `free` is None when as many as want may come.

    `everybody` counts who registered at any time, whatever became of it.
    """

    registered: int = 0
    offered: int = 0
    waiting: int = 0
    came: int = 0
    free: int | None = None
    everybody: int = 0


async def list_events(session: AsyncSession) -> list[Event]:
    """Events that one registers for here, the latest first."""
    query = select(Event).where(Event.is_registered_here.is_(True))
    return list(await session.scalars(query.order_by(Event.begins_at.desc().nulls_last(), Event.slug)))


async def find_event(session: AsyncSession, slug: str, *, is_locked: bool = False) -> Event:
    """An event that one registers for here.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none of this name.
    """
    query = select(Event).where(Event.slug == slug, Event.is_registered_here.is_(True))
    return (await session.scalars(query.with_for_update() if is_locked else query)).one()


async def count_places(session: AsyncSession, events: Collection[Event]) -> dict[str, Places]:
    """The places of events by slug."""
    came = func.sum(case((Registration.came_at.is_not(None), 1), else_=0))
    query = select(Registration.event_slug, Registration.state, func.count(), came)
    query = query.where(Registration.event_slug.in_([event.slug for event in events]))
    counted: dict[str, dict[str, tuple[int, int]]] = {event.slug: {} for event in events}
    for slug, state, count, there in await session.execute(query.group_by(Registration.event_slug, Registration.state)):
        counted[slug][state] = (count, int(there or 0))
    places = {}
    for event in events:
        states = counted[event.slug]
        registered, offered, waiting = (states.get(state, (0, 0))[0] for state in ("registered", "offered", "waiting"))
        free = None if event.capacity is None else max(0, event.capacity - registered - offered)
        there = sum(each for _, each in states.values())
        everybody = sum(each for each, _ in states.values())
        places[event.slug] = Places(registered, offered, waiting, there, free, everybody)
    return places


async def list_places(session: AsyncSession, event: Event) -> list[Registration]:
    """Everybody who registered for an event, in the order of `ORDER`, and in their turn."""
    query = select(Registration).where(Registration.event_slug == event.slug).order_by(Registration.id)
    return sorted(await session.scalars(query), key=lambda each: ORDER.index(each.state))


async def list_places_page(
    session: AsyncSession, event: Event, after: tuple[int, int] | None, limit: int
) -> list[Registration]:
    """Some of them in the same order: `after` is the last one of the page before, as its state's place in `ORDER` and
    its id; each state is a range of one index."""
    places: list[Registration] = []
    first, after_id = after or (0, 0)
    for number, state in enumerate(ORDER[first:], start=first):
        query = select(Registration).where(Registration.event_slug == event.slug, Registration.state == state)
        if number == first:
            query = query.where(Registration.id > after_id)
        places += await session.scalars(query.order_by(Registration.id).limit(limit - len(places)))
        if len(places) == limit:
            break
    return places


async def find_place(session: AsyncSession, event: Event, registration_id: int) -> Registration:
    """A registration of this very event.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none.
    """
    query = select(Registration).where(Registration.id == registration_id, Registration.event_slug == event.slug)
    return (await session.scalars(query.with_for_update())).one()


async def find_reminded(session: AsyncSession, event: Event, contact_ids: Collection[int]) -> dict[int, str]:
    """What became of the last reminder of each of these people, by contact: ``sent``, ``lost`` or ``planned``."""
    query = select(Notice, Message.state).join(Message, Message.id == Notice.message_id, isouter=True)
    query = query.where(Notice.subject == subject_of(event.slug), Notice.contact_id.in_(contact_ids))
    query = query.order_by(Notice.due_at, Notice.id)
    reminded: dict[int, str] = {}
    for notice, message_state in await session.execute(query):
        if notice.answer.get("answer") not in REMINDERS or notice.outcome == "called off":
            continue
        if notice.state == "waiting":
            reminded.setdefault(notice.contact_id, "planned")
        elif notice.state == "dropped" or message_state in ("failed", "undeliverable"):
            reminded[notice.contact_id] = "lost"
        else:
            reminded[notice.contact_id] = "sent"
    return reminded
