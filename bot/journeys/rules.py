"""Conditions of rules and of alternatives, and what is decided by them. Pure: rows in, verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

#: Conditions that name two numbers, from and to, instead of codes.
RANGES = frozenset({"age"})


class Conditioned(Protocol):
    """A row with conditions: `EligibilityRule` or `Alternative`."""

    slug: str
    conditions: dict[str, Any]


Row = TypeVar("Row", bound=Conditioned)


@dataclass(frozen=True, slots=True)
class Decision(Generic[Row]):
    """The first row that applies (None: none does), and the fields that would have to be known to be sure of it."""

    row: Row | None
    open_fields: frozenset[str]


def find_unmet(conditions: Mapping[str, Any], answers: Mapping[str, str]) -> tuple[bool, frozenset[str]]:
    """Whether an answer breaks the conditions, and which fields they need that have no answer yet."""
    unknown = set()
    for name, wanted in conditions.items():
        value = answers.get(name)
        if value is None:
            unknown.add(name)
        elif name in RANGES:
            low, high = wanted
            if not low <= int(value) <= high:
                return True, frozenset()
        elif value not in wanted:
            return True, frozenset()
    return False, frozenset(unknown)


def decide(rows: Sequence[Row], answers: Mapping[str, str]) -> Decision[Row]:
    """The first row whose conditions are met.

    Rows before it that can't be excluded without more answers make it unsure: their fields are `open_fields`.
    """
    open_fields: set[str] = set()
    for row in rows:
        is_broken, unknown = find_unmet(row.conditions, answers)
        if is_broken:
            continue
        if not unknown:
            return Decision(row, frozenset(open_fields))
        open_fields |= unknown
    return Decision(None, frozenset(open_fields))


def list_fitting(rows: Sequence[Row], answers: Mapping[str, str]) -> list[Row]:
    """The rows that no answer excludes, in order."""
    return [row for row in rows if not find_unmet(row.conditions, answers)[0]]
