"""What a journey is: its fields in the order in which they are asked, and what comes of the answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.places import find_city_by_spelling
from bot.db.seed.checks import DIPLOMAS, SITUATIONS
from bot.db.seed.fields import SECTORS, STAGES
from bot.journeys.reading import (
    ANY,
    Heard,
    Problem,
    Reader,
    Reading,
    read_age,
    read_choice,
    read_city,
    read_email,
    read_name,
    read_name_told,
    read_need,
    read_open,
    read_phone,
    read_text,
    read_track,
    read_yes_or_no,
)
from bot.messages import Answer
from bot.reach import Reach

#: The field that shows every answer and asks whether they are right; always the last one.
REVIEW = "review"
#: In place of an address: the person has none, and says so.
NO_EMAIL = "none"


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    Attributes:
        read: finds the answer in a message.
        is_volunteered: people say it unasked, and it is recognised wherever it stands ("j'ai un bac+2, Oujda").
        is_personal: it identifies the person: kept only after they consented, never taken from another journey.
        is_free: any text may be the answer, so a question of the person's is told from it by its form.
    """

    read: Reader
    is_volunteered: bool = False
    is_personal: bool = False
    is_free: bool = False


def _read_email_or_none(heard: Heard) -> Reading:
    """An address, or `NO_EMAIL` by the button that says so; what is typed the journey itself interprets."""
    return NO_EMAIL if heard.is_button and heard.first("email") == NO_EMAIL else read_email(heard)


FIELDS: Mapping[str, Field] = {
    "diploma": Field(read_choice("diploma", frozenset(DIPLOMAS)), is_volunteered=True),
    "situation": Field(read_choice("situation", frozenset(SITUATIONS)), is_volunteered=True),
    "age": Field(read_age, is_volunteered=True),
    "city": Field(read_open(read_city, "city"), is_volunteered=True),
    "track": Field(read_track, is_volunteered=True),
    "full_name": Field(read_name, is_personal=True, is_free=True),
    "phone": Field(read_phone, is_volunteered=True, is_personal=True),
    "email": Field(_read_email_or_none, is_volunteered=True, is_personal=True),
    "consent_application": Field(read_yes_or_no),
    "consent_contact": Field(read_yes_or_no),
    "stage": Field(read_open(read_choice("stage", frozenset(STAGES)), "stage"), is_volunteered=True),
    "sector": Field(read_open(read_choice("sector", frozenset(SECTORS)), "sector"), is_volunteered=True),
    "need": Field(read_open(read_need, "offer")),
    "comment": Field(read_text(2), is_free=True),
    "organisation": Field(read_text(2), is_free=True),
    "request": Field(read_text(8), is_free=True),
    REVIEW: Field(read_yes_or_no),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who goes through a journey: the contact, the channel that they write on, and how they can be written to."""

    contact_id: int
    channel: str
    message_id: int | None = None
    reach: Reach = field(default_factory=lambda: Reach((), {}))
    #: The product's own secret, where something is looked up that outlives an erasure.
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """The journey ends here, before its last field: with what to say, and the state that the draft is left in."""

    answer: Answer
    state: str = "cancelled"


@dataclass(slots=True)
class Question:
    """How a field is asked: data for its text, and the choices under it."""

    data: dict[str, Any] = field(default_factory=dict)
    choices: tuple[tuple[str, str | None], ...] = ()


class Journey(ABC):
    """One thing that people come to get done.

    Attributes:
        name: the draft's, and with ``_form`` after it the Rasa form's.
        fields: names of `FIELDS`, in order.
        begins_with: intents whose rule opens the form; said in the middle of it, they ask for nothing new.
        is_short: begun in the middle of another journey, it goes back to that one at its end.
        is_resumable: left and begun again, it goes on where it was; else it begins anew.
    """

    name: str
    fields: ClassVar[tuple[str, ...]]
    begins_with: ClassVar[frozenset[str]] = frozenset()
    is_short: ClassVar[bool] = False
    is_resumable: ClassVar[bool] = True

    async def prefill(
        self, session: AsyncSession, person: Person, known: Mapping[str, str], heard: Heard
    ) -> dict[str, str]:
        """What a new draft starts with, of what the person answered in other journeys; nobody is asked twice."""
        return {name: value for name, value in known.items() if name in self.fields and value != ANY}

    async def reopen(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> dict[str, str]:
        """The answers that a journey that was left goes on with; its summary is shown again."""
        return {name: value for name, value in answers.items() if name != REVIEW}

    async def refuse(self, session: AsyncSession, person: Person) -> Answer | None:
        """What to say instead of beginning, where it makes no sense to begin."""
        return None

    async def find_obstacle(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Stop | None:
        """Why the journey can't be finished although every field has its answer."""
        refusal = await self.refuse(session, person)
        return None if refusal is None else Stop(refusal)

    async def skip(self, session: AsyncSession, answers: Mapping[str, str]) -> frozenset[str]:
        """Fields that need no asking, given the answers so far."""
        return frozenset()

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """How to ask a field."""
        return Question()

    async def interpret(self, session: AsyncSession, name: str, heard: Heard) -> str | None:
        """A value that only the database can see, in a message in which none of its own was read."""
        return await find_city_by_spelling(session, heard.text) if name == "city" else None

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """What is wrong with a value that could be read, where only the database knows."""
        return None

    async def keep(
        self, session: AsyncSession, person: Person, name: str, value: str, answers: Mapping[str, str]
    ) -> Stop | None:
        """Called when a field was answered; a `Stop` ends the journey."""
        return None

    @abstractmethod
    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Get it done, and say so; every field that was not skipped has its answer."""

    def takes(self, name: str, answers: Mapping[str, str]) -> bool:
        """Whether an answer to this field may be kept now."""
        return (
            not FIELDS[name].is_personal
            or "consent_application" not in self.fields
            or (answers.get("consent_application") == "yes")
        )


def read_unasked(journey: Journey, heard: Heard, answers: Mapping[str, str], asked: str | None) -> dict[str, str]:
    """What a message says besides the field that was asked, as far as the journey wants it and may keep it."""
    found = {}
    renamed = read_name_told(heard)
    if renamed is not None and "full_name" in answers and asked != "full_name":
        found["full_name"] = renamed
    for name in journey.fields:
        wanted = FIELDS[name]
        if name == asked or not wanted.is_volunteered or not journey.takes(name, answers):
            continue
        # Only what was recognised as such: a number somewhere in the text is no age of theirs.
        if name not in heard.entities:
            continue
        value = wanted.read(heard)
        if isinstance(value, str) and answers.get(name) != value:
            found[name] = value
    return found
