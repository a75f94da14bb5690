"""The word lists: what they find, and what they must leave alone."""

from __future__ import annotations

import pytest

from bot.journeys.words import NO_ONLY, SUBSCRIPTION_WORDS, YES_ONLY, WordsError, _compile, first_named
from bot.plain import plain_words


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("préviens-moi des prochaines formations", "cohorts"),
        ("3lemni ila kan chi tkwin jdid", "cohorts"),
        ("علمني إلا كانت شي دورة جديدة", "cohorts"),
        ("tell me about new events", "events"),
        ("les evenements à Rabat", "events"),
        ("أخبروني بالتظاهرات القادمة", "events"),
        ("je veux recevoir les nouvelles études", "publications"),
        ("أريد التوصل بالتقارير", "publications"),
        # The first one counts.
        ("un atelier sur les rapports", "events"),
        # Other words that begin alike.
        ("éventuellement préviens-moi", None),
        ("la veille, préviens-moi", None),
        ("أحدث الأخبار", None),
        ("أريد التحدث معكم", None),
        ("العام الدراسي", None),
        ("eventually", None),
        ("je suis étudiant", None),
        ("préviens-moi", None),
    ],
)
def test_topics_of_news(text: str, topic: str | None) -> None:
    assert first_named(SUBSCRIPTION_WORDS, text) == topic


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"whole": ["("]}, "words.yml: x: missing"),
        ({"sometimes": ["a"]}, r"words.yml: x: must have whole, part or first, not \['sometimes'\]"),
        ({}, "words.yml: x: must have"),
    ],
)
def test_a_malformed_entry_is_named(entry: dict[str, list[str]], message: str) -> None:
    with pytest.raises(WordsError, match=message):
        _compile("x", entry)


@pytest.mark.parametrize(
    "text", ["oui", "Oui !", "yes please", "oui svp", "iyeh", "نعم", "آه عافاك", "oui efface tout"]
)
def test_nothing_but_a_yes(text: str) -> None:
    assert YES_ONLY.fullmatch(plain_words(text))


@pytest.mark.parametrize(
    "text", ["ok", "ah ok", "bien", "d'accord je réfléchis", "oui mais attends", "non", "oui c'est combien ?", "wakha"]
)
def test_an_ok_is_no_yes(text: str) -> None:
    """What can't be undone is never done for it."""
    assert not YES_ONLY.fullmatch(plain_words(text))


@pytest.mark.parametrize(
    ("text", "is_no"), [("non", True), ("no wait", True), ("لا", True), ("la la", True), ("la ville", False)]
)
def test_nothing_but_a_no(text: str, is_no: bool) -> None:
    assert bool(NO_ONLY.fullmatch(plain_words(text))) is is_no
