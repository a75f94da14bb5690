"""How people's files are shown: codes in words, ages in words, and what a role needs not know behind dots."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_timedelta
from fastapi import Request

from bot.answers import Answers
from bot.clock import utc_now
from bot.console.layout import find_language
from bot.console.people import KEEPERS
from bot.console.security.sessions import Signed
from bot.console.words import load_words
from bot.db.models import Identity
from bot.masking import mask_text, mask_value
from bot.reach import Reach
from bot.wording import phone as write_phone

#: What names a code in the console's language: ``named("city", "rabat")``.
Namer = Callable[[str, str], str]
#: Rows a page.
PAGE_SIZE = 50
#: What a sentence of the team to one person may have.
NOTE_CHARS = 400
#: What the team may keep in mind about one file.
MEMO_CHARS = 4_000


def find_answers(request: Request) -> Answers:
    """The app's renderer of answers."""
    answers: Answers = request.app.state.assistant.answers
    return answers


def find_reach(request: Request) -> Reach:
    """The ways to people that the app has."""
    reach: Reach = request.app.state.assistant.reach
    return reach


async def make_namer(request: Request) -> Namer:
    """What names codes in the console's language; a code that nobody names stays as it is."""
    answers, language = find_answers(request), find_language(request)
    words = load_words(language)
    await answers.refresh()

    def name(kind: str, code: str) -> str:
        own = words.get(f"people_names.{kind}.{code}")
        if own is not None:
            return own
        try:
            return answers.name(kind, code, language)
        except ValueError:
            return code

    return name


@dataclass(frozen=True, slots=True)
class Veil:
    """What hides personal data from who needs them not.

    Attributes:
        is_down: whether it hides.
    """

    is_down: bool

    def name(self, value: str) -> str:
        """A person's or a firm's name."""
        return mask_value("name", value) if self.is_down else value

    def phone(self, value: str) -> str:
        """A number in E.164, as one writes it."""
        return mask_value("phone", value) if self.is_down else write_phone(value)

    def email(self, value: str) -> str:
        """An address."""
        return mask_value("email", value) if self.is_down else value

    def text(self, value: str, names: Iterable[str] = ()) -> str:
        """What somebody wrote."""
        return mask_text(value, names) if self.is_down else value

    def address(self, identity: Identity) -> str:
        """A number on WhatsApp; elsewhere an address says nothing to anybody, and the name there is shown."""
        if identity.channel == "whatsapp":
            return self.phone(identity.address.removeprefix("whatsapp:"))
        shown = str(identity.profile.get("username") or identity.profile.get("name") or "")
        return self.name(shown) if shown else ""


def make_veil(signed: Signed, *, is_revealed: bool = False) -> Veil:
    """The veil for a role; up once somebody asked to see, which the caller logs."""
    return Veil(signed.role not in KEEPERS and not is_revealed)


def read_day(text: str) -> date | None:
    """A day out of an address, ``2026-11-28``; None when it is none."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def clean_text(typed: str) -> str:
    """What staff typed, lines kept, without control characters and marks that turn the direction of others' text."""
    typed = typed.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in typed if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


def tell_age(request: Request, since: datetime) -> str:
    """``il y a 3 heures``."""
    locale = {"fr": "fr", "ar": "ar_MA", "en": "en_GB"}[find_language(request)]
    return format_timedelta(since - utc_now(), add_direction=True, locale=locale)


def list_details(details: dict[str, Any], named: Namer, veil: Veil) -> list[tuple[str, str]]:
    """The answers of a request as labels and values."""
    names = [str(details[field]) for field in ("full_name", "organisation") if details.get(field)]
    shown = []
    for field, value in details.items():
        if field == "email":
            value = veil.email(str(value))
        elif field in ("full_name", "organisation"):
            value = veil.name(str(value))
        elif field == "city":
            value = named("city", str(value))
        else:
            value = veil.text(str(value), names)
        shown.append((named("field", field), value))
    return shown
