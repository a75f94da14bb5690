"""The comparison with Rasa's default pipeline; the training itself takes an hour and is not run here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bot import baseline
from bot.training import TrainingError, report_path


def test_the_default_is_measured_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both models are measured on the same files, and each line leads from the default's figure to ours."""
    measured = []

    def measure(model: Path, data: object, report: Path) -> int:
        measured.append((model.name, data))
        accuracy = 0.7 if model.name == "default.tar.gz" else 0.9
        row = {"file": "fr.tsv", "accuracy": accuracy, "out_of_scope_recall": None, "good_refused": 0.01}
        report.write_text(json.dumps({"model": model.name, "files": [row]}), encoding="utf-8")
        return 0

    monkeypatch.setattr(baseline, "ensure_model", lambda: tmp_path / "ours.tar.gz")
    monkeypatch.setattr(baseline, "train_default", lambda: tmp_path / "default.tar.gz")
    monkeypatch.setattr(baseline, "evaluate_model", measure)
    data = [Path("fr.tsv")]
    assert baseline.compare_with_default(data) == 0
    assert measured == [("default.tar.gz", data), ("ours.tar.gz", data)]
    assert "accuracy 0.700 → 0.900" in capsys.readouterr().out
    assert report_path(tmp_path / "default.tar.gz").exists()


def test_a_failed_training_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is measured when Rasa cannot read its pipeline."""
    monkeypatch.setattr(baseline, "RASA_PYTHON", Path("/bin/false"))
    with pytest.raises(TrainingError, match="default pipeline"):
        baseline.train_default()


def test_the_pipeline_is_rasas_own() -> None:
    """DIET with its hundred epochs, and none of our components."""
    pipeline = yaml.safe_load(baseline.PIPELINE.read_text(encoding="utf-8"))["pipeline"]
    names = [component["name"] for component in pipeline]
    assert not [name for name in names if name.startswith("nlu.")]
    (classifier,) = [component for component in pipeline if component["name"] == "DIETClassifier"]
    assert classifier["epochs"] == 100
