"""Measure whole pages of the console as a signed-in member of staff gets them, without a network between."""

from __future__ import annotations

import html
import random
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr
from sqlalchemy import delete, select

from bot.app import make_app
from bot.console.security.sessions import begin_session, hash_token
from bot.db.engine import Database
from bot.db.models import Message, StaffMember, StaffSession
from bot.errors import AssistantError
from bot.figures.period import MOVING
from bot.settings import Settings

#: The address of the account that looks at the pages; it has no password, so nobody can sign in with it.
ACCOUNT = "bench@example.com"
_ORIGIN = "http://console.bench"
#: Those that the page of figures offers, but for the longest, which is measured by itself.
_PERIODS = tuple(name for name in MOVING if name != "this-year")
Draw = Callable[[], dict[str, str]]


class PageBenchError(AssistantError):
    """A page that is measured can't be read; the text says which and why."""


@asynccontextmanager
async def signed_in(db: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the console on a database of sample people; its session is gone afterwards."""
    async with db.write() as session:
        member = await session.scalar(select(StaffMember).where(StaffMember.email == ACCOUNT))
        if member is None:
            member = StaffMember(name="Bench", email=ACCOUNT, role="administrator")
            session.add(member)
            await session.flush()
        token = await begin_session(session, member, "bench", is_complete=True)
    secret = SecretStr(secrets.token_urlsafe(32))
    # Nothing of the real app's settings: no channel, and no public address, which would ask for a secure cookie.
    settings = Settings(_env_file=None, database_url=database_url, rasa_secret=secret, public_url=None)  # type: ignore[call-arg]
    app = make_app(settings, channels={})
    try:
        cookies = httpx.Cookies()
        cookies.set("console", token, domain="console.bench", path="/console")
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN, cookies=cookies) as client:
            yield client
    finally:
        await app.state.assistant.db.aclose()
        async with db.write() as session:
            await session.execute(delete(StaffSession).where(StaffSession.token_hash == hash_token(token)))


class PageQuestions:
    """Which pages are measured, drawn as staff would open them."""

    def __init__(self, dice: random.Random, people: int, last_id: int, several: Draw, word: Callable[[], str]) -> None:
        self._dice, self._people, self._last_id, self._several, self._word = dice, people, last_id, several, word

    def list_pages(self) -> list[tuple[str, Callable[[], str]]]:
        """A name, and what draws the next path."""
        return [
            ("page: home", lambda: "/console/"),
            ("page: conversations", lambda: "/console/conversations"),
            ("page: who waits", lambda: "/console/conversations?view=waiting"),
            ("page: unread", lambda: "/console/conversations?view=unread"),
            ("page: filters", lambda: "/console/conversations?" + urlencode(self._several())),
            ("page: search", lambda: "/console/conversations?" + urlencode({"text": self._word()})),
            ("page: search and filters", self._search_and_filters),
            ("page: a thread", lambda: f"/console/conversations/{self._dice.randint(1, self._people)}"),
            ("page: the longest thread", lambda: "/console/conversations/1"),
            ("page: figures", lambda: f"/console/figures?period={self._dice.choice(_PERIODS)}"),
            ("page: figures of a year", lambda: "/console/figures?period=this-year"),
        ]

    def _search_and_filters(self) -> str:
        return "/console/conversations?" + urlencode({**self._several(), "text": self._word()})


async def measure_page(client: httpx.AsyncClient, draw: Callable[[], str], warm_up: int, runs: int) -> list[float]:
    """How long a page takes, in milliseconds, each time.

    Raises:
        PageBenchError: a page is an error.
    """
    taken = []
    for number in range(warm_up + runs):
        path = draw()
        began = time.perf_counter()
        answer = await client.get(path)
        if answer.status_code != 200:
            raise PageBenchError(f"{path} answers {answer.status_code}")
        if number >= warm_up:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


async def list_around(db: Database, dice: random.Random, last_id: int) -> Callable[[], str]:
    """Draws threads around a message, which is drawn beforehand: the look-up of its conversation is not measured."""
    ids = [dice.randint(1, last_id) for _ in range(300)]
    async with db.read() as session:
        query = select(Message.id, Message.contact_id).where(Message.id.in_(ids))
        found = [(row.id, row.contact_id) for row in await session.execute(query)]

    def draw() -> str:
        message_id, contact_id = dice.choice(found)
        return f"/console/conversations/{contact_id}?around={message_id}"

    return draw


async def measure_news(client: httpx.AsyncClient, path: str, warm_up: int, runs: int) -> list[float]:
    """How long a page's look for news takes that finds none, in milliseconds.

    Raises:
        PageBenchError: the page asks for no news, or hears some.
    """
    asking = {"HX-Request": "true"}
    address = _find_poll((await client.get(path)).text, path)
    first = await client.get(address, headers=asking)
    if first.status_code == 200:
        address = _find_poll(first.text, path)
    taken = []
    for number in range(warm_up + runs):
        began = time.perf_counter()
        answer = await client.get(address, headers=asking)
        if answer.status_code not in (200, 204):
            raise PageBenchError(f"{address} answers {answer.status_code}")
        if number >= warm_up:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def _find_poll(page: str, path: str) -> str:
    found = re.search(r'hx-get="(/console/conversations[^"]*seen=[^"]*)"', page)
    if found is None:
        raise PageBenchError(f"{path} asks for no news")
    return html.unescape(found[1])
