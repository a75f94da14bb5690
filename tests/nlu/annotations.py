"""Read the training files as they are written: every line, with the places of its marked entities."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import yaml

from nlu.components.examples import EXAMPLES_FOLDER

MARK = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")


@dataclass(frozen=True)
class Mark:
    """One entity marked by the author: its kind, and where it stands in the bare text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Line:
    """One training line: where it is, as written and bare, and its marks."""

    file: str
    variety: str
    intent: str
    written: str
    text: str
    marks: tuple[Mark, ...]


@lru_cache(maxsize=1)
def list_lines() -> tuple[Line, ...]:
    """Every line of every file, read apart from the product's own reader."""
    lines = []
    for path in sorted(EXAMPLES_FOLDER.glob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for written in entry["examples"].splitlines():
                text, position, marks = "", 0, []
                body = written[2:]
                for match in MARK.finditer(body):
                    text += body[position : match.start()]
                    marks.append(Mark(match.group(2), len(text), len(text) + len(match.group(1))))
                    text += match.group(1)
                    position = match.end()
                text += body[position:]
                variety = path.name.split(".")[1]
                lines.append(Line(path.name, variety, entry["intent"], written, text, tuple(marks)))
    return tuple(lines)
