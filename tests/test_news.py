"""News for subscribers: who is told, of what, and once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot.db.engine import Database
from bot.db.models import (
    Announcement,
    Contact,
    Event,
    Identity,
    Message,
    Notice,
    Publication,
    Subscription,
)
from bot.db.notices import list_due_notices, plan_notice
from bot.db.people import subscribe, unsubscribe
from bot.db.seed import seed
from bot.messages import Answer
from bot.news import NewsError, announce, narrow


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
    ("topic", "said", "wish"),
    [
        ("cohorts", {"topic": "training"}, {}),
        ("cohorts", {"track": "data", "topic": "data", "city": "rabat"}, {"track": "data", "city": "rabat"}),
        ("cohorts", {"track": "networks"}, {}),
        ("events", {"track": "ai", "topic": "ai"}, {"topic": "ai"}),
        ("events", {"topic": "strategy", "city": "atlantis"}, {}),
        ("publications", {"topic": "ai", "city": "rabat"}, {"topic": "ai"}),
        ("publications", {"topic": "cloud"}, {}),
    ],
)
async def test_nothing_is_wished_for_that_no_row_has(
    db: Database, topic: str, said: dict[str, str], wish: dict[str, str]
) -> None:
    """Or the person would be told that it is noted, and never hear of anything."""
    async with db.write() as session:
        await seed(session)
        assert await narrow(session, topic, said) == wish


async def test_news_wait_for_everything_else(db: Database) -> None:
    """However many people are told of an event, a reminder that is due goes first."""
    await add_event(db)
    for _ in range(3):
        await add_subscriber(db, "events")
    async with db.write() as session:
        await announce(session, "events", "demo", "agent")
    async with db.write() as session:
        (contact_id,) = (await session.scalars(select(Contact.id).limit(1))).all()
        plan_notice(session, contact_id, Answer("event_soon"))
    async with db.read() as session:
        due = await list_due_notices(session, limit=2)
    assert [notice.answer["answer"] for notice in due] == ["event_soon", "news_event"]


async def test_stop_holds_back_what_is_on_its_way(db: Database) -> None:
    """Of our own accord, that is: an answer to a message goes out."""
    contact_id = await add_subscriber(db, "events")
    async with db.write() as session:
        identity = Identity(contact_id=contact_id, channel="telegram", address="1")
        session.add(identity)
        await session.flush()
        columns = {"contact_id": contact_id, "identity_id": identity.id, "direction": "out", "channel": "telegram"}
        messages = [Message(**columns, state="queued", text=text) for text in ("news", "reply")]
        session.add_all(messages)
        await session.flush()
        plan_notice(session, contact_id, Answer("news_event"), asked_at=datetime(2026, 1, 1, tzinfo=UTC))
        notice = (await session.scalars(select(Notice))).one()
        notice.state, notice.message_id = "queued", messages[0].id
        await unsubscribe(session, contact_id)
    async with db.read() as session:
        states = dict((await session.execute(select(Message.text, Message.state))).all())
    assert states == {"news": "undeliverable", "reply": "queued"}


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
