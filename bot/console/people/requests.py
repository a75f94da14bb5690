"""The pages of requests to the team: what waits, the oldest first, and one with what the person said."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.ids import read_id
from bot.console.layout import render
from bot.console.people import KEEPERS, READERS
from bot.console.people.showing import (
    MEMO_CHARS,
    PAGE_SIZE,
    Veil,
    clean_text,
    list_details,
    make_namer,
    make_veil,
    tell_age,
)
from bot.console.people.telling import find_variety
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.db.models import Application, Contact, StaffMember, StaffRequest
from bot.db.requests import (
    DUPLICATE_OUTCOMES,
    OUTCOMES,
    VIEWS,
    View,
    count_open,
    count_waiting,
    find_application_by_reference,
    find_channels,
    find_names,
    list_last_messages,
    list_requests,
)

PATH = "/console/requests"

pages = Pages()


@pages.get("/requests", allowed=READERS)
async def show_requests(request: Request, signed: SignedIn) -> Response:
    """The list; ``after`` is the id that ended the page before."""
    params = request.query_params
    view: View = next((view for view in VIEWS if view == params.get("view")), "open")
    kind, after = params.get("kind", "").replace("\x00", "")[:32], read_id(params.get("after", ""))
    async with database(request).read() as session:
        rows = await list_requests(session, view, kind, signed.member_id, after=after, limit=PAGE_SIZE + 1)
        counts = await count_open(session)
        shown = rows[:PAGE_SIZE]
        contact_ids = {each.contact_id for each, _ in shown}
        names, channels = await find_names(session, contact_ids), await find_channels(session, contact_ids)
    filters = {name: value for name, value in (("view", view if view != "open" else ""), ("kind", kind)) if value}
    kinds = [("", "?" + urlencode({**filters, "kind": ""}), sum(counts.values()))]
    kinds += [(each, "?" + urlencode({**filters, "kind": each}), count) for each, count in counts.items()]
    return render(
        request,
        "people/requests.html",
        rows=[
            {"request": each, "member": member, "age": tell_age(request, each.closed_at or each.opened_at)}
            for each, member in shown
        ],
        names=names,
        channels=channels,
        view=view,
        views=[(each, "?" + urlencode({"view": each, **({"kind": kind} if kind else {})})) for each in VIEWS],
        kind=kind,
        kinds=kinds,
        following="?" + urlencode({**filters, "after": shown[-1][0].id}) if len(rows) > PAGE_SIZE else "",
        first="?" + urlencode(filters) if after is not None else "",
        veil=make_veil(signed),
        named=await make_namer(request),
    )


@pages.get("/requests/waiting", allowed=READERS)
async def show_waiting(request: Request) -> Response:
    """How many wait for somebody to take them; the navigation takes the number from here."""
    async with database(request).read() as session:
        waiting = await count_waiting(session)
    return render(request, "people/waiting.html", waiting=waiting)


@pages.get("/requests/{request_id}", allowed=READERS)
async def show_request(request: Request, signed: SignedIn, request_id: int) -> Response:
    """One request."""
    return await _show(request, request_id, make_veil(signed), signed)


@pages.post("/requests/{request_id}/reveal", allowed=READERS)
async def reveal_request(request: Request, signed: SignedIn, request_id: int) -> Response:
    """The same page once with names and addresses; the log says who saw them."""
    async with database(request).write() as session:
        await session.get_one(StaffRequest, request_id)
        record(session, signed.member_id, "person_revealed", f"request:{request_id}")
    return await _show(request, request_id, make_veil(signed, is_revealed=True), signed)


@pages.post("/requests/{request_id}/take", allowed=KEEPERS)
async def take(request: Request, signed: SignedIn, request_id: int) -> Response:
    """Take it in hand; the form says who had it, so that nobody takes it from a colleague unknowingly."""
    seen = read_id((await read_form(request)).get("seen", ""))
    async with database(request).write() as session:
        asked = await _lock(session, request_id)
        is_stale = asked.taken_by_id not in (seen, signed.member_id)
        if not is_stale and asked.closed_at is None and asked.taken_by_id != signed.member_id:
            asked.taken_by_id, asked.taken_at = signed.member_id, utc_now()
            record(session, signed.member_id, "request_taken", f"request:{request_id}")
    if is_stale:
        return await _show(request, request_id, make_veil(signed), signed, 422, refused="taken")
    return _back(request_id, "request_taken")


@pages.post("/requests/{request_id}/release", allowed=KEEPERS)
async def release(request: Request, signed: SignedIn, request_id: int) -> Response:
    """Leave it to whoever takes it."""
    async with database(request).write() as session:
        asked = await _lock(session, request_id)
        if asked.taken_by_id == signed.member_id and asked.closed_at is None:
            asked.taken_by_id = asked.taken_at = None
            record(session, signed.member_id, "request_released", f"request:{request_id}")
    return _back(request_id, "request_released")


@pages.post("/requests/{request_id}/note", allowed=KEEPERS)
async def keep_note(request: Request, signed: SignedIn, request_id: int) -> Response:
    """What the team keeps in mind about it."""
    typed = (await read_form(request)).get("note", "")
    note = clean_text(typed)
    if len(note) > MEMO_CHARS:
        veil = make_veil(signed)
        return await _show(request, request_id, veil, signed, 422, note=typed, note_error="note.long")
    async with database(request).write() as session:
        asked = await _lock(session, request_id)
        if asked.note != note:
            asked.note = note
            record(session, signed.member_id, "note_changed", f"request:{request_id}")
    return _back(request_id, "saved")


@pages.post("/requests/{request_id}/close", allowed=KEEPERS)
async def close(request: Request, signed: SignedIn, request_id: int) -> Response:
    """Close it with what came of it."""
    outcome = (await read_form(request)).get("outcome", "")
    async with database(request).write() as session:
        asked = await _lock(session, request_id)
        is_known = outcome in _list_outcomes(asked)
        if is_known and asked.closed_at is None:
            asked.closed_at, asked.outcome = utc_now(), outcome
            record(session, signed.member_id, "request_closed", f"request:{request_id}", outcome=outcome)
    if not is_known:
        return await _show(request, request_id, make_veil(signed), signed, 422, outcome_error="requests.no_outcome")
    return _back(request_id, "request_closed")


@pages.post("/requests/{request_id}/reopen", allowed=KEEPERS)
async def reopen(request: Request, signed: SignedIn, request_id: int) -> Response:
    """Open it again."""
    async with database(request).write() as session:
        asked = await _lock(session, request_id)
        if asked.closed_at is not None:
            asked.closed_at = asked.outcome = None
            record(session, signed.member_id, "request_reopened", f"request:{request_id}")
    return _back(request_id, "request_reopened")


def _list_outcomes(asked: StaffRequest) -> tuple[str, ...]:
    return DUPLICATE_OUTCOMES if asked.kind == "duplicate" else OUTCOMES


def _back(request_id: int, done: str) -> Response:
    return RedirectResponse(f"{PATH}/{request_id}?done={done}", 303)


async def _lock(session: AsyncSession, request_id: int) -> StaffRequest:
    return await session.get_one(StaffRequest, request_id, with_for_update=True)


async def _show(
    request: Request, request_id: int, veil: Veil, signed: SignedIn, status: int = 200, **shown: Any
) -> Response:
    async with database(request).read() as session:
        asked = await session.get_one(StaffRequest, request_id)
        contact = await session.get_one(Contact, asked.contact_id)
        names = await find_names(session, [contact.id])
        channels = await find_channels(session, [contact.id])
        messages = await list_last_messages(session, contact.id)
        member = await session.get(StaffMember, asked.taken_by_id) if asked.taken_by_id is not None else None
        pair: list[tuple[str, Application | None]] = []
        if asked.kind == "duplicate":
            references = [str(asked.details.get(name, "")) for name in ("application", "other")]
            pair = [(each, await find_application_by_reference(session, each)) for each in references]
    named = await make_namer(request)
    return render(
        request,
        "people/request.html",
        status,
        asked=asked,
        contact=contact,
        name=names[contact.id],
        channel=channels.get(contact.id, ""),
        variety=find_variety(contact),
        age=tell_age(request, asked.opened_at),
        details=[] if pair else list_details(asked.details, named, veil),
        pair=pair,
        messages=messages,
        member=member,
        outcomes=_list_outcomes(asked),
        veil=veil,
        named=named,
        is_keeper=signed.role in KEEPERS,
        limit=MEMO_CHARS,
        **({"note": asked.note, "note_error": None, "outcome_error": None, "refused": ""} | shown),
    )
