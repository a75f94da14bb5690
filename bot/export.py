"""What is held about somebody, as a document that they can read: headings, labels and values in their variety.

Codes, times and yes or no become words here; `bot.export_pdf` only draws them. What would mean nothing to a person (how
a message was understood, a delivery that went well) is left to the JSON file, and the document says so.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from phonenumbers import NumberParseException

from bot import wording
from bot.answers import Answers, RenderError
from bot.content import load_words
from bot.messages import DEFAULT_VARIETY, RIGHT_TO_LEFT, VARIETIES, Answer, Variety

ORGANISATION = "Maroc Numeric Cluster"
#: Numbers with signs and spaces are read from left to right also where they stand in an Arabic text.
_LTR = "\u200e"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is held, as lines of a label and a value."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One message: who said what at which time of the day, and what went wrong with it, if anything."""

    speaker: str
    at: str
    text: str
    is_theirs: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The messages of one day."""

    name: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, with the entries or the days of conversation under it."""

    heading: str
    count: int
    entries: tuple[Entry, ...] = ()
    days: tuple[Day, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The whole, from the top: all words are there, nothing is left to be named."""

    variety: Variety
    title: str
    about: Entry
    rights: str
    sections: tuple[Section, ...]
    #: Label and list of what nothing is held about.
    nothing: tuple[str, str] | None
    details: str
    page: str
    #: What stands for a message of pictures only, which the font lacks.
    emoji: str


#: How the columns of each table are written: column of `bot.db.held`, label, and kind of value. The label is one of
#: `export.fields` or of the names of fields in bot/content.
_COLUMNS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "identities": (
        ("channel", "channel", "channel"),
        ("address", "address", "address"),
        ("profile", "", "profile"),
        ("created_at", "since", "moment"),
        ("last_inbound_at", "last_inbound_at", "moment"),
        ("blocked_at", "blocked_at", "moment"),
    ),
    "consents": (
        ("purpose", "purpose", "purpose"),
        ("is_given", "is_given", "yes_no"),
        ("given_at", "given_at", "moment"),
        ("channel", "channel", "channel"),
        ("wording", "wording", "text"),
    ),
    "applications": (
        ("reference", "reference", "text"),
        ("state", "state", "application_state"),
        ("full_name", "full_name", "text"),
        ("phone", "phone", "phone"),
        ("email", "email", "email"),
        ("city_slug", "city", "city"),
        ("diploma", "diploma", "diploma"),
        ("situation", "situation", "situation"),
        ("track_slug", "track", "track"),
        ("note", "note", "text"),
        ("created_at", "created_at", "moment"),
        ("updated_at", "updated_at", "moment"),
    ),
    "application_history": (
        ("reference", "reference", "text"),
        ("state", "state", "application_state"),
        ("changed_at", "changed_at", "moment"),
    ),
    "documents_ready": (("title", "document", "title"), ("ticked_at", "ticked_at", "moment")),
    "registrations": (
        ("event", "event", "text"),
        ("reference", "reference", "text"),
        ("state", "state", "place_state"),
        ("offered_until", "offered_until", "moment"),
        ("created_at", "created_at", "moment"),
        ("updated_at", "updated_at", "moment"),
    ),
    "requests": (
        ("kind", "subject", "request"),
        ("reference", "reference", "text"),
        ("details", "", "answers"),
        ("note", "note", "text"),
        ("opened_at", "opened_at", "moment"),
        ("closed_at", "closed_at", "moment_or_open"),
    ),
    "subscriptions": (
        ("topic", "subject", "topic_subscription"),
        ("wishes", "wishes", "wishes"),
        ("created_at", "since", "moment"),
        ("ended_at", "ended_at", "moment"),
    ),
    "journeys": (
        ("journey", "subject", "journey"),
        ("state", "state", "draft_state"),
        ("answers", "", "answers"),
        ("started_at", "started_at", "moment"),
        ("updated_at", "updated_at", "moment"),
    ),
    "ratings": (
        ("answer_key", "subject", "rated"),
        ("value", "rating", "rating_or_open"),
        ("comment", "comment", "text"),
        ("asked_at", "opened_at", "moment"),
        ("rated_at", "rated_at", "moment"),
    ),
    "notices": (
        ("due_at", "due_at", "moment"),
        ("state", "state", "notice_state"),
        ("text", "message", "text"),
    ),
    "notes": (("created_at", "created_at", "moment"), ("text", "note", "text")),
    "tags": (("name", "tag", "text"), ("added_at", "since", "moment")),
}
#: The order of the headings: what people look for first, the long conversation last.
_ORDER = (
    "applications", "application_history", "documents_ready", "registrations", "requests", "subscriptions",
    "journeys", "ratings", "notices", "notes", "tags", "consents", "identities", "messages",
)  # fmt: skip
#: Kinds of codes that a journey's answers are, by field; another field's answer is a text.
_CODED_FIELDS = {
    **{name: name for name in ("city", "track", "diploma", "situation", "stage", "sector")},
    "need": "offer",
    "phone": "phone",
    "email": "email",
    "consent_application": "yes_no",
    "consent_contact": "yes_no",
}
#: Fields of journeys that say nothing of the person: that a summary was right.
_UNSAID_FIELDS = frozenset({"review"})


async def describe(held: Mapping[str, Any], answers: Answers) -> Document:
    """The document about somebody in their variety, from what `bot.db.held.collect` gives of them."""
    wanted = held.get("chosen_variety") or held.get("variety")
    variety: Variety = next((each for each in VARIETIES if each == wanted), DEFAULT_VARIETY)
    notices = [
        {**notice, "text": await _tell(notice["answer"], answers, variety)} for notice in held.get("notices", ())
    ]
    return _Writer(answers, variety).write({**held, "notices": notices})


async def _tell(answer: Any, answers: Answers, variety: Variety) -> str | None:
    """The text that a notice tells; None when it can't be written any more."""
    try:
        return (await answers.render(Answer.from_json(answer), variety)).text
    except (RenderError, KeyError, TypeError, ValueError):
        return None


class _Writer:
    """Writes values in one variety."""

    def __init__(self, answers: Answers, variety: Variety) -> None:
        self._answers, self._variety = answers, variety
        words = load_words()[variety]
        self._words: Mapping[str, Any] = words.phrases["export"]
        self._fields: Mapping[str, str] = {**words.names["field"], **self._words["fields"]}
        self._comma = "، " if variety in RIGHT_TO_LEFT else ", "
        self._flatten: Mapping[str, Callable[[Any], list[tuple[str, str]]]] = {
            "profile": self._list_profile,
            "answers": self._list_answers,
        }

    def write(self, held: Mapping[str, Any]) -> Document:
        """The whole document."""
        headings = self._words["sections"]
        sections, empty = [], []
        for name in _ORDER:
            rows = held.get(name, [])
            if not rows:
                empty.append(headings[name])
            elif name == "messages":
                sections.append(Section(headings[name], len(rows), days=tuple(self._list_days(rows))))
            else:
                entries = tuple(Entry(tuple(self._list_lines(name, row))) for row in rows)
                sections.append(Section(headings[name], len(rows), entries))
        words = self._words
        return Document(
            self._variety,
            title=words["title"],
            about=Entry(tuple(self._list_about(held))),
            rights=words["rights"],
            sections=tuple(sections),
            nothing=(words["nothing"], self._comma.join(map(_begin_small, empty))) if empty else None,
            details=words["details"],
            page=words["page"],
            emoji=words["emoji"],
        )

    def _list_about(self, held: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        for key, label in (("exported_at", "made"), ("first_message_at", "first_message_at")):
            if held.get(key):
                yield self._fields[label], self._say("moment", held[key])
        yield self._fields["language"], self._say("language", held.get("chosen_variety") or "automatic")
        if held.get("unsubscribed_at"):
            yield self._fields["unsubscribed_at"], self._say("moment", held["unsubscribed_at"])

    def _list_lines(self, table: str, row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        for column, label, kind in _COLUMNS[table]:
            value = row.get(column)
            if kind in self._flatten:
                yield from self._flatten[kind](value or {})
            elif kind == "address":
                is_phone = row.get("channel") == "whatsapp"
                shown = self._say("phone", str(value).removeprefix("whatsapp:")) if is_phone else str(value)
                yield self._fields["phone" if is_phone else label], shown
            elif kind.endswith("_or_open"):
                shown = self._words["open"] if value is None else self._say(kind.removesuffix("_or_open"), value)
                yield self._fields[label], shown
            elif value is None and kind == "email":
                yield self._fields[label], self._name("email", "none")
            elif value not in (None, "", [], {}):
                shown = self._say(kind, value)
                is_demo = column == "event" and row.get("is_demo")
                yield self._fields[label], f"{shown} ({self._words['demo']})" if is_demo else shown

    def _list_profile(self, profile: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [
            (
                self._fields.get(key, self._fields["other"]),
                self._say("locale" if key == "language_code" else "text", value),
            )
            for key, value in profile.items()
            if value
        ]

    def _list_answers(self, given: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [
            (self._fields.get(field, self._fields["other"]), self._say(_CODED_FIELDS.get(field, "text"), value))
            for field, value in given.items()
            if field not in _UNSAID_FIELDS and value not in (None, "")
        ]

    def _say(self, kind: str, value: Any) -> str:
        """A value in words; what is no such value as it is, since it is the person's."""
        try:
            if kind == "moment":
                return wording.moment(value, self._variety)
            if kind == "phone":
                return wording.phone(value)
            if kind == "title":
                return str(value.get(self._variety) or value[DEFAULT_VARIETY])
            if kind == "locale":
                name = Locale.parse(value, sep="-").get_language_name(wording.LOCALES[self._variety])
                return name or str(value)
            if kind == "wishes":
                wishes = [wish for each in value for wish in each.items()]
                return self._comma.join(self._say(_CODED_FIELDS[field], code) for field, code in wishes)
        except (ValueError, KeyError, AttributeError, TypeError, NumberParseException, UnknownLocaleError):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if kind == "yes_no" and isinstance(value, bool):
            value = "yes" if value else "no"
        return str(value) if kind == "text" else self._name(kind, str(value))

    def _name(self, kind: str, code: str) -> str:
        own = self._words["names"].get(kind, {}).get(code)
        if own is not None:
            return str(own)
        try:
            return self._answers.name("journey" if kind == "request" else kind, code, self._variety)
        except ValueError:
            return code

    def _list_days(self, messages: Iterable[Mapping[str, Any]]) -> Iterable[Day]:
        today, said = "", list[Said]()
        titles: dict[str, str] = {}
        for message in messages:
            at = datetime.fromisoformat(message["created_at"])
            if (name := wording.day(at.date(), self._variety)) != today:
                if said:
                    yield Day(today, tuple(said))
                today, said = name, []
            buttons = [button for button in message.get("buttons") or () if "payload" in button]
            titles |= {button["payload"]: button["title"] for button in buttons}
            said.append(self._quote(message, f"{at:%H:%M}", titles))
        yield Day(today, tuple(said))

    def _quote(self, message: Mapping[str, Any], at: str, titles: Mapping[str, str]) -> Said:
        is_theirs = message["direction"] == "in"
        speaker = "person" if is_theirs else "assistant" if message.get("answer_key") else "team"
        parts = [message["text"]] if message["text"] else []
        if message.get("payload") and not parts:
            parts.append(self._title(message["payload"], titles))
        parts += [self._show_attachment(item) for item in message.get("attachments") or ()]
        is_lost = not is_theirs and message["state"] in self._words["names"]["message_state"]
        note = self._name("message_state", message["state"]) if is_lost else ""
        return Said(self._name("speaker", speaker), at, "\n".join(parts), is_theirs, note)

    def _title(self, payload: str, titles: Mapping[str, str]) -> str:
        """What stood on the button that was pressed."""
        thumbs = {"/rate_up": "up", "/rate_down": "down"}
        if payload in thumbs:
            return self._name("rating", thumbs[payload])
        if payload in titles:
            return titles[payload]
        try:
            return self._answers.title(payload, self._variety)
        except (RenderError, ValueError):
            return str(self._words["button"])

    def _show_attachment(self, item: Mapping[str, Any]) -> str:
        kinds = self._words["names"]["attachment"]
        shown = [kinds.get(item.get("kind"), kinds["other"])]
        if item.get("phone"):
            number = str(item["phone"])
            shown.append(_LTR + self._say("phone", number if number.startswith("+") else f"+{number}"))
        if "latitude" in item and "longitude" in item:
            shown.append(f"{_LTR}{item['latitude']}, {item['longitude']}")
        shown += [str(item[key]) for key in ("name", "file_name") if item.get(key)]
        return f"[{' · '.join(shown)}]"


def _begin_small(heading: str) -> str:
    """A heading in the middle of a sentence."""
    return heading[:1].lower() + heading[1:] if unicodedata.category(heading[:1]) == "Lu" else heading
