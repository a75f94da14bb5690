"""How well the trained model understands messages that nobody who wrote training data has seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import main
from bot.training import ROOT

HELDOUT = ROOT / "tests" / "nlu" / "heldout"
#: What each variety must reach, below what was measured last (docs/understanding.md); never lowered to pass.
FLOORS = yaml.safe_load((ROOT / "tests" / "nlu" / "floors.yml").read_text(encoding="utf-8"))


#: F1 of entities over all varieties; a little below what was measured last.
ENTITY_FLOORS: dict[str, float] = yaml.safe_load(
    (ROOT / "tests" / "nlu" / "entity_floors.yml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of ``python -m bot evaluate`` on every held-out file."""
    path = tmp_path_factory.mktemp("evaluation") / "deep" / "report.json"
    files = map(str, sorted(HELDOUT.glob("*.tsv")))
    marked = map(str, sorted((HELDOUT.parent / "entities").glob("*.txt")))
    assert main(["evaluate", *files, "--entities", *marked, "--json", str(path)]) == 0
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def figures_of(report: dict[str, Any], variety: str) -> dict[str, Any]:
    (figures,) = [entry for entry in report["files"] if Path(entry["file"]).stem == variety]
    found: dict[str, Any] = figures
    return found


@pytest.mark.timeout(600)
def test_every_file_is_measured(report: dict[str, Any]) -> None:
    """Each held-out file has its floors, at least ten messages an intent, and all its messages in the report."""
    assert {Path(entry["file"]).stem for entry in report["files"]} == set(FLOORS)
    for variety in FLOORS:
        lines = (HELDOUT / f"{variety}.tsv").read_text(encoding="utf-8").splitlines()
        assert figures_of(report, variety)["n"] == len(lines) >= 57 * 10
    assert report["all"]["n"] == sum(entry["n"] for entry in report["files"])


@pytest.mark.parametrize("variety", FLOORS)
@pytest.mark.parametrize("figure", ["accuracy", "out_of_scope_recall", "variety_accuracy"])
def test_at_least(report: dict[str, Any], variety: str, figure: str) -> None:
    """Accuracy, out-of-scope messages kept from other answers, and variety identification hold their floors."""
    assert figures_of(report, variety)[figure] >= FLOORS[variety][figure]


@pytest.mark.parametrize("variety", FLOORS)
def test_good_questions_are_not_refused(report: dict[str, Any], variety: str) -> None:
    """The share of good questions that the thresholds refuse, or that are taken for out of scope, holds its ceiling."""
    assert figures_of(report, variety)["good_refused"] <= FLOORS[variety]["good_refused"]


@pytest.mark.parametrize("kind", ENTITY_FLOORS)
def test_entities_are_found(report: dict[str, Any], kind: str) -> None:
    """Each kind of entity is found at least as well as it was measured, in messages that mark some."""
    assert report["entities"][kind]["marked"] >= 50
    assert report["entities"][kind]["f1"] >= ENTITY_FLOORS[kind]
