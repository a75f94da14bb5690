"""Count people, each once in a period whatever they did how often, and how far they came."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.db.conditions import begin
from bot.figures.crowds import unpack
from bot.figures.period import Period

#: Keys of the steps of both funnels, in order.
APPLICATION_STEPS = ("eligibility_begun", "preregistration_begun", "application")
EVENT_STEPS = ("event_seen", "event_registered", "event_came")


@dataclass(slots=True)
class People:
    """Who did what in a period.

    Attributes:
        by_kind: the numbers of contacts by kind and key (see `bot.figures.counting.KINDS`).
        per_stretch: how many wrote in each stretch.
        steps: how many came to each of `APPLICATION_STEPS`.
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


def gather(
    packed: Mapping[date, bytes], stretches: Iterable[tuple[date, date]], places: Iterable[Place] = ()
) -> People:
    """The people of a period.

    Args:
        packed: who did what by day (`bot.figures.crowds`); days that are missing have nobody.
        stretches: its days in order, from the first to the last of each stretch.
        places: the registrations whose people `People.follow_events` will follow.
    """
    people = People()
    registered: dict[str, set[int]] = {}
    for place in places:
        registered.setdefault(place.event_slug, set()).add(place.contact_id)
    steps: list[set[int]] = [set(), set(), set()]
    for first, last in stretches:
        wrote: set[int] = set()
        for day in _list_days(first, last):
            today: dict[str, Iterable[int]] = {}
            for kind, key, numbers in unpack(packed.get(day, b"")):
                people.by_kind.setdefault(kind, {}).setdefault(key, set()).update(numbers)
                if kind == "channel":
                    wrote.update(numbers)
                elif kind == "step":
                    today[key] = numbers
                elif kind == "event" and key in registered:
                    for number in registered[key].intersection(numbers):
                        people.first_seen.setdefault((number, key), day)
            # Each step counts who took the one before it on the same day or earlier.
            steps[0].update(today.get(APPLICATION_STEPS[0], ()))
            for number in (1, 2):
                steps[number] |= steps[number - 1].intersection(today.get(APPLICATION_STEPS[number], ()))
        people.per_stretch.append(len(wrote))
    people.steps = (len(steps[0]), len(steps[1]), len(steps[2]))
    return people


def _list_days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
