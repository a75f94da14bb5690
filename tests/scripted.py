"""Stand-ins for what is beyond the app: a Rasa that answers from a script over real HTTP, and a scripted provider."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fastapi import FastAPI
from running import SECRET, make_settings
from sqlalchemy import select

from bot.app import Assistant, make_app
from bot.channels.base import Channel, DeliveryReport, WebhookRequest
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Message
from bot.errors import MalformedInbound, NotAuthentic, SendError
from bot.messages import Inbound, Outbound

Script = Callable[[dict[str, Any]], tuple[int, Any]]


def said(
    *answers: str | dict[str, Any], intent: str = "greet", variety: str = "fr", sure: float = 0.95
) -> dict[str, Any]:
    """What nlu/channel.py answers: `answers` are names of responses, or the custom data of an action."""
    messages = [{"utter_action": each} if isinstance(each, str) else {"custom": each} for each in answers]
    parse = {
        "intent": intent,
        "confidence": 0.9,
        "ranking": [{"intent": intent, "confidence": 0.9}],
        "entities": [],
        "variety": {"name": variety, "confidence": sure},
    }
    return {"parse": parse, "messages": messages}


class ScriptedRasa:
    """An HTTP server on loopback with the two routes of nlu/channel.py.

    Attributes:
        script: makes the status and body of the answer from the body of a call; bytes are sent as they are.
        calls: the bodies of all calls, in the order in which they came.
        overlaps: contacts that were asked for while an earlier call of theirs was not answered yet.
        most_at_once: the largest number of calls in hand at the same time.
    """

    def __init__(self, script: Script | None = None, *, takes_s: float = 0.0) -> None:
        self.script: Script = script or (lambda body: (200, said("utter_greet")))
        self.calls: list[dict[str, Any]] = []
        self.overlaps: list[str] = []
        self.most_at_once = 0
        self._takes_s = takes_s
        self._active: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedRasa:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def texts(self, sender: str | None = None) -> list[str | None]:
        """The texts that came, of one session or of all."""
        return [call.get("text") for call in self.calls if sender in (None, call["sender"])]

    def _answer(self, body: dict[str, Any]) -> tuple[int, Any]:
        contact = str(body["sender"]).partition(".")[0]
        with self._lock:
            self.calls.append(body)
            if self._active[contact]:
                self.overlaps.append(contact)
            self._active[contact] += 1
            self.most_at_once = max(self.most_at_once, self._active.total())
        try:
            time.sleep(self._takes_s)
            return self.script(body)
        finally:
            with self._lock:
                self._active[contact] -= 1

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        rasa = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200 if self.path == "/webhooks/app/ready" else 404, {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path != "/webhooks/app/messages" or self.headers["X-Rasa-Secret"] != SECRET:
                    self._send(401, {})
                    return
                self._send(*rasa._answer(body))

            def _send(self, status: int, body: Any) -> None:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


class ScriptedChannel:
    """A provider that takes what is sent, or refuses with the next of `errors`; its webhook takes JSON."""

    text_limit_chars = 1_000

    def __init__(self, name: str = "telegram", *, errors: list[SendError | Exception | None] | None = None) -> None:
        self.name = name
        self.shows_buttons = True
        self.sent: list[tuple[str, Outbound]] = []
        self.attempts = 0
        self.errors = errors or []

    def authenticate(self, request: WebhookRequest) -> None:
        """Take only what has the word."""
        if request.headers.get("x-word") != "open":
            raise NotAuthentic

    def parse(self, request: WebhookRequest) -> list[Inbound | DeliveryReport]:
        """One text per item of a JSON list of [sender, external id, text]."""
        try:
            items = json.loads(request.body)
            return [Inbound(self.name, sender, number, text, utc_now()) for sender, number, text in items]
        except (ValueError, TypeError) as error:
            raise MalformedInbound(f"not a list of messages: {error}") from None

    async def send(self, address: str, message: Outbound) -> str:
        """Take it, or raise the next error."""
        self.attempts += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent.append((address, message))
        return f"{self.name}-{len(self.sent)}"

    async def acknowledge(self, inbound: Inbound) -> None:
        """Show nothing."""

    async def aclose(self) -> None:
        """Hold nothing."""


@asynccontextmanager
async def running_app(
    url: str, rasa_url: str, channels: Mapping[str, Channel] | None = None, **settings: Any
) -> AsyncIterator[FastAPI]:
    """The app on a migrated database, started as uvicorn starts it and stopped at the end."""
    app = make_app(make_settings(database_url=url, rasa_url=rasa_url, **settings), channels=channels or {})
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def running_assistant(
    url: str, rasa_url: str, channels: Mapping[str, Channel] | None = None, **settings: Any
) -> AsyncIterator[Assistant]:
    """The parts of a running app."""
    async with running_app(url, rasa_url, channels, **settings) as app:
        yield app.state.assistant


async def eventually(
    condition: Callable[[], Awaitable[Any]], timeout_s: float = 20.0, what: str = "the condition"
) -> Any:
    """The first true value of an awaited condition, asked again every 20 ms; fails when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = await condition()
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {timeout_s} s")


async def all_messages(db: Database, direction: str, **columns: Any) -> list[Message]:
    """The messages of one direction in the log, oldest first."""
    async with db.read() as session:
        query = select(Message).where(Message.direction == direction).filter_by(**columns).order_by(Message.id)
        return list(await session.scalars(query))


async def when_answered(db: Database, count: int, timeout_s: float = 20.0) -> list[Message]:
    """All inbound messages once `count` of them are answered or failed."""

    async def finished() -> list[Message] | None:
        messages = await all_messages(db, "in")
        return messages if sum(message.state != "received" for message in messages) >= count else None

    return await eventually(finished, timeout_s, f"the answering of {count} messages")


def inbound(
    text: str = "bonjour", *, sender: str = "ana", number: int | str = 1, channel: str = "web", **values: Any
) -> Inbound:
    """A message of somebody."""
    return Inbound(channel, sender, f"{sender}:{number}", text, values.pop("received_at", utc_now()), **values)
