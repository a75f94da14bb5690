"""Keep the counts of every day: each is counted when it is over, again when something of it changed, and today often.

A month whose days are counted is added up (`bot.figures.months`). Several processes may do so: a day is counted by
whoever locks its row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, today, utc_now
from bot.db.conditions import begin
from bot.db.engine import Database
from bot.db.models import FigureDay, FigureMonth, Message
from bot.figures.counting import VERSION, count_day
from bot.figures.crowds import pack
from bot.figures.months import keep_month, list_due_months

logger = logging.getLogger(__name__)

#: How old the counts of today may be.
FRESH = timedelta(minutes=1)
#: A day is counted once more so long after it was over: by then its last messages are answered and delivered.
SETTLES = timedelta(hours=6)
#: So many days are counted in one transaction, so that nothing else waits for long.
STEP = 10


class FigureKeeper:
    """What the schedule of an app process does for figures."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._next_at: datetime | None = None

    async def keep_up(self) -> None:
        """Count what is due, a few days at a time, at most once in `FRESH` when nothing is left."""
        now = utc_now()
        if self._next_at is not None and now < self._next_at <= now + FRESH:
            return
        async with self._db.read() as session:
            due, months = await list_due_days(session), await list_due_months(session)
        await recount(self._db, due[:STEP])
        for month in months[:1]:
            await keep_month(self._db, month)
        self._next_at = now + FRESH if len(due) <= STEP and len(months) <= 1 else None


async def list_due_days(session: AsyncSession) -> list[date]:
    """The days to count, the newest first: those that were not, not since they settled or changed, and today."""
    first, now, last = await find_first_day(session), utc_now(), today()
    query = select(FigureDay.day, FigureDay.version, FigureDay.counted_at, FigureDay.is_stale)
    kept = {row.day: row for row in await session.execute(query)}
    # A day before the first message is left of people who were erased.
    due = {row.day for row in kept.values() if row.is_stale or row.version != VERSION}
    if first is not None:
        for number in range((last - first).days + 1):
            day = last - timedelta(days=number)
            if day not in kept or _is_old(day, kept[day].counted_at, now):
                due.add(day)
    return sorted(due, reverse=True)


def _is_old(day: date, counted_at: datetime, now: datetime) -> bool:
    over = begin(day + timedelta(days=1))
    if now < over:
        return now - counted_at >= FRESH
    return counted_at < over or counted_at < over + SETTLES <= now


async def find_first_day(session: AsyncSession) -> date | None:
    """The day of the oldest message in the log; None when it is empty."""
    first = await session.scalar(select(func.min(Message.created_at)))
    return None if first is None else first.astimezone(MOROCCO).date()


async def recount(db: Database, days: Iterable[date]) -> None:
    """Count some days and keep what came of it, in one transaction; the months that they are in are no longer kept."""
    insert_one = insert_on_sqlite if db.is_sqlite else insert_on_postgresql
    days = sorted(days)
    async with db.write() as session:
        # In the order in which `bot.db.touched` locks them.
        for day in days:
            values = {"day": day, "version": 0, "counts": {}, "people": b"", "counted_at": utc_now(), "is_stale": True}
            await session.execute(insert_one(FigureDay).values(values).on_conflict_do_nothing())
            # Whoever changes something of the day waits for this lock, or has it before us.
            await session.execute(select(FigureDay.day).where(FigureDay.day == day).with_for_update())
            counted_at = utc_now()
            counted = await count_day(session, day)
            kept = {"counts": counted.counts, "people": pack(counted.people), "counted_at": counted_at}
            await session.execute(
                update(FigureDay).where(FigureDay.day == day).values(**kept, version=VERSION, is_stale=False)
            )
        # Months after days, and in order, as `keep_month` does.
        for month in sorted({day.replace(day=1) for day in days}):
            await session.execute(delete(FigureMonth).where(FigureMonth.month == month))


async def rebuild(db: Database, say: Callable[[str], None] | None = None) -> int:
    """Count every day anew; how many.

    Args:
        db: the database.
        say: is told how far it is, in words for a terminal.
    """
    async with db.write() as session:
        await session.execute(update(FigureDay).values(is_stale=True))
    return await keep_all(db, say)


async def keep_all(db: Database, say: Callable[[str], None] | None = None) -> int:
    """Count every day that is due, and add up the months; how many days."""
    return await keep_between(db, date.min, date.max, say)


async def keep_between(db: Database, first: date, last: date, say: Callable[[str], None] | None = None) -> int:
    """Count every day that is due from a first one to a last one, `STEP` in a transaction, and add up the months.

    Returns:
        How many days.
    """
    async with db.read() as session:
        due = [day for day in await list_due_days(session) if first <= day <= last]
    for place in range(0, len(due), STEP):
        await recount(db, due[place : place + STEP])
        number = min(place + STEP, len(due))
        if say is not None and (number % 50 == 0 or number == len(due)):
            say(f"{number} of {len(due)} days counted")
    async with db.read() as session:
        months = await list_due_months(session)
    for month in months:
        await keep_month(db, month)
    return len(due)
