"""Tell whether a new model is better than the one before it: `make train` ends with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.training import evaluate_model, report_path

#: What is compared, with its title; shares of 1.
FIGURES = {"accuracy": "accuracy", "out_of_scope_recall": "oos kept", "good_refused": "refused"}


def list_measured(folder: Path) -> list[Path]:
    """The reports of earlier models, the newest first."""
    return sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)


def compare_models(model: Path, data: Sequence[Path]) -> int:
    """Measure a model, and print its figures beside those of the newest other model that was measured.

    Args:
        model: what was trained.
        data: files of labelled messages.

    Returns:
        0, or the exit status of the evaluation when it failed.
    """
    earlier = [path for path in list_measured(model.parent) if path != report_path(model)]
    status = evaluate_model(model, data, report_path(model))
    if status:
        return status
    if not earlier:
        print("\nNo other model was measured here yet: nothing to compare with.")
        return 0
    before, now = (json.loads(path.read_text(encoding="utf-8")) for path in (earlier[0], report_path(model)))
    print(f"\nAgainst {before['model']}:")
    for line in compare_reports(before, now):
        print(line)
    return 0


def compare_reports(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line a file with each figure before and now; a file that was not measured before has no first figure."""
    earlier = {Path(row["file"]).name: row for row in before["files"]}
    lines = []
    for row in now["files"]:
        name = Path(row["file"]).name
        cells = (
            f"{title} {_share(earlier.get(name, {}).get(key))} → {_share(row[key])}" for key, title in FIGURES.items()
        )
        lines.append(f"{name:<14} " + "   ".join(cells))
    return lines


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
