"""The words of the console: one YAML file a language, all with the same keys (a test says so)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard, get_args

import yaml

FOLDER = Path(__file__).resolve().parent

Language = Literal["fr", "ar", "en"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT_LANGUAGE: Final[Language] = "fr"
#: Each under its own name.
LANGUAGE_NAMES: Final[dict[Language, str]] = {"fr": "Français", "ar": "العربية", "en": "English"}
RIGHT_TO_LEFT: Final[frozenset[Language]] = frozenset({"ar"})


@cache
def load_words(language: Language) -> dict[str, str]:
    """Every word of a language by its dotted key, ``sign_in.title``.

    Raises:
        ValueError: a key stands under a word, or a word is no text.
    """
    words: dict[str, str] = {}

    def flatten(prefix: str, part: Any) -> None:
        if isinstance(part, dict):
            for key, inner in part.items():
                flatten(f"{prefix}.{key}" if prefix else str(key), inner)
        elif isinstance(part, str):
            words[prefix] = part.strip()
        else:
            raise ValueError(f"{language}.yml: {prefix} must be a text")

    flatten("", yaml.safe_load((FOLDER / f"{language}.yml").read_text(encoding="utf-8")))
    return words


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
