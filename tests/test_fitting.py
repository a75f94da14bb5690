"""Texts cut to what a channel shows, and choices as a list."""

from __future__ import annotations

import random

import pytest

from bot.channels.fitting import numbered_list, split_text
from bot.messages import Button


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("court", 10, ["court"]),
        ("", 10, [""]),
        ("  \n ", 10, [""]),
        ("un deux trois", 8, ["un deux", "trois"]),
        ("premier alinéa\n\nsecond alinéa", 20, ["premier alinéa", "second alinéa"]),
        ("ligne une\nligne deux", 12, ["ligne une", "ligne deux"]),
        ("Une phrase. Une autre.", 14, ["Une phrase.", "Une autre."]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("😀😀😀", 4, ["😀😀", "😀"]),
        ("😀😀😀", 5, ["😀😀", "😀"]),
        ("exact", 5, ["exact"]),
    ],
)
def test_cuts_where_a_reader_would(text: str, limit: int, pieces: list[str]) -> None:
    """At the end of a paragraph, else of a line, a sentence or a word, else in the middle, never through an emoji."""
    assert split_text(text, limit) == pieces


def test_nothing_is_lost_and_nothing_is_too_long() -> None:
    """For any text the pieces fit, none is empty, and together they hold every letter in order."""
    dice = random.Random(7)
    alphabet = ["a", "é", "ع", "😀", " ", "\n", "\n\n", ". ", "•"]
    for _ in range(500):
        text = "".join(dice.choices(alphabet, k=dice.randint(1, 300)))
        limit = dice.randint(4, 60)
        pieces = split_text(text, limit)
        assert all(units(piece) <= limit for piece in pieces)
        assert "".join("".join(pieces).split()) == "".join(text.split())
        assert all(pieces) or pieces == [""]


def test_choices_are_numbered_and_links_are_not() -> None:
    """Numbers count what can be chosen; links stand below with their address."""
    buttons = [Button("Oui", "/affirm"), Button("site", url="https://a.ma"), Button("Non", "/deny")]
    assert numbered_list(buttons, "Répondez.") == "1. Oui\n2. Non\nRépondez.\nsite : https://a.ma"
    assert numbered_list(buttons[1:2], "Répondez.") == "site : https://a.ma"
    assert numbered_list([], "Répondez.") == ""
