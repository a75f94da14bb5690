"""The words of the console: a folder a language, all with the same files and keys (a test says so)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard, get_args

import yaml
from babel import Locale

FOLDER = Path(__file__).resolve().parent

Language = Literal["fr", "ar", "en"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT_LANGUAGE: Final[Language] = "fr"
#: Each under its own name.
LANGUAGE_NAMES: Final[dict[Language, str]] = {"fr": "Français", "ar": "العربية", "en": "English"}
#: By which Babel writes dates and numbers of pages; parsed once, since a page may write more than a thousand.
LOCALES: Final[dict[Language, Locale]] = {"fr": Locale("fr"), "ar": Locale("ar", "MA"), "en": Locale("en", "GB")}
RIGHT_TO_LEFT: Final[frozenset[Language]] = frozenset({"ar"})


@cache
def load_words(language: Language) -> dict[str, str]:
    """Every word of a language by its dotted key, ``sign_in.title``.

    Raises:
        ValueError: a word is no text, or two files have a key in common.
    """
    words: dict[str, str] = {}

    def flatten(file: Path, prefix: str, part: Any) -> None:
        if isinstance(part, dict):
            for key, inner in part.items():
                flatten(file, f"{prefix}.{key}" if prefix else str(key), inner)
        elif not isinstance(part, str):
            raise ValueError(f"{language}/{file.name}: {prefix} must be a text")
        elif prefix in words:
            raise ValueError(f"{language}/{file.name}: {prefix} stands in another file too")
        else:
            words[prefix] = _typeset(part.strip()) if language == "fr" else part.strip()

    for file in sorted((FOLDER / language).glob("*.yml")):
        flatten(file, "", yaml.safe_load(file.read_text(encoding="utf-8")))
    return words


def _typeset(text: str) -> str:
    """French with the spaces before its high marks and inside its quotation marks that no line breaks at."""
    return re.sub(r"(?<=«) | (?=[:?!;»]|%(?!\}))", "\u00a0", text)


def translate(language: Language, key: str, **values: object) -> str:
    """A word in a language, with what stands in braces filled in.

    Raises:
        KeyError: there is no such word, or a value that it needs is missing.
    """
    text = load_words(language)[key]
    return text.format(**values) if values else text


def is_language(value: object) -> TypeGuard[Language]:
    """Whether the console speaks it."""
    return value in LANGUAGES
