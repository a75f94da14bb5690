"""How many of the entities of held-out messages are found: F1 by kind, over all varieties that are there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from annotations import MARK

from nlu.components.gazetteer import find_entities

FILES = sorted((Path(__file__).parent / "entities").glob("*.txt"))
#: A little below what was measured last.
FLOORS: dict[str, float] = {
    "city": 0.91,
    "diploma": 0.87,
    "email": 0.98,
    "phone": 0.97,
    "event": 0.92,
    "programme": 0.91,
    "track": 0.73,
    "language": 0.83,
}


@pytest.fixture(scope="module")
def scores() -> dict[str, float]:
    """F1 by kind; what is found counts where it overlaps a mark of its kind."""
    hit: Counter[str] = Counter()
    found: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            text, position, marks = "", 0, []
            for match in MARK.finditer(line):
                text += line[position : match.start()]
                marks.append((match.group(2), len(text), len(text) + len(match.group(1))))
                text += match.group(1)
                position = match.end()
            text += line[position:]
            marked.update(kind for kind, _, _ in marks)
            for entity in find_entities(text):
                found[entity.entity] += 1
                hit[entity.entity] += any(
                    kind == entity.entity and start < entity.end and entity.start < end for kind, start, end in marks
                )
    for kind in sorted(marked):
        precision, recall = hit[kind] / max(found[kind], 1), hit[kind] / marked[kind]
        print(f"{kind}: precision {precision:.3f}, recall {recall:.3f}, {marked[kind]} marked")
    return {kind: 2 * hit[kind] / (found[kind] + marked[kind]) for kind in marked}


@pytest.mark.parametrize("kind", FLOORS)
def test_f1(scores: dict[str, float], kind: str) -> None:
    """Each kind is found at least as well as it was measured."""
    assert scores[kind] >= FLOORS[kind]


def test_the_files_mark_every_measured_kind(scores: dict[str, float]) -> None:
    """The files are there, and each kind with a floor is marked in them."""
    assert len(FILES) >= 2
    assert set(FLOORS) <= set(scores)
