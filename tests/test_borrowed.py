"""Words that two varieties share say nothing against the one that a person writes."""

from __future__ import annotations

import pytest

from bot.borrowed import is_shared
from bot.messages import Variety
from bot.varieties import clear_variety


@pytest.mark.parametrize(
    ("text", "own", "shared"),
    [
        ("mes données", "ary-Latn", True),
        ("mes données", "ary-Arab", True),
        ("Mes donnees !", "ar", True),
        ("formation data", "ary-Latn", True),
        ("les incubateurs", "ary-Arab", True),
        ("bourse?", "ary-Latn", True),
        ("inscription bac+2", "ary-Latn", True),
        # French that nobody says in Darija.
        ("quelles conditions", "ary-Latn", False),
        ("je cherche une formation", "ary-Latn", False),
        # Darija of Latin letters is no French, so that it says something of somebody who wrote Arabic ones.
        ("chno bghiti", "ary-Arab", False),
        ("cloud", "fr", True),
        ("my data", "fr", False),
        ("data", "en", True),
        ("financement", "en", False),
        ("2026", "fr", False),
        ("", "fr", False),
    ],
)
def test_shared_words(text: str, own: Variety, shared: bool) -> None:
    assert is_shared(text, own) == shared


@pytest.mark.parametrize(
    ("heard", "sure", "text", "before", "is_title", "chosen"),
    [
        # What our Darija texts tell people to write, and a button's title.
        ("fr", 1.0, "mes données", "ary-Latn", True, "ary-Latn"),
        ("fr", 1.0, "mes données", "ary-Arab", True, "ary-Arab"),
        ("fr", 0.97, "mes données", "ar", False, "ar"),
        ("fr", 1.0, "Voir le menu", "ary-Latn", True, "ary-Latn"),
        ("fr", 0.95, "Voir le menu", "ary-Latn", False, "fr"),
        # Titles in another language than French are a change of it, as is French from somebody who writes English.
        ("en", 1.0, "My data", "fr", True, "en"),
        ("fr", 1.0, "Mes données", "en", True, "fr"),
        ("ary-Latn", 1.0, "Les données dyali", "ary-Arab", True, "ary-Latn"),
        # Borrowed words, however sure the model is.
        ("fr", 0.99, "formation data", "ary-Latn", False, "ary-Latn"),
        ("fr", 0.99, "formation", "ary-Arab", False, "ary-Arab"),
        ("en", 0.99, "cloud", "fr", False, "fr"),
        # A sentence is French even if Darija has all of its words.
        ("fr", 0.99, "inscription formation data Casablanca et Rabat", "ary-Latn", False, "fr"),
        ("fr", 0.99, "quelles conditions", "ary-Latn", False, "fr"),
        ("ary-Latn", 0.9, "chno bghiti", "ary-Arab", False, "ary-Latn"),
    ],
)
def test_a_short_message_of_borrowed_words_changes_no_variety(
    heard: Variety, sure: float, text: str, before: Variety, is_title: bool, chosen: Variety
) -> None:
    assert clear_variety(heard, sure, text, before, False, is_title=is_title) == chosen


def test_a_first_message_is_taken_as_it_is_written() -> None:
    """What came before it is a guess."""
    assert clear_variety("en", 0.99, "cloud", "fr", True) == "en"
