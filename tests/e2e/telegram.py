"""Telegram as people and the app see it: the Bot API emulator in a thread of its own, and who chats with the bot."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from running import wait_until

from tests.channels.telegram_emulator import TOKEN, TelegramEmulator, serve
from tests.channels.telegram_spec import BotApiSpec
from tests.specs import spec_path

PUBLIC_URL = "https://bot.example.ma"

_FIXTURES = Path(__file__).parents[1] / "channels" / "telegram_updates"
_update_ids = itertools.count(900_000_000)
_chat_ids = itertools.count(7_000_001)


class _Emulator(TelegramEmulator):
    """Reaches the app as through the proxy that stands behind the public address, and notes when each call came."""

    def __init__(self, spec: BotApiSpec, app_url: str) -> None:
        super().__init__(spec)
        self.called_at: list[tuple[str, float]] = []
        self._app_url = app_url

    def validate(self, method: str, fields: dict[str, Any], uploads: dict[str, Any]) -> Any:
        self.called_at.append((method, time.monotonic()))
        result = super().validate(method, fields, uploads)
        if method == "setWebhook":
            assert fields["url"].startswith(PUBLIC_URL)
            fields["url"] = fields["url"].replace(PUBLIC_URL, self._app_url)
        return result


class TelegramServer:
    """The Bot API on loopback; `url` is its address while it runs."""

    def __init__(self, app_url: str = "") -> None:
        self.url = ""
        self.emulator: _Emulator
        self._spec = BotApiSpec(spec_path("telegram-bot-api.json"))
        self._app_url = app_url
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> TelegramServer:
        self._thread.start()
        assert self._started.wait(10), "the emulator did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the emulator did not stop"

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.emulator = _Emulator(self._spec, self._app_url)
        async with serve(self.emulator.app()) as self.url:
            self._started.set()
            await self._stop.wait()

    @property
    def token(self) -> str:
        """The token of the one bot that is known here."""
        return TOKEN

    def deliver(self, *updates: Mapping[str, Any]) -> None:
        """Let updates come in this order, all at once; by webhook this waits until they were taken."""

        async def enqueue() -> None:
            for update in updates[:-1]:
                state = self.emulator._update_queues._state(TOKEN)
                async with state.condition:
                    state.updates.append(dict(update))
            await self.emulator.enqueue(updates[-1])

        asyncio.run_coroutine_threadsafe(enqueue(), self._loop).result(30)

    def list_sent(self, chat_id: int) -> list[Mapping[str, Any]]:
        """The sendMessage requests to a chat, refused ones too, in order."""
        return [fields for fields in self.emulator.list_calls("sendMessage") if fields["chat_id"] == str(chat_id)]


class Person:
    """Somebody who chats with the bot."""

    def __init__(self, server: TelegramServer) -> None:
        self.chat_id = next(_chat_ids)
        self._server = server

    @property
    def address(self) -> str:
        """The chat id as the log has it."""
        return str(self.chat_id)

    def compose(self, kind: str, **fields: Any) -> dict[str, Any]:
        """An update of this person's, of one of the kinds in tests/channels/telegram_updates, with fields replaced."""
        source = (_FIXTURES / f"{kind}.json").read_text(encoding="utf-8")
        update: dict[str, Any] = json.loads(source.replace("5550001", self.address))
        update["update_id"] = next(_update_ids)
        body = update.get("message") or update["callback_query"]
        body.update(copy.deepcopy(fields))
        return update

    def send(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send an update; returns it."""
        update = self.compose(kind, **fields)
        self._server.deliver(update)
        return update

    def write(self, text: str) -> dict[str, Any]:
        """Write a message."""
        return self.send("text", text=text)

    def press(self, payload: str) -> dict[str, Any]:
        """Press a button; returns the update."""
        return self.send("callback_query", id=f"query-{next(_update_ids)}", data=payload)

    def sent(self) -> list[Mapping[str, Any]]:
        """What the bot has sent so far."""
        return self._server.list_sent(self.chat_id)

    def wait_for(self, count: int, timeout_s: float = 20.0) -> list[Mapping[str, Any]]:
        """What the bot sent, once it is at least `count` messages."""
        wait_until(lambda: len(self.sent()) >= count, timeout_s, f"message {count} to {self.chat_id}")
        return self.sent()


def list_keys(message: Mapping[str, Any]) -> list[dict[str, str]]:
    """The buttons under a message, in order."""
    markup = json.loads(message.get("reply_markup", '{"inline_keyboard": []}'))
    return [key for row in markup["inline_keyboard"] for key in row]
