"""Fixtures of the console: `console` and `signed_in` without a browser, `served` and `page_as` with one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from chromium import browser, watch  # noqa: F401  # a fixture
from playwright.sync_api import Browser, Page
from running import RunningApp, free_port, make_settings, sqlite_url
from staffed import Console, PageAs, ServedConsole, SignIn

from bot.console.roles import Role
from bot.db.migrate import migrate
from bot.db.models import StaffMember


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows, to be copied: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    migrate(sqlite_url(folder))
    return folder / "assistant.db"


@pytest.fixture
async def console(empty_database: Path, tmp_path: Path) -> AsyncIterator[Console]:
    """The console on an empty SQLite database."""
    shutil.copy(empty_database, tmp_path / "assistant.db")
    console = Console(sqlite_url(tmp_path))
    yield console
    await console.aclose()


@pytest.fixture
async def any_console(database_url: str) -> AsyncIterator[Console]:
    """The console on an empty database, once on SQLite and once on PostgreSQL."""
    await asyncio.to_thread(migrate, database_url)
    console = Console(database_url)
    yield console
    await console.aclose()


@pytest.fixture
def signed_in(console: Console) -> SignIn:
    """`await signed_in("adviser")`: a client that is signed in with a role. Cheap: no password is checked."""
    return console.sign_in


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """The whole app under a real server, for the session; tests add what they need and mind what others left."""
    settings = make_settings(
        port=free_port(),
        rasa_url=f"http://127.0.0.1:{free_port()}",
        database_url=sqlite_url(tmp_path_factory.mktemp("console")),
    )
    running = RunningApp(settings)
    served = ServedConsole(running)

    async def start() -> None:
        await asyncio.to_thread(running.start)

    served.act(start())
    yield served
    running.stop()


@pytest.fixture
def page_as(browser: Browser, served: ServedConsole) -> Iterator[PageAs]:  # noqa: F811
    """`page_as("adviser")`: a browser page whose user is signed in; `page_as(None)`: one who is not.

    Other arguments: ``member`` (somebody who exists), ``language``, ``width`` (390, a phone's), ``dark``. The test
    fails on any console error, uncaught error or violation of the Content-Security-Policy.
    """
    opened = []
    problems: list[list[str]] = []

    def open_page(
        role: Role | None,
        *,
        member: StaffMember | None = None,
        language: str = "fr",
        width: int = 390,
        dark: bool = False,
    ) -> Page:
        context = browser.new_context(
            base_url=served.url,
            viewport={"width": width, "height": 844},
            locale="fr-FR",
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
        )
        opened.append(context)
        cookies = {"console-language": language}
        if role is not None:
            member = member or served.add_member(role, language=language)
            cookies["console"] = served.open_session(member)
        context.add_cookies(
            [{"name": name, "value": value, "url": f"{served.url}/console/"} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.set_default_timeout(5_000)
        problems.append(watch(page))
        return page

    yield open_page
    for context in opened:
        context.close()
    assert [problem for list_ in problems for problem in list_] == []
