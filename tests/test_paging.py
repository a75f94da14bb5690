"""Answers longer than a screen: what is shown first, and that nothing is lost."""

from __future__ import annotations

import random

import pytest

from bot.messages import Button, Outbound
from bot.paging import FEWEST_LINES, LINE_CHARS, SCREEN_LINES, asks_for_more, count_lines, fit_screen

MENU = Button("Menu", payload="/ask_capabilities")
SOURCES = "Source : Le360 (mars 2026)"


def make(*lines: str, sources: str = SOURCES) -> Outbound:
    return Outbound("\n".join(lines) + (f"\n\n{sources}" if sources else ""), (MENU,), "fr", "x", sources)


def test_what_fits_is_left_alone() -> None:
    outbound = make(*(f"• ligne {number}" for number in range(12)))
    page = fit_screen(outbound, "Lire la suite")
    assert (page.shown, page.rest) == (outbound, None)


def test_a_rest_of_a_few_lines_is_shown_at_once() -> None:
    """Nobody has to tap for a line or two."""
    page = fit_screen(make(*(f"• ligne {number}" for number in range(SCREEN_LINES + FEWEST_LINES - 4))), "Plus")
    assert page.rest is None


def test_a_long_list_is_cut_between_its_entries() -> None:
    """What is set in stays with its entry; sources and buttons stand under both parts."""
    entries = [line for number in range(20) for line in (f"• Entrée {number}", "  son résumé")]
    page = fit_screen(make("Voici :", *entries), "Lire la suite")
    assert page.rest is not None
    more, *others = page.shown.buttons
    assert more.title == "Lire la suite" and more.payload is not None and asks_for_more(more.payload)
    assert tuple(others) == page.rest.buttons == (MENU,)
    assert page.shown.text.endswith(f"…\n\n{SOURCES}") and page.rest.text.endswith(SOURCES)
    assert page.rest.text.startswith("• Entrée")
    assert count_lines(page.shown.text) <= SCREEN_LINES + 1


def test_one_endless_line_is_cut_too() -> None:
    page = fit_screen(make("mot " * 400), "Plus")
    assert page.rest is not None
    assert count_lines(page.shown.text) <= SCREEN_LINES + 1


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost(seed: int) -> None:
    """Whatever the text: its words are all there, in order, when one reads to the end."""
    rng = random.Random(seed)
    words = ("mot", "كلمة", "•", "", "🙂", "https://exemple.ma/" + "x" * 60, "2 000", "…", "fin.")
    lines = [
        "  " * rng.randrange(2) + " ".join(rng.choices(words, k=rng.randrange(25))) for _ in range(rng.randrange(90))
    ]
    sources = rng.choice(("", SOURCES))
    outbound = make(*lines, sources=sources)
    read: list[str] = []
    page = fit_screen(outbound, "Plus")
    for _ in range(100):
        shown = page.shown.text.removesuffix(sources).rstrip()
        read += (shown.removesuffix("…") if page.rest is not None else shown).split()
        if page.rest is None:
            break
        page = fit_screen(page.rest, "Plus")
    assert page.rest is None
    whole = outbound.text.removesuffix(sources).split()
    assert "".join(read) == "".join(whole)


@pytest.mark.parametrize(
    ("text", "lines"), [("", 1), ("x" * LINE_CHARS, 1), ("x" * (LINE_CHARS + 1), 2), ("a\n\nb", 3)]
)
def test_lines_are_those_of_a_phone(text: str, lines: int) -> None:
    assert count_lines(text) == lines
