"""Measure the entities that a trained model finds in messages whose entities are marked: part of `make evaluate`.

A file has a message a line with its entities in Rasa's short syntax, ``un incubateur à [Fès](city)``.  What is found
counts where it overlaps a mark of its kind.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Sequence, Tuple

MARK = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")


@dataclass(frozen=True)
class Marked:
    """A message without its marks, and kind, start and end (in characters) of each."""

    text: str
    marks: Tuple[Tuple[str, int, int], ...]


def read_marked(path: Path) -> List[Marked]:
    """The messages of a file; empty lines are passed over.

    Raises:
        ValueError: it cannot be read as UTF-8, or has no message.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    messages = [_read_line(line.strip()) for line in lines if line.strip()]
    if not messages:
        raise ValueError(f"{path}: expected a message a line, found none")
    return messages


def _read_line(line: str) -> Marked:
    text, position, marks = "", 0, []
    for match in MARK.finditer(line):
        text += line[position : match.start()]
        marks.append((match.group(2), len(text), len(text) + len(match.group(1))))
        text += match.group(1)
        position = match.end()
    return Marked(text + line[position:], tuple(marks))


async def measure_entities(
    parse: Callable[[str], Awaitable[Dict[str, Any]]], messages: Sequence[Marked]
) -> Dict[str, Dict[str, Any]]:
    """Precision, recall and F1 by kind, shares of 1, with how many were marked.

    Args:
        parse: Rasa's parse of a text.
        messages: what to parse.
    """
    hit: Counter[str] = Counter()
    found: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for message in messages:
        marked.update(kind for kind, _, _ in message.marks)
        for entity in (await parse(message.text))["entities"]:
            found[entity["entity"]] += 1
            hit[entity["entity"]] += any(
                kind == entity["entity"] and start < entity["end"] and entity["start"] < end
                for kind, start, end in message.marks
            )
    return {
        kind: {
            "marked": marked[kind],
            "precision": round(hit[kind] / found[kind], 4) if found[kind] else 0.0,
            "recall": round(hit[kind] / marked[kind], 4),
            "f1": round(2 * hit[kind] / (found[kind] + marked[kind]), 4),
        }
        for kind in sorted(marked)
    }
