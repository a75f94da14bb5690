"""Cutting a message into its questions."""

from __future__ import annotations

from typing import Any

import pytest

from nlu.questions import Part, choose_questions, list_cuts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("c'est gratuit ? et ça dure combien ?", ["c'est gratuit ?", "et ça dure combien ?"]),
        ("c'est gratuit et ça dure combien", ["c'est gratuit", "ça dure combien"]),
        ("how long is it and what does it cost", ["how long is it", "what does it cost"]),
        ("ch7al kat dum w wach fabor had takwin", ["ch7al kat dum", "wach fabor had takwin"]),
        ("شحال كاتبقى وواش فابور هاد التكوين", ["شحال كاتبقى", "واش فابور هاد التكوين"]),
        ("ما هي الوثائق المطلوبة؟ ومتى يبدأ التكوين؟", ["ما هي الوثائق المطلوبة؟", "ومتى يبدأ التكوين؟"]),
        ("les documents demandés\nles dates svp", ["les documents demandés", "les dates svp"]),
    ],
)
def test_a_message_is_cut_where_questions_meet(text: str, parts: list[str]) -> None:
    """At the end of a sentence, or at "and", in every variety."""
    assert parts in [[part.text for part in cut] for cut in list_cuts(text)]


@pytest.mark.parametrize(
    "text",
    ["", "?", "c'est gratuit ?", "data et cloud", "et à Rabat ?", "!!! ???", "وليد", "a ? b ? c ? d ?", "x et " * 100],
)
def test_most_messages_are_not_cut(text: str) -> None:
    """One question, words alone, or so many parts that it is no list of questions."""
    assert list_cuts(text) == []


def parse(intent: str, confidence: float) -> dict[str, Any]:
    return {"intent": {"name": intent, "confidence": confidence}}


TWO = [Part("a b", 0.6), Part("c d", 0.6)]


@pytest.mark.parametrize(
    ("parses", "chosen"),
    [
        ([parse("jobintech_cost", 0.9), parse("jobintech_duration", 0.7)], ["jobintech_cost", "jobintech_duration"]),
        ([parse("jobintech_cost", 0.9), parse("jobintech_duration", 0.5)], []),
        ([parse("jobintech_cost", 0.9), parse("jobintech_cost", 0.9)], []),
        ([parse("inform", 0.9), parse("jobintech_cost", 0.9)], []),
        ([parse("nlu_fallback", 0.9), parse("jobintech_cost", 0.9)], []),
    ],
)
def test_only_sure_and_different_questions_count(parses: list[dict[str, Any]], chosen: list[str]) -> None:
    """A doubtful part, the same topic twice, or a statement beside a question leave the message whole."""
    assert [each["intent"]["name"] for each in choose_questions(TWO, parses)] == chosen
