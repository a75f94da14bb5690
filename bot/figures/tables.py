"""Breakdowns: each a table with the same figures a line, beside those of the period before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.db.filters import CHANNELS
from bot.figures.counting import NO_VARIETY, OUTCOMES, STOPPED
from bot.figures.data import FEWEST_PEOPLE, Figure, Row, Table, Unit
from bot.figures.people import People
from bot.figures.sums import Made, Sums
from bot.figures.topics import NOT_TOPICS
from bot.messages import VARIETIES

#: So many lines of what has no end, topics and programmes; the rest is one more line.
MOST_ROWS = 20
#: The key of the line of all that have none of their own.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sides:
    """The sums and the people of a period, and of the one before (None where nothing was counted)."""

    now: Sums
    before: Sums | None
    people: People
    people_before: People

    def make(self, key: str, unit: Unit, maker: Callable[..., Made], *of: object, **at: str) -> Figure:
        """A figure out of the sums of both; `maker` is a method of `Sums`, the rest what it is called with."""
        value, n = maker(self.now, *of, **at)
        before, before_n = maker(self.before, *of, **at) if self.before is not None else (None, 0)
        return Figure(key, unit, value, n, before, before_n)

    def count(self, key: str, name: str, **at: str) -> Figure:
        """A count out of the sums of both."""
        now = self.now.count(name, **at)
        before = self.before.count(name, **at) if self.before is not None else None
        return Figure(key, "count", now, now, before, before or 0)

    def persons(self, kind: str, key: str, name: str = "people") -> Figure:
        """How many people are marked with a key."""
        now = self.people.count(kind, key)
        if self.before is None:
            return Figure(name, "count", now, now)
        before = self.people_before.count(kind, key)
        return Figure(name, "count", now, now, before, before)


def make_tables(sides: Sides, names: Mapping[str, Mapping[str, str]]) -> tuple[Table, ...]:
    """Every table but that of events; `names` are what the database calls towns and programmes, by slug."""
    return (
        _make_channels(sides),
        _make_varieties(sides),
        _make_outcomes(sides),
        _make_topics(sides),
        _make_cities(sides, names["city"]),
        _make_responses(sides),
        _make_delivery(sides),
        _make_satisfaction(sides),
        _make_requests(sides),
        _make_programmes(sides, names["programme"]),
        _make_matches(sides, names["programme"], names["city"]),
        _make_hours(sides),
    )


def _known(order: Sequence[str], *found: Iterable[str]) -> list[str]:
    """Keys in an order of their own, those that are not in it after them."""
    seen = {key for keys in found for key in keys}
    return [*(key for key in order if key in seen), *sorted(seen - set(order))]


def _make_channels(sides: Sides) -> Table:
    rows = []
    for channel in _known(CHANNELS, sides.now.by("in", 0), sides.now.by("out", 0), _of(sides.before, "in")):
        rows.append(Row(channel, None, (
            sides.persons("channel", channel),
            sides.count("conversations", "conversation", first=channel),
            sides.count("messages_in", "in", first=channel),
            sides.count("messages_out", "out", first=channel),
            sides.make("share_answered", "share", Sums.outcome_share, "answered", first=channel),
        )))  # fmt: skip
    return Table("channels", ("people", "conversations", "messages_in", "messages_out", "share_answered"), tuple(rows))


def _of(sums: Sums | None, name: str, part: int = 0) -> Counter[str]:
    return sums.by(name, part) if sums is not None else Counter()


def _make_varieties(sides: Sides) -> Table:
    rows = []
    for variety in _known((*VARIETIES, NO_VARIETY), sides.now.by("in", 1), _of(sides.before, "in", 1)):
        rows.append(Row(variety, None, (
            sides.persons("variety", variety),
            sides.count("messages_in", "in", second=variety),
            sides.make("share_answered", "share", Sums.outcome_share, "answered", second=variety),
            sides.make("share_not_understood", "share", Sums.outcome_share, "not_understood", second=variety),
        )))  # fmt: skip
    return Table("varieties", ("people", "messages_in", "share_answered", "share_not_understood"), tuple(rows))


def _make_outcomes(sides: Sides) -> Table:
    rows = []
    for outcome in OUTCOMES:
        messages = sides.count("messages_in", "outcome", third=outcome)
        share = sides.make("share_of_messages", "share", Sums.message_share, outcome)
        rows.append(Row(outcome, None, (messages, share)))
    return Table("outcomes", ("messages_in", "share_of_messages"), tuple(rows))


def _make_topics(sides: Sides) -> Table:
    counts = Counter({key: count for key, count in sides.now.by("topic", 0).items() if key not in NOT_TOPICS})
    rows = []
    for intent, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_ROWS]:
        messages = sides.count("messages_in", "topic", first=intent)
        share = sides.make("share_of_topics", "share", Sums.topic_share, intent)
        rows.append(Row(intent, None, (messages, share)))
    return Table("topics", ("messages_in", "share_of_topics"), tuple(rows))


def _make_cities(sides: Sides, names: Mapping[str, str]) -> Table:
    """Towns that were asked about; those of few people in either period are one line, so that none of them is told."""
    people, before = sides.people.list_counts("city"), sides.people_before.list_counts("city")
    named = {key for key in people if _are_enough(people.get(key, 0)) and _are_enough(before.get(key, 0), or_none=True)}
    rows = [
        Row(city, names.get(city, city), (
            sides.persons("city", city),
            sides.count("messages_in", "city", first=city),
        ))
        for city in sorted(named, key=lambda city: (-people[city], city))
    ]  # fmt: skip
    small = set(people) - named
    if small:
        rest = sides.make("messages_in", "count", Sums.besides, "city", named)
        now = sides.people.count_besides("city", named)
        was = sides.people_before.count_besides("city", named) if sides.before is not None else None
        rows.append(Row(OTHER, None, (Figure("people", "count", now, now, was, was or 0), rest)))
    return Table("cities", ("people", "messages_in"), tuple(rows), len(small))


def _are_enough(people: int, *, or_none: bool = False) -> bool:
    return people >= FEWEST_PEOPLE or (or_none and people == 0)


def _make_responses(sides: Sides) -> Table:
    rows = []
    for channel in _known(CHANNELS, sides.now.by("bot_s", 0), _of(sides.before, "bot_s")):
        rows.append(Row(channel, None, _times(sides, "bot_s", channel)))
    rows.append(Row("staff", None, _times(sides, "staff_s", None)))
    return Table("responses", ("answers", "median_s", "p95_s"), tuple(rows))


def _times(sides: Sides, name: str, channel: str | None) -> tuple[Figure, ...]:
    at = {} if channel is None else {"first": channel}
    return (
        sides.make("answers", "count", Sums.lengths, name, **at),
        sides.make("median_s", "seconds", Sums.quantile, name, 0.5, **at),
        sides.make("p95_s", "seconds", Sums.quantile, name, 0.95, **at),
    )


def _make_delivery(sides: Sides) -> Table:
    """Failures by channel and cause; the share is of what was sent or given up on that channel."""
    rows = []
    for channel, cause in sorted(sides.now.by_name.get("unsent", Counter()), key=lambda key: (key[0], key[1])):
        count = sides.count("undelivered", "unsent", first=channel, second=cause)
        if cause == STOPPED:
            continue
        share = sides.make("share_undelivered", "share", Sums.undelivered_for, channel, cause)
        rows.append(Row(f"{channel}|{cause}", None, (count, share)))
    rows.sort(key=lambda row: (-(row.figures[0].value or 0), row.key))
    return Table("delivery", ("undelivered", "share_undelivered"), tuple(rows))


def _make_satisfaction(sides: Sides) -> Table:
    rows = []
    for key in _known((), sides.now.by("rating_asked", 0), sides.now.by("rated", 0)):
        rows.append(Row(key, None, (
            sides.count("ratings_asked", "rating_asked", first=key),
            sides.count("ratings", "rated", first=key),
            sides.make("share_satisfied", "share", Sums.satisfied, first=key),
        )))  # fmt: skip
    return Table("satisfaction", ("ratings_asked", "ratings", "share_satisfied"), tuple(rows))


def _make_requests(sides: Sides) -> Table:
    counts = sides.now.by("request", 0)
    rows = [
        Row(kind, None, (sides.count("requests", "request", first=kind),))
        for kind in sorted(counts, key=lambda kind: (-counts[kind], kind))
    ]
    return Table("requests", ("requests",), tuple(rows))


def _make_programmes(sides: Sides, names: Mapping[str, str]) -> Table:
    counts = sides.now.by("proposed", 0)
    looked = sides.now.by("looked", 0)
    rows = []
    for slug in sorted(counts | looked, key=lambda slug: (-counts[slug], -looked[slug], slug))[:MOST_ROWS]:
        rows.append(Row(slug, names.get(slug, slug), (
            sides.count("proposed", "proposed", first=slug),
            sides.persons("programme", slug),
            sides.count("looked_at", "looked", first=slug),
        )))  # fmt: skip
    return Table("programmes", ("proposed", "people", "looked_at"), tuple(rows))


def _make_matches(sides: Sides, programmes: Mapping[str, str], cities: Mapping[str, str]) -> Table:
    """Which programme was proposed for which town and need; only what so many people were proposed is told."""
    people, before = sides.people.list_counts("match"), sides.people_before.list_counts("match")
    told = [key for key in people if _are_enough(people[key]) and _are_enough(before.get(key, 0), or_none=True)]
    rows = []
    for key in sorted(told, key=lambda key: (-people[key], key))[:MOST_ROWS]:
        slug, city, _ = key.split("|")
        name = " – ".join(part for part in (programmes.get(slug, slug), cities.get(city, city)) if part)
        rows.append(Row(key, name, (sides.persons("match", key),)))
    return Table("matches", ("people",), tuple(rows), len(people) - len(told))


def _make_hours(sides: Sides) -> Table:
    rows = [Row(f"{hour:02}", None, (sides.count("messages_in", "hour", first=str(hour)),)) for hour in range(24)]
    return Table("hours", ("messages_in",), tuple(rows))
