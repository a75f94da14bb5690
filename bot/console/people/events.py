"""The pages of an event's places: who comes, who waits, and what the team can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.layout import find_language, render
from bot.console.people import KEEPERS, READERS
from bot.console.people.attendance import (
    ORDER,
    Places,
    count_places,
    find_event,
    find_place,
    find_reminded,
    list_events,
    list_places,
    list_places_page,
)
from bot.console.people.showing import (
    NOTE_CHARS,
    PAGE_SIZE,
    Namer,
    Veil,
    clean_text,
    find_reach,
    make_namer,
    make_veil,
)
from bot.console.people.telling import foresee
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.console.words import Language, translate
from bot.db.applications import find_contacts
from bot.db.cursors import read_cursor, write_cursor
from bot.db.models import Event, Registration
from bot.db.notices import plan_notice
from bot.db.requests import find_names
from bot.exports import csv_file
from bot.exports.table import Column, Kind, Row, Table
from bot.journeys.registrations import (
    LIVE,
    NoPlaceFree,
    describe,
    give_place,
    list_reminders,
    list_turns,
    withdraw,
)
from bot.messages import Answer

PATH = "/console/events"

pages = Pages()


@pages.get("/events", allowed=READERS)
async def show_events(request: Request) -> Response:
    """Every event that one registers for here."""
    async with database(request).read() as session:
        events = await list_events(session)
        places = await count_places(session, events)
    return render(
        request,
        "people/events.html",
        events=events,
        places=places,
        now=utc_now(),
        named=await make_namer(request),
    )


@pages.get("/events/{slug}", allowed=READERS)
async def show_event(request: Request, signed: SignedIn, slug: str) -> Response:
    """One event with who registered, a page at a time; ``after`` is where the page before ended."""
    return await _show(request, signed, slug)


@pages.get("/events/{slug}/print", allowed=READERS)
async def show_list(request: Request, signed: SignedIn, slug: str) -> Response:
    """The list of who comes, for paper: all of it."""
    async with database(request).read() as session:
        event = await find_event(session, slug)
        rows = await list_rows(session, event, make_veil(signed), await list_places(session, event))
    return render(
        request, "people/event_print.html", event=event, rows=rows, live=LIVE, named=await make_namer(request)
    )


@pages.post("/events/{slug}/reveal", allowed=READERS)
async def reveal_event(request: Request, signed: SignedIn, slug: str) -> Response:
    """The same page once with names; the log says who saw them."""
    async with database(request).write() as session:
        event = await find_event(session, slug)
        record(session, signed.member_id, "person_revealed", f"event:{event.slug}")
    return await _show(request, signed, slug, is_revealed=True)


@pages.post("/events/{slug}/close", allowed=KEEPERS)
async def close_registration(request: Request, signed: SignedIn, slug: str) -> Response:
    """Take no more registrations; who waits keeps their turn."""
    async with database(request).write() as session:
        event = await find_event(session, slug, is_locked=True)
        if event.registration_closed_at is None:
            event.registration_closed_at = utc_now()
            record(session, signed.member_id, "registration_closed", f"event:{slug}")
    return RedirectResponse(f"{PATH}/{slug}?done=registration_closed", 303)


@pages.post("/events/{slug}/open", allowed=KEEPERS)
async def open_registration(request: Request, signed: SignedIn, slug: str) -> Response:
    """Take registrations again."""
    async with database(request).write() as session:
        event = await find_event(session, slug, is_locked=True)
        if event.registration_closed_at is not None:
            event.registration_closed_at = None
            record(session, signed.member_id, "registration_opened", f"event:{slug}")
    return RedirectResponse(f"{PATH}/{slug}?done=registration_opened", 303)


@pages.post("/events/{slug}/places/{registration_id}/give", allowed=KEEPERS)
async def give(request: Request, signed: SignedIn, slug: str, registration_id: int) -> Response:
    """Register somebody who waits, or was offered a place, since they told the team that they come."""
    reach = find_reach(request)
    try:
        async with database(request).write() as session:
            event = await find_event(session, slug)
            place = await find_place(session, event, registration_id)
            if await give_place(session, place, event):
                promise = await reach.promise(session, place.contact_id, asked_at=place.created_at)
                data = {**describe(event), "reference": place.reference, "already": False, "promise": promise}
                told = Answer("place_taken", {**data, "reminders": list_reminders(event)})
                plan_notice(session, place.contact_id, told, asked_at=place.created_at)
                record(session, signed.member_id, "place_given", f"registration:{place.id}")
    except NoPlaceFree:
        return await _show(request, signed, slug, 422, refused="full", refused_id=registration_id)
    return RedirectResponse(_stay(request, slug, "place_given"), 303)


@pages.post("/events/{slug}/places/{registration_id}/withdraw", allowed=KEEPERS)
async def withdraw_place(request: Request, signed: SignedIn, slug: str, registration_id: int) -> Response:
    """Take somebody off the list, and tell them so; the place goes to who waits."""
    typed = (await read_form(request)).get("note", "")
    note = clean_text(typed)
    if len(note) > NOTE_CHARS:
        return await _show(request, signed, slug, 422, refused="long", refused_id=registration_id, note=typed)
    async with database(request).write() as session:
        event = await find_event(session, slug)
        place = await find_place(session, event, registration_id)
        if await withdraw(session, place, event, note):
            record(session, signed.member_id, "place_withdrawn", f"registration:{place.id}")
    return RedirectResponse(_stay(request, slug, "place_withdrawn"), 303)


@pages.post("/events/{slug}/list.csv", allowed=READERS)
async def export_list(request: Request, signed: SignedIn, slug: str) -> Response:
    """The list for a spreadsheet: UTF-8 with a mark that Excel knows it by, masked as the page is."""
    async with database(request).write() as session:
        event = await find_event(session, slug)
        record(session, signed.member_id, "list_exported", f"event:{slug}")
        rows = await list_rows(session, event, make_veil(signed), await list_places(session, event))
    language = find_language(request)
    named = await make_namer(request)
    kinds: dict[str, Kind] = {"registered_at": "moment", "came_at": "moment"}
    heads = ("reference", "name", "phone", "state", "registered_at", "reminded", "came_at")
    columns = tuple(Column(translate(language, f"events.{head}"), kinds.get(head, "text")) for head in heads)
    cells = [_list_cells(language, named, row) for row in rows]
    content = csv_file.write_head(Table(event.slug, columns)) + csv_file.write_rows(cells)
    headers = {"Content-Disposition": f'attachment; filename="{event.slug}.csv"'}
    return Response(content, media_type=csv_file.MEDIA_TYPE, headers=headers)


def _list_cells(language: Language, named: Namer, row: dict[str, Any]) -> Row:
    place: Registration = row["place"]
    return (
        place.reference,
        row["name"],
        row["phone"],
        named("place_state", place.state),
        place.created_at,
        translate(language, f"events.reminders.{row['reminded']}") if row["reminded"] else "",
        place.came_at,
    )


async def list_rows(
    session: AsyncSession, event: Event, veil: Veil, places: Sequence[Registration]
) -> list[dict[str, Any]]:
    """Some places, each with the name and phone as the veil lets them be seen, the turn and the reminder."""
    ids = {place.contact_id for place in places}
    names, contacts = await find_names(session, ids), await find_contacts(session, ids)
    reminded, turns = await find_reminded(session, event, ids), await list_turns(session, event.slug)
    rows = []
    for place in places:
        contact, identities = contacts[place.contact_id]
        whatsapp = next((each for each in identities if each.channel == "whatsapp"), None)
        rows.append({
            "place": place,
            "contact": contact,
            "identities": identities,
            "name": veil.name(names[place.contact_id]),
            "phone": veil.address(whatsapp) if whatsapp is not None else "",
            "reminded": reminded.get(place.contact_id, ""),
            "position": turns.get(place.id, 0),
        })  # fmt: skip
    return rows


def _stay(request: Request, slug: str, done: str) -> str:
    """The page of the list on which a form stood, with what was done."""
    after = request.query_params.get("after", "")
    return f"{PATH}/{quote(slug)}?{urlencode({'done': done} | ({'after': after} if after else {}))}"


async def _show(
    request: Request, signed: Signed, slug: str, status: int = 200, *, is_revealed: bool = False, **shown: Any
) -> Response:
    veil = make_veil(signed, is_revealed=is_revealed)
    reach = find_reach(request)
    after = request.query_params.get("after", "")
    try:
        place = (read_cursor(after, "places", 2)[0], read_cursor(after, "places", 2)[1]) if after else None
    except ValueError:
        # An address that was cut: the list is shown from its beginning.
        place, after = None, ""
    async with database(request).read() as session:
        event = await find_event(session, slug)
        places: Places = (await count_places(session, [event]))[event.slug]
        found = await list_places_page(session, event, place, PAGE_SIZE + 1)
        rows = await list_rows(session, event, veil, found[:PAGE_SIZE])
    for row in rows:
        row["outlook"] = foresee(reach, row["contact"], row["identities"], row["place"].created_at)
    following = ""
    if len(found) > PAGE_SIZE:
        last = found[PAGE_SIZE - 1]
        following = urlencode({"after": write_cursor("places", ORDER.index(last.state), last.id)})
    return render(
        request,
        "people/event.html",
        status,
        event=event,
        places=places,
        rows=rows,
        live=LIVE,
        now=utc_now(),
        veil=veil,
        named=await make_namer(request),
        is_keeper=signed.role in KEEPERS,
        limit=NOTE_CHARS,
        stay="?" + urlencode({"after": after}) if after else "",
        following=following,
        **({"refused": "", "refused_id": 0, "note": ""} | shown),
    )
