"""Which entities a message keeps, and how those of marked messages are measured."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa.shared.nlu.training_data.message import Message

from nlu.components.gazetteer import find_entities
from nlu.components.scope import SCOPES, EntityScope
from nlu.entities import Marked, measure_entities, read_marked
from nlu.lint import ROOT

DATA = [{"entity": "track", "value": "data"}, {"entity": "topic", "value": "data"}, {"entity": "city", "value": "fes"}]


@pytest.mark.parametrize(
    ("intent", "kept"),
    [
        ("jobintech_tracks", ["track", "city"]),
        ("event_search", ["topic", "city"]),
        ("inform", ["track", "topic", "city"]),
        ("greet", ["city"]),
    ],
)
def test_the_intent_decides(intent: str, kept: list[str]) -> None:
    """ "data" is a track in a question on training and a subject in one on events."""
    message = Message({"text": "x", "intent_ranking": [{"name": intent, "confidence": 0.9}], "entities": DATA})
    EntityScope().process([message])
    assert [entity["entity"] for entity in message.get("entities")] == kept


def test_intents_that_use_a_kind_decide_together() -> None:
    """Where the model hesitates between two questions on training, "data" is a track all the same."""
    ranking = [
        {"name": "event_search", "confidence": 0.4},
        {"name": "jobintech_tracks", "confidence": 0.3},
        {"name": "jobintech_dates", "confidence": 0.25},
    ]
    message = Message({"text": "x", "intent_ranking": ranking, "entities": DATA})
    EntityScope().process([message])
    assert [entity["entity"] for entity in message.get("entities")] == ["track", "city"]


def test_scopes_name_intents_and_entities_of_the_domain() -> None:
    """A misspelt name would hide entities for ever."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    known = {str(next(iter(item)) if isinstance(item, dict) else item) for item in domain["intents"]}
    assert set().union(*SCOPES.values()) <= known
    assert set(SCOPES) <= set(domain["entities"])


def test_marked_messages_are_measured(tmp_path: Path) -> None:
    """Hits overlap a mark of their kind; precision, recall and F1 are told by kind."""
    path = tmp_path / "fr.txt"
    path.write_text("à [Fès](city) ou [Rabat](city)\n\nle [15 mai](date)\n", encoding="utf-8")
    messages = read_marked(path)
    assert messages[1] == Marked("le 15 mai", (("date", 3, 9),))

    async def parse(text: str) -> dict[str, Any]:
        found = [{"entity": "city", "start": 2, "end": 5}, {"entity": "city", "start": 6, "end": 8}]
        return {"entities": found if "Fès" in text else [{"entity": "city", "start": 3, "end": 9}]}

    scores = asyncio.run(measure_entities(parse, messages))
    assert scores["city"] == {"marked": 2, "precision": 0.3333, "recall": 0.5, "f1": 0.4}
    assert scores["date"] == {"marked": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_a_file_without_messages_is_told(tmp_path: Path) -> None:
    """Empty and missing files stop the measurement with their name."""
    (tmp_path / "fr.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fr\.txt: expected a message a line"):
        read_marked(tmp_path / "fr.txt")
    with pytest.raises(ValueError, match=r"en\.txt: cannot be read"):
        read_marked(tmp_path / "en.txt")


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("le 15 mai à Rabat", "day:05-15", "15 mai"),
        ("May 3rd please", "day:05-03", "May 3rd"),
        ("f 15 décembre", "day:12-15", "15 décembre"),
        ("يوم ١٥ ماي", "day:05-15", "١٥ ماي"),
        ("le 1er juin", "day:06-01", "1er juin"),
        ("le 03/11/2026", "day:11-03", "03/11/2026"),
        ("la semaine prochaine", "week:1", "semaine prochaine"),
        ("en mai", "month:5", "mai"),
        ("simana jaya", "week:1", "simana jaya"),
        ("غدا ان شاء الله", "day:1", "غدا ان شاء الله"),
    ],
)
def test_dates(text: str, value: str, words: str) -> None:
    """Days with their month, dates in figures, and what is counted from today."""
    found = [entity for entity in find_entities(text) if entity.entity == "date"]
    assert [entity.value for entity in found] == [value]
    assert words in text[found[0].start : found[0].end] or text[found[0].start : found[0].end] in f"la {words}"


@pytest.mark.parametrize("text", ["4/6 mois", "2.5 ans", "bac 2", "98/99", "3-4 jours", "24h/24", "7/7"])
def test_figures_that_are_no_dates(text: str) -> None:
    """Durations, notes and opening hours are left alone."""
    assert [entity for entity in find_entities(text) if entity.entity == "date"] == []
