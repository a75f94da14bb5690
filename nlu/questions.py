"""Several questions in one message: "c'est gratuit ? et ça dure combien ?" is answered twice.

A message is cut where a sentence ends and at the words for "and".  The cut counts only if the model is sure of every
part and the parts ask for different topics; else the message is one question, as most are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

MOST_QUESTIONS = 3
#: A part with fewer words is no question of its own ("et à Rabat ?").
FEWEST_WORDS = 2
#: Probability that a part must have where a sentence ends, and where only an "and" stands.
SURE_AT_STOP = 0.6
SURE_AT_AND = 0.8
#: Intents that are no question: what they say belongs to the question beside them ("je suis étudiant et …").
NOT_QUESTIONS = frozenset({
    "greet", "goodbye", "thank", "affirm", "deny", "inform", "bot_challenge", "cancel", "complain", "out_of_scope",
    "change_language", "nlu_fallback",
})  # fmt: skip
_STOP = re.compile(r"(?<=[?؟!\n;؛])\s*|(?<=\w\w[.…])\s+")
_AND = re.compile(
    r"\s*[,،]?\s+(?:et\s+(?:aussi|puis|est-ce)|et|aussi|puis|and\s+also|and|also|plus|w|wa|ou\s+(?=ch|wach|fin|kif)|و)\s+"
    r"|\s+و(?=(?:شحال|واش|فين|كيفاش|شنو|شنا|علاش|وقتاش|هل|ما |ماهي|كم|متى|أين|كيف)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """One part of a message, and how sure the model must be of it."""

    text: str
    sure_from: float


def list_cuts(text: str) -> List[List[Part]]:
    """The ways to cut a message into two or more parts, the safest first; none for most messages."""
    cuts = []
    for pattern, sure_from in ((_STOP, SURE_AT_STOP), (_AND, SURE_AT_AND)):
        parts = [part.strip() for part in pattern.split(text) if part and part.strip()]
        parts = [part for part in parts if len(re.findall(r"[^\W_]+", part)) >= FEWEST_WORDS]
        if 2 <= len(parts) <= MOST_QUESTIONS:
            cuts.append([Part(part, sure_from) for part in parts])
    return cuts


def choose_questions(parts: Sequence[Part], parses: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The parses of the questions, if the parts are questions of different topics; else nothing.

    Args:
        parts: one cut of the message.
        parses: what Rasa made of each part, in order.
    """
    questions = []
    for part, parse in zip(parts, parses):
        name, confidence = parse["intent"]["name"], float(parse["intent"]["confidence"])
        if name in NOT_QUESTIONS:
            continue
        if confidence < part.sure_from:
            return []
        questions.append(parse)
    names = [parse["intent"]["name"] for parse in questions]
    return questions if len(names) >= 2 and len(set(names)) == len(names) else []
