"""Texts of answers: what each is for, whether a changed one can be said, and what is worth a look."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fastapi import Request

from bot.answers import Answers, FactBook, RenderError
from bot.channels.whatsapp_layout import TEXT_LIMIT, lay_out, whatsapp_words
from bot.clock import MOROCCO, utc_now
from bot.console.words import LANGUAGES, Language, translate
from bot.content import load_shapes, load_words, phrase
from bot.db.models import Fact
from bot.db.seed.checks import parse_last_day
from bot.messages import VARIETIES, Answer, Outbound, Variety
from bot.paging import fit_screen
from bot.samples import list_samples
from bot.sandbox import TEXT_LIMIT_CHARS, TextError

AUDIENCES = ("learners", "founders", "events", "watch", "everybody")
WARNINGS = ("broken", "missing", "quoted", "stale", "long", "screen")
#: What an answer is about, by its key; the first that fits.
_AUDIENCE_OF: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("watch", re.compile("publication")),
    ("events", re.compile("event|^place")),
    (
        "founders",
        re.compile("startup|incuba|founder|sme|programme|funding|member|support|stage|need|sector"),
    ),
    (
        "learners",
        re.compile(
            "jobintech|track|centre|cohort|application|eligib|checklist|registration|employer|operator|diploma|situation"
            "|_age|correction|consent_refused"
        ),
    ),
)
#: What people are told to write, in any of the quotation marks of the varieties.
_QUOTED = re.compile(r"«\s*([^»{}]+?)\s*»|“([^”{}]+)”|(?<![\w=(\[])\"([^\"{}\[\]]+)\"(?![\])])")
_TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is refused: a key of ``content.refused`` in the words, and what those need."""

    code: str
    line: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is worth a look about an answer: a key of ``content.warnings``, its variety if it is of one, a detail."""

    code: str
    variety: Variety | None = None
    detail: str = ""


@cache
def _purposes() -> Mapping[str, list[str]]:
    purposes: dict[str, list[str]] = yaml.safe_load(
        (Path(__file__).with_name("purposes.yml")).read_text(encoding="utf-8")
    )
    return purposes


def describe(key: str, language: Language) -> str:
    """What an answer is for, in plain words."""
    own = _purposes().get(key)
    if own is not None:
        return own[LANGUAGES.index(language)]
    words = load_words()[language]
    head, _, name = key.partition("_")
    if head == "begin" and name in words.names["journey"]:
        return translate(language, "content.purpose.begin", name=words.names["journey"][name])
    if head in ("ask", "problem"):
        asked = words.names["field"].get(name) or words.names["purpose"].get(name.removeprefix("consent_"), name)
        return translate(language, f"content.purpose.{head}", name=asked)
    if name in words.buttons:
        return translate(language, "content.purpose.topic", name=words.buttons[name])
    return key


def find_audience(key: str) -> str:
    """Whom an answer is for, one of `AUDIENCES`."""
    return next((name for name, pattern in _AUDIENCE_OF if pattern.search(key)), "everybody")


def read_text(typed: str) -> str:
    """A text as it is kept: lines end as they do in our files, nothing trails."""
    return "\n".join(line.rstrip() for line in typed.replace("\r\n", "\n").split("\n")).strip()


def list_data(key: str) -> list[tuple[str, str]]:
    """What the text of an answer may use, ``events[].city``, each with an example, from the samples."""
    found: dict[str, str] = {}
    for sample in list_samples()[key]:
        for path, value in _flatten(sample.data, ""):
            if path not in found or not found[path]:
                found[path] = value
    return sorted(found.items())


def _flatten(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value and not set(value) <= set(VARIETIES):
        for name, item in value.items():
            yield from _flatten(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        for item in value:
            yield from _flatten(item, f"{path}[]")
    elif path and path.partition(".")[0].partition("[")[0] != "fact_slugs":
        if isinstance(value, Mapping):
            value = next((text for text in value.values() if text), "")
        elif isinstance(value, list | tuple):
            value = ", ".join(str(item) for item in value)
        yield path, "" if value is None else str(value)[:60]


class Desk:
    """The texts in force, tried and looked over, for the pages of one process."""

    def __init__(self, book: FactBook, templates: Mapping[str, str]) -> None:
        self.book = book
        self.answers = Answers(book)
        self.templates = templates
        self._seen: dict[tuple[str, Variety, str | None], tuple[Any, tuple[Finding, ...]]] = {}

    def list_samples(self, key: str) -> tuple[Answer, ...]:
        """The samples of an answer, citing only facts that are there."""
        samples = []
        for sample in list_samples()[key]:
            data = dict(sample.data)
            if "fact_slugs" in data:
                data["fact_slugs"] = [slug for slug in data["fact_slugs"] if slug in self.book.facts]
            samples.append(Answer(sample.key, data, sample.choices, sample.preface))
        return tuple(samples)

    def find_problem(self, key: str, variety: Variety, text: str) -> Problem | None:
        """Why a text can't stand for an answer, tried with every sample; None: it can."""
        if not text:
            return Problem("empty")
        if len(text) > TEXT_LIMIT_CHARS:
            return Problem("too_long", detail=str(TEXT_LIMIT_CHARS))
        for sample in self.list_samples(key):
            try:
                said = self.answers.write(sample, variety, text)
            except RenderError as error:
                return as_problem(error)
            if not said.text.removesuffix(said.sources).strip():
                return Problem("says_nothing")
        return None

    async def survey(self, stale_after_months: int) -> dict[str, list[Finding]]:
        """What is worth a look, by answer; a text that was looked at is not looked at again until something changes."""
        await self.book.refresh()
        return await asyncio.to_thread(self._survey, stale_after_months)

    def _survey(self, stale_after_months: int) -> dict[str, list[Finding]]:
        state = (
            self.book.version,
            hash(tuple(sorted((fact.slug, repr(fact.values), fact.as_of) for fact in self.book.facts.values()))),
        )
        return {key: list(self._look_at(key, state[1], stale_after_months)) for key in load_shapes()}

    def _look_at(self, key: str, state: int, stale_after_months: int) -> Iterator[Finding]:
        for variety in VARIETIES:
            text = self.answers.text_of(key, variety)
            known = self._seen.get((key, variety, text))
            if known is None or known[0] != state:
                known = (state, tuple(self._look_at_text(key, variety, text)))
                self._seen[key, variety, text] = known
            yield from known[1]
        yield from self._find_stale(key, stale_after_months)
        yield from self._find_misquoted(key)

    def _look_at_text(self, key: str, variety: Variety, text: str | None) -> Iterator[Finding]:
        if text is None:
            yield Finding("missing", variety)
            return
        codes: dict[str, str] = {}
        for sample in self.list_samples(key):
            try:
                outbound = self.answers.write(sample, variety, text)
            except RenderError as error:
                problem = as_problem(error)
                codes.setdefault("broken", problem.detail)
                continue
            for code, detail in self.measure(outbound):
                codes.setdefault(code, detail)
        for code, detail in codes.items():
            yield Finding(code, variety, detail)

    def measure(self, outbound: Outbound) -> Iterator[tuple[str, str]]:
        """Whether an answer needs several messages on WhatsApp or several screens, with how long it is."""
        if len(outbound.text) > TEXT_LIMIT or len(lay_out(outbound, whatsapp_words()[outbound.variety], {}).pieces) > 1:
            yield "long", str(len(outbound.text))
        elif (
            not outbound.answer_key.startswith("ask_")
            and fit_screen(outbound, phrase(outbound.variety, "more")).rest is not None
        ):
            yield "screen", str(len(outbound.text))

    def _find_stale(self, key: str, months: int) -> Iterator[Finding]:
        for slug in load_shapes()[key].facts:
            fact = self.book.facts.get(slug)
            if fact is not None and is_stale(fact, months):
                yield Finding("stale", None, f"{slug} ({fact.as_of})")

    def _find_misquoted(self, key: str) -> Iterator[Finding]:
        french = list_quoted(self.answers.text_of(key, "fr") or "")
        for variety in VARIETIES[1:]:
            text = self.answers.text_of(key, variety)
            if text is None:
                continue
            quoted = list_quoted(text)
            for said in french:
                known = _translations().get(said, {}).get(variety)
                if known and not known & set(quoted):
                    yield Finding("quoted", variety, " / ".join(sorted(known)))


def as_problem(error: RenderError) -> Problem:
    """Why a text can't be said, out of what the renderer raised."""
    cause = error.__cause__
    if isinstance(cause, TextError):
        return Problem(cause.code, cause.line, cause.detail)
    return Problem("failed", 0, str(error))


def is_stale(fact: Fact, months: int) -> bool:
    """Whether the last day that a fact speaks of lies more than so many months back."""
    if not fact.as_of:
        return False
    today = utc_now().astimezone(MOROCCO).date()
    number = today.year * 12 + today.month - 1 - months
    limit = date(number // 12, number % 12 + 1, min(today.day, 28))
    return parse_last_day(fact.as_of) < limit


def list_quoted(text: str) -> list[str]:
    """What a text quotes, outside its tags: mostly what people are told to write."""
    bare = _TAG.sub("\x00", text)
    return [
        next(part for part in match.groups() if part) for match in _QUOTED.finditer(bare) if "\x00" not in match.group()
    ]


@cache
def _translations() -> Mapping[str, Mapping[str, set[str]]]:
    """What the shipped texts of each variety quote where the French one quotes something."""
    found: dict[str, dict[str, set[str]]] = {}
    words = load_words()
    for key, text in words["fr"].answers.items():
        french = list_quoted(text)
        for variety in VARIETIES[1:]:
            quoted = list_quoted(words[variety].answers.get(key, ""))
            if len(french) == 1 and quoted:
                found.setdefault(french[0], {}).setdefault(variety, set()).update(quoted)
    return found


def desk(request: Request) -> Desk:
    """The desk of this process, made at its first use."""
    state = request.app.state
    if not hasattr(state, "content_desk"):
        assistant = state.assistant
        state.content_desk = Desk(FactBook(assistant.db), assistant.settings.whatsapp_templates)
    made: Desk = state.content_desk
    return made
