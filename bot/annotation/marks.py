"""Entities in the text of an example: stretches of it, each with what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from bot.masking import PERSONAL_ENTITIES
from bot.settings import ROOT

#: Carried by buttons alone: nobody types them.
_OF_BUTTONS: Final = frozenset({"journey", "field", "offer", "document", "code"})
_WRITTEN = re.compile(r"(\d{1,4})-(\d{1,4}):([a-z_]{1,32})")
#: What a mark can't begin or end with.
_EDGES: Final = " \t.,;:!?؟،()«»\"'’…"


class MarkError(ValueError):
    """A stretch of text can't be marked; `reason` is ``kind``, ``absent``, ``empty`` or ``overlap``."""

    def __init__(self, reason: str, other: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        #: Of an overlap: the stretch that is marked already.
        self.other = other


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """The letters from `start` to before `end` are an `entity` of `domain.yml`."""

    start: int
    end: int
    entity: str

    @property
    def is_personal(self) -> bool:
        """Whether what is marked must be made up."""
        return self.entity in PERSONAL_ENTITIES

    def as_json(self) -> dict[str, Any]:
        """As the database keeps it."""
        return {"start": self.start, "end": self.end, "entity": self.entity}


@cache
def list_kinds() -> tuple[str, ...]:
    """The entities that people's words can be, in the order of `domain.yml`."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    names = (next(iter(item)) if isinstance(item, dict) else item for item in domain["entities"])
    return tuple(str(name) for name in names if name not in _OF_BUTTONS)


def from_json(text: str, written: Iterable[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Marks as the database keeps them, and entities as the machine found them: those that fit the text, in order.

    Of what overlaps the first stays; what has no place in the text, or is no kind of ours, is left out.
    """
    marks: list[Mark] = []
    for each in written:
        start, end, entity = each.get("start"), each.get("end"), each.get("entity")
        if not isinstance(start, int) or not isinstance(end, int) or entity not in list_kinds():
            continue
        if 0 <= start < end <= len(text) and not any(start < other.end and other.start < end for other in marks):
            marks.append(Mark(start, end, str(entity)))
    return tuple(sorted(marks))


def read_marks(text: str, written: str) -> tuple[Mark, ...]:
    """The marks in a form's field, as `write_marks` wrote them; what somebody made up is left out as in `from_json`."""
    parts = ({"start": int(m[1]), "end": int(m[2]), "entity": m[3]} for m in _WRITTEN.finditer(written))
    return from_json(text, parts)


def write_marks(marks: Iterable[Mark]) -> str:
    """``0-5:city 9-12:date``."""
    return " ".join(f"{mark.start}-{mark.end}:{mark.entity}" for mark in marks)


def add_mark(text: str, marks: Sequence[Mark], letters: str, entity: str, at: int | None = None) -> tuple[Mark, ...]:
    """Marks with one more: the first place of these letters that is free, or the one at `at`.

    Raises:
        MarkError: the letters are not in the text, or are marked already, or the kind is unknown.
    """
    if entity not in list_kinds():
        raise MarkError("kind")
    letters = " ".join(letters.split()).strip(_EDGES)
    if not letters:
        raise MarkError("empty")
    places = [match.start() for match in re.finditer(re.escape(letters), text, re.IGNORECASE)]
    if at is not None and any(at <= place <= at + len(_EDGES) for place in places):
        places = [place for place in places if place >= at][:1]
    if not places:
        raise MarkError("absent")
    taken = None
    for place in places:
        end = place + len(letters)
        taken = next((mark for mark in marks if place < mark.end and mark.start < end), None)
        if taken is None:
            return tuple(sorted((*marks, Mark(place, end, entity))))
    assert taken is not None  # noqa: S101  # each place was taken
    raise MarkError("overlap", text[taken.start : taken.end])


def list_words(text: str) -> list[tuple[int, int]]:
    """Where the words of a text are, each to be chosen for a mark: ``l'IA`` is two, ``bac+2`` is one."""
    return [match.span() for match in re.finditer(r"[^\W_][\w+.@/%-]*[\w+%]|[^\W_]", text)]
