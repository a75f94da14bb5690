"""Places at events: take one, give it up, confirm one that was offered, list one's own."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import Context, DatabaseAction, Finding, Request, payload
from bot.clock import utc_now
from bot.db.agenda import find_event
from bot.db.models import Event, Registration
from bot.journeys import registrations
from bot.journeys.preregistration import OVER, find_application
from bot.messages import Answer
from bot.plain import plain_words

#: Questions after which "inscris-moi" means the event that was asked about.
_ABOUT_ONE_EVENT = frozenset({"event_details", "event_register", "event_search", "event_cancel", "confirm_place"})


def _asked_event(request: Request) -> str | None:
    """The event that is named, or else the one that was spoken of before."""
    if "event" in request.entities:
        return request.entities["event"]
    spoken = (entities.get("event") for intent, entities in request.earlier if intent in _ABOUT_ONE_EVENT)
    return next(filter(None, spoken), None)


def _find_named(text: str, events: list[Event]) -> Event | None:
    """The event whose name a text has, whatever the accents and capitals; the longest, if there are several."""
    said = plain_words(text)
    named = [event for event in events if plain_words(event.name) in said]
    return max(named, key=lambda event: len(event.name), default=None)


def _choices(intent: str, events: list[Event]) -> tuple[tuple[str, str | None], ...]:
    return tuple((payload(intent, event=event.slug), event.name) for event in events)


async def _place_answer(session: AsyncSession, registration: Registration, event: Event, context: Context) -> Answer:
    """What a registration is worth now."""
    data: dict[str, Any] = {**registrations.describe(event), "reference": registration.reference}
    is_waiting = registration.state == "waiting"
    # Whoever waits has asked to be told of a place; nobody asks for reminders.
    asked_at = registration.created_at if is_waiting else None
    data["promise"] = await context.reach.promise(session, registration.contact_id, asked_at=asked_at)
    data["reminders"] = registrations.list_reminders(event)
    if is_waiting:
        data["position"] = await registrations.find_position(session, registration)
        return Answer("place_waiting", data, ((payload("event_cancel", event=event.slug), "@leave_place"),))
    data["link"] = f"{context.base_url}/events/{event.slug}.ics"
    return Answer("place_taken", data, ((payload("event_cancel", event=event.slug), "@leave_place"),))


class TakePlace(DatabaseAction):
    """Registers the person for an event, or puts them into its waiting list."""

    action_name = "action_take_place"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `place_taken`, `place_waiting`, `place_closed`, `place_elsewhere`, `place_choose` or `place_none`."""
        events = await registrations.list_open_events(session)
        # What this message names counts before what was spoken of.
        named = None if "event" in request.entities else _find_named(request.text, events)
        slug = named.slug if named is not None else _asked_event(request)
        event = await find_event(session, slug) if slug else None
        if event is None or request.contact_id is None:
            key = "place_choose" if events else "place_none"
            return Finding(Answer(key, {}, _choices("event_register", events[:5])), {}, len(events))
        is_closed = event.registration_closed_at is not None and not _is_over(event)
        if is_closed and await registrations.find_registration(session, request.contact_id, event.slug) is None:
            return Finding(Answer("place_closed", {"name": event.name}), {"event": event.slug}, 0)
        if not event.is_registered_here or event.begins_at is None or event.begins_at <= utc_now():
            data = {"name": event.name, "website": event.website, "is_over": _is_over(event)}
            return Finding(Answer("place_elsewhere", data), {"event": event.slug}, 0)
        registration, is_new = await registrations.register(session, request.contact_id, event)
        # Who is offered a place and asks for one takes it.
        is_new = await registrations.confirm(session, registration, event) or is_new
        answer = await _place_answer(session, registration, event, self.context)
        return Finding(
            Answer(answer.key, {**answer.data, "already": not is_new}, answer.choices), {"event": event.slug}, 1
        )


def _is_over(event: Event) -> bool:
    return event.status == "past" or (event.begins_at is not None and event.begins_at <= utc_now())


class ConfirmPlace(DatabaseAction):
    """Takes the place that was offered."""

    action_name = "action_confirm_place"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `place_taken`, or `place_gone` when it is not offered any more."""
        slug = _asked_event(request)
        event = await find_event(session, slug) if slug else None
        if event is None or request.contact_id is None:
            return Finding(Answer("place_gone", {"name": None}), {}, 0)
        registration = await registrations.find_registration(session, request.contact_id, event.slug)
        if registration is None or not await registrations.confirm(session, registration, event):
            return Finding(Answer("place_gone", {"name": event.name}), {"event": event.slug}, 0)
        answer = await _place_answer(session, registration, event, self.context)
        return Finding(Answer(answer.key, {**answer.data, "already": False}, answer.choices), {"event": event.slug}, 1)


class CancelPlace(DatabaseAction):
    """Gives up the person's place at an event."""

    action_name = "action_cancel_place"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `place_cancelled`, `place_which` when there are several, or `places_none`."""
        if request.contact_id is None:
            return Finding(Answer("places_none"))
        own = await registrations.list_registrations(session, request.contact_id)
        named = request.entities.get("event")
        meant = [pair for pair in own if named is None or pair[1].slug == named]
        if not meant and named is None and not request.text.startswith("/"):
            application = await find_application(session, request.contact_id)
            if application is not None and application.state not in OVER:
                choices = ((payload("withdraw_application"), None), (payload("application_status"), None))
                data = {"reference": application.reference}
                return Finding(Answer("withdraw_application", data, choices), data, 0)
        if not meant:
            return Finding(Answer("places_none"), {"event": named} if named else {}, 0)
        if len(meant) > 1:
            return Finding(Answer("place_which", {}, _choices("event_cancel", [event for _, event in meant])), {}, 2)
        registration, event = meant[0]
        await registrations.cancel(session, registration, event)
        return Finding(Answer("place_cancelled", {"name": event.name}), {"event": event.slug}, 1)


class ListPlaces(DatabaseAction):
    """The events that the person is registered for."""

    action_name = "action_list_places"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `places_list` or `places_none`."""
        if request.contact_id is None:
            return Finding(Answer("places_none"))
        own = await registrations.list_registrations(session, request.contact_id)
        if not own:
            return Finding(Answer("places_none"), {}, 0)
        listed = [
            {**registrations.describe(event), "state": registration.state, "reference": registration.reference}
            for registration, event in own
        ]
        return Finding(Answer("places_list", {"places": listed}), {}, len(own))
