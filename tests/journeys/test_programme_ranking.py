"""The ranking of programmes, on written cases: docs/programme-ranking.md in figures."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bot.db.models import Programme
from bot.journeys.ranking import WEIGHTS, rank_programmes


def make(slug: str, **columns: Any) -> Programme:
    defaults: dict[str, Any] = {
        "name": slug, "kind": "incubator", "city_slugs": [], "stages": [], "sectors": [], "offers": ["mentoring"],
        "status": "running", "rank": 100,
    }  # fmt: skip
    return Programme(slug=slug, **{**defaults, **columns})


HERE = make("here", city_slugs=["rabat"], stages=["idea"])
HEALTH = make("health", city_slugs=["rabat"], sectors=["health"])
NATIONAL = make("national")
ELSEWHERE = make("elsewhere", city_slugs=["agadir"])
GROWTH = make("growth", stages=["growth"])
MONEY = make("money", kind="fund", offers=["money"])
OLD = make("old", city_slugs=["rabat"], stages=["idea"], status="uncertain")
ENDED = make("ended", city_slugs=["rabat"], status="ended")
ALL = [ENDED, OLD, MONEY, GROWTH, ELSEWHERE, NATIONAL, HEALTH, HERE]


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        # What names the town and the stage comes first, then what names the town, then the whole country.
        ({"city": "rabat", "stage": "idea"}, ["here", "health", "money", "national", "old"]),
        # A sector that a programme aims at outweighs one that it is merely open to.
        ({"city": "rabat", "sector": "health"}, ["health", "here", "growth", "money", "national", "old"]),
        # Another sector excludes it.
        ({"city": "rabat", "sector": "finance"}, ["here", "growth", "money", "national", "old"]),
        # Only what meets the need is named, and a programme elsewhere is not here.
        ({"need": "money", "city": "rabat"}, ["money"]),
        ({"need": "mentoring", "city": "agadir"}, ["elsewhere", "growth", "national"]),
        ({"stage": "growth", "city": "any"}, ["growth", "elsewhere", "health", "money", "national"]),
    ],
)
def test_written_cases(wanted: dict[str, str], slugs: list[str]) -> None:
    assert [match.programme.slug for match in rank_programmes(ALL, wanted)] == slugs


def test_reasons_say_what_was_met() -> None:
    wanted = {"need": "mentoring", "city": "rabat", "stage": "idea", "sector": "finance"}
    best = rank_programmes(ALL, wanted)[0]
    assert (best.programme.slug, best.reasons) == ("here", ("need", "city", "stage", "all_sectors"))
    assert best.score == sum(WEIGHTS[reason] for reason in best.reasons)


def test_the_order_of_the_rows_does_not_matter() -> None:
    """The same question has the same answer, whatever order the database gives the rows in."""
    wanted = {"city": "rabat", "stage": "idea"}
    expected = [match.programme.slug for match in rank_programmes(ALL, wanted)]
    for seed in range(20):
        shuffled = random.Random(seed).sample(ALL, len(ALL))
        assert [match.programme.slug for match in rank_programmes(shuffled, wanted)] == expected


def test_what_no_longer_runs_is_never_proposed() -> None:
    assert all(match.programme.slug != "ended" for match in rank_programmes(ALL, {}))


def test_what_may_have_ended_is_last() -> None:
    assert rank_programmes(ALL, {})[-1].programme.slug == "old"


def test_equal_programmes_are_in_the_order_of_their_rank_and_then_of_their_name() -> None:
    rows = [make("b"), make("a"), make("first", rank=1)]
    assert [match.programme.slug for match in rank_programmes(rows, {})] == ["first", "a", "b"]
