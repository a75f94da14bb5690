"""Read an answer out of a message: what was typed, what was understood of it, and which field was asked.

Every reader takes a `Heard` and gives the value to keep, a `Problem` that says what is wrong with it, or None when the
message says nothing about its field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from bot.journeys.words import (
    AFTER_NAME,
    ANY_WORDS,
    FIELD_WORDS,
    INTERROGATIVE,
    MAIL_HOSTS,
    MAIL_SLIPS,
    NAMES_SOMEBODY,
    NEED_WORDS,
    NO_NAME,
    STOP,
    UNDECIDED_WORDS,
    first_named,
)

#: Where a number without a country's code is from.
PHONE_REGION = "MA"
AGES = range(15, 76)
NAME_LIMIT_CHARS = 80
TEXT_LIMIT_CHARS = 600

#: Intents that answer something or say nothing; every other one asks us for something.
_NO_QUESTIONS = frozenset({"inform", "affirm", "deny", "nlu_fallback", "out_of_scope", "thank", "greet", "goodbye", ""})
#: What somebody wants at once, whatever was asked of them.
WISHES = frozenset(
    {
        "request_human",
        "change_language",
        "delete_my_data",
        "request_erasure",
        "erase_my_data",
        "unsubscribe",
        "privacy_question",
        "cancel",
    }
)
#: In a longer message such a word is not meant to end the journey.
_STOP_LIMIT_WORDS = 5
_CONNECTED = re.compile(r"(?:[\s,;.:]|\b(?:et|w|and|ou|mon|ma|my|dyali)\b|\bو)*$", re.IGNORECASE)
#: Stands for a track that somebody has not chosen yet.
UNDECIDED = "undecided"
#: Ways to begin before one's name.
_NAME_START = re.compile(
    r"^\W*(?:(?:bonjour|salut|salam|hello|hi|مرحبا|سلام|السلام عليكم)\W+)?"
    r"(?:je m['’ ]?appell?e|moi c['’ ]?est|je suis|mon nom(?: complet)?(?: est|,? c['’ ]?est)?|nom(?: complet)? ?:|"
    r"c['’ ]?est|"
    r"my (?:full )?name(?: is|['’]s)|i am|i['’ ]?m|this is|"
    r"smi?ti|ismi|ana smiti|ana|سميتي|انا سميتي|أنا سميتي|اسمي(?: هو)?|إسمي(?: هو)?|انا|أنا)(?![\w'’])[\s:,]*",
    re.IGNORECASE,
)
_EMAIL_TRY = re.compile(r"\S*@\S*|\S+\s*(?:\(at\)|\[at\]|arobase|arobas)\s*\S+", re.IGNORECASE)
_DIGITS = {ord(digit): str(value) for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for value, digit in enumerate(digits)}
#: Stands for "it does not matter" where a field may be left open.
ANY = "any"
NEEDS = tuple(NEED_WORDS)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something said can't be kept: the code of its text (``problem_<code>``), and what that text shows."""

    code: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as an answer to a question.

    `entities` has every value of each kind that was recognised, in order; `is_button` says that it was a payload.
    """

    text: str
    intent: str
    confidence: float
    entities: Mapping[str, tuple[str, ...]]
    is_button: bool = False

    @classmethod
    def make(
        cls, text: str, intent: str, confidence: float, entities: Sequence[Mapping[str, Any]], *, is_button: bool
    ) -> Heard:
        """From the entities as Rasa lists them."""
        values: dict[str, list[str]] = {}
        for entity in entities:
            value = entity.get("value")
            if isinstance(value, str | int | float):
                values.setdefault(str(entity["entity"]), []).append(str(value))
        kept = {kind: tuple(each) for kind, each in values.items()}
        return cls(text, intent, confidence, kept, is_button)

    def first(self, kind: str) -> str | None:
        """The first value of an entity kind."""
        return next(iter(self.entities.get(kind, ())), None)

    @property
    def is_stop(self) -> bool:
        """Whether it ends a journey: the button, or a short message with a word that does."""
        if self.is_button:
            return self.intent == "cancel"
        return len(self.text.split()) <= _STOP_LIMIT_WORDS and STOP.search(self.text) is not None

    @property
    def names_somebody(self) -> bool:
        """Whether it begins as people begin who tell their name."""
        return NAMES_SOMEBODY.search(self.text) is not None

    @property
    def is_interrogative(self) -> bool:
        """Whether it is put as a question."""
        return not self.is_button and (
            "?" in self.text or "؟" in self.text or INTERROGATIVE.search(self.text) is not None
        )

    def asks(self, sure_from: float) -> bool:
        """Whether it asks us for something, with at least this probability."""
        return self.intent not in _NO_QUESTIONS and self.confidence >= sure_from


Reading = str | Problem | None
Reader = Callable[[Heard], Reading]


def read_choice(kind: str, codes: frozenset[str]) -> Reader:
    """A reader of an entity with known codes, one of which it must be."""

    def read(heard: Heard) -> Reading:
        return next((value for value in heard.entities.get(kind, ()) if value in codes), None)

    return read


def read_track(heard: Heard) -> Reading:
    """The slug of a training, or `UNDECIDED`."""
    said = heard.first("track")
    if said is None and not heard.is_button and UNDECIDED_WORDS.search(heard.text):
        return UNDECIDED
    return said


def read_city(heard: Heard) -> Reading:
    """The slug of a town; whether the product knows it is checked against the database."""
    return heard.first("city")


def read_age(heard: Heard) -> Reading:
    """An age in years."""
    said = heard.first("age")
    if said is None:
        numbers = re.findall(r"\d+", heard.text.translate(_DIGITS))
        said = numbers[0] if len(numbers) == 1 else None
    if said is None:
        return None
    if not said.isdecimal() or int(said) not in AGES:
        return Problem("age", {"said": said[:20], "low": str(AGES[0]), "high": str(AGES[-1])})
    return said


def read_phone(heard: Heard) -> Reading:
    """A phone number in E.164; Moroccan when it has no country's code."""
    said = heard.first("phone") or heard.text
    digits = re.sub(r"\D", "", said.translate(_DIGITS))
    if len(digits) < 6:
        return None
    try:
        number = phonenumbers.parse(said.translate(_DIGITS), PHONE_REGION)
    except phonenumbers.NumberParseException:
        return Problem("phone")
    if not phonenumbers.is_valid_number(number):
        return Problem("phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_email(heard: Heard) -> Reading:
    """An e-mail address that can exist; a likely slip in the name of a mail service is told, not corrected."""
    said = heard.first("email")
    if said is None:
        match = _EMAIL_TRY.search(heard.text)
        said = match.group().strip("<>()[],;.") if match else None
    if said is None:
        # "fatima.gmail.com": the service is named and the sign is missing.
        missing = any(host in heard.text.lower() for host in MAIL_HOSTS)
        return Problem("email", {"said": heard.text.strip()[:60]}) if missing else None
    name, _, host = said.rpartition("@")
    meant = MAIL_SLIPS.get(host.lower())
    if meant and name and "@" not in name:
        return Problem("email_slip", {"said": said, "meant": f"{name}@{meant}".lower()})
    try:
        address = validate_email(said, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return Problem("email", {"said": said[:60]})
    return address


def read_name(heard: Heard) -> Reading:
    """A first and a last name, without the words around them."""
    said = _NAME_START.sub("", heard.text)
    end = AFTER_NAME.search(said)
    if end is not None and end.start() > 0:
        said = _CONNECTED.sub("", said[: end.start()])
    name = re.sub(r"\s+", " ", said).strip(" .,;:!")
    letters = [letter for letter in name if unicodedata.category(letter)[0] == "L"]
    if not letters:
        return None
    odd = [c for c in name if unicodedata.category(c)[0] not in "LM" and c not in " -'’."]
    if odd or len(name) > NAME_LIMIT_CHARS or len(name.split()) > 6 or NO_NAME.search(name):
        return Problem("name")
    if len(name.split()) < 2:
        return Problem("name_short", {"said": name})
    return " ".join(part if any(c.isupper() for c in part) else part.capitalize() for part in name.split())


def read_name_told(heard: Heard) -> str | None:
    """A name that somebody tells unasked, as to correct it: "pardon, mon nom c'est …"."""
    match = None if heard.is_button else NAMES_SOMEBODY.search(heard.text)
    if match is None:
        return None
    rest = re.sub(
        r"^\W*(?:complet|est|c['’ ]est|is|actually|en fait|الصحيح|الكامل|هو|هي|howa)\b", "", heard.text[match.end() :]
    )
    rest = re.sub(r"^\W*(?:est|c['’ ]est|is|هو|هي|howa)\b", "", rest)
    name = read_name(replace(heard, text=rest))
    return name if isinstance(name, str) else None


def read_text(low: int) -> Reader:
    """A reader of free text with at least so many letters."""

    def read(heard: Heard) -> Reading:
        text = heard.text.strip()
        if sum(letter.isalnum() for letter in text) < low:
            return Problem("too_short")
        return text[:TEXT_LIMIT_CHARS]

    return read


def read_named_field(heard: Heard) -> str | None:
    """The field that a short message names: "mon email", "the phone number"."""
    if heard.is_button or len(heard.text.split()) > _STOP_LIMIT_WORDS + 1:
        return None
    return next((name for name, words in FIELD_WORDS.items() if words.search(heard.text)), None)


def read_yes_or_no(heard: Heard) -> Reading:
    """``yes`` or ``no``."""
    return {"affirm": "yes", "deny": "no"}.get(heard.intent)


def read_open(read: Reader, kind: str) -> Reader:
    """A reader that also takes "it does not matter" (`ANY`)."""

    def read_or_any(heard: Heard) -> Reading:
        if heard.first(kind) == ANY:
            return ANY
        reading = read(heard)
        if reading is None and not heard.is_button and ANY_WORDS.search(heard.text):
            return ANY
        return reading

    return read_or_any


def read_need(heard: Heard) -> Reading:
    """What is needed most: a button's code, or the first of the words for it."""
    said = heard.first("offer")
    if said is not None:
        return said if said in NEEDS else None
    return first_named(NEED_WORDS, heard.text)
