"""The list of conversations: what a row shows, how it is narrowed down, and that its pages hold while people write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from talks import contact_of, hear, meet, tell

from bot.clock import utc_now
from bot.db.conversations import Page, count_waiting, list_conversations
from bot.db.engine import Database
from bot.db.filters import Filters
from bot.db.models import Campaign, CampaignRecipient, Rating, StaffMember
from bot.db.people import hold, open_request
from bot.db.threads import add_tag, mark_read


async def listed(db: Database, after: str | None = None, limit: int = 50, **filters: object) -> Page:
    async with db.read() as session:
        return await list_conversations(session, Filters(**filters), after, limit)  # type: ignore[arg-type]


async def contacts(db: Database, **filters: object) -> list[int]:
    return [row.contact_id for row in (await listed(db, **filters)).rows]


async def ask_for_human(db: Database, contact_id: int) -> None:
    async with db.write() as session:
        assert await open_request(session, contact_id, "human", None)


async def take(db: Database, contact_id: int, name: str) -> None:
    async with db.write() as session:
        assert await hold(session, contact_id, name, utc_now() + timedelta(hours=1))


async def test_a_row_shows_a_conversation(db: Database) -> None:
    contact_id = await meet(db, channel="whatsapp", variety="ary-Latn", name="Salma")
    await hear(db, contact_id, "ch7al", variety="ary-Latn", intent="jobintech_cost")
    last = await tell(db, contact_id, "Fabor")
    async with db.write() as session:
        for name in ("bourse", "à rappeler"):
            await add_tag(session, contact_id, name)
        session.add(Rating(contact_id=contact_id, answer_key="place_taken", value="down", rated_at=utc_now()))
        session.add(Rating(contact_id=contact_id, answer_key="place_taken"))
    (row,) = (await listed(db)).rows
    assert row.last is not None
    assert (row.contact_id, row.name, row.channels, row.variety) == (contact_id, "Salma", ("whatsapp",), "ary-Latn")
    assert (row.last.message_id, row.last.text, row.last.direction) == (last, "Fabor", "out")
    assert (row.topic, row.state, row.held_by, row.unread) == ("jobintech_cost", "bot", None, 1)
    assert (set(row.tags), row.rating, row.waiting_since, row.hit) == ({"bourse", "à rappeler"}, "down", None, None)


async def test_newest_first_page_by_page_while_people_write(db: Database) -> None:
    """A message that comes between two pages moves its conversation to the top, and repeats or hides no other."""
    people = [await meet(db) for _ in range(7)]
    for contact_id in people:
        await hear(db, contact_id)
    first = await listed(db, limit=3)
    assert [row.contact_id for row in first.rows] == people[:3:-1]
    await hear(db, people[5], "encore")
    await hear(db, people[1], "encore")
    second = await listed(db, first.after, limit=3)
    assert [row.contact_id for row in second.rows] == [people[3], people[2], people[0]]
    assert second.after is None
    assert (await contacts(db))[:2] == [people[1], people[5]]


async def test_filters_about_messages_are_met_by_one_message(db: Database) -> None:
    """A conversation with a message about costs and another in Arabic has none about costs in Arabic."""
    both, one = await meet(db), await meet(db)
    await hear(db, both, "combien", intent="jobintech_cost", variety="fr")
    await hear(db, both, "سلام", intent="greet", variety="ar")
    hit = await hear(db, one, "كم الثمن", intent="jobintech_cost", variety="ar")
    await hear(db, one, "merci", intent="thank")
    page = await listed(db, intent="jobintech_cost", variety="ar")
    assert [(row.contact_id, row.hit and row.hit.message_id) for row in page.rows] == [(one, hit)]
    assert await contacts(db, intent="jobintech_cost") == [one, both]


async def test_every_filter_narrows(db: Database) -> None:
    """Five conversations that differ in everything; each filter alone, and several at once."""
    old = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # the 1st of February in Morocco
    fallback, failed, held, waiting, plain = [
        await meet(db, channel=name) for name in ("telegram", "web", "whatsapp", "web", "telegram")
    ]
    await hear(db, plain, "bonjour la formation", old, confidence=0.8)
    await tell(db, plain, "pas envoyée", state="failed", created_at=old)
    await hear(db, fallback, "blah", intent="nlu_fallback", confidence=0.2)
    await hear(db, failed, "la formation", intent=None, confidence=None, state="failed")
    await hear(db, held, "salam", variety="ary-Latn", confidence=0.5)
    await tell(db, held, "bloqué", channel="whatsapp", state="undeliverable")
    await hear(db, waiting, "la formation", intent="request_human", confidence=0.95)
    await tell(db, waiting, "lu", state="read")
    await take(db, held, "Amal")
    await ask_for_human(db, waiting)
    async with db.write() as session:
        session.add(Rating(contact_id=plain, answer_key="place_taken", value="up", rated_at=utc_now()))
        await add_tag(session, failed, "presse")
        await mark_read(session, fallback)
    day = old.date() + timedelta(days=1)
    table: list[tuple[dict[str, object], list[int]]] = [
        ({}, [waiting, held, failed, fallback, plain]),
        ({"fallback": True}, [fallback]),
        ({"failed": True}, [failed]),
        ({"undelivered": True}, [held, plain]),
        ({"undelivered": True, "channel": "whatsapp"}, [held]),
        ({"undelivered": True, "state": "bot", "text": "envoyée"}, [plain]),
        ({"confidence_max": 0.3}, [fallback]),
        ({"confidence_min": 0.5}, [waiting, held, plain]),
        ({"confidence_min": 0.4, "confidence_max": 0.8}, [held, plain]),
        ({"channel": "web"}, [waiting, failed]),
        ({"variety": "ary-Latn"}, [held]),
        ({"from_day": day, "to_day": day}, [plain]),
        ({"to_day": old.date()}, []),
        ({"from_day": day + timedelta(days=1)}, [waiting, held, failed, fallback]),
        ({"state": "held"}, [held]),
        ({"state": "waiting"}, [waiting]),
        ({"state": "bot"}, [failed, fallback, plain]),
        ({"held_by": "Amal"}, [held]),
        ({"held_by": "Omar"}, []),
        ({"rating": "up"}, [plain]),
        ({"rating": "down"}, []),
        ({"tag": "presse"}, [failed]),
        ({"tag": "gone"}, []),
        ({"unread": True}, [waiting, held, failed, plain]),
        ({"text": "formation"}, [waiting, failed, plain]),
        ({"text": "formation", "channel": "web"}, [waiting, failed]),
        ({"text": "formation", "state": "waiting"}, [waiting]),
        ({"text": "formation", "failed": True, "tag": "presse", "unread": True}, [failed]),
        ({"text": "formation", "to_day": day, "rating": "up"}, [plain]),
        ({"text": "formation", "intent": "greet", "confidence_min": 0.9}, []),
        ({"channel": "telegram", "unread": True, "state": "bot"}, [plain]),
    ]
    for filters, expected in table:
        assert await contacts(db, **filters) == expected, filters


async def test_the_people_of_a_campaign(db: Database) -> None:
    """Who got it, and who wrote back: not who was left out, tried it, got another, or wrote back to say STOP."""
    got, replied, stopped, skipped, tester, other = people = [await meet(db) for _ in range(6)]
    for contact_id in people:
        await hear(db, contact_id)
    async with db.write() as session:
        member = StaffMember(name="Amal", email="amal@example.org", role="administrator", language="fr")
        session.add(member)
        await session.flush()
        writer = {"created_by_id": member.id, "changed_by_id": member.id}
        campaigns = [Campaign(title=title, purpose="events", **writer) for title in ("Une", "Autre")]
        session.add_all(campaigns)
        await session.flush()
        one, another = (each.id for each in campaigns)
        session.add_all(
            CampaignRecipient(campaign_id=campaign, contact_id=contact_id, state=state, **more)  # type: ignore[arg-type]
            for campaign, contact_id, state, more in (
                (one, got, "queued", {}),
                (one, replied, "queued", {"replied_at": utc_now()}),
                (one, stopped, "queued", {"replied_at": utc_now(), "stopped_at": utc_now()}),
                (one, skipped, "skipped", {"outcome": "blocked"}),
                (one, tester, "queued", {"is_test": True, "replied_at": utc_now()}),
                (another, other, "queued", {"replied_at": utc_now()}),
            )
        )
    assert await contacts(db, campaign=one) == [stopped, replied, got]
    assert await contacts(db, campaign_replied=one) == [replied]
    assert await contacts(db, campaign=one, campaign_replied=another) == []


async def test_who_waits_longest_is_first(db: Database) -> None:
    """In the order in which they asked, whatever they wrote since; who is taken waits for one person only."""
    people = [await meet(db) for _ in range(4)]
    for contact_id in people:
        await hear(db, contact_id, "un conseiller svp", intent="request_human")
        await ask_for_human(db, contact_id)
    await hear(db, people[0], "vous êtes là ?")
    await take(db, people[1], "Amal")
    async with db.read() as session:
        assert await count_waiting(session) == 3
        first = await list_conversations(session, limit=2, order="waiting")
        second = await list_conversations(session, after=first.after, limit=2, order="waiting")
        found = await list_conversations(session, Filters(text="vous êtes"), order="waiting")
    assert [row.contact_id for row in first.rows] == [people[0], people[2]]
    assert ([row.contact_id for row in second.rows], second.after) == ([people[3]], None)
    assert [(row.contact_id, row.hit and row.hit.text) for row in found.rows] == [(people[0], "vous êtes là ?")]
    assert (await contact_of(db, people[1])).waiting_since is not None


async def test_a_hold_that_ran_out_is_none(db: Database) -> None:
    """When its time is over, a conversation is the bot's, or nobody's, without anything being written."""
    contact_id = await meet(db)
    await hear(db, contact_id)
    async with db.write() as session:
        assert await hold(session, contact_id, "Amal", utc_now() - timedelta(seconds=1))
    (row,) = (await listed(db, state="bot")).rows
    assert (row.state, row.held_by) == ("bot", None)


@pytest.mark.parametrize("order", ["newest", "waiting"])
async def test_an_empty_list_has_no_more(db: Database, order: str) -> None:
    async with db.read() as session:
        page = await list_conversations(session, order=order)  # type: ignore[arg-type]
    assert page == Page((), None)


async def test_a_cursor_of_another_list_is_refused(db: Database) -> None:
    for _ in range(2):
        await hear(db, await meet(db))
    after = (await listed(db, limit=1)).after
    assert after is not None
    with pytest.raises(ValueError, match=r"^after: "):
        await listed(db, after, intent="greet")
