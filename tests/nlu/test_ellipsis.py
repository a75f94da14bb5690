"""Messages that only go on with what was said before."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message

from nlu.components.ellipsis import EllipsisIntentClassifier, is_elliptical
from nlu.components.gazetteer import find_entities


def mark(text: str) -> list[dict[str, Any]]:
    found = find_entities(text)
    return [{"entity": each.entity, "value": each.value, "start": each.start, "end": each.end} for each in found]


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [
        ("et à Rabat ?", True),
        ("et pour Fès, ça donne quoi ?", True),
        ("and what about Rabat?", True),
        ("وماذا عن الرباط؟", True),
        ("w f rbat?", True),
        ("w ila kont f tanja?", True),
        ("وفالرباط شنو كاين؟", True),
        ("والرباط؟", True),
        ("et en cybersécurité ?", True),
        # Nothing to go on with, a question of its own, or a bare name, which the model knows.
        ("et alors ?", False),
        ("et les inscriptions à Rabat ?", False),
        ("what is there to see in Rabat", False),
        ("Rabat", False),
        ("how long", False),
        ("et à Rabat ou à Fès ou à Oujda ou à Agadir ?", False),
        ("", False),
    ],
)
def test_only_small_words_stand_around_what_is_new(text: str, goes_on: bool) -> None:
    """In every variety, also where the words are glued together."""
    assert is_elliptical(text, mark(text)) is goes_on


def test_its_intent_is_information() -> None:
    """The model's ranking follows, as long as before; another message keeps its own."""
    component = EllipsisIntentClassifier()
    ranking = [{"name": "jobintech_locations", "confidence": 0.9}, {"name": "inform", "confidence": 0.1}]
    messages = [
        Message({"text": text, "entities": mark(text), "intent": ranking[0], "intent_ranking": list(ranking)})
        for text in ("et à Rabat ?", "où sont vos centres à Rabat ?")
    ]
    component.process(messages)
    assert [message.get("intent")["name"] for message in messages] == ["inform", "jobintech_locations"]
    assert [entry["name"] for entry in messages[0].get("intent_ranking")] == ["inform", "jobintech_locations"]
