"""The real app and the real Rasa, run for tests on free ports of the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from bot.app import Assistant, make_app
from bot.channels.base import Channel
from bot.run import prepare_database
from bot.settings import Settings

SECRET = "a-secret-for-the-tests-only"


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_settings(**values: Any) -> Settings:
    """Settings for a test: nothing is read from the developer's own .env."""
    return Settings(_env_file=None, rasa_secret=SECRET, **values)  # type: ignore[call-arg]


def wait_until(condition: Callable[[], Any], timeout_s: float = 20.0, what: str = "the condition") -> Any:
    """The first true value of `condition`, asked again every 20 ms; fails when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {timeout_s} s")


class RunningApp:
    """The app under uvicorn in a thread, with a database of its own."""

    def __init__(self, settings: Settings, channels: Mapping[str, Channel] | None = None, **parts: Any) -> None:
        """`parts` are the other arguments of `make_app`."""
        self.settings = settings
        self.base_url = f"http://{settings.host}:{settings.port}"
        self._app = make_app(settings, channels=channels, **parts)
        config = uvicorn.Config(self._app, host=settings.host, port=settings.port, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def assistant(self) -> Assistant:
        """The running parts."""
        assistant: Assistant = self._app.state.assistant
        return assistant

    def start(self) -> RunningApp:
        """Prepare the database and serve; returns when the app answers."""
        asyncio.run(prepare_database(self.settings))
        self._thread.start()
        wait_until(lambda: self._server.started, what="the app's start")
        return self

    def stop(self) -> None:
        """End it in good order."""
        self._server.should_exit = True
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "the app did not stop"

    def __enter__(self) -> RunningApp:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the SQLite database, read beside the app (JSON columns are text)."""
        path = self.settings.database_url.partition("///")[2]
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()

    def ask(self, sender: str, text: str | None = None, payload: str | None = None) -> dict[str, Any]:
        """One message over the web channel."""
        body = {"sender": sender} | ({"payload": payload} if payload else {"text": text})
        response = httpx.post(f"{self.base_url}/web/messages", json=body, timeout=60)
        assert response.status_code == 200, response.text
        return dict(response.json())


def sqlite_url(folder: Path) -> str:
    """A new SQLite database in a folder."""
    return f"sqlite+aiosqlite:///{folder / 'assistant.db'}"
