"""The page at the door of an event, for a phone: who comes is found by reference or name, and let in with one touch."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import update

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.ids import read_id
from bot.console.layout import render
from bot.console.people import KEEPERS
from bot.console.people.attendance import count_places, find_event, find_place, list_places
from bot.console.people.events import PATH
from bot.console.people.showing import make_namer
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.models import Event
from bot.db.requests import find_names
from bot.db.sought import LIMIT_CHARS, read_sought
from bot.journeys.registrations import TAKING
from bot.spelling import split_words

#: So many are shown; a name narrows them.
SHOWN = 60

pages = Pages()


@pages.get("/events/{slug}/door", allowed=KEEPERS)
async def show_door(request: Request, slug: str) -> Response:
    """Who may come in, those who are not there yet first; ``last`` is who was let in just now."""
    text = request.query_params.get("text", "").replace("\x00", "").strip()[:LIMIT_CHARS]
    last_id = read_id(request.query_params.get("last", ""))
    async with database(request).read() as session:
        event = await find_event(session, slug)
        places = (await count_places(session, [event]))[slug]
        everybody = [place for place in await list_places(session, event) if place.state in (*TAKING, "waiting")]
        names = await find_names(session, {place.contact_id for place in everybody})
    sought = read_sought(text)
    words = split_words(text)
    found = [
        place
        for place in everybody
        if not text
        or place.reference == sought.reference
        or place.reference.endswith(f"-{text.upper()}")
        or (words and all(word in " ".join(split_words(names[place.contact_id])) for word in words))
    ]
    last = next((place for place in everybody if place.id == last_id and place.came_at is not None), None)
    return render(
        request,
        "people/door.html",
        event=event,
        places=places,
        found=sorted(found, key=lambda place: (place.came_at is not None, place.state not in TAKING, place.id))[:SHOWN],
        hidden=max(0, len(found) - SHOWN),
        names=names,
        text=text,
        last=last,
        taking=TAKING,
        named=await make_namer(request),
    )


@pages.post("/events/{slug}/door/{registration_id}/in", allowed=KEEPERS)
async def let_in(request: Request, signed: SignedIn, slug: str, registration_id: int) -> Response:
    """Note that somebody came. An offer that was not confirmed is taken by coming."""
    async with database(request).write() as session:
        event = await find_event(session, slug, is_locked=True)
        place = await find_place(session, event, registration_id)
        if place.came_at is None and place.state in TAKING:
            place.came_at, place.state, place.offered_until = utc_now(), "registered", None
            record(session, signed.member_id, "checked_in", f"registration:{place.id}")
    return RedirectResponse(f"{PATH}/{slug}/door?{urlencode({'last': registration_id, 'done': 'checked_in'})}", 303)


@pages.post("/events/{slug}/door/{registration_id}/out", allowed=KEEPERS)
async def undo(request: Request, signed: SignedIn, slug: str, registration_id: int) -> Response:
    """Take that back: it was somebody else."""
    async with database(request).write() as session:
        event = await find_event(session, slug)
        place = await find_place(session, event, registration_id)
        if place.came_at is not None:
            place.came_at = None
            record(session, signed.member_id, "check_in_undone", f"registration:{place.id}")
    return RedirectResponse(f"{PATH}/{slug}/door?done=check_in_undone", 303)


@pages.post("/events/{slug}/walk-ins", allowed=KEEPERS)
async def count_walk_in(request: Request, signed: SignedIn, slug: str) -> Response:
    """One more, or one less, who came without having registered."""
    step = -1 if (await read_form(request)).get("step") == "-1" else 1
    async with database(request).write() as session:
        event = await find_event(session, slug)
        counted = Event.slug == event.slug
        if step < 0:
            counted &= Event.walk_ins > 0
        changed = update(Event).where(counted).values(walk_ins=Event.walk_ins + step).returning(Event.walk_ins)
        if (count := await session.scalar(changed)) is not None:
            record(session, signed.member_id, "walk_in_counted", f"event:{slug}", count=count)
    return RedirectResponse(f"{PATH}/{slug}/door#walk-ins", 303)
