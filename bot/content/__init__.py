"""What the bot says: `answers.yml` (every answer, its facts and follow-ups) and one file of words per variety."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.messages import DEFAULT_VARIETY, VARIETIES

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer is in every variety: the facts under it, the topics after it, the facts whose site it links to."""

    facts: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    data: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one variety; see fr.yml for what each part holds."""

    answers: Mapping[str, str] = field(default_factory=dict)
    buttons: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    phrases: Mapping[str, Any] = field(default_factory=dict)


class ContentError(ValueError):
    """A content file is malformed; the text names the file and the key."""


def _read(name: str) -> dict[str, Any]:
    content = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ContentError(f"{name}: must be a mapping")
    return content


@cache
def load_shapes() -> dict[str, Shape]:
    """Every answer key with its shape.

    Raises:
        ContentError: an entry has an unknown part.
    """
    shapes = {}
    for key, entry in _read("answers.yml").items():
        try:
            data = str(entry.pop("data", ""))
            shapes[key] = Shape(data=data, **{part: tuple(value) for part, value in entry.items()})
        except TypeError as error:
            raise ContentError(f"answers.yml: {key}: {error}") from None
    return shapes


@cache
def load_words() -> dict[str, Words]:
    """The words of every variety.

    Raises:
        ContentError: a file has an unknown part.
    """
    words: dict[str, Words] = {}
    for variety in VARIETIES:
        try:
            words[variety] = Words(**_read(f"{variety}.yml"))
        except TypeError as error:
            raise ContentError(f"{variety}.yml: {error}") from None
    return words


def phrase(variety: str, key: str) -> str:
    """A fixed phrase of a variety; French when the variety lacks it."""
    words = load_words()
    return str(words[variety].phrases.get(key) or words[DEFAULT_VARIETY].phrases[key])
