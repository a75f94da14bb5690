"""The pages of applications: the list with its filters, and one with everything beside it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.ids import read_id
from bot.console.layout import render
from bot.console.people import KEEPERS, READERS
from bot.console.people.showing import (
    MEMO_CHARS,
    NOTE_CHARS,
    PAGE_SIZE,
    Veil,
    clean_text,
    find_reach,
    make_namer,
    make_veil,
    read_day,
)
from bot.console.people.telling import find_variety, foresee_agreed
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.applications import (
    STATES,
    ApplicationFilter,
    count_states,
    find_agreements,
    find_contacts,
    find_duplicate_request,
    list_applications,
    list_cities,
    list_consents,
    list_papers,
    list_twins,
)
from bot.db.models import Application
from bot.db.sought import LIMIT_CHARS, read_sought
from bot.db.training import list_tracks
from bot.journeys.reading import UNDECIDED

PATH = "/console/applications"
_FILTERS = ("state", "track", "city", "since", "until", "text")

pages = Pages()


def read_filter(request: Request, veil: Veil) -> tuple[dict[str, str], ApplicationFilter]:
    """The filter of an address, as typed and as it counts; who sees no names can't look for one either."""
    asked = {name: request.query_params.get(name, "").replace("\x00", "")[:LIMIT_CHARS] for name in _FILTERS}
    text = asked["text"].strip()
    if veil.is_down and not read_sought(text).reference:
        text = asked["text"] = ""
    state = asked["state"] if asked["state"] in STATES else ""
    since, until = read_day(asked["since"]), read_day(asked["until"])
    return asked, ApplicationFilter(state, asked["track"][:32], asked["city"][:32], since, until, text)


@pages.get("/applications", allowed=READERS)
async def show_applications(request: Request, signed: SignedIn) -> Response:
    """The list; ``before`` is the id that ended the page before."""
    veil = make_veil(signed)
    asked, wanted = read_filter(request, veil)
    before = read_id(request.query_params.get("before", ""))
    async with database(request).read() as session:
        rows = await list_applications(session, wanted, before=before, limit=PAGE_SIZE + 1)
        counts = await count_states(session, wanted)
        tracks = await list_tracks(session)
        cities = await list_cities(session)
    filters = {name: value for name, value in asked.items() if value}
    without_state = {name: value for name, value in filters.items() if name != "state"}
    shown = rows[:PAGE_SIZE]
    named = await make_namer(request)
    return render(
        request,
        "people/applications.html",
        applications=shown,
        counts=counts,
        tracks=[*(track.slug for track in tracks), UNDECIDED],
        cities=sorted(cities, key=lambda slug: named("city", slug)),
        asked=asked,
        is_filtered=bool(without_state),
        state_links={state: "?" + urlencode({**without_state, "state": state}) for state in STATES},
        all_link="?" + urlencode(without_state),
        older="?" + urlencode({**filters, "before": shown[-1].id}) if len(rows) > PAGE_SIZE else "",
        newest="?" + urlencode(filters) if before is not None else "",
        states=STATES,
        veil=veil,
        named=named,
        is_keeper=signed.role in KEEPERS,
    )


@pages.get("/applications/{application_id}", allowed=READERS)
async def show_application(request: Request, signed: SignedIn, application_id: int) -> Response:
    """One application with all that is known beside it."""
    return await _show(request, application_id, make_veil(signed), signed)


@pages.post("/applications/{application_id}/reveal", allowed=READERS)
async def reveal_application(request: Request, signed: SignedIn, application_id: int) -> Response:
    """The same page once with names and addresses; the log says who saw them."""
    async with database(request).write() as session:
        application = await session.get_one(Application, application_id)
        record(session, signed.member_id, "person_revealed", f"application:{application.id}")
    return await _show(request, application_id, make_veil(signed, is_revealed=True), signed)


@pages.post("/applications/{application_id}/note", allowed=KEEPERS)
async def keep_note(request: Request, signed: SignedIn, application_id: int) -> Response:
    """What the team keeps in mind about it."""
    typed = (await read_form(request)).get("note", "")
    note = clean_text(typed)
    if len(note) > MEMO_CHARS:
        return await _show(request, application_id, make_veil(signed), signed, 422, note=typed, note_error="note.long")
    async with database(request).write() as session:
        application = await session.get_one(Application, application_id, with_for_update=True)
        if application.note != note:
            application.note = note
            record(session, signed.member_id, "note_changed", f"application:{application.id}")
    return RedirectResponse(f"{PATH}/{application_id}?done=saved", 303)


async def _show(
    request: Request, application_id: int, veil: Veil, signed: SignedIn, status: int = 200, **shown: Any
) -> Response:
    async with database(request).read() as session:
        application = await session.get_one(Application, application_id)
        values = await _collect(request, session, application)
    return render(
        request,
        "people/application.html",
        status,
        application=application,
        veil=veil,
        named=await make_namer(request),
        states=STATES,
        is_keeper=signed.role in KEEPERS,
        limit=MEMO_CHARS,
        note_limit=NOTE_CHARS,
        **(values | {"note": application.note, "note_error": None} | shown),
    )


async def _collect(request: Request, session: AsyncSession, application: Application) -> dict[str, Any]:
    await session.refresh(application, ["history"])
    contact_id = application.contact_id
    contact, identities = (await find_contacts(session, [contact_id]))[contact_id]
    agreement = (await find_agreements(session, [contact_id])).get(contact_id)
    return {
        "contact": contact,
        "variety": find_variety(contact),
        "identities": identities,
        "outlook": foresee_agreed(find_reach(request), contact, identities, agreement),
        "history": application.history,
        "consents": await list_consents(session, contact_id),
        "papers": await list_papers(session, contact_id),
        "twins": await list_twins(session, application),
        "duplicate": await find_duplicate_request(session, application.reference),
    }
