"""A Bot API server on loopback: `lo-bot-api-emulator`, with every request also checked against Telegram's description.

The emulator refuses a few fields that Telegram takes, names no user in getMe and queues three kinds of updates only;
this subclass fills those gaps, records the requests and can be told to refuse some.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from lo_bot_api_emulator import ApiRefusal, LoBotApiEmulator  # type: ignore[import-untyped]

from tests.channels.telegram_spec import BotApiSpec

TOKEN = "424242:synthetic-token-of-the-tests"

#: Fields that Telegram takes and this emulator refuses; `BotApiSpec` still checks them.
_REFUSED_BUT_VALID = {"sendMessage": {"link_preview_options"}}


@dataclass(frozen=True)
class Call:
    """One request that the bot made: the method, and its fields as the form held them."""

    method: str
    fields: Mapping[str, Any]


class TelegramEmulator(LoBotApiEmulator):  # type: ignore[misc]
    """The Bot API of one synthetic bot, whose token is `TOKEN`."""

    def __init__(self, spec: BotApiSpec) -> None:
        """Serve the methods that the emulator models, checked against `spec`."""
        super().__init__(allow_insecure_loopback_webhooks=True)
        self.calls: list[Call] = []
        #: What was wrong with the requests so far; a test that leaves something here fails.
        self.problems: list[str] = []
        #: Seconds that every answer takes.
        self.delay_s = 0.0
        self._spec = spec
        self._refusals: dict[str, deque[ApiRefusal]] = defaultdict(deque)

    def list_calls(self, method: str) -> list[Mapping[str, Any]]:
        """The fields of every request of one method, in order."""
        return [call.fields for call in self.calls if call.method == method]

    def refuse_next(self, method: str, status: int, description: str, **parameters: Any) -> None:
        """Let the next request of a method fail; called twice, the next two."""
        self._refusals[method].append(ApiRefusal(description, status, parameters or None))

    async def enqueue(self, update: Mapping[str, Any]) -> None:
        """Queue an update as it is, of any kind, and deliver it when a webhook is set."""
        state = self._update_queues._state(TOKEN)
        async with state.condition:
            state.updates.append(dict(update))
            state.condition.notify_all()
        await self.deliver_updates(token=TOKEN)

    def list_pending(self) -> list[int]:
        """The ids of the updates that the bot has not confirmed."""
        return [update["update_id"] for update in self._update_queues._state(TOKEN).updates]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request, after the wanted delay; another token than ours is unknown, as at Telegram."""
        await asyncio.sleep(self.delay_s)
        if request.match_info["token"] != TOKEN:
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        response: web.Response = await super().handle(request)
        return response

    def validate(self, method: str, fields: dict[str, Any], uploads: dict[str, Any]) -> Any:
        """Record and check one request, then let the emulator answer."""
        self.calls.append(Call(method, dict(fields)))
        self.problems += self._spec.list_problems(method, fields)
        if self._refusals[method]:
            raise self._refusals[method].popleft()
        for name in _REFUSED_BUT_VALID.get(method, ()):
            fields.pop(name, None)
        result = super().validate(method, fields, uploads)
        return {**result, "username": "mnc_assistant_bot"} if method == "getMe" else result


@asynccontextmanager
async def serve(application: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port of loopback; gives its base address."""
    # A long poll may still be waiting when a test ends; nobody reads its answer.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
