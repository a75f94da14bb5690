"""Numbers, lengths of time, days and changes in the words of whoever reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel.dates import format_interval, format_skeleton
from babel.numbers import format_decimal, format_percent

from bot.console.conversations.wording import describe_duration
from bot.console.layout import write_day
from bot.console.words import LOCALES, Language, translate
from bot.figures.data import Figure, Unit
from bot.figures.period import Period, Step

#: What stands before a change; its words stand beside it.
_ARROWS = {"up": "▲", "down": "▼", "same": "=", "new": "▲", "unknown": ""}


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure in words.

    Attributes:
        value: the number, or that there is no data.
        before: that of the period before; empty when nothing was counted then.
        arrow, change: what became of it, the arrow for eyes only; empty when it can't be said.
        direction: as `bot.figures.data.Figure.direction`.
        of: of how many it is made, where that is not the number itself.
    """

    value: str
    before: str
    arrow: str
    change: str
    direction: str
    of: str


@lru_cache(maxsize=8192)
def write_number(language: Language, value: float | None, unit: Unit) -> str:
    """A value in its unit; None is said, and not written as 0."""
    locale = LOCALES[language]
    if value is None:
        return translate(language, "figures.no_data")
    if unit == "share":
        return str(format_percent(round(value, 3), locale=locale, decimal_quantization=False))
    if unit == "seconds":
        if value >= 60:
            return describe_duration(language, value)
        shown = format_decimal(round(value, 1 if value < 10 else None), locale=locale)
        return translate(language, "figures.seconds", seconds=shown)
    return str(format_decimal(round(value, 1), locale=locale))


def show(language: Language, figure: Figure) -> Shown:
    """A figure beside that of the period before."""
    before = write_number(language, figure.before, figure.unit) if figure.before is not None else ""
    value, direction = write_number(language, figure.value, figure.unit), figure.direction
    if value == before or (
        figure.unit == "share" and round(abs(figure.change or 0), 3) == 0 and direction != "unknown"
    ):
        # What differs by less than is shown has not moved, to who reads it.
        direction = "same"
    change = ""
    if direction in ("same", "new"):
        change = translate(language, f"figures.change.{direction}")
    elif direction in ("up", "down") and figure.change is not None:
        change = translate(language, f"figures.change.{direction}", by=_write_change(language, figure))
    of = ""
    if figure.unit != "count" and figure.value is not None:
        of = translate(language, "figures.of", n=write_number(language, figure.n, "count"))
    arrow = _ARROWS[direction] if change else ""
    return Shown(value, before, arrow, change, direction, of)


def _write_change(language: Language, figure: Figure) -> str:
    by = abs(figure.change or 0)
    locale = LOCALES[language]
    if figure.unit == "share":
        points = round(by * 100, 1)
        # French has the singular below two.
        key = "point" if points < 2 and language == "fr" else "points"
        return translate(language, f"figures.change.{key}", points=format_decimal(points, locale=locale))
    return str(format_percent(round(by, 2 if by >= 0.1 else 3), locale=locale, decimal_quantization=False))


def write_days(language: Language, first: date, last: date, *, with_year: bool = False) -> str:
    """Some days, short, for the foot of a chart or a line of a table: ``12 nov.``, ``2–8 nov.``."""
    locale, skeleton = LOCALES[language], "yMMMd" if with_year else "MMMd"
    if first == last:
        return str(format_skeleton(skeleton, first, locale=locale))
    return str(format_interval(first, last, skeleton, locale=locale))


def write_foot(language: Language, first: date, step: Step) -> str:
    """A point at the foot of a chart: its first day, or its month."""
    return str(format_skeleton("MMM" if step == "month" else "MMMd", first, locale=LOCALES[language]))


def write_stretch(language: Language, first: date, last: date, step: Step) -> str:
    """A point of a series: a day, some days of a week, or a month with its year."""
    if step == "month":
        return str(format_skeleton("yMMM", first, locale=LOCALES[language]))
    return write_days(language, first, last)


def write_period(language: Language, period: Period) -> str:
    """A period in a heading: ``du 1er novembre 2026 au 28 novembre 2026``."""
    first, last = (write_day(language, day) for day in (period.first, period.last))
    if period.first == period.last:
        return translate(language, "figures.one_day", day=first)
    return translate(language, "figures.days", first=first, last=last)
