"""The search over all people, and the page of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.ids import read_id
from bot.console.layout import render
from bot.console.people import KEEPERS, READERS
from bot.console.people.showing import PAGE_SIZE, Veil, find_reach, make_namer, make_veil
from bot.console.people.telling import find_variety
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.db.applications import find_contacts, list_consents
from bot.db.models import Application, Contact, Event, Rating, Registration, StaffRequest, Subscription
from bot.db.requests import find_names
from bot.db.sought import LIMIT_CHARS, list_contacts, read_sought

PATH = "/console/people"

pages = Pages()


@pages.get("/people", allowed=READERS)
async def search_people(request: Request, signed: SignedIn) -> Response:
    """The box, and whom it finds; who sees no names can look for a reference only."""
    veil = make_veil(signed)
    text = request.query_params.get("text", "").replace("\x00", "").strip()[:LIMIT_CHARS]
    before = read_id(request.query_params.get("before", ""))
    is_refused = bool(text) and veil.is_down and not read_sought(text).reference
    found: list[Contact] = []
    applications: dict[int, Application] = {}
    names: dict[int, str] = {}
    channels: dict[int, list[str]] = {}
    if text and not is_refused:
        async with database(request).read() as session:
            found = await list_contacts(session, text, before=before, limit=PAGE_SIZE + 1)
            ids = [contact.id for contact in found]
            names = await find_names(session, ids)
            channels = {
                contact_id: sorted({identity.channel for identity in identities})
                for contact_id, (_, identities) in (await find_contacts(session, ids)).items()
            }
            query = select(Application).where(Application.contact_id.in_(ids)).order_by(Application.id)
            applications = {each.contact_id: each for each in await session.scalars(query)}
    shown = found[:PAGE_SIZE]
    return render(
        request,
        "people/search.html",
        text=text,
        is_refused=is_refused,
        found=shown,
        names=names,
        channels=channels,
        applications=applications,
        older="?" + urlencode({"text": text, "before": shown[-1].id}) if len(found) > PAGE_SIZE else "",
        newest="?" + urlencode({"text": text}) if before is not None else "",
        veil=veil,
        named=await make_namer(request),
    )


@pages.get("/people/{contact_id}", allowed=READERS)
async def show_person(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """Everything about one person."""
    return await show(request, signed, contact_id, make_veil(signed))


@pages.post("/people/{contact_id}/reveal", allowed=READERS)
async def reveal_person(request: Request, signed: SignedIn, contact_id: int) -> Response:
    """The same page once with names and addresses; the log says who saw them."""
    async with database(request).write() as session:
        await session.get_one(Contact, contact_id)
        record(session, signed.member_id, "person_revealed", f"contact:{contact_id}")
    return await show(request, signed, contact_id, make_veil(signed, is_revealed=True))


async def show(
    request: Request, signed: SignedIn, contact_id: int, veil: Veil, status: int = 200, **shown: Any
) -> Response:
    """The page of one person."""
    async with database(request).read() as session:
        values = await _collect(request, session, contact_id)
    return render(
        request,
        "people/person.html",
        status,
        veil=veil,
        named=await make_namer(request),
        is_keeper=signed.role in KEEPERS,
        **(values | {"typed": "", "error": None} | shown),
    )


async def _collect(request: Request, session: AsyncSession, contact_id: int) -> dict[str, Any]:
    contact = await session.get_one(Contact, contact_id)
    identities = (await find_contacts(session, [contact_id]))[contact_id][1]

    async def list_own(model: Any) -> list[Any]:
        return list(await session.scalars(select(model).where(model.contact_id == contact_id).order_by(model.id)))

    own = select(Registration, Event).join(Event, Event.slug == Registration.event_slug)
    places = await session.execute(own.where(Registration.contact_id == contact_id).order_by(Registration.id))
    return {
        "contact": contact,
        "identities": identities,
        "name": (await find_names(session, [contact_id]))[contact_id],
        "variety": find_variety(contact),
        "promise": await find_reach(request).promise(session, contact_id),
        "consents": await list_consents(session, contact_id),
        "applications": await list_own(Application),
        "places": [(place, event) for place, event in places],
        "requests": await list_own(StaffRequest),
        "subscriptions": await list_own(Subscription),
        "ratings": [rating for rating in await list_own(Rating) if rating.value is not None],
        "reference": await find_reference(session, contact_id),
    }


async def find_reference(session: AsyncSession, contact_id: int) -> str:
    """What staff type to say that they mean this person: the newest reference, or a number where there is none."""
    for model in (Application, Registration, StaffRequest):
        own = model.contact_id == contact_id
        query = select(model.reference).where(own, model.reference.is_not(None)).order_by(model.id.desc()).limit(1)
        if (reference := await session.scalar(query)) is not None:
            return str(reference)
    return f"P-{contact_id}"
