"""Eligibility: rules with conditions, and when the age matters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.journeys.rules import decide, find_unmet, list_fitting


@dataclass
class Row:
    slug: str
    conditions: dict[str, Any] = field(default_factory=dict)


STUDENTS = Row("students", {"situation": ["student"]})
YOUNG = Row("young", {"age": [18, 35], "diploma": ["bac", "bac+2"]})
ANYBODY = Row("anybody")


@pytest.mark.parametrize(
    ("answers", "broken", "unknown"),
    [
        ({"diploma": "bac", "age": "18"}, False, set()),
        ({"diploma": "bac", "age": "35"}, False, set()),
        ({"diploma": "bac", "age": "36"}, True, set()),
        ({"diploma": "none", "age": "20"}, True, set()),
        ({"diploma": "bac"}, False, {"age"}),
        ({}, False, {"age", "diploma"}),
        ({"diploma": "bac+5"}, True, set()),
    ],
)
def test_conditions_are_met_broken_or_open(answers: dict[str, str], broken: bool, unknown: set[str]) -> None:
    """A broken condition decides, whatever is not known yet."""
    assert find_unmet(YOUNG.conditions, answers) == (broken, unknown)


def test_the_first_row_that_applies_decides() -> None:
    decision = decide([STUDENTS, ANYBODY], {"situation": "employee"})
    assert (decision.row, decision.open_fields) == (ANYBODY, frozenset())
    assert decide([STUDENTS, ANYBODY], {"situation": "student"}).row is STUDENTS


def test_what_could_still_decide_otherwise_is_told() -> None:
    """A row before that needs an age leaves the decision open."""
    decision = decide([YOUNG, ANYBODY], {"diploma": "bac", "situation": "jobseeker"})
    assert (decision.row, decision.open_fields) == (ANYBODY, frozenset({"age"}))
    assert decide([YOUNG, ANYBODY], {"diploma": "bac+5"}).open_fields == frozenset()


def test_nothing_applies() -> None:
    assert decide([STUDENTS], {"situation": "employee"}).row is None


def test_rows_that_nothing_excludes_are_listed_in_order() -> None:
    assert list_fitting([YOUNG, STUDENTS, ANYBODY], {"diploma": "bac"}) == [YOUNG, STUDENTS, ANYBODY]
    assert list_fitting([YOUNG, STUDENTS, ANYBODY], {"diploma": "bac+5", "situation": "employee"}) == [ANYBODY]
