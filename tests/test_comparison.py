"""The comparison of a new model with the one before it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot import comparison
from bot.comparison import compare_models, compare_reports
from bot.training import report_path


def report(model: str, **accuracies: float) -> dict[str, Any]:
    files = [
        {"file": f"tests/{name}.tsv", "accuracy": accuracy, "out_of_scope_recall": None, "good_refused": 0.02}
        for name, accuracy in accuracies.items()
    ]
    return {"model": model, "files": files}


def test_each_file_has_its_figures_before_and_now() -> None:
    """Files are matched by name; one that is new has nothing before it, and what cannot be counted is a dash."""
    lines = compare_reports(report("a", fr=0.85), report("b", fr=0.9, en=0.95))
    assert lines[0].split() == [
        "fr.tsv",
        "accuracy",
        "0.850",
        "→",
        "0.900",
        "oos",
        "kept",
        "–",
        "→",
        "–",
        "refused",
        "0.020",
        "→",
        "0.020",
    ]
    assert lines[1].split()[:5] == ["en.tsv", "accuracy", "–", "→", "0.950"]


def test_a_model_is_compared_with_the_newest_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is kept beside the model, and measuring the same model again does not compare it with itself."""

    def measure(model: Path, data: object, path: Path) -> int:
        path.write_text(json.dumps(report(model.name, fr=0.9)), encoding="utf-8")
        return 0

    monkeypatch.setattr(comparison, "evaluate_model", measure)
    new = tmp_path / "new.tar.gz"
    assert compare_models(new, []) == compare_models(new, []) == 0
    assert "nothing to compare with" in capsys.readouterr().out
    for age, name in enumerate(("older", "newer")):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(report(f"{name}.tar.gz", fr=0.8)), encoding="utf-8")
        os.utime(path, (age, age))
    assert compare_models(new, []) == 0
    told = capsys.readouterr().out
    assert "Against newer.tar.gz:" in told and "0.800 → 0.900" in told
    assert report_path(new) == tmp_path / "new.json"


def test_a_failed_evaluation_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that cannot be read end the command with the evaluation's status."""
    monkeypatch.setattr(comparison, "evaluate_model", lambda model, data, path: 2)
    assert compare_models(tmp_path / "m.tar.gz", []) == 2
