"""Stretches of time in words, seen from Saturday 28 November 2026."""

from __future__ import annotations

from datetime import date

import pytest

from bot.periods import read_period

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("month:5", "2027-05-01", "2027-05-31"),
        ("month:11", "2026-11-01", "2026-11-30"),
        ("month:+0", "2026-11-01", "2026-11-30"),
        ("month:+2", "2027-01-01", "2027-01-31"),
        ("week:0", "2026-11-28", "2026-11-29"),
        ("week:1", "2026-11-30", "2026-12-06"),
        ("weekend", "2026-11-28", "2026-11-29"),
        ("day:0", "2026-11-28", "2026-11-28"),
        ("day:1", "2026-11-29", "2026-11-29"),
        ("day:12-15", "2026-12-15", "2026-12-15"),
        ("day:05-15", "2027-05-15", "2027-05-15"),
        ("weekday:1", "2026-11-30", "2026-11-30"),
        ("weekday:6", "2026-11-28", "2026-11-28"),
        ("year:2027", "2027-01-01", "2027-12-31"),
        ("year:+1", "2027-01-01", "2027-12-31"),
    ],
)
def test_days_of_a_period(value: str, first: str, last: str) -> None:
    period = read_period(value, TODAY)
    assert period is not None and (period.first.isoformat(), period.last.isoformat()) == (first, last)
    assert (period.month is not None) == value.startswith("month")


@pytest.mark.parametrize(
    "value", ["season:summer", "month:13", "month:x", "day:13-40", "weekday:9", "year:abc", "", "x"]
)
def test_what_is_no_period(value: str) -> None:
    assert read_period(value, TODAY) is None


def test_a_day_that_this_year_has_not() -> None:
    """29 February is looked for as it is written; a year without it has no such day."""
    assert read_period("day:02-29", date(2027, 1, 1)) is None
    leap = read_period("day:02-29", date(2028, 3, 1))
    assert leap is not None and leap.first == date(2029, 2, 28)
