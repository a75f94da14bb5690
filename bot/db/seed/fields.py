"""The rules of the seed files: which keys each table takes, and what a value of each may be.

A check takes the value as YAML gives it and returns it as the column keeps it; it raises ValueError with what would
be right. References to other rows are checked later, when all files are read (`bot.db.seed.files`).
"""

from __future__ import annotations

import calendar
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.clock import MOROCCO
from bot.db.base import Base
from bot.db.models import (
    Alternative,
    ApplicationDocument,
    City,
    Cohort,
    EligibilityRule,
    Event,
    Fact,
    Operator,
    Programme,
    Publication,
    Track,
)

#: Longest slug; the longest payload around one, ``/incubator_details{"programme":"…"}``, then has 62 of 64 bytes.
SLUG_LIMIT_CHARS = 28
TITLE_LIMIT_CHARS = 90
SUMMARY_LIMIT_CHARS = 260

FACT_TOPICS = (
    "jobintech",
    "jobintech_parcours",
    "mnc",
    "programme_startup",
    "evenement",
    "veille",
    "alternative_formation",
)
CONFIDENCES = ("high", "medium", "low")
PROGRAMME_KINDS = ("incubator", "accelerator", "fund", "loan", "grant", "network", "training", "coworking", "label")
PROGRAMME_STATUSES = ("running", "uncertain", "ended")
STAGES = ("idea", "prototype", "seed", "growth", "sme")
SECTORS = (
    "tech",
    "health",
    "agriculture",
    "energy",
    "environment",
    "social",
    "industry",
    "finance",
    "education",
    "smart-city",
    "culture",
    "mobility",
    "commerce",
    "tourism",
    "food",
    "water",
)
OFFERS = ("money", "place", "mentoring", "training", "network")
EVENT_STATUSES = ("confirmed", "to_confirm", "past")
EVENT_TOPICS = (
    "ai",
    "cloud",
    "cybersecurity",
    "data",
    "startups",
    "health",
    "deeptech",
    "development",
    "digital",
    "funding",
)
PUBLICATION_TOPICS = (
    "strategy",
    "ai",
    "funding",
    "jobs",
    "training",
    "startups",
    "egovernment",
    "outsourcing",
)

DIPLOMAS = ("none", "niveau-bac", "bac", "bac+1", "technicien", "bac+2", "bac+3", "bac+4", "bac+5", "doctorat")
SITUATIONS = ("student", "graduate", "jobseeker", "employee", "self-employed")
VERDICTS = ("fits", "unclear", "refused")

Check = Callable[[Any], Any]

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an entry: how its value is checked, and what it is when the key is left out.

    `refers_to` names the file whose slugs the value, or each item of it, must be one of.
    """

    check: Check
    required: bool = True
    default: Any = None
    refers_to: str | None = None


def check_slug(value: Any) -> str:
    """A slug of at most `SLUG_LIMIT_CHARS`."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise ValueError(f"{value!r} is not a slug; write lower-case ASCII letters, digits and single hyphens")
    if len(value) > SLUG_LIMIT_CHARS:
        raise ValueError(f"has {len(value)} characters; a slug has at most {SLUG_LIMIT_CHARS}")
    return value


def parse_first_day(value: str) -> date:
    """First day of a ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` period. Raises ValueError when there is no such day."""
    year, month, day = (value + "-01-01").split("-")[:3]
    return date(int(year), int(month), int(day))


def parse_last_day(value: str) -> date:
    """Last day of a ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` period. Raises ValueError when there is no such day."""
    parts = [int(part) for part in value.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return date(year, month, parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1])


def _text(limit_chars: int | None = None) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{value!r} is not a text; write one, in quotes where YAML would read something else")
        if limit_chars is not None and len(value) > limit_chars:
            raise ValueError(f"has {len(value)} characters; at most {limit_chars} fit")
        return value

    return check


def _one_of(codes: tuple[str, ...]) -> Check:
    def check(value: Any) -> str:
        if value not in codes:
            raise ValueError(f"{value!r} is not one of the codes: {', '.join(codes)}")
        return str(value)

    return check


def _list_of(check_item: Check) -> Check:
    def check(value: Any) -> list[Any]:
        written = value if isinstance(value, list) else None
        if written is None:
            raise ValueError(f"{value!r} is not a list; write [first, second]")
        items = [check_item(item) for item in written]
        repeated = next((item for item in items if items.count(item) > 1), None)
        if repeated is not None:
            raise ValueError(f"{repeated!r} is there twice; once is enough")
        return items

    return check


def _or_null(check_value: Check) -> Check:
    return lambda value: None if value is None else check_value(value)


def _check_partial_date(value: Any) -> str:
    written = str(value)  # YAML reads a bare year as a number
    try:
        if not _PARTIAL_DATE.fullmatch(written):
            raise ValueError
        parse_first_day(written)
    except ValueError:
        raise ValueError(f"{written!r} is not a date; write YYYY, YYYY-MM or YYYY-MM-DD") from None
    return written


def _check_day(value: Any) -> date:
    try:
        if len(str(value)) != len("YYYY-MM-DD"):
            raise ValueError
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{str(value)!r} is not a day; write YYYY-MM-DD") from None


def _check_moment(value: Any) -> datetime:
    """A moment in Morocco's time, to the minute."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M").replace(tzinfo=MOROCCO).astimezone(UTC)
    except ValueError:
        raise ValueError(f"{str(value)!r} is not a moment; write YYYY-MM-DD HH:MM, in Morocco's time") from None


def _check_public_url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not a public address; write one with http(s)://, or null")
    try:
        ipaddress.ip_address(parts.hostname)
    except ValueError:
        return str(value)
    raise ValueError(f"{value!r} is a bare machine, not a page to send people to; write null")


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a number from {low:g} to {high:g}")
        return float(value)

    return check


def _whole_number(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
        return value

    return check


def _check_yes_or_no(value: Any) -> bool:
    if value is not True and value is not False:
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _check_values(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{value!r} is not a mapping of names to values; write {{}} when there are none")
    return value


def _check_conditions(value: Any) -> dict[str, Any]:
    """Conditions on a person: codes of their diploma and situation, ages from and to."""
    codes = {"diploma": DIPLOMAS, "situation": SITUATIONS}
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping; write {{diploma: [bac+2], age: [18, 35]}}")
    for name, wanted in value.items():
        if name in codes:
            _list_of(_one_of(codes[name]))(wanted)
        elif name != "age":
            raise ValueError(f"{name!r} is no condition; known are {', '.join([*codes, 'age'])}")
        elif len(_list_of(_whole_number(10, 99))(wanted)) != 2 or wanted[0] > wanted[1]:
            raise ValueError(f"age: {wanted!r} is not [from, to] in years")
    return value


def _optional(check: Check, default: Any = None, refers_to: str | None = None) -> Field:
    return Field(check if default is not None else _or_null(check), False, default, refers_to)


def _slugs_of(file: str) -> Field:
    return _optional(_list_of(check_slug), [], file)


_FACT_SLUGS = Field(_list_of(check_slug), refers_to="facts")
_RANK = Field(_whole_number(1, 10_000))
_MONTHS = _optional(_number(0.25, 120))
_AMOUNT_DH = _optional(_whole_number(1, 10**9))
_CONDITIONS = _optional(_check_conditions, {})
_WEBSITE = _optional(_check_public_url)

#: The keys of an entry, by table, in the order in which the tables are filled: what is cited comes first.
FIELDS: Mapping[type[Base], Mapping[str, Field]] = {
    Fact: {
        "slug": Field(check_slug),
        "topic": Field(_one_of(FACT_TOPICS)),
        "statement_fr": Field(_text()),
        "values": Field(_check_values),
        "publisher": Field(_text(120)),
        "source_title": Field(_text()),
        "source_url": Field(_or_null(_check_public_url)),
        "as_of": Field(_or_null(_check_partial_date)),
        "as_of_note": Field(_or_null(_text())),
        "confidence": Field(_one_of(CONFIDENCES)),
    },
    City: {
        "slug": Field(check_slug),
        "name": Field(_text(64)),
        "region": Field(_text(64)),
        # Morocco, with room; a swapped latitude and longitude does not pass.
        "latitude": Field(_number(20, 37)),
        "longitude": Field(_number(-18, 0)),
    },
    Operator: {
        "slug": Field(check_slug),
        "name": Field(_text(120)),
        "website": Field(_or_null(_check_public_url)),
    },
    Track: {
        "slug": Field(check_slug),
        "name": Field(_text(120)),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    Cohort: {
        "slug": Field(check_slug),
        "track_slug": Field(check_slug, refers_to="tracks"),
        "operator_slug": Field(_or_null(check_slug), refers_to="operators"),
        "city_slug": Field(_or_null(check_slug), refers_to="cities"),
        "title": Field(_text(160)),
        "starts_on": Field(_or_null(_check_partial_date)),
        "ends_on": Field(_or_null(_check_partial_date)),
        "duration_months": Field(_or_null(_number(0.25, 120))),
        "fact_slug": Field(check_slug, refers_to="facts"),
    },
    Programme: {
        "slug": Field(check_slug),
        "name": Field(_text(120)),
        "kind": Field(_one_of(PROGRAMME_KINDS)),
        "operator_slug": _optional(check_slug, refers_to="operators"),
        "city_slugs": _slugs_of("cities"),
        "stages": _optional(_list_of(_one_of(STAGES)), []),
        "sectors": _optional(_list_of(_one_of(SECTORS)), []),
        "offers": _optional(_list_of(_one_of(OFFERS)), []),
        "takes_equity": _optional(_check_yes_or_no),
        "amount_min_dh": _AMOUNT_DH,
        "amount_max_dh": _AMOUNT_DH,
        "duration_months": _MONTHS,
        "website": _WEBSITE,
        "status": Field(_one_of(PROGRAMME_STATUSES)),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    Event: {
        "slug": Field(check_slug),
        "name": Field(_text(120)),
        "organiser": _optional(_text(120)),
        "city_slug": _optional(check_slug, refers_to="cities"),
        "topics": Field(_list_of(_one_of(EVENT_TOPICS))),
        "usual_month": _optional(_whole_number(1, 12)),
        "status": Field(_one_of(EVENT_STATUSES)),
        "starts_on": _optional(_check_day),
        "ends_on": _optional(_check_day),
        "last_starts_on": _optional(_check_partial_date),
        "last_ends_on": _optional(_check_partial_date),
        "website": _WEBSITE,
        "begins_at": _optional(_check_moment),
        "finishes_at": _optional(_check_moment),
        "place": _optional(_text(160)),
        "latitude": _optional(_number(20, 37)),
        "longitude": _optional(_number(-18, 0)),
        "price_dh": _optional(_whole_number(0, 1_000_000)),
        "is_registered_here": _optional(_check_yes_or_no, False),
        "capacity": _optional(_whole_number(1, 100_000)),
        "fact_slugs": _FACT_SLUGS,
        "is_demo": _optional(_check_yes_or_no, False),
    },
    Publication: {
        "slug": Field(check_slug),
        "topics": Field(_list_of(_one_of(PUBLICATION_TOPICS))),
        "publisher": Field(_text(120)),
        "url": Field(_or_null(_check_public_url)),
        "published_on": Field(_or_null(_check_partial_date)),
        "fact_slugs": _FACT_SLUGS,
    },
    EligibilityRule: {
        "slug": Field(check_slug),
        "conditions": _CONDITIONS,
        "verdict": Field(_one_of(VERDICTS)),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    ApplicationDocument: {
        "slug": Field(check_slug),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    Alternative: {
        "slug": Field(check_slug),
        "name": Field(_text(120)),
        "conditions": _CONDITIONS,
        "city_slugs": _slugs_of("cities"),
        "website": _WEBSITE,
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
}

#: The columns that texts/<variety>.yml fills, by table. One column: the text itself; several: a mapping of them.
TEXTS: Mapping[type[Base], Mapping[str, Check]] = {
    Track: {"summary": _text(SUMMARY_LIMIT_CHARS)},
    Programme: {"summary": _text(SUMMARY_LIMIT_CHARS)},
    Event: {"summary": _text(SUMMARY_LIMIT_CHARS)},
    Publication: {"title": _text(TITLE_LIMIT_CHARS), "summary": _text(SUMMARY_LIMIT_CHARS)},
    EligibilityRule: {"reason": _text(SUMMARY_LIMIT_CHARS)},
    ApplicationDocument: {"title": _text(TITLE_LIMIT_CHARS)},
    Alternative: {"summary": _text(SUMMARY_LIMIT_CHARS)},
}
