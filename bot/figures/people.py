"""Count people, each once in a period whatever they did how often, and how far they came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.db.conditions import begin
from bot.figures.crowds import unpack
from bot.figures.months import Piece
from bot.figures.period import Period
from bot.figures.steps import Walked, walk_day, walk_on

#: Keys of the steps of the funnel of events, in order.
EVENT_STEPS = ("event_seen", "event_registered", "event_came")


@dataclass(slots=True)
class People:
    """Who did what in a period.

    Attributes:
        by_kind: the numbers of contacts by kind and key (see `bot.figures.counting.KINDS`).
        per_stretch: how many wrote in each stretch.
        steps: how many came to each of `bot.figures.steps.APPLICATION_STEPS`.
    """

    by_kind: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    per_stretch: list[int] = field(default_factory=list)
    steps: tuple[int, int, int] = (0, 0, 0)
    #: When those who registered for an event saw it first.
    first_seen: dict[tuple[int, str], date] = field(default_factory=dict)

    def count(self, kind: str, key: str) -> int:
        """How many people there are of a kind and key."""
        return len(self.by_kind.get(kind, {}).get(key, ()))

    def count_all(self, kind: str) -> int:
        """How many people there are of a kind, each once whatever their keys."""
        return len(set().union(*self.by_kind.get(kind, {}).values()))

    def count_besides(self, kind: str, keys: Collection[str]) -> int:
        """How many people there are of a kind under other keys than some, each once."""
        others = (numbers for key, numbers in self.by_kind.get(kind, {}).items() if key not in keys)
        return len(set().union(*others))

    def list_counts(self, kind: str) -> dict[str, int]:
        """How many people there are by each key of a kind; one person may be under several."""
        return {key: len(numbers) for key, numbers in self.by_kind.get(kind, {}).items()}

    def follow_events(self, places: Iterable[Place], period: Period) -> tuple[int, int, int]:
        """People to whom an answer showed an event; of those, who then registered for one they saw; and who came.

        A place in the waiting list is a registration too, and so is one that was given up. All within the period.
        """
        end = begin(period.last + timedelta(days=1))
        registered, came = set(), set()
        for place in places:
            seen = self.first_seen.get((place.contact_id, place.event_slug))
            if seen is not None and begin(seen) <= place.created_at < end:
                registered.add(place.contact_id)
                if place.came_at is not None and place.came_at < end:
                    came.add(place.contact_id)
        return self.count_all("event"), len(registered), len(came)


@dataclass(frozen=True, slots=True)
class Place:
    """A registration: whose, for what, when it was made, and when the person was let in."""

    contact_id: int
    event_slug: str
    created_at: datetime
    came_at: datetime | None


def gather(pieces: Iterable[Piece], stretches: Sequence[tuple[date, date]], places: Iterable[Place] = ()) -> People:
    """The people of a period.

    Args:
        pieces: the days and months that are kept of it, in the order of time; days that are missing have nobody.
        stretches: its days in order, from the first to the last of each stretch; a month that was read without its
            days lies in one.
        places: the registrations whose people `People.follow_events` will follow.
    """
    people, walked = People(), Walked()
    registered: dict[str, set[int]] = {}
    for place in places:
        registered.setdefault(place.event_slug, set()).add(place.contact_id)
    found: dict[str, dict[str, list[Iterable[int]]]] = {}
    wrote: list[list[Iterable[int]]] = [[] for _ in stretches]
    ends = [last for _, last in stretches]
    for piece in pieces:
        took, later = dict[str, Iterable[int]](), Walked()
        number = bisect_left(ends, piece.first)
        is_in_one = piece.last <= ends[number]
        for kind, key, numbers in unpack(piece.people):
            if kind == "step":
                took[key] = numbers
                continue
            if kind == "way":
                first, last = key.split("|")
                later[int(first), int(last)] = set(numbers)
                continue
            day = piece.first
            if kind == "seen":
                key, _, text = key.rpartition("|")
                kind, day = "event", date.fromisoformat(text)
            found.setdefault(kind, {}).setdefault(key, []).append(numbers)
            if kind == "channel" and is_in_one:
                wrote[number].append(numbers)
            elif kind == "event" and key in registered:
                for who in registered[key].intersection(numbers):
                    people.first_seen.setdefault((who, key), day)
        walk_on(walked, later or walk_day(took))
        if not is_in_one:
            for _, text, numbers in unpack(piece.writers):
                wrote[bisect_left(ends, date.fromisoformat(text))].append(numbers)
    people.by_kind = {kind: {key: set().union(*lists) for key, lists in keys.items()} for kind, keys in found.items()}
    people.per_stretch = [len(set().union(*lists)) for lists in wrote]
    people.steps = (len(walked.get((0, 0), ())), len(walked.get((0, 1), ())), len(walked.get((0, 2), ())))
    return people
