"""An erasure takes its locks in the order of everybody else, so that nobody waits in a circle: on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from postgres import PostgresServer
from sqlalchemy import func, select, text, update

from bot.clock import utc_now
from bot.db.engine import Database, open_database
from bot.db.erasure import erase_contact, lock_person
from bot.db.interactions import lock_message
from bot.db.migrate import migrate
from bot.db.models import Contact, Event, Identity, Message, Notice, Registration
from bot.db.notices import plan_notice
from bot.journeys import registrations
from bot.messages import Answer

SECRET = "x" * 16


@pytest.fixture
async def postgresql(postgres: PostgresServer) -> AsyncIterator[Database]:
    """An empty database on PostgreSQL; SQLite has one writer at a time and no rows to lock."""
    url = postgres.create_database()
    await asyncio.to_thread(migrate, url)
    db = open_database(url)
    yield db
    await db.aclose()


async def fill(db: Database) -> tuple[int, int, int]:
    """Somebody with a place, who asked to be erased and, later, for a place: their id and those of the messages."""
    async with db.write() as session:
        session.add(
            Event(slug="demo", name="Démo", status="confirmed", is_registered_here=True, is_demo=True, capacity=5,
                  begins_at=utc_now() + timedelta(days=9))
        )  # fmt: skip
        contact = Contact()
        identity = Identity(contact=contact, channel="web", address="x")
        session.add(identity)
        await session.flush()
        own = {"contact_id": contact.id, "identity_id": identity.id, "channel": "web"}
        messages = [Message(**own, direction="in", state="received", text=said) for said in ("efface", "une place")]
        session.add_all(messages)
        session.add(Registration(contact_id=contact.id, event_slug="demo", reference="EVT-1", state="registered"))
        plan_notice(session, contact.id, Answer("x"), due_at=utc_now())
        await session.flush()
        return contact.id, messages[0].id, messages[1].id


async def wait_for_lock(db: Database) -> None:
    """Until some transaction waits for another one."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(200):
        async with db.read() as session:
            if await session.scalar(waiting):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


async def begin_erasure(db: Database, contact_id: int, message_id: int | None) -> asyncio.Task[None]:
    """An erasure that waits for what somebody else has already."""

    async def erase() -> None:
        async with db.write() as session:
            await erase_contact(session, contact_id, message_id, SECRET)

    task = asyncio.create_task(erase())
    await wait_for_lock(db)
    return task


async def test_a_late_place_is_waited_for(postgresql: Database) -> None:
    """Rasa took too long with a place, and the person asks to be erased meanwhile."""
    contact_id, erasing, asking = await fill(postgresql)
    async with postgresql.write() as session:
        await lock_message(session, asking)
        task = await begin_erasure(postgresql, contact_id, erasing)
        await registrations.register(session, contact_id, await session.get_one(Event, "demo"))
    await task
    async with postgresql.read() as session:
        assert await session.scalar(select(func.count()).select_from(Registration)) == 0


async def test_places_that_are_given_are_waited_for(postgresql: Database) -> None:
    """The event is had, and then somebody with a place there is told of it; a member of staff erases them."""
    contact_id, _, _ = await fill(postgresql)
    async with postgresql.write() as session:
        event = await session.get_one(Event, "demo", with_for_update=True)
        task = await begin_erasure(postgresql, contact_id, None)
        plan_notice(session, contact_id, Answer("x"), due_at=utc_now(), subject=registrations.subject_of(event.slug))
        await session.flush()
    await task
    async with postgresql.read() as session:
        assert await session.scalar(select(func.count()).select_from(Notice)) == 0


async def test_a_notice_that_is_told_is_waited_for(postgresql: Database) -> None:
    """It is taken, and then the conversation gets its message."""
    contact_id, _, _ = await fill(postgresql)
    async with postgresql.write() as session:
        await session.execute(update(Notice).values(state="queued"))
        task = await begin_erasure(postgresql, contact_id, None)
        await session.execute(update(Contact).where(Contact.id == contact_id).values(unread=1))
    await task
    async with postgresql.read() as session:
        assert await session.scalar(select(Contact.erased_at)) is not None


async def test_a_locked_person_may_still_be_referred_to(postgresql: Database) -> None:
    """Whoever adds a row about them goes on."""
    contact_id, _, _ = await fill(postgresql)
    async with postgresql.write() as session:
        await lock_person(session, contact_id)
        async with postgresql.write() as other:
            plan_notice(other, contact_id, Answer("y"), due_at=utc_now())
            await asyncio.wait_for(other.flush(), 2)
