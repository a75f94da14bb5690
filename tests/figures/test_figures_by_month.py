"""A period that is read by months is the same as that period read day by day, whatever becomes of its days."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from small_talk import Log, at
from sqlalchemy import delete, select, update

from bot.channels.base import DeliveryReport
from bot.clock import running_on
from bot.db.conditions import begin
from bot.db.engine import Database
from bot.db.erasure import erase_contact
from bot.db.linking import merge_contacts
from bot.db.models import Contact, Event, FigureDay, FigureMonth, Message, Registration
from bot.figures.counting import OUTCOMES, VERSION
from bot.figures.crowds import pack, unpack
from bot.figures.data import Figures
from bot.figures.keeping import FigureKeeper, keep_all, rebuild, recount
from bot.figures.measuring import measure
from bot.figures.months import keep_month, list_due_months, list_whole_months
from bot.figures.period import STEPS, Period, Step
from bot.figures.steps import APPLICATION_STEPS, Walked, walk_day, walk_on
from bot.inbox import Inbox

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
PERIOD = Period.named("2026-10", TODAY)
EVENTS = ("fair", "open-day")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """It is noon in UTC on 20 November 2026."""
    with running_on(lambda: NOW):
        yield


async def months_of(db: Database) -> list[date]:
    async with db.read() as session:
        return list(await session.scalars(select(FigureMonth.month).order_by(FigureMonth.month)))


async def measured(db: Database, period: Period = PERIOD, step: Step | None = None) -> Figures:
    async with db.read() as session:
        return await measure(session, period, step)


async def measured_by_days(db: Database, period: Period = PERIOD, step: Step | None = None) -> Figures:
    """The same without any month, which are not kept afterwards."""
    async with db.write() as session:
        await session.execute(delete(FigureMonth))
    return await measured(db, period, step)


def throw_people(dice: random.Random, ids: list[int], most: int) -> set[int]:
    return set(dice.sample(ids, dice.randint(1, most)))


def throw_day(dice: random.Random, ids: list[int]) -> tuple[dict[str, dict[str, int]], bytes]:
    """The counts and the people of a day, by chance; now and then nothing happens."""
    if dice.random() < 0.05:
        return {}, pack({})
    counts: dict[str, dict[str, int]] = {}

    def count(name: str, *keys: str) -> None:
        counts[name] = {key: dice.randint(1, 9) for key in keys if dice.random() < 0.8}

    cells = [f"{channel}|{variety}" for channel in ("telegram", "web") for variety in ("fr", "ary-Latn")]
    for name in ("in", "conversation"):
        count(name, *cells)
    count("outcome", *(f"{cell}|{outcome}" for cell in cells for outcome in OUTCOMES))
    count("out", "telegram|bot", "web|staff")
    count("sent", "telegram", "web")
    count("unsent", "telegram|blocked", "web|63016")
    count("hour", *map(str, range(24)))
    count("topic", *(f"topic-{number}" for number in range(8)), "greet")
    count("bot_s", *(f"telegram|{bucket}" for bucket in range(9)))
    count("city", "rabat", "fes", "tata")
    count("request", "human", "call")
    count("proposed", "a", "b")
    people = {(kind, key): throw_people(dice, ids, most) for kind, key, most in (
        ("channel", "telegram", 9), ("channel", "web", 9), ("variety", "fr", 9), ("city", "rabat", 3),
        ("city", "tata", 1), ("programme", "a", 5), ("match", "a|rabat|training", 3), ("match", "b||", 1),
        *(("step", key, 4) for key in APPLICATION_STEPS), *(("event", slug, 3) for slug in EVENTS),
    ) if dice.random() < 0.7}  # fmt: skip
    return counts, pack(people)


async def fill_days(db: Database, dice: random.Random, first: date) -> None:
    """Days that were counted from one on to yesterday, and registrations for events."""
    async with db.write() as session:
        people = [Contact(variety="fr") for _ in range(40)]
        session.add_all(people)
        session.add_all(Event(slug=slug, name=slug, status="confirmed") for slug in EVENTS)
        await session.flush()
        ids = [each.id for each in people]
        day = first
        while day < TODAY:
            counts, packed = throw_day(dice, ids)
            session.add(FigureDay(day=day, version=VERSION, counts=counts, people=packed, counted_at=begin(day)))
            day += timedelta(days=1)
        for contact_id in ids:
            for slug in EVENTS:
                made = begin(first) + timedelta(days=dice.uniform(0, (TODAY - first).days))
                came = made + timedelta(days=dice.uniform(0, 60)) if dice.random() < 0.5 else None
                session.add(Registration(
                    reference=f"{slug}-{contact_id}"[:20], contact_id=contact_id, event_slug=slug, state="registered",
                    created_at=made, came_at=came,
                ))  # fmt: skip


async def test_any_period_by_months_is_that_period_by_days(db: Database) -> None:
    """Every figure, curve, table and funnel of calendar years and months, and of stretches and steps by chance."""
    dice = random.Random(18)
    first = date(2025, 7, 14)
    await fill_days(db, dice, first)
    log = Log(db)
    await log.says(await log.person("web"), "web", begin(first) + timedelta(hours=9))
    periods = [(Period.named(name, TODAY), step) for name in ("2026", "2026-10", "last-90-days") for step in STEPS]
    for _ in range(12):
        start = first + timedelta(days=dice.randrange(300))
        last = min(start + timedelta(days=dice.randrange(20, 366)), TODAY - timedelta(days=1))
        periods.append((Period.parse({"from": f"{start}", "to": f"{last}"}, TODAY), dice.choice(STEPS)))
    by_days = [await measured(db, period, step) for period, step in periods]
    assert await months_of(db) == []
    async with db.read() as session:
        due = await list_due_months(session)
    # July 2025 began before the log did, and November is not over.
    assert (due[0], due[-1], len(due)) == (OCTOBER, date(2025, 8, 1), 15)
    for month in due:
        await keep_month(db, month)
    assert await months_of(db) == due[::-1]
    for (period, step), expected in zip(periods, by_days, strict=True):
        assert await measured(db, period, step) == expected, (period, step)
    assert by_days[0].figure("people").value and by_days[0].funnel("application").steps[2].figure.value
    assert by_days[0].funnel("events").steps[2].figure.value


@pytest.mark.parametrize("seed", range(20))
def test_steps_in_order_are_the_same_in_any_pieces(seed: int) -> None:
    """Ten days walked one by one, or as two stretches that were walked before."""
    dice = random.Random(seed)
    days = [{key: throw_people(dice, list(range(12)), 3) for key in APPLICATION_STEPS} for _ in range(10)]
    at_once, cut = Walked(), dice.randrange(1, 9)
    parts = [Walked(), Walked()]
    for number, took in enumerate(days):
        walk_on(at_once, walk_day(took))
        walk_on(parts[number >= cut], walk_day(took))
    walk_on(parts[0], parts[1])
    assert parts[0] == at_once
    # And as it is said: who took each step on the day of the one before it, or later.
    came: list[set[int]] = [set(), set(), set()]
    for took in days:
        came[0] |= took[APPLICATION_STEPS[0]]
        came[1] |= came[0] & took[APPLICATION_STEPS[1]]
        came[2] |= came[1] & took[APPLICATION_STEPS[2]]
    assert [at_once[0, place] for place in range(3)] == came


def test_only_whole_months_are_read_as_such() -> None:
    period = Period.parse({"from": "2026-08-02", "to": "2026-10-30"}, TODAY)
    assert list_whole_months(period) == [date(2026, 9, 1)]
    assert list_whole_months(PERIOD) == [OCTOBER]
    assert list_whole_months(Period.named("this-month", TODAY)) == []


async def talk(db: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Two people who wrote in October, one of them from September on; both months are kept."""
    log = Log(db)
    amal, badr = await log.person("telegram"), await log.person("whatsapp")
    await log.says(amal, "telegram", at("2026-08-31 23:30"))  # 1 September in Morocco
    for day in ("10", "20"):
        await log.says(amal, "telegram", at(f"2026-10-{day} 10:00"))
    await log.says(badr, "whatsapp", at("2026-10-12 10:00"))
    async with db.write() as session:
        lost = Message.contact_id == badr["contact"]
        await session.execute(update(Message).where(lost, Message.direction == "out").values(external_id="SM1"))
    await keep_all(db)
    assert await months_of(db) == [date(2026, 9, 1), OCTOBER]
    assert (await measured(db)).figure("people").value == 2
    return amal, badr


async def check_again(db: Database) -> Figures:
    """Days are counted anew, and October with them; before and after that it says what its days say."""
    await FigureKeeper(db).keep_up()
    figures = await measured(db)
    await keep_all(db)
    assert OCTOBER in await months_of(db)
    by_month = await measured(db)
    assert by_month == figures == await measured_by_days(db)
    return by_month


async def test_whoever_is_erased_leaves_the_month(db: Database) -> None:
    _, badr = await talk(db)
    async with db.write() as session:
        await erase_contact(session, badr["contact"], None, "x" * 16)
    await recount(db, [date(2026, 10, 12)])
    # The number is gone with the day; nothing is left of it in a month meanwhile.
    assert await months_of(db) == [date(2026, 9, 1)]
    assert (await measured(db)).figure("people").value == 1
    await keep_all(db)
    async with db.read() as session:
        rows = (await session.execute(select(FigureMonth.people, FigureMonth.writers))).all()
    kept = {number for row in rows for packed in row for *_, numbers in unpack(packed) for number in numbers}
    assert kept and badr["contact"] not in kept
    assert (await check_again(db)).figure("people").value == 1


async def test_a_late_report_reaches_the_month(db: Database) -> None:
    await talk(db)
    assert (await measured(db)).figure("share_undelivered").value == 0
    assert await Inbox(db).record(DeliveryReport("SM1", "failed", "63016: lost", NOW))
    assert (await check_again(db)).figure("share_undelivered").value == pytest.approx(1 / 3)


async def test_two_people_who_are_one_are_one_in_the_month(db: Database) -> None:
    amal, badr = await talk(db)
    async with db.write() as session:
        await merge_contacts(session, amal["contact"], badr["contact"])
    assert (await check_again(db)).figure("people").value == 1


async def test_counting_anew_comes_to_the_same_months(db: Database) -> None:
    await talk(db)
    columns = [column for column in FigureMonth.__table__.columns if column.name != "counted_at"]

    async def kept() -> list[tuple[object, ...]]:
        async with db.read() as session:
            return [tuple(row) for row in await session.execute(select(*columns).order_by(FigureMonth.month))]

    before = await kept()
    await rebuild(db)
    assert await kept() == before and len(before) == 2
    # Counted by older rules, it is read by no page, and added up again.
    async with db.write() as session:
        await session.execute(update(FigureMonth).values(version=0, counts={}))
    assert (await measured(db)).figure("messages_in").value == 3
    await keep_all(db)
    assert await kept() == before


async def test_a_month_with_a_day_that_is_due_waits(db: Database) -> None:
    await talk(db)
    async with db.write() as session:
        await session.execute(delete(FigureMonth))
        await session.execute(update(FigureDay).where(FigureDay.day == date(2026, 10, 12)).values(is_stale=True))
    async with db.read() as session:
        assert await list_due_months(session) == [date(2026, 9, 1)]
    await keep_month(db, OCTOBER)
    assert await months_of(db) == []


async def test_several_processes_never_keep_what_is_no_longer_so(db: Database) -> None:
    """Days are counted anew while months are added up; none waits for the other in a circle."""
    await talk(db)
    days = [date(2026, 9, 30), OCTOBER, date(2026, 10, 12)]
    await asyncio.wait_for(
        asyncio.gather(*(each for _ in range(4) for each in (recount(db, days), keep_month(db, OCTOBER)))), 60
    )
    await keep_month(db, OCTOBER)
    by_month = await measured(db)
    assert by_month == await measured_by_days(db)
