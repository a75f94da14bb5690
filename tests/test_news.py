"""News for subscribers: who is told, of what, and once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot.db.engine import Database
from bot.db.models import Announcement, Contact, Event, Notice, Publication, Subscription
from bot.db.people import subscribe, unsubscribe
from bot.db.seed import seed
from bot.news import NewsError, announce


async def add_subscriber(db: Database, topic: str, *wishes: dict[str, str]) -> int:
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        for wish in wishes or ({},):
            await subscribe(session, contact.id, topic, wish)
        return contact.id


async def add_event(db: Database, **values: Any) -> None:
    shape = {"slug": "demo", "name": "Demo", "status": "confirmed", "topics": ["ai", "startups"], "is_demo": True}
    async with db.write() as session:
        session.add(Event(**shape, **values, begins_at=datetime(2026, 12, 5, 9, tzinfo=UTC)))


async def list_told(db: Database) -> list[int]:
    async with db.read() as session:
        return list(await session.scalars(select(Notice.contact_id).order_by(Notice.contact_id)))


async def test_those_are_told_whose_wishes_fit(db: Database) -> None:
    """No wish is everything; of several wishes one is enough; all parts of a wish must fit."""
    await add_event(db)
    everything = await add_subscriber(db, "events")
    on_ai = await add_subscriber(db, "events", {"city": "oujda"}, {"topic": "ai"})
    for topic, wish in (
        ("events", {"city": "oujda"}),
        ("events", {"topic": "ai", "city": "oujda"}),
        ("publications", {}),
        ("cohorts", {}),
    ):
        await add_subscriber(db, topic, wish)
    async with db.write() as session:
        assert await announce(session, "events", "demo", "agent") == 2
    assert await list_told(db) == [everything, on_ai]


async def test_who_stopped_is_not_told(db: Database) -> None:
    await add_event(db)
    contact_id = await add_subscriber(db, "events")
    async with db.write() as session:
        assert await unsubscribe(session, contact_id) == 1
    async with db.write() as session:
        assert await announce(session, "events", "demo", "agent") == 0


async def test_nothing_is_announced_twice_by_mistake(db: Database) -> None:
    """A second time has to be said, and the message names who did it first."""
    await add_event(db)
    await add_subscriber(db, "events")
    async with db.write() as session:
        await announce(session, "events", "demo", "Salma")
    with pytest.raises(NewsError, match="by Salma; --again tells it anew"):
        async with db.write() as session:
            await announce(session, "events", "demo", "agent")
    async with db.write() as session:
        assert await announce(session, "events", "demo", "agent", again=True) == 1
        assert [row.told for row in await session.scalars(select(Announcement))] == [1, 1]


async def test_what_is_not_there_is_not_announced(db: Database) -> None:
    with pytest.raises(NewsError, match="no row 'nothing' among the publications"):
        async with db.write() as session:
            await announce(session, "publications", "nothing", "agent")


async def test_a_publication_is_told_by_its_topics(db: Database) -> None:
    async with db.write() as session:
        await seed(session)
    async with db.read() as session:
        publication = (await session.scalars(select(Publication).order_by(Publication.slug))).first()
    assert publication is not None and publication.topics
    told = await add_subscriber(db, "publications", {"topic": publication.topics[0]})
    await add_subscriber(db, "publications", {"topic": "nothing of ours"})
    async with db.write() as session:
        assert await announce(session, "publications", publication.slug, "agent") == 1
    assert await list_told(db) == [told]


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        ([{"city": "rabat"}, {"city": "fes"}], [{"city": "rabat"}, {"city": "fes"}]),
        ([{"city": "rabat"}, {"city": "rabat"}], [{"city": "rabat"}]),
        ([{"city": "rabat"}, {}], []),
        ([{}, {"city": "rabat"}], []),
    ],
)
async def test_wishes_add_up_and_everything_holds_them_all(
    db: Database, wishes: list[dict[str, str]], kept: list[dict[str, str]]
) -> None:
    await add_subscriber(db, "cohorts", *wishes)
    async with db.read() as session:
        subscription = (await session.scalars(select(Subscription))).one()
    assert subscription.wishes == kept
