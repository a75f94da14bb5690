"""People for the tests of their pages: each with a channel, what they agreed to, and an application or a place."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import (
    Application,
    ApplicationChange,
    Consent,
    Contact,
    Event,
    Identity,
    Message,
    Registration,
    StaffRequest,
)
from bot.references import make_reference

_numbers = itertools.count(1)


async def add_person(
    session: AsyncSession,
    *,
    channel: str = "web",
    variety: str = "fr",
    name: str = "",
    agrees: bool | None = True,
    address: str = "",
    **values: Any,
) -> Contact:
    """Somebody who wrote on a channel a minute ago; `agrees` to be written to, or not, or was not asked (None)."""
    number = next(_numbers)
    contact = Contact(variety=variety, **values)
    session.add(contact)
    await session.flush()
    address = address or {"whatsapp": f"whatsapp:+2126990{number:05}"}.get(channel, f"{channel}-{number}")
    session.add(
        Identity(
            contact_id=contact.id,
            channel=channel,
            address=address,
            profile={"name": name} if name else {},
            last_inbound_at=utc_now() - timedelta(minutes=1),
        )
    )
    if agrees is not None:
        for purpose, is_given in (("application", True), ("contact", agrees)):
            wording = f"La question sur « {purpose} » ?"
            session.add(
                Consent(contact_id=contact.id, purpose=purpose, is_given=is_given, wording=wording, channel=channel)
            )
    await session.flush()
    return contact


async def add_application(session: AsyncSession, contact: Contact, **values: Any) -> Application:
    """An application of theirs."""
    number = next(_numbers)
    made = {
        "reference": make_reference("JIT"),
        "full_name": f"Personne Essai {number}",
        "phone": f"+2126120{number:05}",
        "email": f"personne{number}@example.org",
        "city_slug": "rabat",
        "diploma": "bac+2",
        "situation": "jobseeker",
        "track_slug": "undecided",
    } | values
    application = Application(contact_id=contact.id, **made)
    application.history = [ApplicationChange(state=application.state or "received", changed_by="person")]
    session.add(application)
    await session.flush()
    return application


async def apply(db: Database, *, full_name: str = "", state: str = "received", **person: Any) -> Application:
    """Somebody new with an application, committed."""
    async with db.write() as session:
        contact = await add_person(session, **person)
        named = {"full_name": full_name} if full_name else {}
        return await add_application(session, contact, state=state, **named)


async def add_event(session: AsyncSession, slug: str = "atelier", *, capacity: int | None = 2, **values: Any) -> Event:
    """An event in ten days that one registers for here."""
    made = {"name": "Atelier d'essai", "status": "confirmed", "is_registered_here": True, "is_demo": True}
    event = Event(
        slug=slug, begins_at=utc_now() + timedelta(days=10), capacity=capacity, city_slug=None, **(made | values)
    )
    session.add(event)
    await session.flush()
    return event


async def add_place(session: AsyncSession, event: Event, name: str, state: str = "registered") -> Registration:
    """Somebody new with a place, or in the list."""
    contact = await add_person(session, name=name)
    place = Registration(reference=make_reference("EVT"), contact_id=contact.id, event_slug=event.slug, state=state)
    session.add(place)
    await session.flush()
    return place


async def add_request(session: AsyncSession, contact: Contact, kind: str = "human", **details: str) -> StaffRequest:
    """A request of theirs, after a message."""
    identity_id = await session.scalar(select(Identity.id).where(Identity.contact_id == contact.id))
    session.add(
        Message(
            contact_id=contact.id,
            identity_id=identity_id,
            direction="in",
            channel="web",
            state="answered",
            external_id=make_reference("IN"),
            text="Je voudrais parler à quelqu'un.",
        )
    )
    request = StaffRequest(reference=make_reference("MNC"), contact_id=contact.id, kind=kind, details=details)
    session.add(request)
    await session.flush()
    return request
