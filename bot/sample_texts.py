"""What sample people say, and what they are told: the messages of nlu/examples, and the answers without their data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from bot.content import load_words
from bot.messages import VARIETIES, Variety
from bot.plain import plain_words
from bot.settings import ROOT

#: Topics that either kind of people comes for, the most frequent first; the rest are seldom.
LEARNERS = (
    "jobintech_eligibility", "jobintech_how_to_apply", "jobintech_about", "jobintech_dates", "greet",
    "jobintech_tracks", "jobintech_cost", "application_status", "jobintech_locations", "inform",
    "jobintech_documents", "jobintech_duration", "thank", "jobintech_allowance", "jobintech_certificate",
    "jobintech_selection", "event_search", "request_human", "jobintech_placement", "complain", "contact_info",
    "subscribe_updates",
)  # fmt: skip
FOUNDERS = (
    "startup_support", "incubator_search", "funding_options", "greet", "event_search", "incubator_details",
    "inform", "incubator_apply", "founder_training", "thank", "sme_digitalisation", "event_register",
    "mnc_membership", "request_human", "contact_info", "publications_search", "mnc_about",
    "employer_partnership", "complain",
)  # fmt: skip
_INTENT = re.compile(r"^- intent: (\w+)")
_EXAMPLE = re.compile(r"^    - (.+)$")
_MARKED = re.compile(r"\[([^\]]+)\](?:\((\w+)\)|\{[^}]*\})")
_DATA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """One message as somebody typed it, with the pieces of information that are marked in it."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


class SampleTexts:
    """Messages by variety and topic, and answers by variety."""

    def __init__(self) -> None:
        self._examples = {variety: _read_examples(variety) for variety in VARIETIES}
        self._answers = {variety: _read_answers(variety) for variety in VARIETIES}

    def list_intents(self, preferred: Sequence[str]) -> list[str]:
        """The topics that there are messages for: those preferred, then all others."""
        known = set.intersection(*(set(examples) for examples in self._examples.values()))
        first = [intent for intent in preferred if intent in known]
        return [*first, *sorted(known - set(first))]

    def list_examples(self, variety: Variety, intent: str) -> list[Example]:
        """What people write in a variety about a topic."""
        return self._examples[variety][intent]

    def list_answers(self, variety: Variety) -> list[tuple[str, str]]:
        """Answers of a variety: key and text."""
        return self._answers[variety]


def _read_examples(variety: Variety) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for path in sorted((ROOT / "nlu" / "examples").glob(f"*.{variety}.yml")):
        intent = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := _INTENT.match(line):
                intent = match[1]
            elif match := _EXAMPLE.match(line):
                found.setdefault(intent, []).append(_read_example(match[1]))
    return found


def _read_example(written: str) -> Example:
    text, entities, end = "", [], 0
    for match in _MARKED.finditer(written):
        text += written[end : match.start()]
        if match[2]:
            span = {"start": len(text), "end": len(text) + len(match[1])}
            value = _read_cities().get(plain_words(match[1]), match[1]) if match[2] == "city" else match[1]
            entities.append({"entity": match[2], "value": value, **span})
        text += match[1]
        end = match.end()
    return Example(text + written[end:], tuple(entities))


@cache
def _read_cities() -> dict[str, str]:
    """The slug of a town by what people call it."""
    listed = yaml.safe_load((ROOT / "nlu" / "lookups" / "city.yml").read_text(encoding="utf-8"))
    return {plain_words(str(spelling)): slug for slug, spellings in listed.items() for spelling in spellings}


def _read_answers(variety: Variety) -> list[tuple[str, str]]:
    texts = ((key, " ".join(_DATA.sub("…", text).split())) for key, text in load_words()[variety].answers.items())
    return sorted((key, text) for key, text in texts if len(text) > 20)
