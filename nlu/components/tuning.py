"""Read nlu/tuning: labelled messages that no weight is fitted to, only what few numbers mix and judge the scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Tuple

TUNING_FOLDER = Path(__file__).resolve().parent.parent / "tuning"


@dataclass(frozen=True)
class TuningMessage:
    """One message: the intents that are right for it, its variety (from the file's name) and its text."""

    intents: Tuple[str, ...]
    variety: str
    text: str


@lru_cache(maxsize=1)
def list_tuning_messages(folder: Path = TUNING_FOLDER) -> Tuple[TuningMessage, ...]:
    """Every tuning message, file by file.

    Raises:
        ValueError: a line is not ``intent[|second acceptable]<TAB>text``.
    """
    messages = []
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            label, tab, text = line.partition("\t")
            if not (label and tab and text.strip()):
                raise ValueError(f"{path.name}:{number}: expected intent[|second acceptable]<TAB>text")
            messages.append(TuningMessage(tuple(label.split("|")), path.stem, text.strip()))
    return tuple(messages)
