"""Places at events: registered in order, a waiting list, and a freed place offered to the next in line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Event, Identity, Message, Notice, Registration
from bot.db.notices import call_off, plan_notice
from bot.errors import AssistantError
from bot.messages import Answer
from bot.references import make_reference

#: States in which a registration still counts.
LIVE = ("registered", "waiting", "offered")
#: States that take a place.
TAKING = ("registered", "offered")
#: How long a freed place is kept for whom it is offered to; less when the event is nearer than that.
OFFER_HELD = timedelta(hours=12)
#: When people who registered are reminded, before the beginning.
REMINDERS = {"event_tomorrow": timedelta(days=1), "event_soon": timedelta(hours=2)}


async def find_registration(session: AsyncSession, contact_id: int, event_slug: str) -> Registration | None:
    """A person's live registration for an event."""
    query = select(Registration).where(
        Registration.contact_id == contact_id, Registration.event_slug == event_slug, Registration.state.in_(LIVE)
    )
    return (await session.scalars(query)).first()


async def list_registrations(session: AsyncSession, contact_id: int) -> list[tuple[Registration, Event]]:
    """A person's live registrations for events that are not over, the next one first."""
    query = (
        select(Registration, Event)
        .join(Event, Event.slug == Registration.event_slug)
        .where(Registration.contact_id == contact_id, Registration.state.in_(LIVE), Event.begins_at > utc_now())
        .order_by(Event.begins_at, Registration.id)
    )
    return [(registration, event) for registration, event in (await session.execute(query)).all()]


def is_open(event: Event) -> bool:
    """Whether one registers for an event here, now."""
    has_time = event.begins_at is not None and event.begins_at > utc_now()
    return event.is_registered_here and has_time and event.registration_closed_at is None


async def list_open_events(session: AsyncSession) -> list[Event]:
    """Events that one registers for here and that have not begun, the next one first."""
    query = select(Event).where(
        Event.is_registered_here.is_(True), Event.begins_at > utc_now(), Event.registration_closed_at.is_(None)
    )
    return list(await session.scalars(query.order_by(Event.begins_at, Event.slug)))


async def register(session: AsyncSession, contact_id: int, event: Event) -> tuple[Registration, bool]:
    """Take a place, or one in the waiting list; the registration, and False when there was one already.

    The event's row is locked meanwhile: two people never take the last place.
    """
    await _lock(session, event)
    registration = await find_registration(session, contact_id, event.slug)
    if registration is not None and _is_late(registration):
        # They are here and hear what becomes of it: no notice.
        registration.state, registration.updated_at = "lapsed", utc_now()
        await session.flush()
        await offer_next(session, event)
    elif registration is not None:
        return registration, False
    is_full = event.capacity is not None and await _count(session, event.slug, *TAKING) >= event.capacity
    # Nobody overtakes those who wait already.
    is_full = is_full or await _find_next(session, event.slug) is not None
    registration = Registration(
        reference=make_reference("EVT"),
        contact_id=contact_id,
        event_slug=event.slug,
        state="waiting" if is_full else "registered",
    )
    session.add(registration)
    await session.flush()
    if not is_full:
        _plan_reminders(session, contact_id, event)
    return registration, True


async def find_position(session: AsyncSession, registration: Registration) -> int:
    """The place in the waiting list, from 1 on, among those who can be told of an offer."""
    before = select(func.count()).where(
        Registration.event_slug == registration.event_slug,
        Registration.state == "waiting",
        Registration.id < registration.id,
        _can_be_told(),
    )
    return int(await session.scalar(before) or 0) + 1


async def list_turns(session: AsyncSession, event_slug: str) -> dict[int, int]:
    """The place in the waiting list, as `find_position` counts, of each who waits, by the registration's id."""
    waiting = (Registration.event_slug == event_slug) & (Registration.state == "waiting")
    rows = await session.execute(select(Registration.id, _can_be_told()).where(waiting).order_by(Registration.id))
    turns, before = {}, 0
    for id_, can_be_told in rows:
        turns[id_] = before + 1
        before += bool(can_be_told)
    return turns


async def cancel(session: AsyncSession, registration: Registration, event: Event) -> None:
    """Give a place up; it is offered to the next in line."""
    await _lock(session, event, registration)
    was_taking = registration.state in TAKING
    registration.state, registration.updated_at, registration.offered_until = "cancelled", utc_now(), None
    await call_off(session, registration.contact_id, subject_of(event.slug))
    await session.flush()
    if was_taking:
        await offer_next(session, event)


async def confirm(session: AsyncSession, registration: Registration, event: Event) -> bool:
    """Take an offered place; False when it was not offered, or not any more."""
    await _lock(session, event, registration)
    if registration.state != "offered" or registration.offered_until is None:
        return False
    if registration.offered_until <= utc_now():
        return False
    registration.state, registration.updated_at, registration.offered_until = "registered", utc_now(), None
    _plan_reminders(session, registration.contact_id, event)
    return True


async def offer_next(session: AsyncSession, event: Event) -> None:
    """Offer free places to those who wait longest."""
    if event.begins_at is None or event.begins_at <= utc_now():
        return
    while event.capacity is None or await _count(session, event.slug, *TAKING) < event.capacity:
        following = await _find_next(session, event.slug)
        if following is None:
            return
        until = min(utc_now() + OFFER_HELD, event.begins_at)
        following.state, following.updated_at, following.offered_until = "offered", utc_now(), until
        choices = (
            (f'/confirm_place{{"event": "{event.slug}"}}', "@take_place"),
            (f'/event_cancel{{"event": "{event.slug}"}}', "@leave_place"),
        )
        data = {**describe(event), "until": until.isoformat()}
        plan_notice(
            session,
            following.contact_id,
            Answer("place_offered", data, choices),
            asked_at=following.created_at,
            subject=subject_of(event.slug),
        )
        await session.flush()


class NoPlaceFree(AssistantError):
    """Every place of an event is taken, or it has begun: none can be given."""


async def give_place(session: AsyncSession, registration: Registration, event: Event) -> bool:
    """Register somebody who waits or has an offer, since they told the team that they come; their turn counts not.

    False when they neither wait nor have an offer any more.

    Raises:
        NoPlaceFree: every place is taken or offered to others, or the event has begun.
    """
    await _lock(session, event, registration)
    if registration.state not in ("waiting", "offered"):
        return False
    is_full = event.capacity is not None and await _count(session, event.slug, *TAKING) >= event.capacity
    has_begun = event.begins_at is None or event.begins_at <= utc_now()
    if has_begun or (registration.state == "waiting" and is_full):
        raise NoPlaceFree(f"no place of {event.slug} is free")
    registration.state, registration.updated_at, registration.offered_until = "registered", utc_now(), None
    await call_off(session, registration.contact_id, subject_of(event.slug))
    _plan_reminders(session, registration.contact_id, event)
    return True


async def withdraw(session: AsyncSession, registration: Registration, event: Event, note: str = "") -> bool:
    """Take somebody off the list and tell them so, with what the team adds; False when they were not on it."""
    await _lock(session, event, registration)
    if registration.state not in LIVE:
        return False
    await cancel(session, registration, event)
    told = Answer("place_withdrawn", {**describe(event), "note": note})
    plan_notice(session, registration.contact_id, told, asked_at=registration.created_at)
    return True


def _can_be_told() -> ColumnElement[bool]:
    """Whether somebody who waits was never passed over, or wrote since."""
    wrote = select(Identity.id).where(
        Identity.contact_id == Registration.contact_id, Identity.last_inbound_at > Registration.passed_over_at
    )
    return Registration.passed_over_at.is_(None) | wrote.exists()


async def _find_next(session: AsyncSession, event_slug: str) -> Registration | None:
    """Who waits longest, of those who can be told."""
    waiting = (Registration.event_slug == event_slug) & (Registration.state == "waiting")
    query = select(Registration).where(waiting, _can_be_told()).order_by(Registration.id).limit(1)
    return (await session.scalars(query)).first()


async def list_unsettled(session: AsyncSession) -> list[str]:
    """Events for which somebody waits or has an offer."""
    query = select(Registration.event_slug).where(Registration.state.in_(("waiting", "offered"))).distinct()
    return list(await session.scalars(query.order_by(Registration.event_slug)))


async def settle(session: AsyncSession, event_slug: str) -> None:
    """Bring the offers of one event up to date.

    Those that nobody took end, those that could not be told go on, and what became free in another way is offered (more
    places, somebody who was erased).
    """
    event = await session.get_one(Event, event_slug)
    await _lock(session, event)
    offered = (Registration.event_slug == event_slug) & (Registration.state == "offered")
    for registration in list(await session.scalars(select(Registration).where(offered).order_by(Registration.id))):
        if _is_late(registration):
            _lapse(session, registration, event)
        elif await _is_unreached(session, registration):
            now = utc_now()
            registration.state, registration.updated_at = "waiting", now
            registration.offered_until, registration.passed_over_at = None, now
    await session.flush()
    await offer_next(session, event)


def _is_late(registration: Registration) -> bool:
    """Whether a place was offered, and not taken in time."""
    until = registration.offered_until
    return registration.state == "offered" and until is not None and until <= utc_now()


def _lapse(session: AsyncSession, registration: Registration, event: Event) -> None:
    registration.state, registration.updated_at = "lapsed", utc_now()
    told = Answer("place_lapsed", describe(event))
    plan_notice(session, registration.contact_id, told, asked_at=registration.created_at)


async def _is_unreached(session: AsyncSession, registration: Registration) -> bool:
    """Whether the person could not be told of the offer."""
    query = (
        select(Notice, Message.state)
        .join(Message, Message.id == Notice.message_id, isouter=True)
        .where(Notice.contact_id == registration.contact_id, Notice.subject == subject_of(registration.event_slug))
        .where(Notice.created_at >= registration.updated_at)
    )
    return any(
        notice.answer["answer"] == "place_offered"
        and (notice.state == "dropped" or message_state in ("failed", "undeliverable"))
        for notice, message_state in (await session.execute(query)).all()
    )


async def _lock(session: AsyncSession, event: Event, registration: Registration | None = None) -> None:
    """Have an event to oneself until the commit, and see a registration as it is then."""
    await session.execute(select(Event.slug).where(Event.slug == event.slug).with_for_update())
    if registration is not None:
        await session.refresh(registration)


def describe(event: Event) -> dict[str, Any]:
    """What texts show of an event that one registers for."""
    return {
        "name": event.name,
        "city": event.city_slug,
        "place": event.place,
        "begins_at": event.begins_at.isoformat() if event.begins_at else None,
        "finishes_at": event.finishes_at.isoformat() if event.finishes_at else None,
        "is_demo": event.is_demo,
    }


def subject_of(event_slug: str) -> str:
    """The subject of notices about an event."""
    return f"event:{event_slug}"


def list_reminders(event: Event) -> list[str]:
    """The reminders that there is still time for."""
    begins_at, now = event.begins_at, utc_now()
    return [key for key, before in REMINDERS.items() if begins_at is not None and begins_at - before > now]


def _plan_reminders(session: AsyncSession, contact_id: int, event: Event) -> None:
    choices = ((f'/event_cancel{{"event": "{event.slug}"}}', "@leave_place"),)
    for key in list_reminders(event):
        assert event.begins_at is not None  # noqa: S101  # no time, no reminders
        due_at, subject = event.begins_at - REMINDERS[key], subject_of(event.slug)
        plan_notice(session, contact_id, Answer(key, describe(event), choices), due_at=due_at, subject=subject)


async def _count(session: AsyncSession, event_slug: str, *states: str) -> int:
    query = select(func.count()).where(Registration.event_slug == event_slug, Registration.state.in_(states))
    return int(await session.scalar(query) or 0)
