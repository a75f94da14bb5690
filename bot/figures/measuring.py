"""Make the figures of a period of the counts of its days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import today
from bot.db.conditions import begin
from bot.db.models import City, Event, FigureDay, Programme, Registration
from bot.figures.counting import DEALT_WITH, VERSION
from bot.figures.data import Covered, Figure, Figures, Point, Row, Series, Table
from bot.figures.funnels import make_funnels
from bot.figures.keeping import find_first_day
from bot.figures.people import count_people, count_people_by_key, count_people_by_stretch
from bot.figures.period import Period, Step
from bot.figures.sums import Sums
from bot.figures.tables import Sides, make_tables
from bot.figures.topics import find_rising

#: Kinds of marks that tables count people by.
_KINDS = ("channel", "variety", "city", "programme", "match")


async def measure(session: AsyncSession, period: Period, step: Step | None = None) -> Figures:
    """Every figure of a period.

    The counts of days are read as `bot.figures.keeping` keeps them, today's at most a minute old; nothing is counted or
    written here. A day that is not counted yet is in no figure, and `Figures.pending` says how many there are.

    Args:
        session: a session for reading.
        period: the days.
        step: how long each point of a series is; None: as `Period.step` says.
    """
    step, before = step or period.step, period.before
    since = await find_first_day(session)
    covered: Covered = "not"
    if since is not None and since <= before.last:
        covered = "whole" if since <= before.first else "partly"
    query = select(FigureDay.day, FigureDay.counts, FigureDay.counted_at, FigureDay.version)
    both = ((FigureDay.day >= before.first) & (FigureDay.day <= before.last)) | (
        (FigureDay.day >= period.first) & (FigureDay.day <= period.last)
    )
    rows = [row for row in await session.execute(query.where(both)) if row.version == VERSION]
    days = {row.day: row.counts for row in rows}
    now, then = _sum(days, period), _sum(days, before)
    sides = Sides(
        now,
        then if covered != "not" else None,
        {kind: await count_people_by_key(session, kind, period) for kind in _KINDS},
        {kind: await count_people_by_key(session, kind, before) if covered != "not" else {} for kind in _KINDS},
    )
    names = {
        "city": await _list_names(session, City),
        "programme": await _list_names(session, Programme),
    }
    return Figures(
        period=period,
        before=before,
        step=step,
        covered=covered,
        since=since,
        counted_at=max((row.counted_at for row in rows if row.counts), default=None),
        pending=_count_pending(days, (before, period), since),
        headline=await _make_headline(session, sides, period, covered),
        series=await _make_series(session, days, period, step, covered),
        tables=(*make_tables(sides, names), await _make_events(session, period, covered)),
        funnels=await make_funnels(session, period, covered),
        rising=find_rising(now.by("topic", 0), then.by("topic", 0)) if covered == "whole" else (),
    )


def _sum(days: Mapping[date, Mapping[str, Mapping[str, int]]], period: Period) -> Sums:
    return Sums(counts for day, counts in days.items() if period.first <= day <= period.last)


def _count_pending(days: Mapping[date, object], periods: Iterable[Period], since: date | None) -> int:
    if since is None:
        return 0
    wanted = set()
    for period in periods:
        first, last = max(period.first, since), min(period.last, today())
        wanted |= {first + timedelta(days=number) for number in range((last - first).days + 1)}
    return len(wanted - days.keys())


async def _list_names(session: AsyncSession, model: type[City] | type[Programme] | type[Event]) -> dict[str, str]:
    """What rows are called, by slug; also those that staff put aside."""
    query = select(model.slug, model.name).execution_options(with_retired=True)
    return {row.slug: row.name for row in await session.execute(query)}


async def _make_headline(session: AsyncSession, sides: Sides, period: Period, covered: Covered) -> tuple[Figure, ...]:
    people = await count_people(session, period)
    people_before = await count_people(session, period.before) if covered != "not" else None
    registrations, came = await _count_registrations(session, period)
    was_registered, had_come = await _count_registrations(session, period.before) if covered != "not" else (None, None)
    shares = [sides.make(f"share_{outcome}", "share", Sums.outcome_share, outcome) for outcome in DEALT_WITH]
    return (
        sides.count("conversations", "conversation"),
        _count("people", people, people_before),
        sides.count("messages_in", "in"),
        sides.count("messages_out", "out"),
        *shares,
        sides.count("to_staff", "outcome", third="to_staff"),
        sides.make("response_median_s", "seconds", Sums.quantile, "bot_s", 0.5),
        sides.make("response_p95_s", "seconds", Sums.quantile, "bot_s", 0.95),
        sides.make("staff_median_s", "seconds", Sums.quantile, "staff_s", 0.5),
        sides.make("staff_p95_s", "seconds", Sums.quantile, "staff_s", 0.95),
        sides.make("share_undelivered", "share", Sums.undelivered),
        sides.make("share_satisfied", "share", Sums.satisfied),
        sides.make("share_rated", "share", Sums.rated),
        sides.count("applications", "application"),
        _count("registrations", registrations, was_registered),
        _count("came", came, had_come),
        sides.count("requests", "request"),
    )


def _count(key: str, value: int, before: int | None) -> Figure:
    return Figure(key, "count", value, value, before, before or 0)


async def _count_registrations(session: AsyncSession, period: Period) -> tuple[int, int]:
    """Registrations that were made, the waiting list and those given up included; and people let in at events."""
    start, end = begin(period.first), begin(period.last + timedelta(days=1))
    made = select(func.count()).where(Registration.created_at >= start, Registration.created_at < end)
    came = select(func.count()).where(Registration.came_at >= start, Registration.came_at < end)
    return int(await session.scalar(made) or 0), int(await session.scalar(came) or 0)


async def _make_series(
    session: AsyncSession, days: Mapping[date, Any], period: Period, step: Step, covered: Covered
) -> tuple[Series, ...]:
    stretches, earlier = period.split(step), period.before.split(step) if covered != "not" else []
    people = await count_people_by_stretch(session, stretches)
    people_before = await count_people_by_stretch(session, earlier) if earlier else []
    sums = [_sum(days, Period("own", first, last)) for first, last in stretches]
    before = [_sum(days, Period("own", first, last)) for first, last in earlier]
    made = [
        Series("people", "count", _points(stretches, people), _points(earlier, people_before)),
    ]
    for key, name in (("conversations", "conversation"), ("messages_in", "in"), ("messages_out", "out")):
        made.append(Series(
            key, "count", _points(stretches, [each.count(name) for each in sums]),
            _points(earlier, [each.count(name) for each in before]),
        ))  # fmt: skip
    made.append(Series(
        "share_answered", "share", _points(stretches, [each.outcome_share("answered")[0] for each in sums]),
        _points(earlier, [each.outcome_share("answered")[0] for each in before]),
    ))  # fmt: skip
    return tuple(made)


def _points(stretches: Sequence[tuple[date, date]], values: Sequence[float | None]) -> tuple[Point, ...]:
    return tuple(Point(first, last, value) for (first, last), value in zip(stretches, values, strict=True))


async def _make_events(session: AsyncSession, period: Period, covered: Covered) -> Table:
    """Events by how many people saw them in an answer, registered and came in the period."""
    now = await _count_events(session, period)
    before = await _count_events(session, period.before) if covered != "not" else None
    names = await _list_names(session, Event)
    columns = ("event_seen", "event_registered", "event_came")
    rows = []
    for slug in sorted(now, key=lambda slug: ([-count for count in now[slug]], slug)):
        was = None if before is None else before.get(slug, (0, 0, 0))
        figures = tuple(_count(key, now[slug][place], was[place] if was else None) for place, key in enumerate(columns))
        rows.append(Row(slug, names.get(slug, slug), figures))
    return Table("events", columns, tuple(rows))


async def _count_events(session: AsyncSession, period: Period) -> dict[str, tuple[int, int, int]]:
    start, end = begin(period.first), begin(period.last + timedelta(days=1))
    found: dict[str, list[int]] = {}
    seen = await count_people_by_key(session, "event", period)
    made = (Registration.created_at >= start) & (Registration.created_at < end)
    came = (Registration.came_at >= start) & (Registration.came_at < end)
    for place, condition in ((1, made), (2, came)):
        query = select(Registration.event_slug, func.count().label("people")).where(condition)
        for row in await session.execute(query.group_by(Registration.event_slug)):
            found.setdefault(row.event_slug, [0, 0, 0])[place] = row.people
    for slug, people in seen.items():
        found.setdefault(slug, [0, 0, 0])[0] = people
    return {slug: (counts[0], counts[1], counts[2]) for slug, counts in found.items()}
