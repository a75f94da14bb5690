"""What a list of conversations is narrowed down to, as it stands in a page's address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from bot.db.search import read_search
from bot.messages import VARIETIES

CHANNELS = ("telegram", "whatsapp", "web")
#: Who has a conversation: the bot; nobody yet, and the person waits for a human; a member of staff.
STATES = ("bot", "waiting", "held")
RATINGS = ("up", "down")
_INTENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all hold; None is no condition.

    Those of the first group are met by one same message of a conversation, the others by the conversation.

    Attributes:
        text: what the message says, as somebody typed it into the search field (`bot.db.search`).
        intent: what it was understood as; `confidence_min` and `confidence_max` how surely, from 0 to 1.
        channel, variety: where it was written, and how.
        from_day, to_day: first and last day on which it was, in Morocco.
        fallback: it was not understood.
        failed: its turn failed.
        annotated: staff said what it means.
        undelivered: it is one of ours that did not reach the person.
        state: one of `STATES`; `held_by`: which member of staff has the conversation; `holder`: which account.
        rating: the person rated something so.
        tag: the name of a tag.
        campaign: the person got the campaign of this number; `campaign_replied`: and wrote back to that one.
        unread: staff have not read all of it.
    """

    text: str | None = None
    intent: str | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    channel: str | None = None
    variety: str | None = None
    from_day: date | None = None
    to_day: date | None = None
    fallback: bool = False
    failed: bool = False
    annotated: bool = False
    undelivered: bool = False
    state: str | None = None
    held_by: str | None = None
    holder: int | None = None
    rating: str | None = None
    tag: str | None = None
    campaign: int | None = None
    campaign_replied: int | None = None
    unread: bool = False

    @property
    def is_about_messages(self) -> bool:
        """Whether a message has to be found for a conversation to be listed."""
        return any(getattr(self, name) not in (None, False) for name in _ABOUT_MESSAGES)

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Filters:
        """Read the parameters of an address; those of other names are somebody else's, and empty ones say nothing.

        Raises:
            ValueError: a value is none that there is; the text names the parameter.
        """
        values = {
            name: _READERS[name](name, parameters[_NAMES.get(name, name)].strip())
            for name in _READERS
            if parameters.get(_NAMES.get(name, name), "").strip()
        }
        filters = cls(**values)
        if None not in (filters.confidence_min, filters.confidence_max) and (
            filters.confidence_min > filters.confidence_max  # type: ignore[operator]  # both are numbers here
        ):
            raise ValueError("confidence_min: must not be over confidence_max")
        if filters.from_day and filters.to_day and filters.from_day > filters.to_day:
            raise ValueError("from: must not be after to")
        return filters

    def as_parameters(self) -> dict[str, str]:
        """The parameters that `parse` reads, only those that say something."""
        written = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and value is not False:
                shown = "1" if value is True else value.isoformat() if isinstance(value, date) else f"{value}"
                written[_NAMES.get(each.name, each.name)] = shown
        return written


def _read_text(name: str, value: str) -> str:
    read_search(value)
    return value


def _read_share(name: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: {value!r} is no number from 0 to 1")
    return share


def _read_day(name: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
        # The day before and the day after have to be days too.
        if not date.min.year < day.year < date.max.year:
            raise ValueError
    except ValueError:
        raise ValueError(f"{_NAMES[name]}: {value!r} is no day like 2026-11-23") from None
    return day


def _read_flag(name: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError(f"{name}: {value!r} is neither 0 nor 1")
    return value == "1"


def _read_intent(name: str, value: str) -> str:
    if not _INTENT.fullmatch(value):
        raise ValueError(f"{name}: {value!r} is no name of a topic")
    return value


def _read_name(name: str, value: str) -> str:
    if len(value) > 64 or not value.isprintable():
        raise ValueError(f"{name}: at most 64 characters on one line")
    return value


def _read_number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError(f"{name}: {value!r} is no number")
    return int(value)


def _one_of(*known: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in known:
            raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
        return value

    return read


#: Parameters whose name is not the filter's own.
_NAMES = {"from_day": "from", "to_day": "to"}
_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "text": _read_text,
    "intent": _read_intent,
    "confidence_min": _read_share,
    "confidence_max": _read_share,
    "channel": _one_of(*CHANNELS),
    "variety": _one_of(*VARIETIES),
    "from_day": _read_day,
    "to_day": _read_day,
    "fallback": _read_flag,
    "failed": _read_flag,
    "annotated": _read_flag,
    "undelivered": _read_flag,
    "state": _one_of(*STATES),
    "held_by": _read_name,
    "holder": _read_number,
    "rating": _one_of(*RATINGS),
    "tag": _read_name,
    "campaign": _read_number,
    "campaign_replied": _read_number,
    "unread": _read_flag,
}
_ABOUT_MESSAGES = (
    "text", "intent", "confidence_min", "confidence_max", "channel", "variety", "from_day", "to_day",
    "fallback", "failed", "annotated", "undelivered",
)  # fmt: skip
