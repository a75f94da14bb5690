"""The rules of the seed files and of the console's forms: which keys each table takes, and what each value may be.

References to other rows are checked later, when all files are read (`bot.db.seed.files`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers

from bot.db.base import Base
from bot.db.models import (
    Alternative,
    ApplicationDocument,
    City,
    Cohort,
    ContactPoint,
    EligibilityRule,
    Event,
    Fact,
    Operator,
    Programme,
    Publication,
    Track,
)
from bot.db.seed.checks import (
    Check,
    Conditions,
    Day,
    ListOf,
    Moment,
    Number,
    OneOf,
    OrNull,
    PartialDate,
    PublicUrl,
    Text,
    Values,
    WholeNumber,
    WrongValueError,
    YesOrNo,
    check_slug,
    parse_first_day,
    parse_last_day,
)

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
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
CONTACT_KINDS = ("address", "phone", "email", "website", "social", "hours")
VERDICTS = ("fits", "unclear", "refused")
ENROLMENTS = ("open", "closed")


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an entry: how its value is checked, and what it is when the key is left out.

    `refers_to` names the file whose slugs the value, or each item of it, must be one of.
    """

    check: Check
    required: bool = True
    default: Any = None
    refers_to: str | None = None


def _optional(check: Check, default: Any = None, refers_to: str | None = None) -> Field:
    return Field(check if default is not None else OrNull(check), False, default, refers_to)


def _slugs_of(file: str) -> Field:
    return _optional(ListOf(check_slug), [], file)


_FACT_SLUGS = Field(ListOf(check_slug), refers_to="facts")
_RANK = Field(WholeNumber(1, 10_000))
_MONTHS = _optional(Number(0.25, 120))
_AMOUNT_DH = _optional(WholeNumber(1, 10**9))
_CONDITIONS = _optional(Conditions(), {})
_WEBSITE = _optional(PublicUrl())

#: The keys of an entry, by table, in the order in which the tables are filled: what is cited comes first.
FIELDS: Mapping[type[Base], Mapping[str, Field]] = {
    Fact: {
        "slug": Field(check_slug),
        "topic": Field(OneOf(FACT_TOPICS)),
        "statement_fr": Field(Text()),
        "values": Field(Values()),
        "publisher": Field(Text(120)),
        "source_title": Field(Text()),
        "source_url": Field(OrNull(PublicUrl())),
        "as_of": Field(OrNull(PartialDate())),
        "as_of_note": Field(OrNull(Text())),
        "confidence": Field(OneOf(CONFIDENCES)),
    },
    City: {
        "slug": Field(check_slug),
        "name": Field(Text(64)),
        "region": Field(Text(64)),
        # Morocco, with room; a swapped latitude and longitude does not pass.
        "latitude": Field(Number(20, 37)),
        "longitude": Field(Number(-18, 0)),
    },
    Operator: {
        "slug": Field(check_slug),
        "name": Field(Text(120)),
        "website": Field(OrNull(PublicUrl())),
    },
    ContactPoint: {
        "slug": Field(check_slug),
        "kind": Field(OneOf(CONTACT_KINDS)),
        "value": Field(Text(160)),
        "rank": _RANK,
    },
    Track: {
        "slug": Field(check_slug),
        "name": Field(Text(120)),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    Cohort: {
        "slug": Field(check_slug),
        "track_slug": Field(check_slug, refers_to="tracks"),
        "operator_slug": Field(OrNull(check_slug), refers_to="operators"),
        "city_slug": Field(OrNull(check_slug), refers_to="cities"),
        "title": Field(Text(160)),
        "starts_on": Field(OrNull(PartialDate())),
        "ends_on": Field(OrNull(PartialDate())),
        "duration_months": Field(OrNull(Number(0.25, 120))),
        "enrolment": _optional(OneOf(ENROLMENTS)),
        "enrol_until": _optional(Day()),
        "fact_slug": Field(check_slug, refers_to="facts"),
    },
    Programme: {
        "slug": Field(check_slug),
        "name": Field(Text(120)),
        "kind": Field(OneOf(PROGRAMME_KINDS)),
        "operator_slug": _optional(check_slug, refers_to="operators"),
        "city_slugs": _slugs_of("cities"),
        "stages": _optional(ListOf(OneOf(STAGES)), []),
        "sectors": _optional(ListOf(OneOf(SECTORS)), []),
        "offers": _optional(ListOf(OneOf(OFFERS)), []),
        "takes_equity": _optional(YesOrNo()),
        "amount_min_dh": _AMOUNT_DH,
        "amount_max_dh": _AMOUNT_DH,
        "duration_months": _MONTHS,
        "website": _WEBSITE,
        "status": Field(OneOf(PROGRAMME_STATUSES)),
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
    Event: {
        "slug": Field(check_slug),
        "name": Field(Text(120)),
        "organiser": _optional(Text(120)),
        "city_slug": _optional(check_slug, refers_to="cities"),
        "topics": Field(ListOf(OneOf(EVENT_TOPICS))),
        "usual_month": _optional(WholeNumber(1, 12)),
        "status": Field(OneOf(EVENT_STATUSES)),
        "starts_on": _optional(Day()),
        "ends_on": _optional(Day()),
        "last_starts_on": _optional(PartialDate()),
        "last_ends_on": _optional(PartialDate()),
        "website": _WEBSITE,
        "begins_at": _optional(Moment()),
        "finishes_at": _optional(Moment()),
        "place": _optional(Text(160)),
        "latitude": _optional(Number(20, 37)),
        "longitude": _optional(Number(-18, 0)),
        "price_dh": _optional(WholeNumber(0, 1_000_000)),
        "is_registered_here": _optional(YesOrNo(), False),
        "capacity": _optional(WholeNumber(1, 100_000)),
        "fact_slugs": _FACT_SLUGS,
        "is_demo": _optional(YesOrNo(), False),
    },
    Publication: {
        "slug": Field(check_slug),
        "topics": Field(ListOf(OneOf(PUBLICATION_TOPICS))),
        "publisher": Field(Text(120)),
        "url": Field(OrNull(PublicUrl())),
        "published_on": Field(OrNull(PartialDate())),
        "fact_slugs": _FACT_SLUGS,
    },
    EligibilityRule: {
        "slug": Field(check_slug),
        "conditions": _CONDITIONS,
        "verdict": Field(OneOf(VERDICTS)),
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
        "name": Field(Text(120)),
        "conditions": _CONDITIONS,
        "city_slugs": _slugs_of("cities"),
        "website": _WEBSITE,
        "fact_slugs": _FACT_SLUGS,
        "rank": _RANK,
    },
}

#: The columns that texts/<variety>.yml fills, by table. One column: the text itself; several: a mapping of them.
TEXTS: Mapping[type[Base], Mapping[str, Check]] = {
    Track: {"summary": Text(SUMMARY_LIMIT_CHARS)},
    Programme: {"summary": Text(SUMMARY_LIMIT_CHARS)},
    Event: {"summary": Text(SUMMARY_LIMIT_CHARS)},
    Publication: {"title": Text(TITLE_LIMIT_CHARS), "summary": Text(SUMMARY_LIMIT_CHARS)},
    EligibilityRule: {"reason": Text(SUMMARY_LIMIT_CHARS)},
    ApplicationDocument: {"title": Text(TITLE_LIMIT_CHARS)},
    Alternative: {"summary": Text(SUMMARY_LIMIT_CHARS)},
}


class WrongColumnError(WrongValueError):
    """A value that is right by itself is none beside the others of its row; `column` is where it stands."""

    def __init__(self, column: str, code: str, message: str, **values: Any) -> None:
        super().__init__(code, message, **values)
        self.column = column


class WrongOrderError(WrongColumnError):
    """Something ends before it begins; `column` is the end."""

    def __init__(self, row: Mapping[str, Any], first: str, column: str, advice: str) -> None:
        message = f"{row[column]} is before {first}, {row[first]}; {advice}"
        super().__init__(column, "order", message, first=row[first], last=row[column])


def complete(model: type[Base], row: dict[str, Any]) -> None:
    """Add the columns that follow from others, and check those that depend on each other.

    Raises:
        WrongColumnError: something ends before it begins, or a way to reach somebody is none of its kind.
    """
    if model is ContactPoint:
        _check_contact(row)
    if model is Cohort:
        row["first_day"] = parse_first_day(row["starts_on"]) if row["starts_on"] else None
        row["last_day"] = parse_last_day(row["ends_on"]) if row["ends_on"] else None
        if row["first_day"] and row["last_day"] and row["last_day"] < row["first_day"]:
            raise WrongOrderError(row, "starts_on", "ends_on", "swap or correct them")
    if model is Event:
        for first, last in (("starts_on", "ends_on"), ("begins_at", "finishes_at")):
            if row[first] and row[last] and row[last] < row[first]:
                raise WrongOrderError(row, first, last, "swap or correct them")


def _check_contact(row: Mapping[str, Any]) -> None:
    """A number can be dialled, an address of the web opened, and one of e-mail written to."""
    kind, value = row["kind"], row["value"]
    if kind in ("website", "social"):
        try:
            PublicUrl()(value)
        except WrongValueError as error:
            raise WrongColumnError("value", error.code, str(error)) from error
    elif kind == "email" and not _EMAIL.fullmatch(value):
        raise WrongColumnError("value", "email", f"{value!r} is no e-mail address")
    elif kind == "phone":
        try:
            is_number = phonenumbers.is_valid_number(phonenumbers.parse(value, "MA"))
        except phonenumbers.NumberParseException:
            is_number = False
        if not is_number:
            raise WrongColumnError("value", "phone", f"{value!r} is no phone number; write +212 5…")
