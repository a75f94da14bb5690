"""Fixtures that several folders share: the trained Rasa, the running app, and the databases."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from postgres import PostgresServer, find_postgres
from running import SECRET, RunningApp, free_port, make_settings, sqlite_url

from bot.db.engine import Database, open_database
from bot.db.migrate import migrate
from bot.training import RasaProcess, ensure_model


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """The app's port and Rasa's, the same for the whole session, since Rasa is told where actions run at its start."""
    return free_port(), free_port()


@pytest.fixture(scope="session")
def rasa_url(ports: tuple[int, int]) -> Iterator[str]:
    """The address of a real Rasa with the trained model."""
    app_port, rasa_port = ports
    url = f"http://127.0.0.1:{rasa_port}"
    process = RasaProcess(make_settings(port=app_port, rasa_url=url), ensure_model())
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.exit_status() is None, process.log.read_text()[-2000:]
        try:
            answer = httpx.get(f"{url}/webhooks/app/ready", headers={"X-Rasa-Secret": SECRET}, timeout=2)
            if answer.status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.25)
    else:
        pytest.fail("Rasa did not start within 120 s")
    yield url
    asyncio.run(process.aclose())


@pytest.fixture(scope="session")
def app(ports: tuple[int, int], rasa_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app with the web channel, on SQLite, with the real Rasa behind it; shared by the whole session."""
    settings = make_settings(port=ports[0], rasa_url=rasa_url, database_url=sqlite_url(tmp_path_factory.mktemp("app")))
    with RunningApp(settings) as running:
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server in a temporary folder; skipped with the reason where it is not installed."""
    binaries = find_postgres()
    if binaries is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql-15)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgresServer(binaries)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database on both kinds."""
    await asyncio.to_thread(migrate, database_url)
    database = open_database(database_url)
    yield database
    await database.aclose()
