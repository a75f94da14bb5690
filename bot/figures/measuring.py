"""Make the figures of a period of the counts of its days."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import today
from bot.db.conditions import begin
from bot.db.models import City, Event, Programme, Registration
from bot.figures.counting import DEALT_WITH
from bot.figures.data import Covered, Figure, Figures, Funnel, FunnelStep, Point, Row, Series, Table
from bot.figures.keeping import find_first_day
from bot.figures.months import Counts, Piece, read_pieces, reduce
from bot.figures.people import EVENT_STEPS, People, Place, gather
from bot.figures.period import Period, Step
from bot.figures.steps import APPLICATION_STEPS
from bot.figures.sums import Sums
from bot.figures.tables import Sides, make_tables
from bot.figures.topics import find_rising


@dataclass(frozen=True, slots=True)
class _Side:
    """What is known of one of the two periods, in all and stretch by stretch."""

    period: Period
    stretches: list[tuple[date, date]]
    sums: Sums
    parts: list[Sums]
    people: People
    places: list[Place]


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
    pieces = await read_pieces(session, (before, period), step)
    places = await _list_places(session, before, period)
    now = _look_at(period, step, pieces, places)
    then = _look_at(before, step, pieces, places) if covered != "not" else None
    sums, was = now.sums, then.sums if then is not None else None
    sides = Sides(sums, was, now.people, then.people if then is not None else People())
    names = await _list_names(session)
    return Figures(
        period=period,
        before=before,
        step=step,
        covered=covered,
        since=since,
        counted_at=max((piece.counted_at for piece in pieces), default=None),
        pending=_count_pending(pieces, (before, period), since),
        headline=_make_headline(sides, now, then),
        series=_make_series(now, then),
        tables=(*make_tables(sides, names), _make_events(now, then, names["event"])),
        funnels=_make_funnels(now, then),
        rising=find_rising(_topics(sums), _topics(was)) if covered == "whole" else (),
    )


def _topics(sums: Sums | None) -> Counter[str]:
    return sums.by("topic", 0) if sums is not None else Counter()


def _look_at(period: Period, step: Step, kept: Iterable[Piece], places: Sequence[Place]) -> _Side:
    stretches = period.split(step)
    pieces = [piece for piece in kept if period.first <= piece.first <= period.last]
    sums = Sums(piece.counts for piece in pieces)
    return _Side(period, stretches, sums, _split_up(pieces, stretches), gather(pieces, stretches, places), list(places))


def _split_up(pieces: Iterable[Piece], stretches: Sequence[tuple[date, date]]) -> list[Sums]:
    """What curves are drawn of, by stretch."""
    ends = [last for _, last in stretches]
    found: list[list[Counts]] = [[] for _ in stretches]
    for piece in pieces:
        number = bisect_left(ends, piece.first)
        if piece.last <= ends[number]:
            found[number].append(reduce(piece.counts))
        else:
            for day, counts in piece.daily.items():
                found[bisect_left(ends, date.fromisoformat(day))].append(counts)
    return [Sums(each) for each in found]


def _count_pending(pieces: Iterable[Piece], periods: Iterable[Period], since: date | None) -> int:
    if since is None:
        return 0
    counted = {day for piece in pieces for day in _list_days(piece.first, piece.last)}
    wanted: set[date] = set()
    for period in periods:
        wanted.update(_list_days(max(period.first, since), min(period.last, today())))
    return len(wanted - counted)


def _list_days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


async def _list_names(session: AsyncSession) -> dict[str, dict[str, str]]:
    """What towns, programmes and events are called, by slug; also those that staff put aside."""
    models: dict[str, type[City] | type[Programme] | type[Event]]
    models = {"city": City, "programme": Programme, "event": Event}
    queries = [select(literal(kind).label("kind"), model.slug, model.name) for kind, model in models.items()]
    names: dict[str, dict[str, str]] = {kind: {} for kind in models}
    for row in await session.execute(union_all(*queries).execution_options(with_retired=True)):
        names[row.kind][row.slug] = row.name
    return names


async def _list_places(session: AsyncSession, before: Period, period: Period) -> list[Place]:
    """The registrations that were made, and those that were used, in either period."""
    start, end = begin(before.first), begin(period.last + timedelta(days=1))
    columns = (Registration.contact_id, Registration.event_slug, Registration.created_at, Registration.came_at)
    made = (Registration.created_at >= start) & (Registration.created_at < end)
    used = (Registration.came_at >= start) & (Registration.came_at < end)
    rows = await session.execute(select(*columns).where(or_(made, used)))
    return [Place(row.contact_id, row.event_slug, row.created_at, row.came_at) for row in rows]


def _within(at: datetime | None, period: Period) -> bool:
    return at is not None and begin(period.first) <= at < begin(period.last + timedelta(days=1))


def _make_headline(sides: Sides, now: _Side, then: _Side | None) -> tuple[Figure, ...]:
    made, came = _count_places(now)
    was_made, had_come = _count_places(then) if then is not None else (None, None)
    wrote = then.people.count_all("channel") if then is not None else None
    return (
        sides.count("conversations", "conversation"),
        _count("people", now.people.count_all("channel"), wrote),
        sides.count("messages_in", "in"),
        sides.count("messages_out", "out"),
        *(sides.make(f"share_{outcome}", "share", Sums.outcome_share, outcome) for outcome in DEALT_WITH),
        sides.count("to_staff", "outcome", third="to_staff"),
        sides.make("response_median_s", "seconds", Sums.quantile, "bot_s", 0.5),
        sides.make("response_p95_s", "seconds", Sums.quantile, "bot_s", 0.95),
        sides.make("staff_median_s", "seconds", Sums.quantile, "staff_s", 0.5),
        sides.make("staff_p95_s", "seconds", Sums.quantile, "staff_s", 0.95),
        sides.make("share_undelivered", "share", Sums.undelivered),
        sides.make("share_satisfied", "share", Sums.satisfied),
        sides.make("share_rated", "share", Sums.rated),
        sides.count("applications", "application"),
        _count("registrations", made, was_made),
        _count("came", came, had_come),
        sides.count("requests", "request"),
    )


def _count(key: str, value: int, before: int | None) -> Figure:
    return Figure(key, "count", value, value, before, before or 0)


def _count_places(side: _Side) -> tuple[int, int]:
    """Registrations that were made, the waiting list and those given up included; and people let in at events."""
    made = sum(_within(place.created_at, side.period) for place in side.places)
    return made, sum(_within(place.came_at, side.period) for place in side.places)


def _make_series(now: _Side, then: _Side | None) -> tuple[Series, ...]:
    made = [Series("people", "count", _list_people(now), _list_people(then))]
    for key, name in (("conversations", "conversation"), ("messages_in", "in"), ("messages_out", "out")):
        points, before = (
            _list_points(side, [part.count(name) for part in side.parts]) if side is not None else ()
            for side in (now, then)
        )
        made.append(Series(key, "count", points, before))
    points, before = (
        _list_points(side, [part.outcome_share("answered")[0] for part in side.parts]) if side is not None else ()
        for side in (now, then)
    )
    made.append(Series("share_answered", "share", points, before))
    return tuple(made)


def _list_people(side: _Side | None) -> tuple[Point, ...]:
    return _list_points(side, side.people.per_stretch) if side is not None else ()


def _list_points(side: _Side, values: Sequence[float | None]) -> tuple[Point, ...]:
    return tuple(Point(first, last, value) for (first, last), value in zip(side.stretches, values, strict=True))


def _make_funnels(now: _Side, then: _Side | None) -> tuple[Funnel, ...]:
    application, was = now.people.steps, then.people.steps if then is not None else None
    events = now.people.follow_events(now.places, now.period)
    had = then.people.follow_events(then.places, then.period) if then is not None else None
    return (
        Funnel("application", _make_steps(APPLICATION_STEPS, application, was)),
        Funnel("events", _make_steps(EVENT_STEPS, events, had)),
    )


def _make_steps(keys: Sequence[str], now: Sequence[int], before: Sequence[int] | None) -> tuple[FunnelStep, ...]:
    return tuple(
        FunnelStep(key, _count(key, now[place], None if before is None else before[place]))
        for place, key in enumerate(keys)
    )


def _make_events(now: _Side, then: _Side | None, names: Mapping[str, str]) -> Table:
    """Events by how many people saw them in an answer, registered and came in the period."""
    counts = _count_events(now)
    before = _count_events(then) if then is not None else None
    rows = []
    for slug in sorted(counts, key=lambda slug: ([-count for count in counts[slug]], slug)):
        was = None if before is None else before.get(slug, [0, 0, 0])
        figures = _make_steps(EVENT_STEPS, counts[slug], was)
        rows.append(Row(slug, names.get(slug, slug), tuple(step.figure for step in figures)))
    return Table("events", EVENT_STEPS, tuple(rows))


def _count_events(side: _Side) -> dict[str, list[int]]:
    found = {slug: [people, 0, 0] for slug, people in side.people.list_counts("event").items()}
    for place in side.places:
        for column, at in ((1, place.created_at), (2, place.came_at)):
            if _within(at, side.period):
                found.setdefault(place.event_slug, [0, 0, 0])[column] += 1
    return found
