"""Figures of models as people read them: shares, differences, stretches of time, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.numbers import format_decimal, format_percent

from bot.console.words import LOCALES, Language, translate
from bot.messages import LANGUAGE_NAMES
from bot.registry.comparison import SIGNIFICANCE

#: Of these a smaller value is the better one.
SMALLER_IS_BETTER = frozenset({"good_refused"})


def show_share(language: Language, share: float | None) -> str:
    """A share of 1 as a percentage with one decimal; a dash where nothing could be counted."""
    if share is None:
        return "–"
    return str(format_percent(share, format="#,##0.0 %", locale=LOCALES[language]))


def show_count(language: Language, count: int) -> str:
    """A whole number with its thousands apart."""
    return str(format_decimal(count, locale=LOCALES[language]))


def show_points(language: Language, before: float | None, after: float | None) -> str:
    """The difference of two shares in percentage points, with its sign; empty where there is none to tell."""
    if before is None or after is None:
        return ""
    points = round((after - before) * 100, 1)
    number = format_decimal(abs(points), format="0.0", locale=LOCALES[language])
    sign = "±" if points == 0 else "+" if points > 0 else "−"
    return translate(language, "models.points", number=f"{sign}{number}")


def show_seconds(language: Language, seconds: float | None) -> str:
    """A stretch of time: ``0,4 s``, ``42 s``, ``2 min 05 s``, ``1 h 04 min``; a dash where nobody measured."""
    if seconds is None:
        return "–"
    if seconds < 10:
        number = format_decimal(round(seconds, 1), format="0.0", locale=LOCALES[language])
        return translate(language, "models.time.seconds", seconds=number)
    whole = round(seconds)
    if whole < 60:
        return translate(language, "models.time.seconds", seconds=whole)
    if whole < 3_600:
        return translate(language, "models.time.minutes", minutes=whole // 60, seconds=f"{whole % 60:02}")
    return translate(language, "models.time.hours", hours=whole // 3_600, minutes=f"{whole % 3_600 // 60:02}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of both models.

    Attributes:
        key: which one.
        before: of the live model, as shown; empty without one.
        after: of the candidate.
        points: the difference.
        way: ``good``, ``bad`` or empty.
    """

    key: str
    before: str
    after: str
    points: str
    way: str


def show_row(language: Language, row: Mapping[str, Any], figures: tuple[str, ...]) -> dict[str, Any]:
    """A variety of a comparison (`bot.registry.comparison.compare`) as the table shows it."""
    before, after = row["before"], row["after"]
    cells = [
        Cell(
            key,
            show_share(language, before[key]) if before else "",
            show_share(language, after[key]),
            show_points(language, before[key], after[key]) if before else "",
            _find_way(key, before[key] if before else None, after[key]),
        )
        for key in figures
    ]
    return {
        "name": LANGUAGE_NAMES.get(row["name"], row["name"]),
        "is_all": row["name"] == "all",
        "n": show_count(language, row["n"]),
        "cells": cells,
        "verdict": find_verdict(row),
        "lost": row["lost"],
        "gained": row["gained"],
        "p": _show_p(language, row["p"]),
    }


def _find_way(key: str, before: float | None, after: float | None) -> str:
    if before is None or after is None or round(before, 3) == round(after, 3):
        return ""
    return "good" if (after > before) != (key in SMALLER_IS_BETTER) else "bad"


def find_verdict(row: Mapping[str, Any]) -> str:
    """Whether more is understood than chance would have it: ``better``, ``worse``, ``same``, or ``alone``."""
    if row["p"] is None:
        return "alone"
    if row["p"] >= SIGNIFICANCE:
        return "same"
    return "better" if row["gained"] > row["lost"] else "worse"


def _show_p(language: Language, p: float | None) -> str:
    if p is None:
        return ""
    if p < 0.001:
        return "p < " + str(format_decimal(0.001, format="0.000", locale=LOCALES[language]))
    return "p = " + str(format_decimal(round(p, 3), format="0.000", locale=LOCALES[language]))
