"""Stretches of days in Morocco that figures are asked for, as they stand in a page's address."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, get_args

from bot.errors import AssistantError

Step = Literal["day", "week", "month"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
#: Names of periods that move with the day they are asked on; besides them ``2026`` and ``2026-11``.
MOVING: Final = (
    "today", "yesterday", "last-7-days", "last-30-days", "last-90-days", "this-month", "last-month", "this-year",
)  # fmt: skip
DEFAULT: Final = "last-30-days"
#: The name of a period that is given by its first and last day.
OWN: Final = "own"
#: A leap year; what is longer would be slow, and has no curve that can be read.
MOST_DAYS: Final = 366
#: The first year that can be asked for.
FIRST_YEAR: Final = 2020
_LAST_DAYS = re.compile(r"last-(\d+)-days")
_YEAR_OR_MONTH = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?", re.ASCII)
_LONGEST_BY_DAY, _LONGEST_BY_WEEK = 31, 183


class PeriodError(AssistantError, ValueError):
    """An address asks for no period that there is; the text says what is wrong, and what would be right.

    Attributes:
        parameter: the parameter of the address: ``period``, ``from``, ``to`` or ``step``.
        code: ``unknown`` (no such name), ``day`` (no day), ``missing`` (only one of two days), ``order``, ``long``,
            ``future`` or ``early``.
    """

    def __init__(self, parameter: str, code: str, text: str) -> None:
        super().__init__(f"{parameter}: {text}")
        self.parameter, self.code = parameter, code


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Africa/Casablanca, from the first to the last, both in it.

    Attributes:
        name: one of `MOVING`, a year, a month, or `OWN`.
        first, last: its days; one that is not over yet ends today.
    """

    name: str
    first: date
    last: date

    @classmethod
    def parse(cls, parameters: Mapping[str, str], today: date) -> Period:
        """Read an address: ``period=<name>``, or ``from=2026-11-02&to=2026-11-08``; nothing is `DEFAULT`.

        Periods of the last so many days end yesterday: they have whole days only. Those of today, this month and this
        year end today.

        Raises:
            PeriodError: it is none, lies in the future, or is longer than `MOST_DAYS`.
        """
        first, last = parameters.get("from", "").strip(), parameters.get("to", "").strip()
        if first or last:
            return cls._between(first, last, today)
        return cls.named(parameters.get("period", "").strip() or DEFAULT, today)

    @classmethod
    def named(cls, name: str, today: date) -> Period:
        """A period by its name, seen from a day.

        Raises:
            PeriodError: there is none of that name, or it lies in the future or before `FIRST_YEAR`.
        """
        if name not in MOVING:
            return cls._calendar(name, today)
        if name == "today":
            return cls(name, today, today)
        if name == "this-month":
            return cls(name, today.replace(day=1), today)
        if name == "this-year":
            return cls(name, today.replace(month=1, day=1), today)
        if name == "last-month":
            last = today.replace(day=1) - timedelta(days=1)
            return cls(name, last.replace(day=1), last)
        found = _LAST_DAYS.fullmatch(name)
        length = int(found[1]) if found else 1
        return cls(name, today - timedelta(days=length), today - timedelta(days=1))

    @classmethod
    def _calendar(cls, name: str, today: date) -> Period:
        found = _YEAR_OR_MONTH.fullmatch(name)
        year, month = (int(found["year"]), int(found["month"] or 0)) if found else (0, 0)
        if not found or (found["month"] and not 1 <= month <= 12):
            known = ", ".join((*MOVING, "a year like 2026", "a month like 2026-11"))
            raise PeriodError("period", "unknown", f"{name!r} is none of {known}")
        if year < FIRST_YEAR:
            raise PeriodError("period", "early", f"nothing is counted before {FIRST_YEAR}")
        first = date(year, month or 1, 1)
        last = date(year, month or 12, calendar.monthrange(year, month or 12)[1])
        if first > today:
            raise PeriodError("period", "future", f"{name} has not begun yet")
        return cls(name, first, min(last, today))

    @classmethod
    def _between(cls, first: str, last: str, today: date) -> Period:
        days = []
        for parameter, text in (("from", first), ("to", last)):
            if not text:
                raise PeriodError(parameter, "missing", "both the first and the last day must be given")
            try:
                days.append(date.fromisoformat(text))
            except ValueError:
                raise PeriodError(parameter, "day", f"{text!r} is no day like 2026-11-23") from None
        if days[0] > days[1]:
            raise PeriodError("from", "order", "must not be after to")
        if days[1] > today:
            raise PeriodError("to", "future", "must not be after today")
        if days[0].year < FIRST_YEAR:
            raise PeriodError("from", "early", f"nothing is counted before {FIRST_YEAR}")
        if (days[1] - days[0]).days >= MOST_DAYS:
            raise PeriodError("from", "long", f"at most {MOST_DAYS} days")
        return cls(OWN, days[0], days[1])

    @property
    def days(self) -> int:
        """How many days it has, at least 1."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """The period that it is compared with, which ends before it begins.

        A calendar month or year is compared with the one before, as many days of it as are over (all of it when the
        month is whole); anything else with as many days right before it.
        """
        is_month = self.name in ("this-month", "last-month") or len(self.name) == 7
        if is_month and self.first.day == 1 and self.name != OWN:
            last_before = self.first - timedelta(days=1)
            is_whole = (self.last + timedelta(days=1)).day == 1
            day = last_before.day if is_whole else min(self.last.day, last_before.day)
            return Period(OWN, last_before.replace(day=1), last_before.replace(day=day))
        if self.name == "this-year" or len(self.name) == 4:
            year = self.first.year - 1
            day = min(self.last.day, calendar.monthrange(year, self.last.month)[1])
            is_month_whole = (self.last + timedelta(days=1)).day == 1
            if is_month_whole:
                day = calendar.monthrange(year, self.last.month)[1]
            return Period(OWN, date(year, 1, 1), date(year, self.last.month, day))
        length = timedelta(days=self.days)
        return Period(OWN, self.first - length, self.last - length)

    @property
    def step(self) -> Step:
        """In what stretches it is best drawn: days up to a month, weeks up to half a year, then months."""
        if self.days <= _LONGEST_BY_DAY:
            return "day"
        return "week" if self.days <= _LONGEST_BY_WEEK else "month"

    def as_parameters(self) -> dict[str, str]:
        """The parameters that `parse` reads."""
        if self.name == OWN:
            return {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return {"period": self.name}

    def split(self, step: Step) -> list[tuple[date, date]]:
        """Its stretches, each from its first to its last day; weeks begin on Monday; those at the ends may be short."""
        found, first = [], self.first
        while first <= self.last:
            if step == "day":
                last = first
            elif step == "week":
                last = first + timedelta(days=6 - first.weekday())
            else:
                last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
            found.append((first, min(last, self.last)))
            first = last + timedelta(days=1)
        return found


def read_step(text: str, period: Period) -> Step:
    """The stretches that an address asks for; empty: what suits the period.

    Raises:
        PeriodError: it is none of `STEPS`.
    """
    text = text.strip()
    if not text:
        return period.step
    for step in STEPS:
        if step == text:
            return step
    raise PeriodError("step", "unknown", f"{text!r} is none of {', '.join(STEPS)}")
