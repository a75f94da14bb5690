"""Every kind of row that staff keep, described once: its columns, its name, who refers to it, who is told of it.

What a value may be is said in `bot.db.seed.fields`, which seeding uses too; the fields of a form follow from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.console.words import Language, load_words
from bot.content import load_words as load_content
from bot.db.base import Base
from bot.db.models import (
    Alternative,
    Application,
    ApplicationDocument,
    City,
    Cohort,
    ContactPoint,
    DocumentTick,
    EligibilityRule,
    Event,
    Fact,
    Operator,
    Programme,
    Publication,
    Registration,
    Track,
)
from bot.db.seed.fields import FIELDS, TEXTS

#: Which names of bot/content stand for the codes of a column; other codes have words of the console.
_NAMED = {
    "kind": "kind", "stages": "stage", "sectors": "sector", "offers": "offer", "topics": "topic",
    "diploma": "diploma", "situation": "situation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row.

    Attributes:
        model: its table.
        columns: the columns of its form, in order; texts by variety among them.
        people: tables of people's own rows that refer to it, with the column: such a row is put aside, never deleted.
        topic: of the subscriptions whose owners can be told of it.
        is_fixed: whether it is only shown here.
    """

    model: Any
    columns: tuple[str, ...]
    people: tuple[tuple[Any, str], ...] = ()
    topic: str | None = None
    is_fixed: bool = False

    @property
    def path(self) -> str:
        """Its name in addresses, in the history and in the words: the table's."""
        return str(self.model.__tablename__)

    @property
    def texts(self) -> frozenset[str]:
        """The columns that hold a text by variety."""
        return frozenset(TEXTS.get(self.model, {}))

    def name(self, row: Any, language: Language) -> str:
        """What a row is called."""
        for column in ("name", "title", "statement_fr", "reason", "value"):
            value = getattr(row, column, None)
            if isinstance(value, Mapping):
                value = value.get(language) or value.get("fr")
            if value:
                return str(value)
        return str(row.slug)


KINDS: tuple[Kind, ...] = (
    Kind(
        Fact,
        (
            "statement_fr", "topic", "values", "publisher", "source_title", "source_url", "as_of", "as_of_note",
            "confidence",
        ),
    ),
    Kind(Track, ("name", "summary", "rank", "fact_slugs"), ((Application, "track_slug"),)),
    Kind(
        Cohort,
        (
            "title", "track_slug", "operator_slug", "city_slug", "starts_on", "ends_on", "duration_months",
            "enrolment", "enrol_until", "fact_slug",
        ),
        topic="cohorts",
    ),
    Kind(ContactPoint, ("kind", "value", "rank")),
    Kind(Operator, ("name", "website")),
    Kind(City, ("name", "region", "latitude", "longitude"), is_fixed=True),
    Kind(EligibilityRule, ("reason", "conditions", "verdict", "rank", "fact_slugs")),
    Kind(Alternative, ("name", "summary", "conditions", "city_slugs", "website", "rank", "fact_slugs")),
    Kind(ApplicationDocument, ("title", "rank", "fact_slugs"), ((DocumentTick, "document_slug"),)),
    Kind(
        Programme,
        (
            "name", "summary", "kind", "status", "operator_slug", "website", "city_slugs", "stages", "sectors",
            "offers", "takes_equity", "amount_min_dh", "amount_max_dh", "duration_months", "rank", "fact_slugs",
        ),
    ),
    Kind(
        Event,
        (
            "name", "summary", "organiser", "status", "topics", "begins_at", "finishes_at", "starts_on", "ends_on",
            "usual_month", "last_starts_on", "last_ends_on", "city_slug", "place", "latitude", "longitude", "price_dh",
            "is_registered_here", "capacity", "website", "fact_slugs", "is_demo",
        ),
        ((Registration, "event_slug"),),
        topic="events",
    ),
    Kind(
        Publication,
        ("title", "summary", "publisher", "url", "published_on", "topics", "fact_slugs"),
        topic="publications",
    ),
)  # fmt: skip
BY_PATH: Mapping[str, Kind] = {kind.path: kind for kind in KINDS}


def name_code(column: str, code: str, language: Language) -> str:
    """What a code of a column is called; the code itself where nobody names it."""
    names = load_content()[language].names.get(_NAMED.get(column, ""), {})
    return str(names.get(code) or load_words(language).get(f"content.codes.{column}.{code}") or code)


def list_columns(model: type[Base]) -> list[str]:
    """Every column that staff or seeding fill, the texts included; what follows from others is not among them."""
    return [*FIELDS[model], *TEXTS.get(model, {})]
