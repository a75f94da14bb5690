"""The team's hours: written in a line, in Morocco's time, also where its offset changes for Ramadan."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.clock import MOROCCO
from bot.hours import Hours

WEEK = Hours.parse("mon-fri 09:00-17:00, sat 09:00-12:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOROCCO)


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-11-30T09:00", "2026-11-30T17:00"),
        ("2026-11-30T16:59", "2026-11-30T17:00"),
        ("2026-11-30T17:00", None),
        ("2026-12-05T10:00", "2026-12-05T12:00"),
        ("2026-12-06T10:00", None),
    ],
)
def test_somebody_is_there_until(now: str, closes: str | None) -> None:
    assert WEEK.closes_at(at(now)) == (at(closes) if closes else None)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-30T08:00", "2026-11-30T09:00"),
        ("2026-11-30T17:00", "2026-12-01T09:00"),
        ("2026-12-05T12:00", "2026-12-07T09:00"),
        ("2026-12-06T23:59", "2026-12-07T09:00"),
    ],
)
def test_somebody_is_there_next(now: str, opens: str) -> None:
    assert WEEK.opens_at(at(now)) == at(opens)


def test_ramadan_moves_the_clock_and_not_the_hours() -> None:
    """Nine o'clock is 08:00 UTC most of the year, and 09:00 UTC during Ramadan (in 2027 from early February on)."""
    usual, ramadan = (WEEK.opens_at(datetime(2027, month, 22, 0, 0, tzinfo=UTC)) for month in (1, 2))
    assert (usual.astimezone(MOROCCO).hour, ramadan.astimezone(MOROCCO).hour) == (9, 9)
    assert (usual.astimezone(UTC).hour, ramadan.astimezone(UTC).hour) == (8, 9)


@pytest.mark.parametrize("text", ["9-17", "mon 09:00", "fri-mon 09:00-17:00", "mon 17:00-09:00", "xyz 09:00-17:00", ""])
def test_another_writing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must look like|ends before"):
        Hours.parse(text)
