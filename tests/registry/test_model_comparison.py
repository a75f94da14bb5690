"""One model beside another: the test of significance, the figures, and what changed."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path
from typing import Any

import pytest

from bot.registry.comparison import (
    Heldout,
    compare,
    count_changes,
    find_heldout,
    find_p,
    keep_figures,
    list_below,
    read_outcomes,
)
from bot.settings import ROOT

HELDOUT = Heldout((), (), {"fr": {"accuracy": 0.9, "good_refused": 0.02}}, {"city": 0.95}, "d" * 16, 4)


def figures(accuracy: float = 0.95, refused: float = 0.01, city: float = 0.97) -> dict[str, Any]:
    own = {
        "n": 4,
        "accuracy": accuracy,
        "macro_f1": accuracy,
        "out_of_scope_recall": None,
        "good_refused": refused,
        "variety_accuracy": 1.0,
        "calibration_error": 0.01,
        "p50_ms": 9.0,
        "p95_ms": 12.0,
    }
    report = {"files": [{"file": "tests/nlu/heldout/fr.tsv", **own}], "all": own}
    report["entities"] = {"city": {"f1": city, "marked": 50, "precision": 1, "recall": 1}}
    return keep_figures(report, "d" * 16)


def outcome(text: str, intent: str, *, right: bool, refused: bool = False) -> dict[str, Any]:
    return {"file": "fr", "text": text, "expected": ["greet"], "intent": intent, "right": right, "refused": refused}


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        # 2 (1 + 10) / 1024
        (1, 9, 0.021484375),
        (9, 1, 0.021484375),
        (0, 6, 0.03125),
        (0, 5, 0.0625),
        (6, 16, 0.052478),
        (59, 89, 0.016841),
    ],
)
def test_chance(lost: int, gained: int, p: float) -> None:
    """McNemar's exact test: twice the tail of a binomial distribution of one half over the discordant pairs."""
    assert find_p(lost, gained) == pytest.approx(p, abs=1e-6)
    n = lost + gained
    if lost != gained:
        tail = sum(comb(n, k) for k in range(n + 1) if min(k, n - k) <= min(lost, gained))
        assert find_p(lost, gained) == pytest.approx(tail / 2**n)


def test_large_numbers_are_no_matter() -> None:
    """Thousands of messages that only one understands neither overflow nor round to nothing."""
    assert find_p(1_800, 1_900) == pytest.approx(0.1035, abs=0.001)
    assert 0 <= find_p(0, 3_770) < 1e-300


def test_what_changed() -> None:
    """Messages gained, lost, refused, accepted and wrong in another way are told apart; the rest is not listed."""
    before = [
        outcome("a", "thank", right=False),
        outcome("b", "greet", right=True),
        outcome("c", "greet", right=True),
        outcome("d", "thank", right=False),
        outcome("e", "greet", right=True, refused=True),
        outcome("f", "greet", right=True),
    ]
    after = [
        outcome("a", "greet", right=True),
        outcome("b", "thank", right=False),
        outcome("c", "greet", right=True, refused=True),
        outcome("d", "deny", right=False),
        outcome("e", "greet", right=True),
        outcome("f", "greet", right=True),
    ]
    found = compare(figures(0.9), figures(0.95), before, after, HELDOUT)
    assert [(row["text"], row["change"]) for row in found["changed"]] == [
        ("a", "gained"),
        ("b", "lost"),
        ("c", "refused"),
        ("d", "other"),
        ("e", "accepted"),
    ]
    assert count_changes(found["changed"]) == {"gained": 1, "lost": 1, "refused": 1, "other": 1, "accepted": 1}
    (row,) = found["rows"]
    assert (row["name"], row["lost"], row["gained"], row["p"]) == ("fr", 1, 1, 1.0)
    assert row["before"]["accuracy"] == 0.9 and row["after"]["accuracy"] == 0.95
    assert json.loads(json.dumps(found)) == found


def test_different_messages_are_refused() -> None:
    """Outcomes of other messages, or of fewer, are not compared as if they were pairs."""
    one, two = [outcome("a", "greet", right=True)], [outcome("b", "greet", right=True)]
    with pytest.raises(ValueError, match="different messages"):
        compare(figures(), figures(), one, two, HELDOUT)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        compare(figures(), figures(), one, [], HELDOUT)


def test_alone() -> None:
    """Without a live model there are figures, and nothing to test."""
    found = compare(None, figures(), [], [outcome("a", "greet", right=True)], HELDOUT)
    assert found["all"]["before"] is None and found["all"]["p"] is None and found["changed"] == []
    assert found["entities"] == [{"kind": "city", "before": None, "after": 0.97, "marked": 50}]


def test_floors() -> None:
    """What is below a floor, or above the ceiling of refusals, is named with both numbers; what holds is not."""
    assert list_below(figures(), HELDOUT) == []
    below = list_below(figures(accuracy=0.89, refused=0.03, city=0.9), HELDOUT)
    assert [(row["name"], row["figure"], row["value"], row["floor"]) for row in below] == [
        ("fr", "accuracy", 0.89, 0.9),
        ("fr", "good_refused", 0.03, 0.02),
        ("city", "entity_f1", 0.9, 0.95),
    ]


def test_the_products_own() -> None:
    """The shipped messages are found with their floors; a folder without them has none."""
    heldout = find_heldout(ROOT)
    assert heldout is not None
    assert {path.stem for path in heldout.data} == set(heldout.floors) and heldout.count == 5 * 754
    assert heldout.entity_floors["city"] > 0.9 and len(heldout.entities) == 5


def test_none_installed(tmp_path: Path) -> None:
    """A product without its tests says that the messages are missing."""
    assert find_heldout(tmp_path) is None


def test_outcomes_are_read_line_by_line(tmp_path: Path) -> None:
    """A line that looks like two to other readers (U+2028) is one message."""
    path = tmp_path / "a.outcomes"
    rows = [outcome("un\u2028deux", "greet", right=True), outcome("trois", "greet", right=True)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert read_outcomes(path) == rows
