"""The files that the language model learns from, ``nlu/examples/<topic>.<variety>.yml``: read, added to, compared.

They are edited as lines, so that order and spacing stay and a review shows what was added alone. What may be added is
what `nlu/lint.py` would let pass: it runs in Rasa's environment, so its rules about one new message stand here again,
and a test runs it on what was exported.
"""

from __future__ import annotations

import difflib
import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from bot.annotation.marks import Mark, list_kinds
from bot.errors import AssistantError
from bot.settings import ROOT
from bot.spelling import find_script, split_words

FOLDER: Final = ROOT / "nlu" / "examples"
#: What the model is measured and tuned on: it may never be trained with it, nor with what is nearly it.
MEASURED: Final = (ROOT / "tests" / "nlu" / "heldout", ROOT / "nlu" / "tuning")
#: As in `nlu/lint.py`: messages that share so much of their three-letter pieces (Jaccard index) are the same one.
NEAR: Final = 0.8
#: Of so few words everybody says the same ("bonjour", "prix ?"): being measured on them forbids nothing.
FORMULA_WORDS: Final = 2
#: An intent with more than so many times the median of its variety's intents would outweigh them, but for these.
MOST: Final = 3.0
WIDE: Final = frozenset({"inform", "out_of_scope"})
_SCRIPTS: Final = {"fr": "Latn", "ary-Latn": "Latn", "en": "Latn", "ary-Arab": "Arab", "ar": "Arab"}
_INTENT: Final = "- intent: "
_EXAMPLE: Final = "    - "
_MARKED: Final = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\{[^{}]*\})")


#: Why a message can't become an example.
REFUSALS: Final = {
    "intent": "no example has this intent",
    "variety": "there are no examples in this variety",
    "empty": "nothing is left of it in normal form",
    "brackets": "it has signs that are kept for marks",
    "script": "it is not in the script of its variety",
    "measured": "it is nearly a message that the model is measured or tuned on",
    "elsewhere": "it is nearly an example of another intent",
    "too_many": f"its intent has more than {MOST:g} times the median of its variety",
}


class ExamplesError(AssistantError):
    """The files are not as they must be, or not where they must be; the text says which and what is wrong."""


class RefusedError(Exception):
    """A message can't become an example.

    Attributes:
        reason: one of `REFUSALS`.
        place: the file and line of the message that stands in its way, or nothing.
    """

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason, self.place = reason, place


@dataclass(frozen=True, slots=True)
class Known:
    """A message of the files: where it stands, its intents, its words in normal form."""

    place: str
    intents: tuple[str, ...]
    normal: str


@cache
def list_intents() -> dict[str, str]:
    """The topic of each intent that people type, in the order of the files.

    Raises:
        ExamplesError: the folder is not there.
    """
    if not FOLDER.is_dir():
        raise ExamplesError("nlu/examples: no such folder")
    topics: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.yml")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(_INTENT):
                topics.setdefault(line.removeprefix(_INTENT).strip(), path.name.partition(".")[0])
    return topics


def _normalise(text: str) -> str:
    return " ".join(split_words(text))


def write_example(text: str, marks: Iterable[Mark]) -> str:
    """A text with its entities as Rasa reads them: ``je suis à [Rabat](city)``."""
    written, at = "", 0
    for mark in sorted(marks):
        written += f"{text[at : mark.start]}[{text[mark.start : mark.end]}]({mark.entity})"
        at = mark.end
    return written + text[at:]


@dataclass(slots=True)
class _File:
    """One file as lines, with what was on disk."""

    path: Path
    before: list[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = list(self.before)

    def add(self, intent: str, written: str) -> None:
        """Put an example at the end of its intent's, in a new section where there is none."""
        place = None
        is_own = False
        for number, line in enumerate(self.lines):
            if line.startswith(_INTENT):
                is_own = line.removeprefix(_INTENT).strip() == intent
            if is_own and line.startswith((_EXAMPLE, _INTENT, "  examples:")):
                place = number + 1
        if place is None:
            self.lines += [f"{_INTENT}{intent}", "  examples: |"]
            place = len(self.lines)
        self.lines.insert(place, f"{_EXAMPLE}{written}")


class ExampleFiles:
    """All files, as they were read; `add` and `remove` change them here, `write` on disk.

    Raises:
        ExamplesError: a folder is not there, or a file is not named ``<topic>.<variety>.yml``.
    """

    def __init__(self, folder: Path | None = None, measured: Sequence[Path] = MEASURED) -> None:
        folder = folder or FOLDER
        for each in (folder, *measured):
            if not each.is_dir():
                raise ExamplesError(f"{each.relative_to(ROOT) if each.is_relative_to(ROOT) else each}: no such folder")
        self._files: dict[str, _File] = {}
        self._measured_in = tuple(measured)
        self._versions: dict[str, list[_Version]] = defaultdict(list)
        self._added = {variety: _Near(()) for variety in _SCRIPTS}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._topics: dict[str, str] = {}
        for path in sorted(folder.glob("*.yml")):
            parts = path.name.split(".")
            if len(parts) != 3 or parts[1] not in _SCRIPTS:
                raise ExamplesError(f"{path.name}: files of examples are named <topic>.<variety>.yml")
            version = _Version.of(path)
            lines, examples = _read_file(version)
            self._files[path.name] = _File(path, list(lines))
            self._versions[parts[1]].append(version)
            for _, intent, _ in examples:
                self._counts[parts[1], intent] += 1
                self._topics.setdefault(intent, parts[0])

    def check(self, intent: str, variety: str, text: str) -> str | None:
        """Whether a message may be added: None, or the place where the same stands already.

        Raises:
            RefusedError: it may not.
        """
        normal = _normalise(text)
        if intent not in self._topics:
            raise RefusedError("intent")
        if variety not in _SCRIPTS:
            raise RefusedError("variety")
        if not normal:
            raise RefusedError("empty")
        if any(f"({kind})" in text for kind in list_kinds()) or re.search(r"[\[\]{}]", text):
            raise RefusedError("brackets")
        if find_script(text) not in (_SCRIPTS[variety], "none"):
            raise RefusedError("script")
        forbidden = _index_measured(self._measured_in, variety).find(normal)
        if forbidden is not None:
            raise RefusedError("measured", forbidden.place)
        for near in self._find_near(variety, normal):
            if near.intents == (intent,):
                return near.place
            raise RefusedError("elsewhere", near.place)
        median = statistics.median(self._counts[variety, known] for known in self._topics)
        if intent not in WIDE and self._counts[variety, intent] + 1 > MOST * median:
            raise RefusedError("too_many")
        return None

    def add(self, intent: str, variety: str, text: str, marks: Iterable[Mark]) -> tuple[str, str]:
        """Add a message that `check` lets pass: the file's name, and how the example is written there."""
        name = f"{self._topics[intent]}.{variety}.yml"
        written = write_example(text, marks)
        self._files[name].add(intent, written)
        place = f"{name}: {written}"
        self._added[variety].add(Known(place, (intent,), _normalise(text)))
        self._counts[variety, intent] += 1
        return name, written

    def remove(self, name: str, written: str) -> bool:
        """Take an example out again; False when it is not there any more as it was written."""
        file = self._files.get(name)
        line = f"{_EXAMPLE}{written}"
        if file is None or line not in file.lines:
            return False
        # The last one: examples are added at the end.
        del file.lines[len(file.lines) - 1 - file.lines[::-1].index(line)]
        return True

    def diff(self) -> str:
        """What `write` would change, as a patch for ``git apply``; empty: nothing."""
        parts = []
        for name, file in self._files.items():
            if file.before != file.lines:
                path = f"nlu/examples/{name}"
                lines = difflib.unified_diff(file.before, file.lines, f"a/{path}", f"b/{path}", lineterm="")
                parts += [f"{line}\n" for line in lines]
        return "".join(parts)

    def write(self) -> list[str]:
        """Write what changed; the names of the files.

        Raises:
            ExamplesError: a file was changed by somebody else meanwhile, or can't be written.
        """
        changed = [(name, file) for name, file in self._files.items() if file.lines != file.before]
        for name, file in changed:
            if file.path.read_text(encoding="utf-8").rstrip("\n") != "\n".join(file.before).rstrip("\n"):
                raise ExamplesError(f"{name} was changed meanwhile; nothing was written, begin again")
        for name, file in changed:
            part = file.path.with_name(f".{name}.part")
            try:
                part.write_text(_join(file.lines), encoding="utf-8")
                os.replace(part, file.path)
            except OSError as error:
                part.unlink(missing_ok=True)
                raise ExamplesError(f"nlu/examples/{name} can't be written: {error.strerror}") from error
        return [name for name, _ in changed]

    def _find_near(self, variety: str, normal: str) -> Iterator[Known]:
        """Examples that are nearly this message in its variety, or are this very message in another one."""
        for own in (self._added[variety], _index_trained(tuple(self._versions[variety]))):
            near = own.find(normal)
            if near is not None:
                yield near
        for other in _SCRIPTS:
            for index in (self._added[other], _index_trained(tuple(self._versions[other]))):
                same = index.same(normal)
                if other != variety and same is not None:
                    yield same


class _Near:
    """Finds the message that is nearly another by its three-letter pieces, as `nlu/lint.py` compares them."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._known: list[Known] = []
        self._sizes: list[int] = []
        self._by_normal: dict[str, Known] = {}
        self._by_piece: dict[str, list[int]] = defaultdict(list)
        for each in known:
            self.add(each)

    def add(self, known: Known) -> None:
        """Compare with this one, too."""
        pieces = _cut(known.normal)
        for piece in pieces:
            self._by_piece[piece].append(len(self._known))
        self._known.append(known)
        self._sizes.append(len(pieces))
        self._by_normal.setdefault(known.normal, known)

    def same(self, normal: str) -> Known | None:
        """The message with this very normal form."""
        return self._by_normal.get(normal)

    def find(self, normal: str) -> Known | None:
        """The nearest message, if it is as near as `NEAR`."""
        pieces = _cut(normal)
        shared = Counter(number for piece in pieces for number in self._by_piece.get(piece, ()))
        nearest, best = None, 0.0
        for number, count in shared.items():
            index = count / (len(pieces) + self._sizes[number] - count)
            if index >= NEAR and index > best:
                nearest, best = self._known[number], index
        return nearest


def _cut(normal: str) -> set[str]:
    """The three-letter pieces of each word with a space around it (scikit-learn's ``char_wb``)."""
    pieces = set()
    for word in normal.split():
        padded = f" {word} "
        pieces |= {padded[at : at + 3] for at in range(len(padded) - 2)}
    return pieces


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it is now: reading and comparing is done once for each."""

    path: Path
    modified_ns: int
    size: int

    @classmethod
    def of(cls, path: Path) -> _Version:
        """The version on disk."""
        found = path.stat()
        return cls(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)
def _read_file(version: _Version) -> tuple[tuple[str, ...], tuple[tuple[int, str, str], ...]]:
    """The lines of a file; and of each example its line number from 1, its intent, and its text without marks."""
    lines = version.path.read_text(encoding="utf-8").split("\n")
    if lines[-1] == "":
        lines.pop()
    found, intent = [], ""
    for number, line in enumerate(lines, start=1):
        if line.startswith(_INTENT):
            intent = line.removeprefix(_INTENT).strip()
        elif line.startswith(_EXAMPLE):
            found.append((number, intent, _MARKED.sub(r"\1", line.removeprefix(_EXAMPLE)).strip()))
    return tuple(lines), tuple(found)


# The indexes of all varieties take some 20 MB and a few seconds; what is shared is never added to.
@lru_cache(maxsize=len(_SCRIPTS))
def _index_trained(versions: tuple[_Version, ...]) -> _Near:
    return _Near(
        Known(f"{version.path.name}:{number}", (intent,), _normalise(text))
        for version in versions
        for number, intent, text in _read_file(version)[1]
    )


@lru_cache(maxsize=len(_SCRIPTS))
def _index_measured(folders: tuple[Path, ...], variety: str) -> _Near:
    found = []
    for folder in folders:
        path = folder / f"{variety}.tsv"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            intents, _, text = line.partition("\t")
            words = split_words(text)
            if sum(any(letter.isalpha() for letter in word) for word in words) > FORMULA_WORDS:
                place = f"{folder.name}/{path.name}:{number}"
                found.append(Known(place, tuple(intents.split("|")), " ".join(words)))
    return _Near(found)


def _join(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    return text if text.endswith("\n") else f"{text}\n"
