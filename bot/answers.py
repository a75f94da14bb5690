"""Give an answer its words: the key and data of an `Answer` become text and buttons in one variety.

Texts are Jinja2 templates in `bot.content`, run in a sandbox, since staff may write them. What they show of the world
comes from the database: values and dates of facts by their slug, names of towns. The sources of an answer are written
under it, once, with their dates.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from sqlalchemy import select

from bot import wording
from bot.content import Shape, Words, load_shapes, load_words
from bot.db.engine import Database
from bot.db.models import AnswerText, City, ContactPoint, ContentState, Fact, Track
from bot.errors import AssistantError
from bot.messages import DEFAULT_VARIETY, LANGUAGE_NAMES, VARIETIES, Answer, Button, Outbound, Variety
from bot.payloads import read_payload
from bot.sandbox import Sandbox, TextError, fill

logger = logging.getLogger(__name__)

#: How long facts are kept before they are read again; a change by staff is seen within this time.
REFRESH_S = 5.0
#: How often the version of the texts is read, one row, to notice that staff changed one.
VERSION_S = 2.0


class RenderError(AssistantError):
    """An answer can't be written: unknown key, a fact that is not there, or data that the text needs and lacks."""


#: Kinds of things that the database names; a variety may call them otherwise (`names` in its content file).
_NAMED_BY_DATABASE = ("city", "track", "publisher")
#: What texts may write of a value: ``{{ city | city }}``, ``{{ 4 | month }}``.
FILTERS = (
    "day", "moment", "month", "number", *_NAMED_BY_DATABASE, "sector", "stage", "kind", "offer", "topic", "diploma",
    "situation", "field", "journey", "application_state", "answer", "place_state", "purpose", "reason", "enrolment",
    "reminding", "reminding_soon", "offering", "telling", "price", "contact_kind",
)  # fmt: skip
#: Fields of journeys whose answers are codes.
_CODED_FIELDS = frozenset({"city", "track", "diploma", "situation", "stage", "sector", "topic"})


@dataclass(slots=True)
class FactBook:
    """Facts, names, contact data, and the texts that staff wrote, in memory and read again when due.

    `texts` has what staff wrote in place of a shipped text, by key and variety.
    """

    db: Database
    facts: dict[str, Fact] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    contacts: list[dict[str, str]] = field(default_factory=list)
    version: int = -1
    _read_at: float = float("-inf")
    _version_read_at: float = float("-inf")

    async def refresh(self, *, now: bool = False) -> None:
        """Read again what is due: all when staff changed something, facts after `REFRESH_S` too; or everything now."""
        version = self.version
        if now or monotonic() - self._version_read_at >= VERSION_S:
            await self._read_texts()
        if now or version != self.version or monotonic() - self._read_at >= REFRESH_S:
            await self._read_facts()

    async def _read_texts(self) -> None:
        async with self.db.read() as session:
            # The version first: what is changed in between is read again the next time, never missed.
            version = await session.scalar(select(ContentState.version)) or 0
            if version != self.version:
                rows = await session.scalars(select(AnswerText))
                self.texts = {(row.key, row.variety): row.text for row in rows}
                self.version = version
        self._version_read_at = monotonic()

    async def _read_facts(self) -> None:
        async with self.db.read() as session:
            self.facts = {fact.slug: fact for fact in await session.scalars(select(Fact))}
            points = await session.scalars(select(ContactPoint).order_by(ContactPoint.rank, ContactPoint.slug))
            self.contacts = [{"kind": point.kind, "value": point.value} for point in points]
            self.names = {
                "city": {city.slug: city.name for city in await session.scalars(select(City))},
                "track": {track.slug: track.name for track in await session.scalars(select(Track))},
            }
        self._read_at = monotonic()


class Answers:
    """The renderer of every answer in every variety."""

    def __init__(self, book: FactBook) -> None:
        self._book = book
        self._shapes = load_shapes()
        self._words = load_words()
        self._environment = Sandbox()
        self._environment.filters |= {name: self._make_filter(name) for name in FILTERS}

    async def refresh(self) -> None:
        """Read again what the database names, if it was read a while ago; `name` goes by it."""
        await self._book.refresh()

    async def render(self, answer: Answer, variety: Variety) -> Outbound:
        """Text, sources and buttons of an answer, with the text that staff wrote where there is one.

        Raises:
            RenderError: the key is unknown, or its text needs something that is not there.
        """
        await self._book.refresh()
        return self.write(answer, variety)

    def write(self, answer: Answer, variety: Variety, tried: str | None = None) -> Outbound:
        """As `render`, with what the last refresh read.

        Args:
            answer: key and data.
            variety: in which it is written.
            tried: a text to try in place of the one that counts.

        Raises:
            RenderError: the key is unknown, or its text needs something that is not there.
        """
        shape = self._shapes.get(answer.key)
        if shape is None:
            raise RenderError(f"no answer is called {answer.key!r}; bot/content/answers.yml lists them")
        data = _in_variety(answer.data, variety)
        body = self._body(answer.key, variety, data, shape.facts, tried)
        sources = data.get("fact_slugs", shape.facts)
        before = [self.write(each, variety).text for each in answer.preface]
        source_line = self._source_line(sources, variety)
        parts = [*before, body, source_line]
        preface = "\n\n".join(part for part in before if part)
        try:
            buttons = tuple(self._buttons(answer, shape, variety))
        except (ValueError, TypeError, KeyError) as error:
            # A payload that is too long, or whose JSON is broken, as only somebody who writes their own can send.
            raise RenderError(f"buttons of {answer.key} in {variety}: {type(error).__name__}: {error}") from error
        return Outbound(
            text="\n\n".join(part for part in parts if part),
            buttons=buttons,
            variety=variety,
            answer_key=answer.key,
            sources=source_line,
            further=answer.data.get("further"),
            begins_at=len(preface) + 2 if preface else 0,
        )

    def text_of(self, key: str, variety: Variety) -> str | None:
        """The template of an answer that counts now: what staff wrote, else what is shipped; None: there is none."""
        return self._book.texts.get((key, variety)) or self._words[variety].answers.get(key)

    def _body(
        self, key: str, variety: Variety, data: Mapping[str, Any], facts: tuple[str, ...], tried: str | None
    ) -> str:
        """The filled text of an answer.

        A text of staff that can't be written with this data, which none of the samples foresaw, gives way to the
        shipped one: people get an answer, and the log says so.
        """
        if tried is not None:
            return self._fill(tried, key, variety, data, facts)
        for each in dict.fromkeys((variety, DEFAULT_VARIETY)):
            written = self._book.texts.get((key, each))
            if written is not None:
                try:
                    return self._fill(written, key, variety, data, facts)
                except RenderError as error:
                    logger.error("the text of staff is not used: %s", error)
            shipped = self._words[each].answers.get(key)
            if shipped is not None:
                return self._fill(shipped, key, variety, data, facts)
        raise RenderError(f"{key} has no text in {variety} nor in {DEFAULT_VARIETY}")

    def title(self, payload: str, variety: Variety) -> str:
        """The title of a button from its payload alone: ``/subscribe_updates{"topic": "events"}`` → "Événements".

        Raises:
            RenderError: neither this variety nor French has a title for it.
        """
        if payload.startswith("/change_language"):
            return _language_title(payload, self._words[variety])
        intent, entities = read_payload(payload)
        if intent == "jobintech_tracks" and "track" in entities:
            return self._name("track", entities["track"], variety)
        if intent == "inform" and len(entities) == 1:
            ((kind, value),) = entities.items()
            return self._name(kind, value, variety)
        if intent == "show_checklist" and "document" in entities:
            return self._name("document", entities["document"], variety)
        if intent in ("correct_answer", "resume_journey") and len(entities) == 1:
            ((kind, value),) = entities.items()
            return self._name("field" if intent == "correct_answer" else "resume", value, variety)
        for words in (self._words[variety], self._words[DEFAULT_VARIETY]):
            title = _title(words, payload)
            if title is not None:
                return title
        raise RenderError(f"no button title for {payload} in bot/content")

    def name(self, kind: str, code: str, variety: Variety) -> str:
        """What a code is called in one variety, as after the last `FactBook.refresh`: ("diploma", "bac+2") → "Bac+2".

        Raises:
            ValueError: nobody names it, and it is no name in itself.
        """
        return self._name(kind, code, variety)

    def _name(self, kind: str, code: str, variety: str) -> str:
        """What a variety calls a code of the database, or what the database itself calls it.

        Raises:
            ValueError: the code is not a name in itself and nobody names it.
        """
        name = self._words[variety].names.get(kind, {}).get(code) or self._book.names.get(kind, {}).get(code)
        if name is not None:
            return str(name)
        if kind in _NAMED_BY_DATABASE:
            return str(code)
        raise ValueError(f"no name for the {kind} {code!r}")

    def _make_filter(self, name: str) -> Any:
        """A Jinja2 filter that knows the variety of the text that it is used in."""

        @pass_context
        def apply(context: Context, value: Any, field: str = "") -> str:
            variety = context["_variety"]
            if name == "answer":
                return self._answer_to(field, value, variety)
            if name in ("day", "moment", "month", "number"):
                return str(getattr(wording, name)(value, variety))
            if name == "price":
                phrases = self._words[variety].phrases
                return str(phrases["free"]) if value == 0 else f"{wording.number(value, variety)} {phrases['dirham']}"
            return self._name(name, value, variety)

        return apply

    def _answer_to(self, field: str, value: Any, variety: Variety) -> str:
        """What somebody answered to a field of a journey, as it is shown to them."""
        if field == "need":
            return self._name("offer", value, variety)
        if field == "phone":
            return wording.phone(value)
        if field == "email":
            return self._words[variety].names["email"].get(value, value)
        if field == "age":
            return wording.years(int(value), variety)
        return self._name(field, value, variety) if field in _CODED_FIELDS else str(value)

    def _fill(self, text: str, key: str, variety: Variety, data: Mapping[str, Any], facts: tuple[str, ...]) -> str:
        def as_of(slug: str) -> str:
            return self._as_of(self._fact(slug), variety)

        as_of.is_for_texts = True  # type: ignore[attr-defined]  # the sandbox lets texts call it
        values = {slug: self._fact(slug).values for slug in facts}
        # Samples bring contact data of their own.
        context = {"contacts": self._book.contacts, **data, "facts": values, "as_of": as_of, "_variety": variety}
        try:
            lines = fill(self._environment, text, context).splitlines()
        except TextError as error:
            raise RenderError(f"{key} in {variety}: {error}") from error
        return wording.typeset("\n".join(line.rstrip() for line in lines).strip(), variety)

    def _fact(self, slug: str) -> Fact:
        fact = self._book.facts.get(slug)
        if fact is None:
            raise RenderError(f"no fact is called {slug!r}; run `python -m bot seed`")
        return fact

    def _as_of(self, fact: Fact, variety: Variety) -> str:
        return wording.day(fact.as_of, variety) if fact.as_of else str(self._words[variety].phrases["undated"])

    def _source_line(self, slugs: Any, variety: Variety) -> str:
        named: dict[str, None] = {}
        for slug in slugs:
            fact = self._fact(slug)
            publisher = self._name("publisher", fact.publisher, variety)
            named[f"{publisher} ({self._as_of(fact, variety)})"] = None
        if not named:
            return ""
        phrases = self._words[variety].phrases
        pattern = phrases["source" if len(named) == 1 else "sources"]
        separator = "، " if variety in ("ar", "ary-Arab") else ", "
        return wording.typeset(fill(self._environment, pattern, {"list": separator.join(named)}), variety)

    def _button(self, payload: str, title: str | None, variety: Variety) -> Button:
        if title is None:
            title = self.title(payload, variety)
        elif title.startswith("@"):
            title = self._choice(title.removeprefix("@"), variety)
        if payload.startswith("share:"):
            return Button(title=title, share=payload.removeprefix("share:"))
        return Button(title=title, payload=payload)

    def _choice(self, name: str, variety: Variety) -> str:
        for words in (self._words[variety], self._words[DEFAULT_VARIETY]):
            if name in words.choices:
                return str(words.choices[name])
        raise ValueError(f"choices of bot/content has no {name!r}")

    def _buttons(self, answer: Answer, shape: Shape, variety: Variety) -> list[Button]:
        buttons = [self._button(payload, title, variety) for payload, title in answer.choices]
        buttons += [Button(title=self.title(f"/{intent}", variety), payload=f"/{intent}") for intent in shape.next]
        sites = [self._fact(slug).values.get("site") or self._fact(slug).values.get("linkedin") for slug in shape.links]
        if answer.data.get("link"):
            sites.append(answer.data["link"])
        return buttons + [Button(title=_host(site), url=site) for site in sites if site]


def _in_variety(value: Any, variety: Variety) -> Any:
    """Replace every ``{variety: text}`` in an answer's data by the text of one variety, French when it lacks it."""
    if isinstance(value, Mapping):
        if value and all(name in VARIETIES for name in value):
            return value.get(variety) or value.get(DEFAULT_VARIETY, "")
        return {key: _in_variety(item, variety) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_variety(item, variety) for item in value]
    return value


def _host(url: str) -> str:
    return urlsplit(url).netloc.removeprefix("www.") or url


def _language_title(payload: str, words: Words) -> str:
    language = read_payload(payload)[1].get("language")
    if language is None:
        return str(words.buttons["change_language"])
    names = [name for variety, name in LANGUAGE_NAMES.items() if variety == language]
    return names[0] if names else str(words.choices["language_automatic"])


def _title(words: Words, payload: str) -> str | None:
    """The title in one variety's words, or None when it has none."""
    intent, entities = read_payload(payload)
    if intent == "request_erasure":
        return str(words.choices["delete_my_data"])
    topic = words.choices.get("topic", {})
    if intent == "subscribe_updates" and entities.get("topic") in topic:
        return str(topic[entities["topic"]])
    if "city" in entities:
        place = {
            "jobintech_locations": "centres_in_city",
            "incubator_search": "incubators_in_city",
            "event_search": "events_in_city",
        }.get(intent)
        if place is not None:
            return str(words.choices[place])
    return words.buttons.get(intent)
