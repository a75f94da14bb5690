"""Stretches of time that people name: "had simana", "en mai", "demain", as days in Morocco."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both in it. `month` is set when it is a whole month."""

    first: date
    last: date
    month: int | None = None


def read_period(value: str, today: date) -> Period | None:
    """The days of an entity ``date`` as nlu/lookups/date.yml codes it, seen from today; None for any other.

    ``month:5`` is the next May, this one included; ``month:+1`` next month; ``week:0`` this week from today on;
    ``day:1`` tomorrow; ``day:05-15`` the next 15 May; ``weekday:1`` the next Monday; ``weekend``; ``year:2027``.
    """
    kind, _, rest = value.partition(":")
    if kind == "month":
        return _read_month(rest, today)
    if kind == "week" and _is_number(rest):
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=int(rest))
        return Period(max(monday, today) if int(rest) == 0 else monday, monday + timedelta(days=6))
    if kind == "weekend":
        saturday = today + timedelta(days=max(5 - today.weekday(), 0))
        return Period(max(saturday, today), today + timedelta(days=6 - today.weekday()))
    if kind == "weekday" and rest.isdecimal() and 1 <= int(rest) <= 7:
        day = today + timedelta(days=(int(rest) - 1 - today.weekday()) % 7)
        return Period(day, day)
    if kind == "day":
        return _read_day(rest, today)
    if kind == "year" and _is_number(rest):
        year = today.year + int(rest) if rest.startswith(("+", "-")) else int(rest)
        return Period(date(year, 1, 1), date(year, 12, 31)) if 2000 <= year <= 2100 else None
    return None


def _read_month(rest: str, today: date) -> Period | None:
    if not _is_number(rest):
        return None
    if rest.startswith(("+", "-")):
        months = today.year * 12 + today.month - 1 + int(rest)
        return _whole_month(months // 12, months % 12 + 1)
    month = int(rest)
    return _whole_month(today.year + (month < today.month), month) if 1 <= month <= 12 else None


def _read_day(rest: str, today: date) -> Period | None:
    if _is_number(rest):
        day = today + timedelta(days=int(rest))
        return Period(day, day)
    try:
        day = date.fromisoformat(f"{today.year}-{rest}")
    except ValueError:
        return None
    if day < today:
        day = day.replace(year=today.year + 1, day=min(day.day, calendar.monthrange(today.year + 1, day.month)[1]))
    return Period(day, day)


def _whole_month(year: int, month: int) -> Period:
    return Period(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), month)


def _is_number(text: str) -> bool:
    return text.removeprefix("+").removeprefix("-").isdecimal()
