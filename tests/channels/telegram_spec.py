"""Check a request against the machine-readable description of the Telegram Bot API.

What is checked comes from the description: the method exists, every field is known and of a listed type, required
fields are there, and the limits that are stated in words hold (``1-4096 characters``, ``1-64 bytes``, ``1-100``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SIZE = re.compile(r"(\d+)\s*-\s*(\d+) (characters|bytes)")
_RANGE = re.compile(r"(?:between |, )(\d+)-(\d+)(?: are accepted|\.)")
_MOST = re.compile(r"At most (\d+) \w+ can be specified")
_ACTION = re.compile(r"\b([a-z]+(?:_[a-z]+)*) (?:for|or) ")
_ARRAY = "Array of "


class BotApiSpec:
    """The Bot API as `telegram-bot-api.json` describes it (https://github.com/PaulSonOfLars/telegram-bot-api-spec)."""

    def __init__(self, path: Path) -> None:
        """Read the description.

        Raises:
            ValueError: the file does not describe methods and types.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        if not data.get("methods") or not data.get("types"):
            raise ValueError(f"{path} does not describe the Bot API")
        self._methods: dict[str, Any] = data["methods"]
        self._types: dict[str, Any] = data["types"]

    def list_problems(self, method: str, fields: Mapping[str, Any]) -> list[str]:
        """What is wrong with a request, in words; empty when it is right.

        Args:
            method: name of the Bot API method.
            fields: the request's fields. Text that stands for something else (a number, JSON) is decoded, as a form
                sends everything as text.
        """
        if method not in self._methods:
            return [f"{method}: no such method"]
        known = {field["name"]: field for field in self._methods[method].get("fields", [])}
        decoded = {
            name: _decode(value, known[name]["types"]) if name in known else value for name, value in fields.items()
        }
        return self._check_fields(method, known, decoded)

    def list_object_problems(self, type_name: str, value: object) -> list[str]:
        """What is wrong with a decoded object of one of the API's types, for example an ``Update``."""
        return self._check_value(type_name, [type_name], value)

    def _check_fields(self, where: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
        problems = [f"{where}.{name}: no such field" for name in given if name not in known]
        for name, field in known.items():
            path = f"{where}.{name}"
            if name not in given:
                if field["required"]:
                    problems.append(f"{path}: required")
                continue
            problems += self._check_value(path, field["types"], given[name]) or _check_limits(
                path, field["description"], given[name]
            )
        if where.endswith("InlineKeyboardButton") or "inline_keyboard" in where:
            uses = set(given) - {"text", "icon_custom_emoji_id", "style"}
            if "text" in given and len(uses) != 1:
                problems.append(f"{where}: exactly one action is needed, there are {len(uses)}")
        return problems

    def _check_value(self, path: str, types: list[str], value: object) -> list[str]:
        """No problem when one of the types fits; else the problems of the type that comes closest."""
        tries = [self._check_type(path, name, value) for name in types]
        return min(tries, key=len)

    def _check_type(self, path: str, name: str, value: object) -> list[str]:
        if name.startswith(_ARRAY):
            if not isinstance(value, list):
                return [f"{path}: must be an array, not {value!r}"]
            inner = name.removeprefix(_ARRAY)
            return [
                problem
                for index, item in enumerate(value)
                for problem in self._check_value(f"{path}[{index}]", [inner], item)
            ]
        match name:
            case "String":
                fits = isinstance(value, str)
            case "Integer":
                fits = type(value) is int
            case "Float":
                fits = type(value) in (int, float)
            case "Boolean":
                fits = isinstance(value, bool)
            case "True":
                fits = value is True
            case "InputFile":
                fits = False  # we upload nothing
            case _:
                return self._check_object(path, name, value)
        return [] if fits else [f"{path}: must be {name}, not {value!r}"]

    def _check_object(self, path: str, name: str, value: object) -> list[str]:
        described = self._types[name]
        if described.get("subtypes"):
            return self._check_value(path, described["subtypes"], value)
        if not isinstance(value, dict):
            return [f"{path}: must be {name}, not {value!r}"]
        known = {field["name"]: field for field in described.get("fields", [])}
        return self._check_fields(path, known, value)


def _decode(value: object, types: list[str]) -> object:
    if not isinstance(value, str) or types == ["String"]:
        return value
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return value
    # "12" stays text where text is the only type that fits, for example a title.
    return value if type(decoded) is int and "Integer" not in types and "Float" not in types else decoded


def _check_limits(path: str, description: str, value: object) -> list[str]:
    """Check what the description says in words of a field's value."""
    problems = []
    if isinstance(value, str):
        for low, high, unit in _SIZE.findall(description)[:1]:
            # Telegram counts text in UTF-16 code units.
            size = len(value.encode()) if unit == "bytes" else len(value.encode("utf-16-le")) // 2
            if not int(low) <= size <= int(high):
                problems.append(f"{path}: {size} {unit}, allowed are {low}-{high}")
        if "Only characters A-Z, a-z, 0-9, _ and - are allowed" in description:
            problems += _check_letters(path, r"[A-Za-z0-9_-]*", value)
        if "only lowercase English letters, digits and underscores" in description:
            problems += _check_letters(path, r"[a-z0-9_]*", value)
        if "two-letter ISO 639-1" in description:
            problems += _check_letters(path, r"([a-z]{2})?", value)
        if description.startswith("Type of action to broadcast") and value not in _ACTION.findall(description):
            problems.append(f"{path}: no such action: {value}")
        if description.startswith("HTTPS URL"):
            parts = urlsplit(value)
            # Tests deliver to a server on loopback, which has no certificate.
            if value and parts.scheme != "https" and parts.hostname != "127.0.0.1":
                problems.append(f"{path}: must be https, not {value}")
    elif type(value) is int:
        for low, high in _RANGE.findall(description)[:1]:
            if not int(low) <= value <= int(high):
                problems.append(f"{path}: {value}, allowed are {low}-{high}")
    elif isinstance(value, list):
        for most in _MOST.findall(description)[:1]:
            if len(value) > int(most):
                problems.append(f"{path}: {len(value)} items, at most {most}")
    return problems


def _check_letters(path: str, pattern: str, value: str) -> list[str]:
    return [] if re.fullmatch(pattern, value) else [f"{path}: characters that are not allowed in {value!r}"]
