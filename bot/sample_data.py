"""Fill an empty database with conversations of people who do not exist, to see and to measure a console full of them.

Everybody in it is marked: their addresses begin with ``sample-``, their profiles say ``{"sample": true}``, and the
names, numbers and addresses in applications are those of nobody ("Personne Exemple 12", example.com).
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text

from bot.annotation.gathering import gather_all
from bot.clock import MOROCCO, utc_now
from bot.db.engine import Database, open_database
from bot.db.migrate import migrate
from bot.db.models import Contact, Identity
from bot.errors import AssistantError
from bot.messages import VARIETIES
from bot.sample_rows import MARK, Person, RowWriter, Visit
from bot.sample_texts import FOUNDERS, LEARNERS, SampleTexts

DAYS = 730
#: Messages of one person, on average; few write hundreds.
EACH = 17
#: Turns that are written at a time.
STEP = 4_000
_VARIETY_SHARES = (38, 27, 17, 12, 6)
_CHANNELS = {"telegram": 50, "whatsapp": 35, "web": 15}
#: Of a day's messages by hour in Morocco, and of a week's by day, Monday first.
_HOURS = (3, 2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 10, 9, 11, 12, 11, 10, 9, 10, 12, 13, 10, 6)
_WEEKDAYS = (12, 12, 11, 11, 9, 7, 6)


class SampleDataError(AssistantError):
    """The database is not one that sample people may be put into; the text says why."""


async def fill(database_url: str, messages: int, seed: int = 1, until: date | None = None) -> None:
    """Migrate a database and put so many messages of sample people into it; the same for the same seed and day.

    Raises:
        SampleDataError: there are people in it already.
    """
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    try:
        await _refuse_people(db)
        await _write(db, messages, random.Random(seed), until or utc_now().date())  # noqa: S311  # no secret
    finally:
        await db.aclose()


async def _refuse_people(db: Database) -> None:
    async with db.read() as session:
        real = await session.scalar(select(func.count()).where(Identity.address.not_like(f"{MARK}%")))
        all_people = await session.scalar(select(func.count()).select_from(Contact))
    if real:
        raise SampleDataError(f"the database has {real} real people in it; sample people go into an empty one")
    if all_people:
        raise SampleDataError(f"the database has {all_people} sample people in it already; take an empty one")


async def _write(db: Database, messages: int, dice: random.Random, until: date) -> None:
    began = time.monotonic()
    texts = SampleTexts()
    people = _make_people(texts, max(1, messages // EACH), dice)
    visits = _plan_visits(people, messages // 2, dice, until)
    print(f"{len(people):,} people, {len(visits):,} visits")
    async with db.engine.connect() as connection:
        if db.is_sqlite:
            # A crash leaves a file that is thrown away.
            await connection.exec_driver_sql("COMMIT")
            await connection.exec_driver_sql("PRAGMA synchronous = OFF")
            await connection.exec_driver_sql("BEGIN")
        else:
            await connection.execute(text("DROP INDEX ix_message_terms_words"))
        writer = RowWriter(texts, people, dice, until)
        await connection.run_sync(writer.write_people, visits)
        written = 0
        for step in _steps(visits):
            await connection.run_sync(writer.write_visits, step)
            if writer.messages * 20 // messages > written * 20 // messages:
                speed = writer.messages / (time.monotonic() - began)
                print(f"{writer.messages:>12,} messages, {speed:,.0f} a second", flush=True)
            written = writer.messages
        await connection.run_sync(writer.write_ends)
        if not db.is_sqlite:
            for table in ("contacts", "identities", "messages", "sessions", "tags"):
                query = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
                await connection.execute(text(query))
            await connection.execute(text("CREATE INDEX ix_message_terms_words ON message_terms USING gin (words)"))
        await connection.commit()
    async with db.engine.connect() as connection:
        # What both need to plan well; and PostgreSQL to answer from an index alone.
        ready = await connection.execution_options(isolation_level="AUTOCOMMIT")
        if db.is_sqlite:
            await ready.exec_driver_sql("INSERT INTO message_search (message_search) VALUES ('optimize')")
        await ready.exec_driver_sql("ANALYZE" if db.is_sqlite else "VACUUM ANALYZE")
    # As the schedule of the app does it, for the console's training pages.
    await gather_all(db)
    print(f"{writer.messages:,} messages in {time.monotonic() - began:.0f} s")


def _make_people(texts: SampleTexts, count: int, dice: random.Random) -> list[Person]:
    learners, founders = texts.list_intents(LEARNERS), texts.list_intents(FOUNDERS)
    people = []
    for number in range(1, count + 1):
        channel = dice.choices(list(_CHANNELS), list(_CHANNELS.values()))[0]
        variety = dice.choices(VARIETIES, _VARIETY_SHARES)[0]
        is_founder = dice.random() < (0.8 if channel == "whatsapp" else 0.1)
        people.append(Person(number, variety, channel, founders if is_founder else learners))
    return people


def _plan_visits(people: Sequence[Person], turns: int, dice: random.Random, until: date) -> list[Visit]:
    """Who writes when: more from month to month, by day, little at night; in the order of time."""
    days = [until - timedelta(days=DAYS - day) for day in range(DAYS)]
    weights = [(1 + 2 * number / DAYS) * _WEEKDAYS[day.weekday()] for number, day in enumerate(days)]
    visits: list[Visit] = []
    left = turns
    # Everybody once, then those more often whose number is drawn low: a few write hundreds of times.
    order = iter(people)
    while left > 0:
        person = next(order, None) or people[int(len(people) * dice.random() ** 4)]
        count = min(left, 1 + int(-3 * math.log(1 - dice.random())))
        day, hour = dice.choices(days, weights)[0], dice.choices(range(24), _HOURS)[0]
        at = datetime(day.year, day.month, day.day, hour, dice.randrange(60), dice.randrange(60), tzinfo=MOROCCO)
        visits.append(Visit(at, person.number, count))
        left -= count
    return sorted(visits)


def _steps(visits: Sequence[Visit]) -> Iterator[list[Visit]]:
    step: list[Visit] = []
    turns = 0
    for visit in visits:
        step.append(visit)
        turns += visit.turns
        if turns >= STEP:
            yield step
            step, turns = [], 0
    yield step
