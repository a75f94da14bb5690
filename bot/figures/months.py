"""Add up the days of a finished month: what `bot.figures.people` and `bot.figures.sums` make of it is the same."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import today
from bot.db.engine import Database
from bot.db.models import FigureDay, FigureMonth
from bot.figures.counting import OUTCOMES, VERSION
from bot.figures.crowds import pack, unpack
from bot.figures.period import Period, Step
from bot.figures.steps import Walked, walk_day, walk_on

Counts = Mapping[str, Mapping[str, int]]
#: What curves are drawn of, day by day; `share_answered` is one of outcomes.
_DRAWN = ("conversation", "in", "out")


@dataclass(frozen=True, slots=True)
class Piece:
    """A day as it was counted, or a whole month of them.

    Attributes:
        counts: as `bot.figures.counting.Counted.counts`.
        people: who did what, packed: of a day as it was counted, of a month as `add_up` packs it.
        daily: of a month, what curves are drawn of by day; empty when it was not asked for.
        writers: of a month, who wrote by day, packed; empty when it was not asked for.
    """

    first: date
    last: date
    counts: Counts
    people: bytes
    counted_at: datetime
    daily: Mapping[str, Counts] = field(default_factory=dict)
    writers: bytes = b""


def end_of(month: date) -> date:
    """The last day of the month that a day is in."""
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def list_whole_months(period: Period) -> list[date]:
    """The first days of the months that lie in a period from their first to their last day."""
    return [first for first, last in period.split("month") if first.day == 1 and last == end_of(first)]


def reduce(counts: Counts) -> Counts:
    """What curves are drawn of, without the parts of keys that they don't ask for."""
    drawn = {name: {"": sum(counts[name].values())} for name in _DRAWN if name in counts}
    outcomes = dict.fromkeys(OUTCOMES, 0)
    for key, count in counts.get("outcome", {}).items():
        outcomes[key.rpartition("|")[2]] += count
    return drawn | {"outcome": {f"||{outcome}": count for outcome, count in outcomes.items() if count}}


def add_up(days: Sequence[Piece]) -> Piece:
    """The days of a month, in order, as one piece.

    Its people have other kinds than those of a day where order matters: ``way``, with keys like ``0|2``, who took
    all steps from one to another in order (`bot.figures.steps`); ``seen``, with keys like ``event|2026-11-03``, who
    saw an event on that day and not before it in the month.
    """
    counts: dict[str, dict[str, int]] = {}
    people: dict[tuple[str, str], set[int]] = {}
    writers: dict[tuple[str, str], set[int]] = {}
    seen: dict[str, set[int]] = {}
    walked: Walked = {}
    for day in days:
        for name, keys in day.counts.items():
            total = counts.setdefault(name, {})
            for key, count in keys.items():
                total[key] = total.get(key, 0) + count
        took: dict[str, Iterable[int]] = {}
        for kind, key, numbers in unpack(day.people):
            if kind == "step":
                took[key] = numbers
            elif kind == "event":
                before = seen.setdefault(key, set())
                people["seen", f"{key}|{day.first}"] = set(numbers) - before
                before.update(numbers)
            else:
                people.setdefault((kind, key), set()).update(numbers)
                if kind == "channel":
                    writers.setdefault(("day", day.first.isoformat()), set()).update(numbers)
        walk_on(walked, walk_day(took))
    people |= {("way", f"{first}|{last}"): who for (first, last), who in walked.items()}
    return Piece(
        days[0].first,
        days[-1].last,
        counts,
        pack({key: who for key, who in people.items() if who}),
        max(day.counted_at for day in days),
        {day.first.isoformat(): reduce(day.counts) for day in days},
        pack(writers),
    )


async def list_due_months(session: AsyncSession) -> list[date]:
    """The first days of the months to add up, the newest first: those that are over, counted whole, and not kept."""
    this_month = today().replace(day=1)
    query = select(FigureDay.day).where(
        FigureDay.day < this_month, FigureDay.version == VERSION, FigureDay.is_stale.is_(False)
    )
    ready: dict[date, int] = {}
    for day in await session.scalars(query):
        month = day.replace(day=1)
        ready[month] = ready.get(month, 0) + 1
    kept = set(await session.scalars(select(FigureMonth.month).where(FigureMonth.version == VERSION)))
    whole = {month for month, days in ready.items() if days == end_of(month).day}
    return sorted(whole - kept, reverse=True)


async def keep_month(db: Database, month: date) -> None:
    """Add up a month and keep it, unless one of its days is due meanwhile."""
    insert_one = insert_on_sqlite if db.is_sqlite else insert_on_postgresql
    async with db.write() as session:
        # Days first and in order, then months, as `bot.figures.keeping.recount` does: whoever counts a day anew either
        # did before, or waits for us and then removes the month.
        query = select(FigureDay).where(FigureDay.day.between(month, end_of(month)))
        rows = list(await session.scalars(query.order_by(FigureDay.day).with_for_update()))
        if len(rows) < end_of(month).day or any(row.is_stale or row.version != VERSION for row in rows):
            return
        whole = add_up([Piece(row.day, row.day, row.counts, row.people, row.counted_at) for row in rows])
        values = {
            "version": VERSION, "counts": whole.counts, "people": whole.people, "daily": whole.daily,
            "writers": whole.writers, "counted_at": whole.counted_at,
        }  # fmt: skip
        added = insert_one(FigureMonth).values(month=month, **values)
        await session.execute(added.on_conflict_do_update(index_elements=["month"], set_=values))


async def read_pieces(session: AsyncSession, periods: Iterable[Period], step: Step) -> list[Piece]:
    """What is kept of some periods, in the order of time: months where they are whole, else days.

    Args:
        session: a session for reading.
        periods: periods that don't overlap.
        step: the stretches that they will be drawn in; what is by day in a month is read where those are shorter.
    """
    periods = list(periods)
    months = [month for period in periods for month in list_whole_months(period)]
    columns: list[Any] = [FigureMonth.month, FigureMonth.counts, FigureMonth.people, FigureMonth.counted_at]
    if step != "month":
        columns += [FigureMonth.daily, FigureMonth.writers]
    pieces = []
    if months:
        wanted = select(*columns).where(FigureMonth.month.in_(months), FigureMonth.version == VERSION)
        for row in await session.execute(wanted):
            by_day = (row.daily, row.writers) if step != "month" else ()
            pieces.append(Piece(row.month, end_of(row.month), row.counts, row.people, row.counted_at, *by_day))
    gaps = [gap for period in periods for gap in _list_gaps(period, {piece.first for piece in pieces})]
    if gaps:
        days = select(FigureDay.day, FigureDay.counts, FigureDay.people, FigureDay.counted_at)
        within = or_(*(FigureDay.day.between(first, last) for first, last in gaps))
        for row in await session.execute(days.where(within, FigureDay.version == VERSION)):
            pieces.append(Piece(row.day, row.day, row.counts, row.people, row.counted_at))
    return sorted(pieces, key=lambda piece: piece.first)


def _list_gaps(period: Period, months: set[date]) -> list[tuple[date, date]]:
    """The days of a period that are in none of some months, as stretches from their first to their last day."""
    gaps: list[tuple[date, date]] = []
    for first, last in period.split("month"):
        if first in months:
            continue
        if gaps and gaps[-1][1] + timedelta(days=1) == first:
            first = gaps.pop()[0]
        gaps.append((first, last))
    return gaps
