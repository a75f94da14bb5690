"""Days are counted once, and again when something of them changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from small_talk import Log, at
from sqlalchemy import select, update

from bot.channels.base import DeliveryReport
from bot.clock import running_on
from bot.db.engine import Database
from bot.db.erasure import erase_contact, purge_contact
from bot.db.linking import merge_contacts
from bot.db.models import FigureDay, Message
from bot.figures.crowds import unpack
from bot.figures.keeping import FRESH, STEP, FigureKeeper, keep_all, list_due_days, rebuild
from bot.figures.measuring import measure
from bot.figures.period import Period
from bot.inbox import Inbox

NOW = [datetime(2026, 11, 20, 12, tzinfo=UTC)]
PERIOD = Period.parse({"from": "2026-11-10", "to": "2026-11-12"}, date(2026, 11, 20))


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """It is what `NOW` says, at first noon on 20 November 2026."""
    NOW[0] = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with running_on(lambda: NOW[0]):
        yield


async def due(db: Database) -> list[date]:
    async with db.read() as session:
        return await list_due_days(session)


async def messages_and_people(db: Database) -> tuple[float | None, float | None]:
    async with db.read() as session:
        figures = await measure(session, PERIOD)
    return figures.figure("messages_in").value, figures.figure("people").value


async def test_days_are_counted_once_settled(db: Database) -> None:
    """Today each minute; yesterday when it is over, and six hours later; then never again."""
    log = Log(db)
    amal = await log.person("web")
    await log.says(amal, "web", at("2026-11-19 10:00"))
    assert await due(db) == [date(2026, 11, 20), date(2026, 11, 19)]
    await keep_all(db)
    assert await due(db) == []
    NOW[0] += FRESH
    assert await due(db) == [date(2026, 11, 20)]
    await keep_all(db)
    NOW[0] = at("2026-11-20 23:05")  # five past midnight in Morocco
    assert await due(db) == [date(2026, 11, 21), date(2026, 11, 20)]
    await keep_all(db)
    NOW[0] = at("2026-11-21 05:05")
    assert await due(db) == [date(2026, 11, 21), date(2026, 11, 20)]
    await keep_all(db)
    NOW[0] += timedelta(hours=1)
    assert await due(db) == [date(2026, 11, 21)]


async def test_the_keeper_counts_a_few_days_at_a_time(db: Database) -> None:
    """What is not counted yet is in no figure, and is told."""
    log = Log(db)
    amal = await log.person("web")
    for day in range(1, 21):
        await log.says(amal, "web", at(f"2026-11-{day:02} 10:00"))
    keeper = FigureKeeper(db)
    await keeper.keep_up()
    async with db.read() as session:
        figures = await measure(session, Period.parse({"from": "2026-11-09", "to": "2026-11-16"}, date(2026, 11, 20)))
    # The ten newest are counted: from the 11th on. Both periods, from the 1st to the 16th, miss ten.
    assert STEP == 10 and figures.pending == 10 and figures.figure("messages_in").value == 6
    await keeper.keep_up()
    assert await due(db) == []
    async with db.read() as session:
        first = await session.scalar(select(FigureDay.counted_at).where(FigureDay.day == date(2026, 11, 20)))
    NOW[0] += timedelta(seconds=5)
    await keeper.keep_up()
    async with db.read() as session:
        assert first == await session.scalar(select(FigureDay.counted_at).where(FigureDay.day == date(2026, 11, 20)))


async def test_whoever_is_erased_leaves_the_figures(db: Database) -> None:
    """Their days are counted anew, and their number is in none of them."""
    log = Log(db)
    amal, badr = await log.person("telegram"), await log.person("telegram")
    for day in ("10", "11"):
        await log.says(amal, "telegram", at(f"2026-11-{day} 10:00"))
    await log.says(badr, "telegram", at("2026-11-11 10:00"))
    await keep_all(db)
    assert await messages_and_people(db) == (3, 2)
    async with db.write() as session:
        await erase_contact(session, amal["contact"], None, "x" * 16)
    assert await due(db) == [date(2026, 11, 11), date(2026, 11, 10)]
    await keep_all(db)
    assert await messages_and_people(db) == (1, 1)
    async with db.write() as session:
        await purge_contact(session, amal["contact"])
    await keep_all(db)
    async with db.read() as session:
        crowds = list(await session.scalars(select(FigureDay.people)))
    assert {number for packed in crowds for *_, numbers in unpack(packed) for number in numbers} == {badr["contact"]}


async def test_two_people_who_are_one(db: Database) -> None:
    """From the link of two channels on they are one person, on the days before it too."""
    log = Log(db)
    amal, same = await log.person("telegram"), await log.person("whatsapp")
    await log.says(amal, "telegram", at("2026-11-10 10:00"))
    await log.says(same, "whatsapp", at("2026-11-12 10:00"))
    await keep_all(db)
    assert await messages_and_people(db) == (2, 2)
    async with db.write() as session:
        await merge_contacts(session, amal["contact"], same["contact"])
    await keep_all(db)
    assert await messages_and_people(db) == (2, 1)


async def test_a_late_delivery_report(db: Database) -> None:
    """A message that the provider reports lost days later is lost on the day it was sent."""
    log = Log(db)
    amal = await log.person("whatsapp")
    await log.says(amal, "whatsapp", at("2026-11-10 10:00"))
    async with db.write() as session:
        await session.execute(update(Message).where(Message.direction == "out").values(external_id="SM1"))
    await keep_all(db)
    assert await Inbox(db).record(DeliveryReport("SM1", "failed", "63016: lost", NOW[0]))
    assert await due(db) == [date(2026, 11, 10)]
    await keep_all(db)
    async with db.read() as session:
        figures = await measure(session, PERIOD)
    assert figures.figure("share_undelivered").value == 1
    assert [row.key for row in figures.table("delivery").rows] == ["whatsapp|63016"]


async def test_counting_anew_changes_nothing(db: Database) -> None:
    """`--rebuild` comes to what was kept, and a day of an older version is counted again by itself."""
    log = Log(db)
    amal = await log.person("web")
    for day in ("10", "11", "12"):
        await log.says(amal, "web", at(f"2026-11-{day} 10:00"))
    await keep_all(db)

    async def kept() -> list[tuple[object, ...]]:
        async with db.read() as session:
            rows = await session.execute(
                select(FigureDay.day, FigureDay.counts, FigureDay.people).order_by(FigureDay.day)
            )
            return [tuple(row) for row in rows]

    before = await kept()
    told: list[str] = []
    assert await rebuild(db, told.append) == 11 and told == ["11 of 11 days counted"]
    assert await kept() == before
    async with db.write() as session:
        await session.execute(update(FigureDay).where(FigureDay.day == date(2026, 11, 11)).values(version=0))
    assert await due(db) == [date(2026, 11, 11)]
    async with db.read() as session:
        assert (await measure(session, PERIOD)).pending == 1
