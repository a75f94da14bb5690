"""Who took the steps of a funnel in order, kept so that stretches of days can be put one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations_with_replacement

#: Keys of the steps on the way to an application, in order.
APPLICATION_STEPS = ("eligibility_begun", "preregistration_begun", "application")
#: From which step to which, by place.
WAYS = tuple(combinations_with_replacement(range(len(APPLICATION_STEPS)), 2))
#: Who took all steps from one to another, each on the day of the one before or later.
Walked = dict[tuple[int, int], set[int]]


def walk_day(took: Mapping[str, Iterable[int]]) -> Walked:
    """The ways of one day, on which any order will do.

    Args:
        took: who took each step on that day, by its key.
    """
    steps = [set(took.get(key, ())) for key in APPLICATION_STEPS]
    return {(first, last): set.intersection(*steps[first : last + 1]) for first, last in WAYS}


def walk_on(walked: Walked, later: Walked) -> None:
    """Add the ways of the days that follow; who took some steps before may take the next ones then."""
    # Longer ways first: each looks at the shorter ones as they were before those days.
    for first, last in sorted(WAYS, key=lambda way: way[0] - way[1]):
        found = walked.setdefault((first, last), set())
        found |= later.get((first, last), set())
        for between in range(first, last):
            found |= walked.get((first, between), set()) & later.get((between + 1, last), set())
