"""How a notice finds its way to a person, and what is not told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot import clock
from bot.answers import Answers, FactBook
from bot.db.engine import Database
from bot.db.models import Contact, Identity, Message, Notice
from bot.db.notices import plan_notice
from bot.db.seed import seed
from bot.messages import Answer
from bot.outbox import Outbox
from bot.reach import Reach, Route
from bot.schedule import Schedule

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
CHANNELS = ("telegram", "whatsapp")


@pytest.fixture(autouse=True)
def fixed_time() -> Iterator[None]:
    """It is nine o'clock, and stays so."""
    with clock.running_on(lambda: NOW):
        yield


def make(channel: str, hours_ago: float, *, blocked: bool = False) -> Identity:
    heard_at = NOW - timedelta(hours=hours_ago)
    identity = Identity(channel=channel, address=channel, created_at=heard_at, last_inbound_at=heard_at)
    identity.blocked_at = NOW if blocked else None
    return identity


@pytest.mark.parametrize(
    ("identities", "channel", "template"),
    [
        ([make("telegram", 500)], "telegram", None),
        ([make("whatsapp", 23)], "whatsapp", None),
        ([make("whatsapp", 25)], "whatsapp", "HX1"),
        # The channel that the person wrote on last comes first.
        ([make("telegram", 50), make("whatsapp", 1)], "whatsapp", None),
        ([make("telegram", 1), make("whatsapp", 2)], "telegram", None),
        ([make("telegram", 1, blocked=True), make("whatsapp", 2)], "whatsapp", None),
        ([make("web", 0), make("telegram", 90)], "telegram", None),
    ],
)
def test_a_notice_goes_to_the_channel_of_last_time(
    identities: list[Identity], channel: str, template: str | None
) -> None:
    route = Reach(CHANNELS, {"fr": "HX1"}).choose_route(identities, "fr")
    assert isinstance(route, Route)
    assert (route.identity.channel, route.template) == (channel, template)


def test_without_a_template_the_other_channel_is_taken() -> None:
    """Outside of WhatsApp's window, in a variety that has no approved template."""
    route = Reach(CHANNELS, {"fr": "HX1"}).choose_route([make("whatsapp", 30), make("telegram", 90)], "ar")
    assert isinstance(route, Route) and route.identity.channel == "telegram"


@pytest.mark.parametrize(
    ("identities", "reason"),
    [
        ([make("web", 0)], "web: can't be written to"),
        ([make("telegram", 1, blocked=True)], "telegram: blocked by the person"),
        ([make("whatsapp", 24.1)], "whatsapp: outside of the 24-hour window, and no approved template"),
        ([], "no address"),
    ],
)
def test_there_may_be_no_way(identities: list[Identity], reason: str) -> None:
    """Then the reason is what the log keeps."""
    assert Reach(CHANNELS, {}).choose_route(identities, "fr") == reason


async def test_one_broken_notice_keeps_nobody_waiting(db: Database) -> None:
    """Nor does an event whose places can't be settled: what is broken is dropped with the reason, the rest is told."""
    async with db.write() as session:
        await seed(session)
        contact = Contact()
        session.add(contact)
        await session.flush()
        session.add(Identity(contact_id=contact.id, channel="telegram", address="1", last_inbound_at=NOW))
        session.add(Notice(contact_id=contact.id, answer={"nothing": "known"}, due_at=NOW))
        plan_notice(session, contact.id, Answer("bot_is_back"), asked_at=NOW)
    outbox = Outbox(db, {})
    schedule = Schedule(db, Answers(FactBook(db)), outbox, Reach(CHANNELS, {}))
    await schedule.run_due()
    async with db.read() as session:
        notices = list(await session.scalars(select(Notice).order_by(Notice.id)))
        told = list(await session.scalars(select(Message.answer_key)))
    assert [(notice.state, notice.outcome) for notice in notices] == [
        ("dropped", "KeyError: 'answer'"),
        ("queued", "telegram"),
    ]
    assert told == ["bot_is_back"]
