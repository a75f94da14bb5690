"""Files that people fetch by a link: an event for their calendar, and everything that is held about them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from icalendar import Calendar, vCalAddress
from icalendar import Event as CalendarEvent

from bot.answers import Answers, FactBook
from bot.clock import utc_now
from bot.db.agenda import find_event
from bot.db.held import collect, find_exported_contact
from bot.db.models import Event
from bot.export import describe
from bot.export_pdf import write_pdf

#: How long an event takes whose end nobody announced.
_USUAL_LENGTH = timedelta(hours=2)
#: A browser takes the file for what we say it is, whatever its text looks like.
_SAFE = {"X-Content-Type-Options": "nosniff"}
#: A person's own data: never kept by a browser or a proxy, and never shown inside another page.
_PRIVATE = _SAFE | {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def router() -> APIRouter:
    """The routes of files."""
    routes = APIRouter(tags=["files"])
    one_at_a_time = asyncio.Semaphore(1)

    @routes.get("/events/{slug}.ics", responses={404: {"description": "no such event, or no date yet"}})
    async def calendar(request: Request, slug: str) -> Response:
        """An event for a calendar (RFC 5545)."""
        async with request.app.state.assistant.db.read() as session:
            event = await find_event(session, slug)
        if event is None or event.begins_at is None:
            raise HTTPException(404, "no such event, or its date is not known yet")
        headers = _SAFE | {"Content-Disposition": f'attachment; filename="{event.slug}.ics"'}
        return Response(write_calendar(event), media_type="text/calendar; charset=utf-8", headers=headers)

    @routes.get("/exports/{secret}.json", responses={404: {"description": "unknown or expired link"}})
    async def export_json(request: Request, secret: str) -> Response:
        """Everything that is held about one person, for machines."""
        held = await _collect(request, secret)
        headers = _PRIVATE | {"Content-Disposition": 'attachment; filename="mes-donnees.json"'}
        return Response(json.dumps(held, ensure_ascii=False, indent=2), media_type="application/json", headers=headers)

    @routes.get("/exports/{secret}.pdf", responses={404: {"description": "unknown or expired link"}})
    async def export_pdf(request: Request, secret: str) -> Response:
        """Everything that is held about one person, for reading."""
        held = await _collect(request, secret)
        book = FactBook(request.app.state.assistant.db)
        await book.refresh()
        document = await describe(held, Answers(book))
        headers = _PRIVATE | {"Content-Disposition": 'attachment; filename="mes-donnees.pdf"'}
        # Seconds of work for somebody who wrote much: beside the others, and one at a time.
        async with one_at_a_time:
            content = await asyncio.to_thread(write_pdf, document)
        return Response(content, media_type="application/pdf", headers=headers)

    return routes


async def _collect(request: Request, secret: str) -> dict[str, Any]:
    async with request.app.state.assistant.db.read() as session:
        contact_id = await find_exported_contact(session, secret)
        if contact_id is None:
            raise HTTPException(404, "this link is unknown or too old; ask the assistant for another")
        return await collect(session, contact_id)


def write_calendar(event: Event) -> bytes:
    """One event as an iCalendar file, in UTC, so that every calendar shows it at the right hour.

    Raises:
        ValueError: the event has no beginning yet.
    """
    if event.begins_at is None:
        raise ValueError(f"event {event.slug} has no beginning yet")
    entry = CalendarEvent()
    entry.add("uid", f"{event.slug}@assistant.mnc")
    entry.add("dtstamp", utc_now())
    entry.add("dtstart", event.begins_at)
    entry.add("dtend", event.finishes_at or event.begins_at + _USUAL_LENGTH)
    entry.add("summary", f"[DEMO] {event.name}" if event.is_demo else event.name)
    where = ", ".join(filter(None, (event.place, event.city.name if event.city else None)))
    if where:
        entry.add("location", where)
    if event.latitude is not None and event.longitude is not None:
        entry.add("geo", (event.latitude, event.longitude))
    if event.website:
        entry.add("url", event.website)
    if event.organiser:
        organiser = vCalAddress("invalid:nomail")
        organiser.params["cn"] = event.organiser
        entry["organizer"] = organiser
    calendar = Calendar()
    calendar.add("prodid", "-//Maroc Numeric Cluster//assistant//FR")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
