"""What people look up about events."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.clock import today
from bot.db.agenda import find_event, find_events
from bot.db.models import Event
from bot.journeys import registrations
from bot.messages import Answer
from bot.periods import Period, read_period

SHOWN = 5


def _event_data(event: Event) -> dict[str, Any]:
    return {
        "slug": event.slug,
        "name": event.name,
        "organiser": event.organiser,
        "city": event.city_slug,
        "usual_month": event.usual_month,
        "status": event.status,
        "starts_on": event.starts_on.isoformat() if event.starts_on else None,
        "ends_on": event.ends_on.isoformat() if event.ends_on else None,
        "last_starts_on": event.last_starts_on,
        "last_ends_on": event.last_ends_on,
        "summary": event.summary,
        "website": event.website,
        "begins_at": event.begins_at.isoformat() if event.begins_at else None,
        "place": event.place,
        "price_dh": event.price_dh,
        "map": _map_address(event),
        "is_demo": event.is_demo,
    }


def _map_address(event: Event) -> str | None:
    """Where the place is on a map that needs no account."""
    if event.latitude is None or event.longitude is None:
        return None
    return f"https://www.openstreetmap.org/?mlat={event.latitude}&mlon={event.longitude}#map=17"


def _choices(events: list[Event]) -> tuple[tuple[str, str | None], ...]:
    return tuple((payload("event_details", event=event.slug), event.name) for event in events)


def choose_period(request: Request) -> Period | None:
    """The first date of a request that names a stretch of time still to come: "en 2027, au mois de mai" is May."""
    periods = [read_period(value, today()) for value in request.list_values("date")]
    coming = [period for period in periods if period is not None and period.last >= today()]
    return next((period for period in coming if period.month), next(iter(coming), None))


class FindEvents(DatabaseAction):
    """Events still to come, by city, month and topic."""

    action_name = "action_find_events"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `events_upcoming`, or `events_none` with the other known ones."""
        asked: dict[str, Any] = {
            "city": request.entities.get("city"),
            "period": choose_period(request),
            "topic": request.entities.get("topic"),
        }
        events = await find_events(session, today=today(), **asked)
        others = [] if events else await find_events(session, today=today())
        shown = (events or others)[:SHOWN]
        period: Period | None = asked.pop("period")
        days = {"first": period.first.isoformat(), "last": period.last.isoformat()} if period else None
        data = {
            **asked,
            # A month has a name; any other stretch of time is told by its days.
            "month": period.month if period else None,
            "period": days if period and period.month is None else None,
            "events": [_event_data(event) for event in shown],
            "fact_slugs": [event.fact_slugs[0] for event in shown if event.fact_slugs],
        }
        lookup = {name: value for name, value in (asked | {"period": days}).items() if value}
        key = "events_upcoming" if events else "events_none"
        return Finding(Answer(key, data, _choices(shown)), lookup, len(events))


class DescribeEvent(DatabaseAction):
    """One event by its name."""

    action_name = "action_describe_event"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `event_details` or `event_unknown`."""
        asked = request.entities.get("event")
        event = await find_event(session, asked) if asked else None
        known = [] if event else await find_events(session, today=today())
        if event is None:
            listed = [{"slug": item.slug, "name": item.name} for item in known]
            data: dict[str, Any] = {"asked": request.said.get("event", ""), "events": listed}
            return Finding(Answer("event_unknown", data, _choices(known[:SHOWN])), {"event": asked} if asked else {}, 0)
        data = {"event": _event_data(event), "fact_slugs": event.fact_slugs[:4]}
        is_open = registrations.is_open(event)
        choices = ((payload("event_register", event=event.slug), None),) if is_open else ()
        return Finding(Answer("event_details", data, choices), {"event": event.slug}, 1)
