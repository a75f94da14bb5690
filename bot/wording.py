"""Dates and numbers as they are written in each variety."""

from __future__ import annotations

import re
from datetime import date, datetime

from babel.dates import format_date, get_month_names
from babel.numbers import format_decimal

#: Babel's locale for each variety. Darija in Latin letters uses the French names of the months; ar_MA has the
#: Moroccan ones (ماي، غشت، شتنبر) and Western digits.
LOCALES = {"fr": "fr_MA", "ary-Latn": "fr_MA", "ary-Arab": "ar_MA", "ar": "ar_MA", "en": "en"}
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def day(value: str | date | datetime | int, variety: str) -> str:
    """A date as precise as it is known: ``2025-10-15`` → "15 octobre 2025", ``2025-10`` → "octobre 2025", ``2025``.

    Raises:
        ValueError: a text that is no such date.
    """
    locale = LOCALES[variety]
    if isinstance(value, date):
        return format_date(value, "d MMMM y", locale=locale)
    match = _PARTIAL.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a date like 2025, 2025-10 or 2025-10-15")
    year, month_number, day_number = match.groups()
    if month_number is None:
        return str(year)
    if day_number is None:
        return format_date(date(int(year), int(month_number), 1), "LLLL y", locale=locale)
    return format_date(date(int(year), int(month_number), int(day_number)), "d MMMM y", locale=locale)


def month(number: int, variety: str) -> str:
    """The name of a month, 1 to 12."""
    return str(get_month_names("wide", context="stand-alone", locale=LOCALES[variety])[number])


def number(value: int | float, variety: str) -> str:
    """A number with the variety's separators: 12 000, 12,000."""
    # Latin digits for every variety, as Moroccans write them; French groups by a narrow space that old phones lack.
    return format_decimal(value, locale=LOCALES[variety]).replace("\u202f", "\u00a0")
