"""The values that travel between channels, conversation and outbox.

They are plain and frozen: a channel makes an `Inbound`, the conversation turns it into a `Turn`, the outbox sends
each `Outbound`. None of them knows a provider, a database row or a web framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Variety = Literal["fr", "ary-Latn", "ary-Arab", "ar", "en"]

VARIETIES: tuple[Variety, ...] = ("fr", "ary-Latn", "ary-Arab", "ar", "en")
DEFAULT_VARIETY: Variety = "fr"
#: Every language names itself, so that a person finds theirs whatever the bot speaks at the moment.
LANGUAGE_NAMES: dict[Variety, str] = {
    "fr": "Français",
    "ary-Arab": "الدارجة",
    "ary-Latn": "Darija",
    "ar": "العربية",
    "en": "English",
}
RIGHT_TO_LEFT: frozenset[str] = frozenset({"ary-Arab", "ar"})

#: Why a message of ours was held back though nothing failed: its person said STOP, its campaign was ended.
SAID_STOP = "the person asked for no more messages"
CAMPAIGN_ENDED = "the campaign was stopped"

#: Telegram's limit for a button's callback data (InlineKeyboardButton.callback_data), the narrowest of all channels.
PAYLOAD_LIMIT_BYTES = 64
#: What one inbound text keeps; parsing time grows with length, and nobody asks a question in more.
TEXT_LIMIT_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Button:
    """One choice under a message: a `payload` that comes back to us, a `url` that opens, or one's own data to `share`.

    A payload is Rasa's button syntax, ``/intent`` or ``/intent{"entity": "value"}``, of at most 64 bytes in UTF-8. The
    one thing to share is ``phone``; only channels that know the person's number by themselves show it.

    Raises:
        ValueError: none or several of payload, url and share, an empty title, or a payload longer than 64 bytes.
    """

    title: str
    payload: str | None = None
    url: str | None = None
    share: str | None = None

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a button needs a title")
        if sum(each is not None for each in (self.payload, self.url, self.share)) != 1:
            raise ValueError(f"button {self.title!r} needs either a payload, a url or something to share")
        if self.payload is not None and len(self.payload.encode()) > PAYLOAD_LIMIT_BYTES:
            raise ValueError(f"payload of button {self.title!r} is over {PAYLOAD_LIMIT_BYTES} bytes: {self.payload}")

    def as_json(self) -> dict[str, str]:
        """The button as the web channel and the message log show it: title and payload, url or share."""
        parts = {"payload": self.payload, "url": self.url, "share": self.share}
        return {"title": self.title} | {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that came with a message and is not text: only what identifies it, never the file itself.

    `kind` is photo, voice, audio, video, document, sticker, contact, location or other; `data` holds the few
    fields that we use (``phone`` of a contact, ``latitude``/``longitude`` in degrees of a location, ``file_name``).
    """

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as a person sent it.

    Attributes:
        channel: name of the channel, ``telegram``, ``whatsapp`` or ``web``.
        sender: the person's address on that channel (Telegram chat id, ``whatsapp:+…`` number, web sender).
        external_id: the provider's id of this delivery, unique per channel; a second one with it is a duplicate.
        text: what was typed, already capped at `TEXT_LIMIT_CHARS`; empty when there was only an attachment.
        payload: the payload of the button that was pressed, else None.
        attachments: what came beside the text.
        received_at: when we got it, in UTC.
        profile: what the provider says of the sender: ``name``, ``username``, ``language_code``; all optional.
    """

    channel: str
    sender: str
    external_id: str
    text: str
    received_at: datetime
    payload: str | None = None
    attachments: tuple[Attachment, ...] = ()
    profile: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message for a person, in their variety, before the channel fits it to its own limits."""

    text: str
    buttons: tuple[Button, ...] = ()
    variety: Variety = DEFAULT_VARIETY
    answer_key: str = ""
    #: The line of sources that the text ends with, or nothing.
    sources: str = ""
    #: Where the answer itself begins in the text, after what is said before it.
    begins_at: int = 0
    #: How the list that it shows a part of goes on, as `bot.journeys.programme_lists` reads it.
    further: Mapping[str, Any] | None = None
    #: A provider's approved template that carries the text where free text is not taken (a Content SID of Twilio's).
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the machine understood of one message (Rasa's parse)."""

    intent: str
    confidence: float
    variety: Variety
    variety_confidence: float
    ranking: tuple[dict[str, Any], ...] = ()
    entities: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it has words: the key of its text, the data it shows, and the buttons after it.

    `buttons` are either plain follow-ups (a payload whose title comes from the content files) or have their own
    title, when they name something from the database, or one of the content files' `choices` by its name after an @.
    `preface` is said before it, in the same message.
    """

    key: str
    data: dict[str, Any] = field(default_factory=dict)
    choices: tuple[tuple[str, str | None], ...] = ()
    preface: tuple[Answer, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it travels through Rasa, and as the database keeps it."""
        return {
            "answer": self.key,
            "data": self.data,
            "choices": [list(choice) for choice in self.choices],
            "preface": [before.as_json() for before in self.preface],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Answer:
        """The answer that `as_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: something else wrote it.
        """
        choices = tuple((str(payload), title) for payload, title in written.get("choices", []))
        preface = tuple(cls.from_json(before) for before in written.get("preface", []))
        return cls(str(written["answer"]), dict(written.get("data", {})), choices, preface)


@dataclass(frozen=True, slots=True)
class Turn:
    """What Rasa made of one message: the understanding and the answers, in order."""

    understanding: Understanding
    answers: tuple[Answer, ...]
