"""Find entities by what they are called: the names in nlu/lookups, and the shapes of e-mails, phones and ages.

A name is found in any spelling of its list, after normalisation, with the prefixes that Arabic and Darija glue to a
word (بالرباط، فكازا، f'casa, lrabat) taken off. The longest name wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Text, Tuple

import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.normaliser import normalise

LOOKUPS_FOLDER = Path(__file__).resolve().parent.parent / "lookups"
#: Names of more words than this are not looked for.
LONGEST_NAME_WORDS = 6
_TOKEN = re.compile(r"[^\s'’`,;:!?؟،؛()\[\]\"«»…]+")
_ARABIC_PREFIXES = ("وبال", "وفال", "بال", "فال", "وال", "كال", "لل", "ال", "ب", "ف", "ل", "و", "د", "ك")
_LATIN_PREFIXES = ("fel", "bel", "lel", "del", "f", "b", "l", "d")
#: A prefix is taken off only if this much of a word is left, so that "lac" is not l + ac.
SHORTEST_AFTER_PREFIX = 3

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?<![\d+])(?:(?:\+|00)212[\s.-]*(?:\(0\))?|0)[\s.-]*[5-8](?:[\s.-]*\d){8}(?!\d)")
_AGE = re.compile(
    r"(?<!\d)(\d{2})\s*(?:ans?\b|years?\b|yo\b|y\.o|3am\b|3amm?\b|3an\b|sna\b|عام|عامًا|سنة|سنه|سنوات)"
    r"|(?:عمري|عندي|3omri|3mri|3ndi|j ai|j'ai|age de|i am|i'm|im)\s+(\d{2})(?!\d)(?=\s*(?:$|[,.!?]))",
    re.IGNORECASE,
)
AGES = range(14, 80)


@dataclass(frozen=True)
class Found:
    """One entity in a text: kind, canonical value, and where it stands (character positions)."""

    entity: str
    value: str
    start: int
    end: int


@lru_cache(maxsize=1)
def load_names(folder: Path = LOOKUPS_FOLDER) -> Mapping[str, Tuple[Tuple[str, str], ...]]:
    """Normal form of a spelling → the (entity, canonical value) pairs that it may stand for.

    Raises:
        ValueError: a spelling is listed under two values of one entity, or a list is malformed.
    """
    names: Dict[str, Dict[str, str]] = {}
    for path in sorted(folder.glob("*.yml")):
        for value, spellings in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if not isinstance(spellings, list):
                raise ValueError(f"{path.name}: {value} must have a list of spellings")
            for spelling in spellings:
                normal = normalise(str(spelling))
                earlier = names.setdefault(normal, {}).setdefault(path.stem, str(value))
                if earlier != str(value):
                    raise ValueError(f"{path.name}: {spelling!r} stands under {earlier} and {value}")
    return {spelling: tuple(sorted(meanings.items())) for spelling, meanings in names.items() if spelling}


def find_entities(text: str) -> List[Found]:
    """Every entity of a text, in order; one stretch of text may stand for several kinds (a sector and a topic)."""
    found = list(_find_shapes(text))
    taken = [(entity.start, entity.end) for entity in found]
    tokens = [
        (match.start(), match.end(), normalise(match.group()))
        for match in _TOKEN.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in taken)
    ]
    names = load_names()
    position = 0
    while position < len(tokens):
        for length in range(min(LONGEST_NAME_WORDS, len(tokens) - position), 0, -1):
            words = tokens[position : position + length]
            meanings = _look_up(" ".join(word for _, _, word in words if word), names)
            if meanings:
                found += [Found(entity, value, words[0][0], words[-1][1]) for entity, value in meanings]
                position += length
                break
        else:
            position += 1
    return sorted(found, key=lambda entity: (entity.start, entity.entity))


def _look_up(words: str, names: Mapping[str, Tuple[Tuple[str, str], ...]]) -> Tuple[Tuple[str, str], ...]:
    if not words:
        return ()
    if words in names:
        return names[words]
    for prefix in _LATIN_PREFIXES if words[0].isascii() else _ARABIC_PREFIXES:
        rest = words[len(prefix) :]
        if words.startswith(prefix) and len(rest) >= SHORTEST_AFTER_PREFIX:
            # The article may be part of the listed name or not: الدار البيضاء, رباط.
            for candidate in (rest, "ال" + rest):
                if candidate in names:
                    return names[candidate]
    return ()


def _find_shapes(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        yield Found("email", match.group().lower(), match.start(), match.end())
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match.group().replace("(0)", ""))
        national = digits[5:] if digits.startswith("00212") else digits[3:] if digits.startswith("212") else digits[1:]
        yield Found("phone", f"+212{national}", match.start(), match.end())
    for match in _AGE.finditer(text):
        group = 1 if match.group(1) else 2
        if int(match.group(group)) in AGES:
            yield Found("age", match.group(group), match.start(group), match.end(group))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class GazetteerEntityExtractor(GraphComponent, EntityExtractorMixin):
    """Rasa's side of `find_entities`."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "GazetteerEntityExtractor":
        """Read the lists, so that a malformed one stops the start."""
        load_names()
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        """Add the entities of each message."""
        for message in messages:
            text = message.get(TEXT) or ""
            entities = [
                {
                    "entity": entity.entity,
                    "value": entity.value,
                    "text": text[entity.start : entity.end],
                    "start": entity.start,
                    "end": entity.end,
                    "extractor": self.name,
                }
                for entity in find_entities(text)
            ]
            message.set(ENTITIES, message.get(ENTITIES, []) + entities, add_to_output=True)
        return messages
