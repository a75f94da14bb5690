"""Train Rasa's default pipeline on the same messages and put its figures beside ours: `make compare-default`."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bot.comparison import compare_reports
from bot.settings import ROOT
from bot.training import MODELS, RASA_PYTHON, TrainingError, ensure_model, evaluate_model, rasa_environment, report_path

PIPELINE = ROOT / "nlu" / "default_pipeline.yml"
DEFAULT_MODELS = MODELS / "default"
NAME = "default.tar.gz"


def train_default() -> Path:
    """Train it, with Rasa's own progress on the terminal: over an hour on two cores.

    Raises:
        TrainingError: Rasa failed.
    """
    command = [
        *(str(RASA_PYTHON), "-m", "rasa", "train", "nlu", "--config", str(PIPELINE), "--nlu", "nlu/examples"),
        *("--domain", "domain.yml", "--out", str(DEFAULT_MODELS), "--fixed-model-name", NAME.removesuffix(".tar.gz")),
    ]
    if subprocess.run(command, cwd=ROOT, env=rasa_environment({}), check=False).returncode:
        raise TrainingError("Rasa's default pipeline could not be trained; its output is above")
    return DEFAULT_MODELS / NAME


def compare_with_default(data: Sequence[Path]) -> int:
    """Train the default pipeline, measure it and our model, and print its figures → ours.

    Returns:
        0, or the exit status of the evaluation that failed.
    """
    ours = ensure_model()
    started = time.monotonic()
    default = train_default()
    print(f"Rasa's default pipeline: trained in {time.monotonic() - started:.0f} s", flush=True)
    for model in (default, ours):
        status = evaluate_model(model, data, report_path(model))
        if status:
            return status
    before, now = (json.loads(report_path(model).read_text(encoding="utf-8")) for model in (default, ours))
    print("\nRasa's default pipeline → ours:")
    for line in compare_reports(before, now):
        print(line)
    return 0
