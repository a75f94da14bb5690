"""Hide what leads to a person from those who need not know it: numbers, addresses and names become dots.

``06 12 34 56 12`` → ``06 •• •• •• 12``, ``salma@example.com`` → ``s••••@example.com``, ``Salma`` → ``S••••``. Rather
too much is hidden than too little; but days, amounts and years stay: a conversation can't be understood without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bot.spelling import split_words

DOT = "•"
#: Entities of `domain.yml` whose value is personal, whatever it looks like.
PERSONAL_ENTITIES = frozenset({"person_name", "email", "phone"})
#: Shorter parts of names are words as well ("El", "Ben", "de").
_SHORTEST_NAME = 3

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# With its country, or as it is dialled in Morocco (05 to 08); groups apart by one sign each.
_PHONE = re.compile(
    r"(?<![\w+])(?:(?:\+|00)\d{1,3}(?:[ .\-]?\(0\))?|212|0)[ .\-]?[1-9٠-٩](?:[ .\-/]{0,2}\d){6,11}(?!\w)|"
    r"(?<![\w+])[0٠][5-8٥-٨](?:[ .\-/]{0,2}\d){7,8}(?!\w)|(?<![\w+])\d{9,}(?!\w)"
)
_DAY = re.compile(r"\d{1,2}[/.\-]\d{1,2}[/.\-]\d{4}|\d{4}-\d{2}-\d{2}")
# The number of an identity card: one or two letters and five to seven digits; small letters only where they touch.
_IDENTITY_CARD = re.compile(r"\b(?:[A-Za-z]{1,2}\d{5,7}|[A-Z]{1,2}[ \-]\d{5,7})\b")
_STREETS = (
    r"(?:rue|avenue|av|boulevard|bd|lot|lotissement|r[ée]sidence|immeuble|imm|appartement|appt|apt|derb|hay|zan9[ae]t?|"
    r"zn9a|za?nkat?|street|شارع|زنقة|زنقت|حي|درب|عمارة|إقامة|اقامة|تجزئة|شقة)"
)
_NUMBER = r"(?:n[°ºo]?\.? ?|رقم )?\d{1,4}(?: ?bis)?"
_WORDS = r"(?:[^\W\d_][\w'’.-]*)"
# A street with a number before or behind: without one it is a place that many know.
_STREET = re.compile(
    rf"\b{_NUMBER},? {_STREETS}\.? {_WORDS}(?: {_WORDS}){{0,2}}|"
    rf"\b{_STREETS}\.? {_WORDS}(?: {_WORDS}){{0,3}}?,? {_NUMBER}\b",
    re.IGNORECASE,
)
_STREET_WORD = re.compile(rf"\b{_STREETS}\b", re.IGNORECASE)
# What people say before their name; the name is one to three words.
_INTRODUCED = re.compile(
    r"(?:je m['’ ]?appelle|mon nom (?:est|c['’]est)|moi c['’]est|my name is|(?:ana )?smiti(?: hiya| howa)?|ismi|"
    rf"[او]?سميتي(?: هي)?|[او]?اسمي(?: هو)?|إسمي)[ :]+(?P<name>{_WORDS}(?: (?!et |w |و |and )[^\W\d_]{{2,}}){{0,2}})",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
# What is looked for: digits that stand together, and words that are joined as in an address. Years and round
# amounts are neither.
_DIGITS = re.compile(r"(?<![^\W\d_])\d(?:[\W_]*\d)*(?![^\W\d_])")
_COMMON = re.compile(r"(?:(?:19|20)\d\d[\W_]*)+|[1-9]\d{0,2}[ .,]?000")
_JOINED = re.compile(r"[^\W\d_][\w+-]*[._](?!(?:ma|com|org|net|gov|fr|eu|io|info)\b)\w", re.IGNORECASE)
#: Fewer digits are in too many numbers to tell one from another.
_TELLING_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Personal:
    """A stretch of a text that leads to a person.

    `kind` is one of `PERSONAL_ENTITIES`, ``street`` or ``identity_card``; `is_heard`: the language model found it.
    """

    kind: str
    start: int
    end: int
    is_heard: bool = False


def mask_text(text: str, names: Iterable[str] = (), entities: Sequence[Mapping[str, Any]] = ()) -> str:
    """A text without what leads to a person.

    Args:
        text: what was written.
        names: names known of the person, from applications and profiles; every part of them is hidden.
        entities: what was understood in this very text, with ``start`` and ``end``; the personal ones are hidden.
    """
    parts, at = list[str](), 0
    for each in sorted(find_personal(text, names, entities), key=lambda each: each.start):
        start, end = each.start, each.end
        if each.kind == "email" and not each.is_heard:
            # Its domain stays, but for names in it, which are found apart.
            end = text.index("@", start)
            hidden = text[start] + DOT * max(1, end - start - 1)
        else:
            hidden = _HIDERS.get("" if each.is_heard else each.kind, _mask_words)(text[start:end])
        parts += [text[at:start], hidden]
        at = end
    return "".join(parts) + text[at:]


def find_personal(text: str, names: Iterable[str] = (), entities: Sequence[Mapping[str, Any]] = ()) -> list[Personal]:
    """The stretches of a text that lead to a person, in no order; only a name in an address's domain lies in another.

    Arguments are those of `mask_text`.
    """
    found, left = list[Personal](), text

    def note(kind: str, start: int, end: int, *, is_heard: bool = False) -> None:
        nonlocal left
        found.append(Personal(kind, start, end, is_heard))
        # What is found is not looked at again, but for the domain of an address.
        hidden = text.index("@", start) if kind == "email" and not is_heard else end
        left = left[:start] + DOT * (hidden - start) + left[hidden:]

    for entity in entities:
        start, end = entity.get("start"), entity.get("end")
        is_span = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)
        if entity.get("entity") in PERSONAL_ENTITIES and is_span and DOT not in left[start:end]:
            note(str(entity["entity"]), start, end, is_heard=True)  # type: ignore[arg-type]  # both are numbers here
    for kind, pattern in (("email", _EMAIL), ("street", _STREET), ("phone", _PHONE), ("identity_card", _IDENTITY_CARD)):
        for match in list(pattern.finditer(left)):
            if kind != "phone" or not _DAY.match(match[0]):
                note(kind, *match.span())
    for match in list(_INTRODUCED.finditer(left)):
        note("person_name", *match.span("name"))
    known = {word for name in names for word in _split(name) if len(word) >= _SHORTEST_NAME}
    if known:
        for match in list(_WORD.finditer(left)):
            if known.issuperset(_split(match[0])):
                note("person_name", *match.span())
    return found


@lru_cache(maxsize=20_000)
def _split(text: str) -> tuple[str, ...]:
    """The words of a name, or a word as names have it: the same come again and again, and a file has millions."""
    return tuple(split_words(text))


def leads_to_person(query: str) -> bool:
    """Whether a search for this could tell whose a number or an address is: five digits or more, or a part of one.

    Who sees dots could else ask for what is behind them. Years, round amounts and the names of sites
    (``uca.ma``) lead to nobody.
    """
    if "@" in query or _JOINED.search(query):
        return True
    numbers = (found[0] for found in _DIGITS.finditer(query) if not _COMMON.fullmatch(found[0]))
    return any(sum(map(str.isdigit, number)) >= _TELLING_DIGITS for number in numbers)


def mask_value(kind: str, value: str) -> str:
    """A value of which it is known what it is: ``phone``, ``email``, or anything else that has words."""
    if kind == "phone":
        return _mask_number(value)
    return _mask_email(value) if kind == "email" and "@" in value else _mask_words(value)


def mask_entities(entities: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Entities as they are kept with a message, the personal ones with dots for their values; the rest as texts are."""
    names = tuple(names)
    masked = []
    for entity in entities:
        kind = str(entity.get("entity"))
        hide: Callable[[str], str] = (
            (lambda text, kind=kind: mask_value(kind, text))  # type: ignore[misc]  # the default binds the kind
            if kind in PERSONAL_ENTITIES
            else (lambda text: mask_text(text, names))
        )
        masked.append({
            key: hide(value) if key in ("value", "text") and isinstance(value, str) else value
            for key, value in entity.items()
        })  # fmt: skip
    return masked


def _mask_email(address: str) -> str:
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}{DOT * max(1, len(name) - 1)}@{domain}"


def _mask_number(number: str) -> str:
    """The first two digits (three after a +) and the last two stay."""
    digits = [position for position, letter in enumerate(number) if letter.isdigit()]
    shown = 3 if number.startswith("+") else 2
    hidden = set(digits[shown:-2]) if len(digits) > shown + 2 else set(digits)
    return "".join(DOT if position in hidden else letter for position, letter in enumerate(number))


def _mask_street(address: str) -> str:
    """The kind of street stays."""
    kept = {place for found in _STREET_WORD.finditer(address) for place in range(*found.span())}
    return "".join(DOT if letter.isalnum() and place not in kept else letter for place, letter in enumerate(address))


def _mask_words(text: str) -> str:
    """The first letter of each word stays."""
    return re.sub(r"\w+", lambda found: found[0][0] + DOT * (len(found[0]) - 1), text)


def _dot(text: str, is_hidden: Callable[[str], bool]) -> str:
    return "".join(DOT if is_hidden(letter) else letter for letter in text)


_HIDERS: Mapping[str, Callable[[str], str]] = {
    "street": _mask_street,
    "phone": _mask_number,
    "identity_card": lambda text: _dot(text, str.isdigit),
}
