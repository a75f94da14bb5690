"""What people say to get something done, in their own words: tests/nlu/ways, written apart from all other messages.

A line is ``intent[|second acceptable]<TAB>text``: the intent of the journey, or of the answer whose button begins it.
``none`` is a message with similar words that wants none of this; it is there for a model that knows the ways
(`nlu/finetuning/ways`), and is not measured before.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "ways"
#: Share of the messages that must come that far, a little below what was measured last.
FLOORS = {"fr": 0.58, "ary-Latn": 0.52, "ary-Arab": 0.51, "ar": 0.57, "en": 0.57}


@pytest.mark.parametrize("variety", FLOORS)
def test_wishes_reach_what_they_ask_for(product: Any, variety: str) -> None:
    """Or the answer whose button begins it."""
    lines = (FOLDER / f"{variety}.tsv").read_text(encoding="utf-8").splitlines()
    asked = [(labels.split("|"), text) for labels, text in (line.split("\t") for line in lines) if labels != "none"]
    assert len(asked) == 180
    given = [str(asyncio.run(product.parse_message(text))["intent_ranking"][0]["name"]) for _, text in asked]
    pairs = zip(asked, given, strict=True)
    missed = [f"{labels[0]} -> {name}: {text}" for (labels, text), name in pairs if name not in labels]
    assert 1 - len(missed) / len(asked) >= FLOORS[variety], "\n".join(missed)
