"""Dates and numbers as they are written in each variety."""

from __future__ import annotations

import re
from datetime import date, datetime

import phonenumbers
from babel.dates import format_date, get_month_names
from babel.numbers import format_decimal
from babel.units import format_unit

from bot.clock import MOROCCO

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


def moment(value: str | datetime, variety: str) -> str:
    """A moment as it is in Morocco, with its weekday: "samedi 5 décembre 2026, 18:30".

    Africa/Casablanca is an hour behind itself during Ramadan; the machine's time-zone data knows when.

    Raises:
        ValueError: a text that is no ISO 8601 time.
    """
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(MOROCCO)
    comma = "،" if variety in ("ar", "ary-Arab") else ","
    return f"{format_date(at, 'EEEE d MMMM y', locale=LOCALES[variety])}{comma} {at:%H:%M}"


def month(number: int, variety: str) -> str:
    """The name of a month, 1 to 12."""
    return str(get_month_names("wide", context="stand-alone", locale=LOCALES[variety])[number])


def number(value: int | float, variety: str) -> str:
    """A number with the variety's separators: 12 000, 12,000."""
    # Latin digits for every variety, as Moroccans write them; French groups by a narrow space that old phones lack.
    return format_decimal(value, locale=LOCALES[variety]).replace("\u202f", "\u00a0")


def years(count: int, variety: str) -> str:
    """An age or a span of years with its unit: "29 ans", "29 years", "29 سنة"."""
    return format_unit(count, "duration-year", locale=LOCALES[variety])


def typeset(text: str, variety: str) -> str:
    """A text whose punctuation never begins a line: French has a space before : ; ? ! and inside « », kept together."""
    return re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", text) if variety == "fr" else text


def phone(value: str) -> str:
    """A number in E.164 in groups that can be read: +212 612-345678."""
    number = phonenumbers.parse(value)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
