"""Measure what staff wait for: lists, searches, threads and whole pages, on sample data, with varied questions."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.bench_pages import PageQuestions, list_around, measure_news, measure_page, signed_in
from bot.db.conversations import count_waiting, list_conversations
from bot.db.cursors import write_cursor
from bot.db.engine import Database, open_database
from bot.db.filters import CHANNELS, STATES, Filters
from bot.db.models import Contact, Identity, Message, Tag
from bot.db.threads import list_tags, read_thread
from bot.figures.keeping import keep_all
from bot.messages import VARIETIES
from bot.sample_data import SampleDataError, fill
from bot.sample_rows import MARK
from bot.sample_texts import FOUNDERS, LEARNERS, SampleTexts
from bot.settings import ROOT
from bot.spelling import split_words

#: What a page may take, at the 95th percentile.
LIMIT_MS = 300
#: Runs before those that count.
WARM_UP = 5
_FREQUENT = (
    "formation", "jobintech", "bghit", "بغيت", "projet", "startup", "inscription", "شحال", "rabat", "training", "vous",
)  # fmt: skip
_THREADS = "/console/conversations"
Query = Callable[[AsyncSession], Awaitable[Any]]


async def bench(database_url: str | None, messages: int, runs: int, report: Path | None) -> int:
    """Measure every query, print a table and write the figures; 0, or 1 when one is slower than it may be.

    Raises:
        SampleDataError: the database holds other people than sample people.
    """
    url = database_url or f"sqlite+aiosqlite:///{ROOT / 'var' / 'bench' / f'sample-{messages}.db'}"
    db = open_database(url)
    try:
        if not await _is_filled(db):
            await fill(url, messages)
        if counted := await keep_all(db):
            print(f"{counted} days counted for figures")
        questions = await _Questions.prepare(db, random.Random(7))  # noqa: S311  # no secret
        figures: list[dict[str, Any]] = []
        print(f"{questions.last_id:,} messages of {questions.people:,} people, {db.engine.dialect.name}, {runs} runs")
        print(f"{'':<34}{'p50':>8}{'p95':>8}{'most':>8}  ms")
        for name, ask in questions.list_queries():
            figures.append(_report(name, await _measure(db, ask, runs)))
        async with signed_in(db, url) as client:
            for name, draw in [*questions.list_pages(), ("page: around a message", await questions.list_around(db))]:
                figures.append(_report(name, await measure_page(client, draw, WARM_UP, runs)))
            for name, path in (("news: conversations", "/console/conversations"), ("news: a thread", f"{_THREADS}/1")):
                figures.append(_report(name, await measure_news(client, path, WARM_UP, runs)))
    finally:
        await db.aclose()
    if report is not None:
        about = {"database": db.engine.dialect.name, "messages": questions.last_id, "people": questions.people}
        written = json.dumps({**about, "runs": runs, "queries": figures}, indent=1)
        await asyncio.to_thread(report.write_text, written + "\n", encoding="utf-8")
    return int(any(row["p95_ms"] >= LIMIT_MS for row in figures))


def _report(name: str, taken: list[float]) -> dict[str, Any]:
    """Print a line of the table; the line as it goes into the report."""
    shares = statistics.quantiles(taken, n=20, method="inclusive")
    slow = "  over the limit" if shares[18] >= LIMIT_MS else ""
    print(f"{name:<34}{shares[9]:>8.1f}{shares[18]:>8.1f}{max(taken):>8.1f}{slow}", flush=True)
    row = {"name": name, "p50_ms": shares[9], "p95_ms": shares[18], "most_ms": max(taken)}
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in row.items()}


async def _is_filled(db: Database) -> bool:
    """Whether sample people are in a database already; those who are not are never measured."""
    async with db.engine.connect() as connection:
        if not await connection.run_sync(lambda sync: sync.dialect.has_table(sync, "identities")):
            return False
    async with db.read() as session:
        real = await session.scalar(select(func.count()).where(Identity.address.not_like(f"{MARK}%")))
        if real:
            raise SampleDataError(f"the database has {real} real people in it; only sample people are measured")
        return bool(await session.scalar(select(func.count()).select_from(Message)))


async def _measure(db: Database, ask: Callable[[], Query], runs: int) -> list[float]:
    taken = []
    for number in range(WARM_UP + runs):
        query = ask()
        began = time.perf_counter()
        async with db.read() as session:
            await query(session)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


class _Questions:
    """Draws what to ask, as varied as staff would."""

    def __init__(self, dice: random.Random, last_id: int, people: int, tags: list[str], days: list[date]) -> None:
        self._dice, self.last_id, self.people, self._tags, self._days = dice, last_id, people, tags, days
        texts = SampleTexts()
        examples = [
            [word for word in example.text.split() if split_words(word)]
            for variety in VARIETIES
            for intent in (*LEARNERS[:12], *FOUNDERS[:12])
            for example in texts.list_examples(variety, intent)
        ]
        self._examples = [words for words in examples if len(words) > 2]

    @classmethod
    async def prepare(cls, db: Database, dice: random.Random) -> _Questions:
        """Look up what there is to ask for."""
        async with db.read() as session:
            last_id = await session.scalar(select(func.max(Message.id))) or 0
            people = await session.scalar(select(func.count()).select_from(Contact)) or 0
            tags = list(await session.scalars(select(Tag.name)))
            first = await session.scalar(select(func.min(Message.created_at)))
            last = await session.scalar(select(func.max(Message.created_at)))
        if first is None or last is None:
            raise SampleDataError("the database is empty")
        days = [first.date() + timedelta(days=number) for number in range((last - first).days)]
        return cls(dice, last_id, people, tags, days)

    def list_queries(self) -> list[tuple[str, Callable[[], Query]]]:
        """What is measured: a name, and what draws the next query."""
        lists: list[tuple[str, Callable[[], dict[str, str]]]] = [
            ("conversations", dict),
            ("unread", lambda: {"unread": "1"}),
            ("by state", lambda: {"state": self._dice.choice(STATES)}),
            ("by tag", lambda: {"tag": self._dice.choice(self._tags)}),
            ("by rating", lambda: {"rating": self._dice.choice(("up", "down"))}),
            ("by topic", lambda: {"intent": self._intent()}),
            ("by confidence", self._confidence),
            ("by channel", lambda: {"channel": self._dice.choice(CHANNELS)}),
            ("by variety", lambda: {"variety": self._dice.choice(VARIETIES)}),
            ("by days", self._some_days),
            ("not understood", lambda: {"fallback": "1"}),
            ("failed turns", lambda: {"failed": "1"}),
            ("two to four filters", self._several),
            ("search: a word", lambda: {"text": self._dice.choice(self._dice.choice(self._examples))}),
            ("search: a frequent word", lambda: {"text": self._dice.choice(_FREQUENT)}),
            ("search: two words", lambda: {"text": self._words(2)}),
            ("search: a phrase", lambda: {"text": f'"{self._words(2)}"'}),
            ("search: a beginning", lambda: {"text": self._beginning()}),
            ("search: nothing there", lambda: {"text": f"zzq{self._dice.randrange(9999)}xk"}),
            ("search and filters", lambda: {**self._several(), "text": self._dice.choice(_FREQUENT)}),
        ]
        queries: list[tuple[str, Callable[[], Query]]] = []
        for name, draw in lists:
            queries.append((name, self._list(draw, deep=False)))
            if name not in ("search: nothing there", "by state"):
                queries.append((f"{name}, deep", self._list(draw, deep=True)))
        return [
            *queries,
            ("who waits longest", lambda: lambda session: list_conversations(session, order="waiting")),
            ("who waits, with a word", self._waiting_with_word),
            ("how many wait", lambda: count_waiting),
            ("tags", lambda: list_tags),
            ("a thread", lambda: self._thread()),
            ("a thread, around a message", self._thread_around),
            ("the longest thread, older", self._thread_older),
        ]

    def list_pages(self) -> list[tuple[str, Callable[[], str]]]:
        """Which whole pages are measured: a name, and what draws the next path."""
        word = partial(self._dice.choice, _FREQUENT)
        return PageQuestions(self._dice, self.people, self.last_id, self._several, word).list_pages()

    async def list_around(self, db: Database) -> Callable[[], str]:
        """What draws a thread around a message."""
        return await list_around(db, self._dice, self.last_id)

    def _list(self, draw: Callable[[], dict[str, str]], *, deep: bool) -> Callable[[], Query]:
        def ask() -> Query:
            filters = Filters.parse({name: value for name, value in draw().items() if value})
            kind = "hit" if filters.is_about_messages else "last"
            after = write_cursor(kind, self._dice.randrange(1, self.last_id)) if deep else None
            return lambda session: list_conversations(session, filters, after)

        return ask

    def _intent(self) -> str:
        return self._dice.choice((*LEARNERS, *FOUNDERS))

    def _confidence(self) -> dict[str, str]:
        least = self._dice.uniform(0, 0.9)
        return {"confidence_min": f"{least:.2f}", "confidence_max": f"{least + self._dice.uniform(0.02, 0.1):.2f}"}

    def _some_days(self) -> dict[str, str]:
        first = self._dice.choice(self._days)
        return {"from": first.isoformat(), "to": (first + timedelta(days=self._dice.choice((0, 6, 30)))).isoformat()}

    def _several(self) -> dict[str, str]:
        drawn: list[dict[str, str]] = [
            {"intent": self._intent()},
            self._confidence(),
            {"channel": self._dice.choice(CHANNELS)},
            {"variety": self._dice.choice(VARIETIES)},
            self._some_days(),
            {"rating": self._dice.choice(("up", "down"))},
            {"tag": self._dice.choice(self._tags)},
            {"unread": "1"},
            {"failed": "1"},
        ]
        chosen = self._dice.sample(drawn, self._dice.randint(2, 4))
        return {name: value for each in chosen for name, value in each.items()}

    def _words(self, count: int) -> str:
        words = self._dice.choice(self._examples)
        first = self._dice.randrange(len(words) - count + 1)
        return " ".join(words[first : first + count])

    def _beginning(self) -> str:
        long = [word for word in self._dice.choice(self._examples) if len(word) >= 5 and word.isalpha()]
        return self._dice.choice(long)[:4] if long else "form"

    def _waiting_with_word(self) -> Query:
        filters = Filters(text=self._dice.choice(_FREQUENT))
        return lambda session: list_conversations(session, filters, order="waiting")

    def _thread(self) -> Query:
        contact_id = self._dice.randint(1, self.people)
        return lambda session: read_thread(session, contact_id)

    def _thread_around(self) -> Query:
        message_id = self._dice.randint(1, self.last_id)

        async def ask(session: AsyncSession) -> Any:
            contact_id = await session.scalar(select(Message.contact_id).where(Message.id == message_id))
            return await read_thread(session, contact_id or 0, around=message_id)

        return ask

    def _thread_older(self) -> Query:
        before = self._dice.randint(1, self.last_id)
        # Sample people who write most have the first numbers.
        return lambda session: read_thread(session, 1, before=before)
