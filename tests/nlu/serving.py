"""Our channel in a real Sanic server, on a free port of this process, and a client of the standard library."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rasa.core.channels.channel import register
from sanic import Sanic

from nlu.channel import AppChannel

SECRET = "a-secret-for-the-tests-only"
SECRET_HEADER = "X-Rasa-Secret"
Body = bytes | dict[str, Any]


@dataclass(frozen=True)
class Door:
    """Where the channel listens."""

    port: int

    def post(self, body: Body, secret: str | bytes | None = SECRET) -> tuple[int, Any]:
        """Post to the channel: status and decoded answer."""
        return self.request("POST", "/webhooks/app/messages", body, secret)

    def request(self, method: str, path: str, body: Body = b"", secret: str | bytes | None = SECRET) -> tuple[int, Any]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "application/json", **({} if secret is None else {SECRET_HEADER: secret})}
        try:
            connection.request(
                method, path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers=headers
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@contextmanager
def serve(agent: Any, secret: str = SECRET) -> Iterator[Door]:
    """Run the channel for an agent as Rasa does, with its own `register`, until the block ends."""
    app = Sanic(f"channel-{uuid4().hex}", configure_logging=False)
    Sanic.test_mode = True  # lets a second server start in one process: Sanic rewrites its own classes at each start
    app.ctx.agent = agent
    register([AppChannel(secret)], app, route="/webhooks/")
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    started = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            server = loop.run_until_complete(app.create_server(sock=listener, return_asyncio_server=True))
            loop.run_until_complete(server.startup())
            loop.run_until_complete(server.before_start())
            started.set()
            loop.run_forever()
            server.server.close()
            loop.run_until_complete(server.server.wait_closed())
            loop.run_until_complete(loop.shutdown_asyncgens())
        except BaseException as error:  # told by the test's own thread
            failures.append(error)
            started.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(20), "Sanic did not start"
    try:
        _raise_first(failures)
        yield Door(listener.getsockname()[1])
    finally:
        if not failures:
            loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        listener.close()
    _raise_first(failures)


def _raise_first(failures: list[BaseException]) -> None:
    if failures:
        raise failures[0]
