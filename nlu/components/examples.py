"""Read nlu/examples with the variety of each message, which Rasa's own loader forgets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Tuple

import yaml

EXAMPLES_FOLDER = Path(__file__).resolve().parent.parent / "examples"
_ENTITY = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\{[^{}]*\})")


@dataclass(frozen=True)
class Example:
    """One training message: its intent, its variety (from the file's name) and its text without entity marks."""

    intent: str
    variety: str
    text: str


@lru_cache(maxsize=1)
def list_examples(folder: Path = EXAMPLES_FOLDER) -> Tuple[Example, ...]:
    """Every training message, file by file.

    Raises:
        ValueError: a file is not named <topic>.<variety>.yml or an entry has no intent or examples.
    """
    examples = []
    for path in sorted(folder.glob("*.yml")):
        parts = path.name.split(".")
        if len(parts) != 3:
            raise ValueError(f"{path.name}: training files are named <topic>.<variety>.yml")
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            if "intent" not in entry or "examples" not in entry:
                raise ValueError(f"{path.name}: an entry lacks its intent or its examples")
            for line in entry["examples"].splitlines():
                if line.startswith("- ") and line[2:].strip():
                    text = _ENTITY.sub(r"\1", line[2:]).strip()
                    examples.append(Example(entry["intent"], parts[1], text))
    return tuple(examples)
