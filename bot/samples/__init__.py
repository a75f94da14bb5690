"""Answers with data of every shape that their texts can get: what a changed text is tried with before it counts.

Fixed answers have no data. Those of actions are kept as the actions gave them from the shipped content
(`computed.json`; a test runs the actions and compares the shapes); the others are written by hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bot.content import load_shapes
from bot.messages import Answer
from bot.samples.app import SENT_BY_THE_APP
from bot.samples.journeys import JOURNEY_ANSWERS

COMPUTED = Path(__file__).with_name("computed.json")


@cache
def load_computed() -> tuple[Answer, ...]:
    """What the actions answered."""
    return tuple(Answer.from_json(written) for written in json.loads(COMPUTED.read_text(encoding="utf-8")))


@cache
def list_samples() -> Mapping[str, tuple[Answer, ...]]:
    """The samples of each answer by its key, each once."""
    samples: dict[str, dict[str, Answer]] = defaultdict(dict)
    fixed = [Answer(key) for key in load_shapes() if key.startswith("utter_")]
    for answer in (*load_computed(), *SENT_BY_THE_APP, *JOURNEY_ANSWERS, *fixed):
        samples[answer.key].setdefault(json.dumps(answer.as_json(), sort_keys=True), answer)
    return {key: tuple(samples[key].values()) for key in load_shapes()}
