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

from nlu.components.normaliser import DIGITS, normalise

LOOKUPS_FOLDER = Path(__file__).resolve().parent.parent / "lookups"
#: Names of more words than this are not looked for.
LONGEST_NAME_WORDS = 6
# What `normalise` keeps of a word, with the marks that it takes off: so a match never covers a hyphen or a full stop.
_TOKEN = re.compile(r"(?:[\w@+.%]|[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed])+")
#: Between two words of one name there may be a space, a hyphen or an apostrophe, but not these ("le bac, 2 ans").
_BREAK = re.compile(r"[\w.,;:!?؟،؛()\[\]\"«»“”…\n]")
#: Ordinary phrases with a name's spelling in them, as typed in lower case: Salé keeps its accent, "est salé" is a town.
_ORDINARY = frozenset({
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

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?<![\d+])(?:\(?(?:\+|00\s?)?212\)?[\s.-]*(?:\(?0\)?)?|0)[\s.-]*[5-8](?:[\s./-]*\d){8}(?!\d)")
_AGE = re.compile(
    r"(?<!\d)(\d{2})\s*(?:ans?|years?|yo|y\.o|3am|3amm|3an|sna|عام|عاما|عامًا|سنة|سنه|سنوات)(?!\w)"
    # "20 ans d'expérience" says nothing of an age.
    r"(?!\W*(?:(?:de?|of|dyal|d|f|في|ف|من|ديال|د)\W+)*(?:l|ال)?(?:exp[eé]r|تجرب|خبر))"
    r"|\b(?:عمري|سني|السن|3omri|3mri|age de|âge de|my age is|mon age est|mon âge est)\s+(\d{2})(?!\d)"
    r"|\b(?:عندي|انا|أنا|ana|3ndi|3andi|j ai|j['’]ai|i am|i['’]?m)\s+(\d{2})(?!\d)(?=\s*(?:$|[,.!?؟،]))",
    re.IGNORECASE,
)
AGES = range(14, 80)
_DAY_BEFORE = re.compile(r"(?<![\d.,/+-])(\d{1,2})(?:er|st|nd|rd|th)?\s+(?:of\s+|de\s+|من\s+|شهر\s+)?$", re.IGNORECASE)
_DAY_AFTER = re.compile(r"\s+(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)?(?![\w:.,/]?\d|\s*(?:h|ans|mois)\b)", re.IGNORECASE)
_NUMERIC_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})[/.-](\d{1,2})(?:[/.-](?:20)?\d{2})?(?![\d/.-])")


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
    tokens = list(_list_tokens(text))
    taken = [(entity.start, entity.end) for entity in found] + _find_ordinary(text, tokens)
    tokens = [token for token in tokens if not any(start < token[1] and token[0] < end for start, end in taken)]
    names = load_names()
    position = 0
    while position < len(tokens):
        for length in range(_count_joined(text, tokens[position : position + LONGEST_NAME_WORDS]), 0, -1):
            words = tokens[position : position + length]
            meanings = _look_up(" ".join(word for _, _, word in words), names)
            if meanings:
                found += [Found(entity, value, words[0][0], words[-1][1]) for entity, value in meanings]
                position += length
                break
        else:
            position += 1
    found = [_with_day(entity, text) for entity in found]
    return sorted(found, key=lambda entity: (entity.start, entity.entity))


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
    if not words:
        return ()
    if words in names:
        return names[words]
    for prefix in _LATIN_PREFIXES if words[0].isascii() else _ARABIC_PREFIXES:
        rest = words[len(prefix) :]
        if words.startswith(prefix) and len(rest) >= SHORTEST_AFTER_PREFIX:
            # The article may be part of the listed name or not: الدار البيضاء, رباط. It is put back only where the
            # prefix had it: "بالجديدة" is in El Jadida, "وجديدة" is "and new".
            for candidate in (rest, "ال" + rest) if len(prefix) > 1 else (rest,):
                if candidate in names:
                    return names[candidate]
    return ()


def _find_shapes(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        yield Found("email", match.group().lower(), match.start(), match.end())
    text = text.translate(DIGITS)  # one character each, so that positions stay
    for match in _PHONE.finditer(text):
        yield Found("phone", f"+212{re.sub(r'[^0-9]', '', match.group())[-9:]}", match.start(), match.end())
    for match in _NUMERIC_DATE.finditer(text):
        day, month = int(match.group(1)), int(match.group(2))
        # "2.5" and "4/6 mois" are no dates: a date written so has both numbers in two digits, or its year.
        if 1 <= day <= 31 and 1 <= month <= 12 and len(match.group()) >= len("01/02"):
            yield Found("date", f"day:{month:02}-{day:02}", match.start(), match.end())
    for match in _AGE.finditer(text):
        group = int(match.lastindex or 0)
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
