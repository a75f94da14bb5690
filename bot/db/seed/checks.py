"""What a value may be: checks that seed files and the console's forms share, and that say what would be right.

A check takes a value as YAML or a form gives it and returns it as the column keeps it; it raises `WrongValueError`. Its
attributes are its limits, so that a form can be made from it.
"""

from __future__ import annotations

import calendar
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.clock import MOROCCO

#: Longest slug; the longest payload around one, ``/incubator_details{"programme":"…"}``, then has 62 of 64 bytes.
SLUG_LIMIT_CHARS = 28

DIPLOMAS = ("none", "niveau-bac", "bac", "bac+1", "technicien", "bac+2", "bac+3", "bac+4", "bac+5", "doctorat")
SITUATIONS = ("student", "graduate", "jobseeker", "employee", "self-employed")
#: The ages that a condition may name, in years.
AGES = (10, 99)

Check = Callable[[Any], Any]

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class WrongValueError(ValueError):
    """A value that a check refuses.

    Attributes:
        code: what is wrong, for words in another language than the message's.
        values: what those words need.
    """

    def __init__(self, code: str, message: str, **values: Any) -> None:
        super().__init__(message)
        self.code, self.values = code, values


def parse_first_day(value: str) -> date:
    """First day of a ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` period. Raises ValueError when there is no such day."""
    year, month, day = (value + "-01-01").split("-")[:3]
    return date(int(year), int(month), int(day))


def parse_last_day(value: str) -> date:
    """Last day of a ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` period. Raises ValueError when there is no such day."""
    parts = [int(part) for part in value.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return date(year, month, parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1])


def _refuse_length(value: str, limit: int, message: str) -> None:
    if len(value) > limit:
        raise WrongValueError("too_long", message.format(len(value), limit), count=len(value), limit=limit)


@dataclass(frozen=True, slots=True)
class Slug:
    """A slug of at most `SLUG_LIMIT_CHARS`."""

    def __call__(self, value: Any) -> str:
        """The slug."""
        if not isinstance(value, str) or not _SLUG.fullmatch(value):
            right = "write lower-case ASCII letters, digits and single hyphens"
            raise WrongValueError("slug", f"{value!r} is not a slug; {right}")
        _refuse_length(value, SLUG_LIMIT_CHARS, "has {} characters; a slug has at most {}")
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is not empty."""

    limit_chars: int | None = None

    def __call__(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str) or not value.strip():
            right = "write one, in quotes where YAML would read something else"
            raise WrongValueError("missing", f"{value!r} is not a text; {right}")
        if self.limit_chars is not None:
            _refuse_length(value, self.limit_chars, "has {} characters; at most {} fit")
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some codes."""

    codes: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        """The code."""
        if value not in self.codes:
            raise WrongValueError("choice", f"{value!r} is not one of the codes: {', '.join(self.codes)}")
        return str(value)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list without doubles."""

    item: Check

    def __call__(self, value: Any) -> list[Any]:
        """The items as their check returns them."""
        if not isinstance(value, list):
            raise WrongValueError("choice", f"{value!r} is not a list; write [first, second]")
        items = [self.item(item) for item in value]
        repeated = next((item for item in items if items.count(item) > 1), None)
        if repeated is not None:
            raise WrongValueError("twice", f"{repeated!r} is there twice; once is enough", item=repeated)
        return items


@dataclass(frozen=True, slots=True)
class OrNull:
    """A value, or None while it is not known."""

    value: Check

    def __call__(self, value: Any) -> Any:
        """The value as its check returns it, or None."""
        return None if value is None else self.value(value)


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as precise as it is known."""

    def __call__(self, value: Any) -> str:
        """``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
        written = str(value)  # YAML reads a bare year as a number
        try:
            if not _PARTIAL_DATE.fullmatch(written):
                raise ValueError
            parse_first_day(written)
        except ValueError:
            right = "write YYYY, YYYY-MM or YYYY-MM-DD"
            raise WrongValueError("partial_date", f"{written!r} is not a date; {right}") from None
        return written


@dataclass(frozen=True, slots=True)
class Day:
    """A day."""

    def __call__(self, value: Any) -> date:
        """The day that ``YYYY-MM-DD`` names."""
        try:
            if len(str(value)) != len("YYYY-MM-DD"):
                raise ValueError
            return date.fromisoformat(str(value))
        except ValueError:
            raise WrongValueError("day", f"{str(value)!r} is not a day; write YYYY-MM-DD") from None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in Morocco's time, to the minute."""

    def __call__(self, value: Any) -> datetime:
        """The moment that ``YYYY-MM-DD HH:MM`` names, in UTC."""
        try:
            return datetime.strptime(str(value), "%Y-%m-%d %H:%M").replace(tzinfo=MOROCCO).astimezone(UTC)
        except ValueError:
            right = "write YYYY-MM-DD HH:MM, in Morocco's time"
            raise WrongValueError("moment", f"{str(value)!r} is not a moment; {right}") from None


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The address of a page to send people to."""

    def __call__(self, value: Any) -> str:
        """The address."""
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
        except ValueError:  # a bracket without its other half
            parts = None
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongValueError("url", f"{value!r} is not a public address; write one with http(s)://, or null")
        try:
            ipaddress.ip_address(parts.hostname)
        except ValueError:
            return str(value)
        raise WrongValueError("url", f"{value!r} is a bare machine, not a page to send people to; write null")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a range."""

    low: float
    high: float

    def __call__(self, value: Any) -> float:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            message = f"{value!r} is not a number from {self.low:g} to {self.high:g}"
            raise WrongValueError("number", message, low=f"{self.low:g}", high=f"{self.high:g}")
        return float(value)


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number of a range."""

    low: int
    high: int

    def __call__(self, value: Any) -> int:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            message = f"{value!r} is not a whole number from {self.low} to {self.high}"
            raise WrongValueError("whole_number", message, low=self.low, high=self.high)
        return value


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """True or false."""

    def __call__(self, value: Any) -> bool:
        """Which."""
        if value is not True and value is not False:
            raise WrongValueError("choice", f"{value!r} is neither true nor false")
        return bool(value)


@dataclass(frozen=True, slots=True)
class Values:
    """Named values of a fact, which texts show."""

    def __call__(self, value: Any) -> dict[str, Any]:
        """The mapping."""
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            right = "write {} when there are none"
            raise WrongValueError("values", f"{value!r} is not a mapping of names to values; {right}")
        return value


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions on a person: codes of their diploma and situation, ages from and to."""

    def __call__(self, value: Any) -> dict[str, Any]:
        """The conditions by name."""
        codes = {"diploma": DIPLOMAS, "situation": SITUATIONS}
        if not isinstance(value, dict):
            raise WrongValueError("values", f"{value!r} is not a mapping; write {{diploma: [bac+2], age: [18, 35]}}")
        for name, wanted in value.items():
            if name in codes:
                ListOf(OneOf(codes[name]))(wanted)
            elif name != "age":
                raise WrongValueError("choice", f"{name!r} is no condition; known are {', '.join([*codes, 'age'])}")
            elif len(ListOf(WholeNumber(*AGES))(wanted)) != 2 or wanted[0] > wanted[1]:
                raise WrongValueError("ages", f"age: {wanted!r} is not [from, to] in years")
        return value


check_slug = Slug()
