"""The console with staff in it, for tests: members and sessions are made in the database, and pages asked for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from playwright.sync_api import Page
from running import RunningApp, make_settings
from sqlalchemy import select

from bot.app import make_app
from bot.console.roles import Role
from bot.console.security.sessions import begin_session, hash_token
from bot.db.engine import Database, open_database
from bot.db.models import AuditEntry, StaffMember, StaffSession
from bot.training import Project

T = TypeVar("T")

ORIGIN = "http://console.test"
PASSWORD = "quatre mots sans lien"
#: The right algorithm with parameters that cost a test nothing.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD_HASH = CHEAP.hash(PASSWORD)

#: A folder that is not there: nothing to train, and no model.
NO_PROJECT = Project(*(Path("/nonexistent") for _ in range(3)))

_numbers = itertools.count(1)


async def add_member(db: Database, role: Role = "adviser", **values: Any) -> StaffMember:
    """A member of staff with `PASSWORD`; `values` are other columns of theirs."""
    number = next(_numbers)
    made = {
        "name": f"{role.capitalize()} {number}",
        "email": f"{role}{number}@example.org",
        "role": role,
        "password_hash": PASSWORD_HASH,
    }
    async with db.write() as session:
        member = StaffMember(**(made | values))
        session.add(member)
    return member


async def open_session(db: Database, member: StaffMember, *, is_complete: bool = True) -> tuple[str, str]:
    """A session of a member as the sign-in makes it: the token of its cookie, and the one of its forms."""
    async with db.write() as session:
        token = await begin_session(session, member, "a test", is_complete=is_complete)
    async with db.read() as session:
        query = select(StaffSession.csrf_token).where(StaffSession.token_hash == hash_token(token))
        return token, (await session.scalars(query)).one()


@dataclass(slots=True)
class Client:
    """Somebody at the console without a browser; forms carry the token against forged requests."""

    http: httpx.AsyncClient
    member: StaffMember | None = None
    csrf: str = ""

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """A page, by its path below ``/console``."""
        return await self.http.get(f"/console{path}", **options)

    async def post(self, path: str, form: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Post a form as the page of this person would."""
        if not self.csrf:  # the forms before the sign-in carry what their cookie says
            await self.get("/invitation/none")
            self.csrf = self.http.cookies["console-form"]
        options = {"headers": {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}} | options
        return await self.http.post(f"/console{path}", data={"csrf": self.csrf} | (form or {}), **options)


SignIn = Callable[..., Awaitable[Client]]
PageAs = Callable[..., Page]


class Console:
    """The app on one database, asked without a network; Rasa and the channels are away."""

    def __init__(self, database_url: str, project: Project = NO_PROJECT, **settings: Any) -> None:
        self.app: FastAPI = make_app(make_settings(database_url=database_url, **settings), channels={}, project=project)
        #: The application under ``/console``.
        self.pages: FastAPI = next(route.app for route in self.app.routes if getattr(route, "name", "") == "console")
        self.db: Database = self.app.state.assistant.db
        self._clients: list[httpx.AsyncClient] = []

    def visit(self, address: str = "203.0.113.7") -> Client:
        """Somebody who is not signed in, from an address."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 40_000))
        http = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        self._clients.append(http)
        return Client(http)

    async def sign_in(self, role: Role = "adviser", member: StaffMember | None = None) -> Client:
        """Somebody who is signed in: a new member with a role, or the given one."""
        member = member or await add_member(self.db, role)
        client = self.visit()
        token, client.csrf = await open_session(self.db, member)
        client.http.cookies.set("console", token, domain="console.test", path="/console")
        client.member = member
        return client

    async def audited(self) -> list[tuple[int | None, str, str]]:
        """The audit log, oldest first: who, action, subject."""
        async with self.db.read() as session:
            entries = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
            return [(entry.member_id, entry.action, entry.subject) for entry in entries]

    async def read_member(self, member: StaffMember) -> StaffMember:
        """A member as the database has them now."""
        async with self.db.read() as session:
            return await session.get_one(StaffMember, member.id)

    async def aclose(self) -> None:
        """Close what is open."""
        for http in self._clients:
            await http.aclose()
        await self.db.aclose()


class ServedConsole:
    """The app under a real server, for the browser; its database is written from beside."""

    def __init__(self, running: RunningApp) -> None:
        self.running = running
        self.url = running.base_url

    def act(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in a thread of its own: Playwright has the event loop of this one."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result(timeout=60)

    def add_member(self, role: Role = "adviser", **values: Any) -> StaffMember:
        """A member of staff, see `add_member` above."""

        async def add() -> StaffMember:
            db = open_database(self.running.settings.database_url)
            try:
                return await add_member(db, role, **values)
            finally:
                await db.aclose()

        return self.act(add())

    def open_session(self, member: StaffMember, *, is_complete: bool = True) -> str:
        """The token of a session's cookie."""

        async def begin() -> str:
            db = open_database(self.running.settings.database_url)
            try:
                return (await open_session(db, member, is_complete=is_complete))[0]
            finally:
                await db.aclose()

        return self.act(begin())
