"""What `bot.figures.measure` gives: values without words, each beside that of the period before.

"No data" is None and never 0: nothing is divided by zero, and a share of nothing is not 0 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeVar

from bot.figures.period import Period, Step

#: ``count``: whole things, from 0 on. ``share``: 0 to 1. ``seconds``: from 0 on. ``score``: any number, no unit.
Unit = Literal["count", "share", "seconds", "score"]
#: Whether a period before is counted: whole, in part (the log begins within it), or not at all.
Covered = Literal["whole", "partly", "not"]
#: Fewer people than this are not told apart by town or wish: see `Table.folded`.
FEWEST_PEOPLE = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        key: its name, stable; what it means stands in docs/figures.md under that name.
        unit: what it is counted in.
        value: None when there is no data to make it from; a count of nothing is 0.
        n: of how many it is made: the things that a share is of, the answers that a median is of; a count itself.
        before: the same of the period before; None also when nothing was counted then.
        before_n: its n; 0 when nothing was counted.
    """

    key: str
    unit: Unit
    value: float | None
    n: int
    before: float | None = None
    before_n: int = 0

    @property
    def change(self) -> float | None:
        """What became of it: of a share the difference, -1 to 1; else the relative one (0.5: half as much again).

        None when one of the two is missing, or where there was nothing before.
        """
        if self.value is None or self.before is None:
            return None
        if self.unit in ("share", "score"):
            return self.value - self.before
        return (self.value - self.before) / self.before if self.before else None

    @property
    def direction(self) -> Literal["up", "down", "same", "new", "unknown"]:
        """Which way it went; ``new``: from nothing to something; ``unknown``: one of the two is missing."""
        if self.value is None or self.before is None:
            return "unknown"
        if self.value == self.before:
            return "same"
        if not self.before and self.unit == "count":
            return "new"
        return "up" if self.value > self.before else "down"


@dataclass(frozen=True, slots=True)
class Point:
    """A figure in one stretch of a period: its days, first and last; the value, None where there is no data."""

    first: date
    last: date
    value: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over a period, stretch by stretch.

    Attributes:
        key: the name of the figure.
        points: in the order of time, without gaps.
        before: those of the period before, at the same place from its beginning; there may be fewer or more.
    """

    key: str
    unit: Unit
    points: tuple[Point, ...]
    before: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        key: a channel, a variety, an intent, a slug, a code; what the table says it is. ``""``: none of them.
        name: what the database calls it; None where words must be found for the key.
        figures: one for each column of the table.
    """

    key: str
    name: str | None
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A breakdown.

    Attributes:
        key: its name.
        columns: the keys of its figures, in order.
        rows: the largest first, unless the keys have an order of their own.
        folded: how many lines became the one with the key ``other``, since each was of fewer than `FEWEST_PEOPLE`
            people: a town and a day may lead to somebody whom colleagues know.
    """

    key: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: int = 0


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many people came so far; `figure` counts them."""

    key: str
    figure: Figure

    def share_of(self, first: FunnelStep) -> float | None:
        """Their share of those at another step, 0 to 1; None when there was nobody."""
        return self.figure.value / first.figure.value if first.figure.value and self.figure.value is not None else None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Steps that people take one after the other; each step counts only those who took the one before it.

    Attributes:
        key: ``application`` or ``events``.
        steps: at least two.
    """

    key: str
    steps: tuple[FunnelStep, ...]


@dataclass(frozen=True, slots=True)
class RisingTopic:
    """A topic that is asked about more than before, beyond chance.

    Attributes:
        intent: the topic.
        share: of the messages with a topic, 0 to 1; `n` messages in the period, `before_n` in the one before.
        score: the log odds ratio in standard errors; see docs/figures.md.
    """

    intent: str
    n: int
    before_n: int
    share: float
    before_share: float
    score: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period.

    Attributes:
        period, before: the days, and those they are compared with.
        covered: whether the period before is counted.
        since: the first day in the log; None: it is empty.
        counted_at: when the newest of its days was counted; None: none is.
        pending: days of either period that are still to be counted, of which nothing is in the figures.
        headline: the main figures.
        series, tables, funnels: see their keys.
        rising: the most surprising first.
    """

    period: Period
    before: Period
    step: Step
    covered: Covered
    since: date | None
    counted_at: datetime | None
    pending: int
    headline: tuple[Figure, ...]
    series: tuple[Series, ...]
    tables: tuple[Table, ...]
    funnels: tuple[Funnel, ...]
    rising: tuple[RisingTopic, ...]

    def figure(self, key: str) -> Figure:
        """A main figure by its key.

        Raises:
            KeyError: there is none.
        """
        return _find(self.headline, key)

    def table(self, key: str) -> Table:
        """A table by its key.

        Raises:
            KeyError: there is none.
        """
        return _find(self.tables, key)

    def curve(self, key: str) -> Series:
        """A series by its key.

        Raises:
            KeyError: there is none.
        """
        return _find(self.series, key)

    def funnel(self, key: str) -> Funnel:
        """A funnel by its key.

        Raises:
            KeyError: there is none.
        """
        return _find(self.funnels, key)


Keyed = TypeVar("Keyed", Figure, Table, Series, Funnel)


def _find(among: tuple[Keyed, ...], key: str) -> Keyed:
    for each in among:
        if each.key == key:
            return each
    raise KeyError(key)
