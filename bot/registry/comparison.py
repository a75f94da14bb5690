"""One model beside another on the same labelled messages: figures, whether chance does as much, and what changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any, Literal

import yaml

#: What is compared: shares of 1 of a report of `nlu.evaluate`.
FIGURES = ("accuracy", "macro_f1", "out_of_scope_recall", "good_refused")
#: A difference that chance alone makes more seldom than this is called one.
SIGNIFICANCE = 0.05

Change = Literal["gained", "lost", "refused", "accepted", "other"]


@dataclass(frozen=True, slots=True)
class Heldout:
    """The messages that models are measured on, and what they may not fall below.

    Attributes:
        data: files of ``intent[|second]<TAB>text``, one a variety.
        entities: files of messages with marked entities.
        floors: by variety, floors of figures (of ``good_refused`` a ceiling), shares of 1.
        entity_floors: by kind, floors of F1.
        digest: a hash of the messages.
        count: how many messages there are in `data`.
    """

    data: tuple[Path, ...]
    entities: tuple[Path, ...]
    floors: Mapping[str, Mapping[str, float]]
    entity_floors: Mapping[str, float]
    digest: str
    count: int


def find_heldout(root: Path) -> Heldout | None:
    """The held-out messages beside the tests; None where the product was installed without them."""
    folder = root / "tests" / "nlu"
    data = tuple(sorted((folder / "heldout").glob("*.tsv")))
    if not data:
        return None
    entities = tuple(sorted((folder / "entities").glob("*.txt")))
    digest = hashlib.sha256()
    for path in (*data, *entities):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    count = sum(1 for path in data for line in path.read_text(encoding="utf-8").split("\n") if line.strip())
    floors, entity_floors = (_read_floors(folder / name) for name in ("floors.yml", "entity_floors.yml"))
    return Heldout(data, entities, floors, entity_floors, digest.hexdigest()[:16], count)


def _read_floors(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def find_p(lost: int, gained: int) -> float:
    """How often chance alone would make a difference as large: McNemar's test, exact and two-sided, 0 to 1.

    Of the messages that only one of two models understands, each would be the one's or the other's as a coin falls; the
    result is the probability of a split at least as uneven (the binomial test on the discordant pairs; Agresti,
    "Categorical Data Analysis", 2nd ed., 10.1.4).

    Args:
        lost: messages that only the first model understands.
        gained: messages that only the second one does.
    """
    n = lost + gained
    tail = sum(comb(n, k) for k in range(min(lost, gained) + 1))
    return min(1.0, float(2 * tail / 2**n))


def read_outcomes(path: Path) -> list[dict[str, Any]]:
    """What a model made of each message, in the order of the files (`nlu.evaluate --outcomes`)."""
    # `splitlines` would also cut at what a message may hold (U+2028).
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def keep_figures(report: Mapping[str, Any], data: str) -> dict[str, Any]:
    """What is kept of a report: figures by variety, of all, and of entities; `data` is the digest of `Heldout`."""
    files = [
        {"name": Path(row["file"]).stem, **{key: row[key] for key in ("n", *FIGURES, "variety_accuracy")}}
        for row in report["files"]
    ]
    entities = {kind: {"f1": row["f1"], "marked": row["marked"]} for kind, row in report.get("entities", {}).items()}
    whole = {key: report["all"][key] for key in ("n", *FIGURES, "calibration_error", "p50_ms", "p95_ms")}
    return {"data": data, "files": files, "all": whole, "entities": entities}


def compare(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    outcomes_before: Sequence[Mapping[str, Any]],
    outcomes_after: Sequence[Mapping[str, Any]],
    heldout: Heldout,
) -> dict[str, Any]:
    """The comparison of two models, ready for JSON.

    Args:
        before: `keep_figures` of the live model; None while there is none.
        after: of the candidate.
        outcomes_before: `read_outcomes` of the live model; empty without one.
        outcomes_after: of the candidate, of the same messages.
        heldout: what both were measured on.

    Raises:
        ValueError: the outcomes are not of the same messages.
    """
    pairs = list(zip(outcomes_before, outcomes_after, strict=True)) if before is not None else []
    if any((one["file"], one["text"]) != (two["file"], two["text"]) for one, two in pairs):
        raise ValueError("the models were measured on different messages")
    earlier = {row["name"]: row for row in before["files"]} if before is not None else {}
    rows = []
    for row in after["files"]:
        own = [pair for pair in pairs if pair[0]["file"] == row["name"]]
        rows.append(_put_beside(row["name"], earlier.get(row["name"]), row, own))
    found = {} if before is None else before["entities"]
    return {
        "data": heldout.digest,
        "rows": rows,
        "all": _put_beside("all", None if before is None else before["all"], after["all"], pairs),
        "entities": [
            {"kind": kind, "before": found.get(kind, {}).get("f1"), "after": row["f1"], "marked": row["marked"]}
            for kind, row in after["entities"].items()
        ],
        "below": list_below(after, heldout),
        "changed": [changed for one, two in pairs if (changed := _describe_change(one, two)) is not None],
    }


def _put_beside(
    name: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> dict[str, Any]:
    lost = sum(one["right"] and not two["right"] for one, two in pairs)
    gained = sum(two["right"] and not one["right"] for one, two in pairs)
    return {
        "name": name,
        "n": after["n"],
        "before": None if before is None else {key: before[key] for key in FIGURES},
        "after": {key: after[key] for key in FIGURES},
        "lost": lost,
        "gained": gained,
        "p": find_p(lost, gained) if before is not None else None,
    }


def list_below(figures: Mapping[str, Any], heldout: Heldout) -> list[dict[str, Any]]:
    """Where a model falls short of what ``make test`` demands: name, figure, its value and the floor."""
    below = []
    for row in figures["files"]:
        for figure, floor in heldout.floors.get(row["name"], {}).items():
            value = row.get(figure)
            if value is not None and (value > floor if figure == "good_refused" else value < floor):
                below.append({"name": row["name"], "figure": figure, "value": value, "floor": floor})
    for kind, floor in heldout.entity_floors.items():
        value = figures["entities"].get(kind, {}).get("f1")
        if value is not None and value < floor:
            below.append({"name": kind, "figure": "entity_f1", "value": value, "floor": floor})
    return below


def _describe_change(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any] | None:
    """A message of which something else becomes with the second model; None when nothing does."""
    change: Change
    if one["right"] != two["right"]:
        change = "gained" if two["right"] else "lost"
    elif one["refused"] != two["refused"]:
        change = "refused" if two["refused"] else "accepted"
    elif one["intent"] != two["intent"]:
        change = "other"
    else:
        return None
    return {
        "name": one["file"],
        "text": one["text"],
        "expected": one["expected"],
        "before": one["intent"],
        "after": two["intent"],
        "change": change,
    }


def count_changes(changed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many messages changed in which way."""
    counts: dict[str, int] = {}
    for row in changed:
        counts[row["change"]] = counts.get(row["change"], 0) + 1
    return counts
