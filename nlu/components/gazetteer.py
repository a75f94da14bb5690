"""Find entities by what they are called: the names in nlu/lookups, beside what has a shape (`nlu.components.shapes`).

A name is found in any spelling of its list, after normalisation, with the prefixes that Arabic and Darija glue to a
word (بالرباط، فكازا، f'casa, lrabat) taken off. The longest name wins.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Text, Tuple

import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.normaliser import DIGITS, normalise
from nlu.components.shapes import Found, find_shapes, find_years

LOOKUPS_FOLDER = Path(__file__).resolve().parent.parent / "lookups"
#: Names of more words than this are not looked for.
LONGEST_NAME_WORDS = 6
# What `normalise` keeps of a word, with the marks that it takes off: so a match never covers a hyphen or a full stop.
_TOKEN = re.compile(r"(?:[\w@+.%]|[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed])+")
#: Between two words of one name there may be a space, a hyphen or an apostrophe, but not these ("le bac, 2 ans").
_BREAK = re.compile(r"[\w.,;:!?؟،؛()\[\]\"«»“”…\n]")
#: Names that count only in capitals, and only if the message has other letters too: else each is another word ("j'ai").
_CAPITALS = frozenset({"ai"})
#: Ordinary phrases with a name's spelling in them, as typed in lower case: Salé keeps its accent, "est salé" is a town.
_ORDINARY = frozenset({
    "cyber cafe", "cyber café", "lcyber cafe", "mol lcyber", "moul lcyber", "mol cyber",
    "مول السيبير", "مول سيبير", "السيبير كافي", "سيبير كافي",
    "bac à sable", "bac a sable", "bac à glace", "bac à dos", "ma tata", "ta tata", "sa tata", "la tata",
    *(f"{word} sale" for word in ("est", "était", "très", "tres", "trop", "si", "pas", "plus", "un", "une", "cette",
                                  "argent", "for", "on")),
    *(f"sale {word}" for word in ("temps", "type", "coup", "boulot", "histoire", "argent", "price", "prices")),
    *(f"{word} may" for word in ("i", "we", "you", "he", "she", "it", "they", "who", "which", "that")),
    *(f"may {word}" for word in ("i", "we", "you", "he", "she", "it", "they", "be", "have", "not", "apply", "ask")),
    *(f"sept {word}" for word in ("jours", "semaines", "mois", "ans", "années", "heures", "personnes", "fois")),
})  # fmt: skip
_ARABIC_PREFIXES = ("وبال", "وفال", "بال", "فال", "وال", "كال", "لل", "ال", "ب", "ف", "ل", "و", "د", "ك")
_LATIN_PREFIXES = ("fel", "bel", "lel", "del", "f", "b", "l", "d")
#: A prefix is taken off only if this much of a word is left, so that "lac" is not l + ac.
SHORTEST_AFTER_PREFIX = 3

#: What stands between a diploma and its field.
_IN_FIELD = re.compile(r"\s*(?:en|in|of|de|d'|f|fi|fel|d|dyal|في|ف|د|ديال)?\s*", re.IGNORECASE)
#: Before what somebody does today: they do not ("je ne suis pas étudiant", "ماشي طالب"), so it says nothing of them.
_DENIED = re.compile(
    r"(?:\b(?:pas|plus|jamais|not|no longer|machi|mashi|mchi)|n[’']t|ماشي|مشي|مابقيتش|لست|لا)\s+"
    r"(?:(?:an?|un|une|encore|vraiment|wa7ed|really|yet)\s+)?$",
    re.IGNORECASE,
)
#: Before a diploma: they do not have it ("no bac", "ماعنديش الباك").
_LACKED = re.compile(
    r"(?:\b(?:no|without|sans|pas (?:encore )?(?:de|le|la)|bla|ma ?3a?ndich|don[’']?t have|haven[’']?t got|"
    r"didn[’']?t (?:get|finish|have))|ماعنديش|ما عنديش|معنديش|ليس لدي|ليس عندي|ليست لدي|بدون|بلا|دون)\s+"
    r"(?:(?:the|an?|my|any|le|la|une?)\s+)?$",
    re.IGNORECASE,
)
_DAY_BEFORE = re.compile(r"(?<![\d.,/+-])(\d{1,2})(?:er|st|nd|rd|th)?\s+(?:of\s+|de\s+|من\s+|شهر\s+)?$", re.IGNORECASE)
_DAY_AFTER = re.compile(r"\s+(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)?(?![\w:.,/]?\d|\s*(?:h|ans|mois)\b)", re.IGNORECASE)


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
    found = list(find_shapes(text))
    tokens = list(_list_tokens(text))
    taken = [(entity.start, entity.end) for entity in found] + _find_ordinary(text, tokens)
    tokens = [token for token in tokens if not any(start < token[1] and token[0] < end for start, end in taken)]
    names = load_names()
    position = 0
    while position < len(tokens):
        for length in range(_count_joined(text, tokens[position : position + LONGEST_NAME_WORDS]), 0, -1):
            words = tokens[position : position + length]
            meanings = _look_up(" ".join(word for _, _, word in words), names)
            if meanings and not _is_another_word(text, words):
                found += [Found(entity, value, words[0][0], words[-1][1]) for entity, value in meanings]
                position += length
                break
        else:
            position += 1
    years = [
        year for year in find_years(text) if not any(year.start < each.end and each.start < year.end for each in found)
    ]
    found = [entity for entity in found if not _is_field_of_study(entity, found, text) and not _is_denied(entity, text)]
    found = [entity for entity in map(lambda entity: _without_lacked(entity, text), found) if entity is not None]
    found = [_with_day(entity, text) for entity in found] + years
    return sorted(found, key=lambda entity: (entity.start, entity.entity))


def _is_another_word(text: str, words: List[Tuple[int, int, str]]) -> bool:
    (start, end, normal), *others = words
    if others or normal not in _CAPITALS:
        return False
    return not text[start:end].isupper() or (text.isupper() and len(text.split()) > 1)


def _is_field_of_study(entity: Found, found: List[Found], text: str) -> bool:
    """Whether it is what a diploma is in ("licence pro en réseaux"): what somebody has learnt is not what they want."""
    return entity.entity == "track" and any(
        other.entity == "diploma" and _IN_FIELD.fullmatch(text, other.end, entity.start) for other in found
    )


def _is_denied(entity: Found, text: str) -> bool:
    """Whether somebody says that it is not so."""
    return entity.entity == "situation" and _DENIED.search(text, 0, entity.start) is not None


def _without_lacked(entity: Found, text: str) -> Optional[Found]:
    """A diploma that somebody does not have: without the bac they have none; without another one, it is not said."""
    if entity.entity != "diploma" or entity.value == "none" or not _LACKED.search(text, 0, entity.start):
        return entity
    return Found("diploma", "none", entity.start, entity.end) if entity.value == "bac" else None


def _with_day(entity: Found, text: str) -> Found:
    """A month with the day of the month that stands before or after it: "15 mai" and "May 15" are ``day:05-15``."""
    kind, _, number = entity.value.partition(":")
    if entity.entity != "date" or kind != "month" or not number.isdecimal():
        return entity
    before = _DAY_BEFORE.search(text.translate(DIGITS), 0, entity.start)
    if before and 1 <= int(before.group(1)) <= 31:
        return Found("date", f"day:{int(number):02}-{int(before.group(1)):02}", before.start(), entity.end)
    after = _DAY_AFTER.match(text.translate(DIGITS), entity.end)
    if after and 1 <= int(after.group(1)) <= 31:
        return Found("date", f"day:{int(number):02}-{int(after.group(1)):02}", entity.start, after.end())
    return entity


def _list_tokens(text: str) -> Iterator[Tuple[int, int, str]]:
    """Start, end and normal form of each word; a full stop at either end is no part of it."""
    for match in _TOKEN.finditer(text):
        word = match.group()
        start = match.start() + len(word) - len(word.lstrip("."))
        normal = normalise(word)
        if normal:
            yield start, start + len(word.strip(".")), normal


def _find_ordinary(text: str, tokens: List[Tuple[int, int, str]]) -> List[Tuple[int, int]]:
    """Start and end of the ordinary phrases, of two or three words."""
    windows = (tokens[position : position + length] for length in (2, 3) for position in range(len(tokens)))
    return [
        (words[0][0], words[-1][1])
        for words in windows
        if " ".join(text[start:end].casefold() for start, end, _ in words) in _ORDINARY
    ]


def _count_joined(text: str, tokens: List[Tuple[int, int, str]]) -> int:
    """How many of the words follow each other with nothing but spaces, hyphens and apostrophes between them."""
    for count in range(1, len(tokens)):
        if _BREAK.search(text[tokens[count - 1][1] : tokens[count][0]]):
            return count
    return len(tokens)


def _look_up(words: str, names: Mapping[str, Tuple[Tuple[str, str], ...]]) -> Tuple[Tuple[str, str], ...]:
    """What words stand for as they are listed; and, for the kinds that do not list them so, without their prefix."""
    if not words:
        return ()
    listed, bare = names.get(words, ()), _look_up_bare(words, names)
    if not listed:
        return bare
    kinds = {kind for kind, _ in listed}
    return (*listed, *(meaning for meaning in bare if meaning[0] not in kinds))


def _look_up_bare(words: str, names: Mapping[str, Tuple[Tuple[str, str], ...]]) -> Tuple[Tuple[str, str], ...]:
    for prefix in _LATIN_PREFIXES if words[0].isascii() else _ARABIC_PREFIXES:
        rest = words[len(prefix) :]
        if not words.startswith(prefix):
            continue
        if rest.startswith(" ") and words in names:
            # "l'ia" is listed as a topic and "ia" as a track: it is both.
            return names.get(rest.strip(), ())
        # Not in the middle of a word: "de Technopark" is no "d" before "e-Technopark".
        if len(rest) >= SHORTEST_AFTER_PREFIX and rest[1] != " ":
            # The article may be part of the listed name or not: الدار البيضاء, رباط. It is put back only where the
            # prefix had it: "بالجديدة" is in El Jadida, "وجديدة" is "and new".
            for candidate in (rest, "ال" + rest) if len(prefix) > 1 else (rest,):
                if candidate in names:
                    return names[candidate]
    return ()


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
