"""Dates and numbers as each variety writes them."""

from __future__ import annotations

from datetime import date

import pytest

from bot.messages import VARIETIES
from bot.wording import day, month, number


@pytest.mark.parametrize(
    ("value", "variety", "text"),
    [
        ("2025-10-15", "fr", "15 octobre 2025"),
        ("2025-10", "fr", "octobre 2025"),
        ("2025", "fr", "2025"),
        (2025, "ar", "2025"),
        (date(2026, 8, 1), "fr", "1 août 2026"),
        ("2025-10-15", "ary-Latn", "15 octobre 2025"),
        ("2025-10-15", "en", "15 October 2025"),
        ("2026-05-04", "ar", "4 ماي 2026"),
        ("2026-08", "ary-Arab", "غشت 2026"),
        ("2026-09-01", "ar", "1 شتنبر 2026"),
    ],
)
def test_dates_are_as_precise_as_they_are_known(value: str | date | int, variety: str, text: str) -> None:
    """Months have the names that Moroccans use, and digits are Western ones."""
    assert day(value, variety).replace("\u200f", "") == text


@pytest.mark.parametrize("value", ["", "demain", "15/10/2025", "2025-1-1", "2025-13", "2025-02-30", None])
def test_what_is_no_date_is_refused(value: object) -> None:
    """A wrong date is an error, not a text."""
    with pytest.raises(ValueError):
        day(value, "fr")  # type: ignore[arg-type]


def test_months_have_names_everywhere() -> None:
    """All twelve, each its own, in every variety."""
    for variety in VARIETIES:
        assert len({month(position, variety) for position in range(1, 13)}) == 12
    assert (month(5, "ar"), month(5, "en"), month(12, "fr")) == ("ماي", "May", "décembre")


@pytest.mark.parametrize(
    ("value", "variety", "text"),
    [(15000, "fr", "15\u00a0000"), (15000, "en", "15,000"), (2.5, "fr", "2,5"), (2.5, "en", "2.5"), (7, "ar", "7")],
)
def test_numbers_are_grouped(value: float, variety: str, text: str) -> None:
    """With each variety's separators, in Western digits, and no sign that old phones show as a box."""
    assert number(value, variety) == text


def test_numbers_have_western_digits_everywhere() -> None:
    """Also in Arabic letters."""
    for variety in VARIETIES:
        assert set(number(1_234_567, variety)) & set("0123456789") == set("1234567")
        assert "\u202f" not in number(1_234_567, variety)
