"""Words are known by what they sound like, in both scripts, and by no less."""

from __future__ import annotations

import pytest

from bot.spelling import list_spellings, list_terms, split_words


def finds(query: str, text: str) -> bool:
    """Whether every word of a query is in a text, in some spelling."""
    terms = set(list_terms(text))
    return all(not terms.isdisjoint(list_spellings(word)) for word in split_words(query))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ch7al", "chhal"),
        ("ch7al", "شحال"),
        ("chhal", "شحال"),
        ("fin", "فين"),
        ("evenement", "Évènement"),
        ("الدار البيضا", "الدار البيضاء"),
        ("التكوين", "تكوين"),
        ("تكوين", "فالتكوين"),
        ("tkwin", "التكوين"),
        ("مدرسة", "مدرسه"),
        ("مُبَادَرَة", "مبادرة"),
        ("formation", "lformation"),
        ("jobintech", "ljobintech"),
        ("3ndi", "l3ndi"),
        ("bac", "lbac"),
        ("formation", "flformation"),
        ("lformation", "formation"),
        ("التكوين", "ltakwin"),
        ("ltakwin", "takwin"),
        ("l9raya", "القراية"),
        ("2025", "٢٠٢٥"),
        ("bghit", "بغيت"),
        ("khdma", "خدمة"),
        ("bac+2", "BAC+2"),
        ("👍", "👍🏽"),
    ],
)
def test_spellings_find_each_other(one: str, other: str) -> None:
    assert finds(one, other) and finds(other, one)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("date", "il doit venir"),  # two consonants tell only between scripts
        ("moi", "mai"),
        ("12", "21"),
        ("iste", "liste"),  # only before a consonant
        ("angue", "langue"),
        ("inkedin", "linkedin"),
        ("ex", "flex"),
        ("yon", "lyon"),
        ("ab", "lab"),
        ("200", "l200"),
        ("bac+2", "bac+3"),
    ],
)
def test_other_words_are_not_found(query: str, text: str) -> None:
    assert not finds(query, text)


@pytest.mark.parametrize("text", ["", "  ", "?!", "«»", "…", "-", "'"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert list_terms(text) == []


def test_words_come_first_in_their_order() -> None:
    """Phrases are found by neighbours: what a word is known by besides comes after all words."""
    assert list_terms("La Formation à Rabat")[:4] == ["la", "formation", "a", "rabat"]
    assert all("=" in term for term in list_terms("La Formation à Rabat")[4:])
