"""Make an example of a message: what leads to a person gives way to made-up values as `nlu/examples` has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from bot.annotation.marks import Mark, from_json
from bot.masking import PERSONAL_ENTITIES, find_personal

_NUMBERS: Final = ("0600000000", "0611223344", "0655443322", "0677889900")
_ADDRESSES: Final = ("salma.exemple@example.com", "y.exemple@example.com", "nora.test@example.com")
_ARABIC: Final = re.compile(r"[\u0600-\u06ff]")
_MADE_UP: Final[Mapping[tuple[str, bool], tuple[str, ...]]] = {
    ("email", False): _ADDRESSES,
    ("email", True): _ADDRESSES,
    ("phone", False): _NUMBERS,
    ("phone", True): _NUMBERS,
    ("person_name", False): ("Salma Exemple", "Yassine Exemple", "Nora Exemple", "Omar Exemple"),
    ("person_name", True): ("سلمى المثالية", "أنس التجريبي", "نورة المثالية", "عمر التجريبي"),
    ("identity_card", False): ("AB000000",),
    ("identity_card", True): ("AB000000",),
    ("street", False): ("12 rue Exemple",),
    ("street", True): ("12 زنقة المثال",),
}
_VALUES: Final = frozenset(value for values in _MADE_UP.values() for value in values)
# Marks of entities, as Rasa reads them.
_BRACKETS: Final = str.maketrans("[]{}", "()()")
#: No characters at all, and none that YAML reads: one in a file, and nothing of the file is read.
_NO_CHARACTERS: Final = "\ufffe\uffff"
_Found = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text of an example without anybody's data, and the entities in it."""

    text: str
    marks: tuple[Mark, ...]

    @property
    def pattern(self) -> str:
        """The text with what each made-up value is in its place: the same whoever wrote it."""
        pattern, at = "", 0
        for mark in self.marks:
            if mark.is_personal:
                pattern += f"{self.text[at : mark.start]} {mark.entity} "
                at = mark.end
        return pattern + self.text[at:]


def prepare(text: str, entities: Sequence[Mapping[str, Any]] = (), names: Iterable[str] = ()) -> Prepared:
    """A message as an example on one line.

    Args:
        text: what the person wrote.
        entities: what the machine found in it, with ``start`` and ``end``.
        names: names known of the person.
    """
    line, places = _put_on_one_line(text)
    moved = [
        {**entity, "start": places[entity["start"]], "end": places[entity["end"]]}
        for entity in entities
        if isinstance(entity.get("start"), int) and isinstance(entity.get("end"), int)
        if 0 <= entity["start"] < entity["end"] <= len(text)
    ]
    personal = [(each.start, each.end, each.kind) for each in find_personal(line, names, moved)]
    kept = [mark for mark in from_json(line, moved) if not mark.is_personal]
    return _replace(line.translate(_BRACKETS), _unite(line, personal), kept)


def hide_marked(text: str, marks: Iterable[Mark]) -> Prepared:
    """An example whose marked names, numbers and addresses are made up, also those that only its annotator noticed."""
    marks = list(marks)
    personal = [
        (mark.start, mark.end, mark.entity)
        for mark in marks
        if mark.is_personal and text[mark.start : mark.end] not in _VALUES
    ]
    hidden = {(start, end) for start, end, _ in personal}
    return _replace(text, personal, [mark for mark in marks if (mark.start, mark.end) not in hidden])


def _put_on_one_line(text: str) -> tuple[str, list[int]]:
    """A text with single spaces, and where each of its places (its end included) is in it."""
    line, places = "", list[int]()
    for letter in text:
        places.append(len(line))
        if letter in _NO_CHARACTERS:
            continue
        if not letter.isspace():
            line += letter
        elif line and not line.endswith(" "):
            line += " "
    places.append(len(line))
    stripped = line.rstrip()
    return stripped, [min(place, len(stripped)) for place in places]


def _unite(text: str, found: Iterable[_Found]) -> list[_Found]:
    """Stretches without overlaps; a name of several words that were found one by one is one stretch."""
    united: list[_Found] = []
    for start, end, kind in sorted(found, key=lambda each: (each[0], -each[1])):
        if united:
            first, last, before = united[-1]
            if start < last or (before == kind == "person_name" and not text[last:start].strip()):
                united[-1] = (first, max(last, end), before)
                continue
        united.append((start, end, kind))
    return united


def _replace(text: str, personal: Sequence[_Found], marks: Iterable[Mark]) -> Prepared:
    """Put made-up values for stretches, and move the marks with what is before them; those that touch one go."""
    around, at = list[str](), 0
    for start, end, _ in personal:
        around.append(text[at:start])
        at = end
    around.append(text[at:])
    # The same message gets the same values, whoever wrote it.
    number = crc32("\0".join(around).encode())
    made, moved, kept = around[0], list[Mark](), sorted(marks)
    shifts = [(0, 0)]
    for (start, end, kind), after in zip(personal, around[1:], strict=True):
        values = _MADE_UP[kind, bool(_ARABIC.search(text[start:end]))]
        value = values[number % len(values)]
        if kind in PERSONAL_ENTITIES:
            moved.append(Mark(len(made), len(made) + len(value), kind))
        made += value
        shifts.append((end, len(made) - end))
        made += after
    for mark in kept:
        if not any(mark.start < end and start < mark.end for start, end, _ in personal):
            shift = max(shift for shift in shifts if shift[0] <= mark.start)[1]
            moved.append(Mark(mark.start + shift, mark.end + shift, mark.entity))
    return Prepared(made, tuple(sorted(moved)))
