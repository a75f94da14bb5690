"""The words of words.yml, ready to be searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml


class WordsError(ValueError):
    """words.yml is malformed; the text names the entry."""


def _compile(name: str, entry: Mapping[str, list[str]]) -> re.Pattern[str]:
    unknown = entry.keys() - {"whole", "part", "first"}
    if unknown or not entry:
        raise WordsError(f"words.yml: {name}: must have whole, part or first, not {sorted(unknown)}")
    around = {"whole": r"\b(?:{})\b", "part": "(?:{})", "first": r"^\W*(?:{})"}
    try:
        return re.compile("|".join(around[how].format("|".join(entry[how])) for how in entry), re.IGNORECASE)
    except re.error as error:
        raise WordsError(f"words.yml: {name}: {error}") from error


def _compile_each(name: str, entries: Mapping[str, Any]) -> dict[str, re.Pattern[str]]:
    return {code: _compile(f"{name}: {code}", entry) for code, entry in entries.items()}


def first_named(words: Mapping[str, re.Pattern[str]], text: str) -> str | None:
    """The code whose word comes first in a text, or None."""
    found = {code: match.start() for code, pattern in words.items() if (match := pattern.search(text))}
    return min(found, key=lambda code: found[code]) if found else None


def list_named(words: Mapping[str, re.Pattern[str]], text: str) -> list[str]:
    """Every code of which a text has a word."""
    return [code for code, pattern in words.items() if pattern.search(text)]


def _slips(hosts: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {slip: host for host, slips in hosts.items() for slip in slips}


_WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))


def _compile_all(name: str, entry: Mapping[str, list[str]]) -> re.Pattern[str]:
    """A pattern for whole messages, in plain words, of parts that follow each other."""
    if entry.keys() != {"all"}:
        raise WordsError(f"words.yml: {name}: must have all, not {sorted(entry)}")
    return re.compile("".join(entry["all"]))


YES_ONLY = _compile_all("yes", _WORDS["yes"])
NO_ONLY = _compile_all("no", _WORDS["no"])
INTERROGATIVE = _compile("interrogative", _WORDS["interrogative"])
STOP = _compile("stop", _WORDS["stop"])
NAMES_SOMEBODY = _compile("names_somebody", _WORDS["names_somebody"])
NO_NAME = _compile("no_name", _WORDS["no_name"])
AFTER_NAME = _compile("after_name", _WORDS["after_name"])
UNDECIDED_WORDS = _compile("undecided", _WORDS["undecided"])
ANY_WORDS = _compile("any", _WORDS["any"])
NO_EMAIL_WORDS = _compile("no_email", _WORDS["no_email"])
NEED_WORDS = _compile_each("need", _WORDS["need"])
FIELD_WORDS = _compile_each("field", _WORDS["field"])
SUBSCRIPTION_WORDS = _compile_each("subscription", _WORDS["subscription"])
MAIL_HOSTS: tuple[str, ...] = tuple(_WORDS["mail_hosts"])
MAIL_SLIPS: Mapping[str, str] = _slips(_WORDS["mail_slips"])
