"""The Telegram channel against a Bot API server on loopback, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.channels import telegram
from bot.channels.base import WebhookRequest
from bot.channels.telegram import COMMANDS, TelegramChannel
from bot.errors import MalformedInbound, NotAuthentic, SendError, SettingsError
from bot.messages import Button, Inbound, Outbound
from tests.channels.telegram_emulator import TOKEN, TelegramEmulator, serve
from tests.channels.telegram_spec import BotApiSpec
from tests.channels.test_telegram_updates import load
from tests.specs import spec_path

SECRET = "webhook_secret-of-the-tests"
DESCRIPTIONS = {
    language: {command: f"{prefix} {command}" for command in COMMANDS}
    for language, prefix in {"fr": "Aide :", "ar": "مساعدة:", "en": "Help:"}.items()
}


@pytest.fixture
async def emulator() -> TelegramEmulator:
    """The Bot API server."""
    return TelegramEmulator(BotApiSpec(spec_path("telegram-bot-api.json")))


@pytest.fixture
async def api_url(emulator: TelegramEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of the Bot API server; every request of the test must have been right."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # a machine with a proxy would send even loopback through it
    async with serve(emulator.app()) as url:
        yield url
    assert emulator.problems == []


@pytest.fixture
async def channel(api_url: str) -> AsyncIterator[TelegramChannel]:
    """A channel at that server, not started."""
    async with _open(api_url) as channel:
        yield channel


@asynccontextmanager
async def _open(api_url: str, **options: Any) -> AsyncIterator[TelegramChannel]:
    options = {"token": TOKEN, "poll_timeout_s": 2, **options}
    channel = TelegramChannel(webhook_secret=SECRET, command_descriptions=DESCRIPTIONS, api_url=api_url, **options)
    try:
        yield channel
    finally:
        await channel.aclose()


@asynccontextmanager
async def _polling(channel: TelegramChannel, accept: Callable[[list[Inbound]], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(channel.poll(accept))
    try:
        yield
        assert not task.done(), "polling ended by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def _inbound(**profile: str) -> Inbound:
    return Inbound("telegram", "5550001", "424242:1", "salam", datetime.now(UTC), profile=profile)


# --- sending ----------------------------------------------------------------------------------------------------------


async def test_send_text(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A text goes out as it is, without markup and without a preview, and comes back with its id."""
    external_id = await channel.send("5550001", Outbound("Prix : *gratuit* <b>1_000</b> https://mnc.example"))
    assert external_id == "1"
    (fields,) = emulator.list_calls("sendMessage")
    assert json.loads(fields["link_preview_options"]) == {"is_disabled": True}
    assert {name: fields[name] for name in fields if name != "link_preview_options"} == {
        "chat_id": "5550001",
        "text": "Prix : *gratuit* <b>1_000</b> https://mnc.example",
    }


async def test_send_long_text(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A long text goes out in order, in pieces that fit in UTF-16 units, with the buttons under the last one."""
    text = "\n\n".join(f"{number} " + "🙏" * 900 for number in range(5))
    external_id = await channel.send("5550001", Outbound(text, (Button("Oui", payload="/affirm"),)))
    calls = emulator.list_calls("sendMessage")
    assert external_id == ",".join(str(number) for number in range(1, len(calls) + 1))
    assert "\n\n".join(fields["text"] for fields in calls) == text
    assert len(calls) == 3
    assert ["reply_markup" in fields for fields in calls] == [False, False, True]


async def test_send_buttons(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """Two short titles share a row, a long one stands alone; payloads of 64 bytes and links are kept."""
    payload = '/incubator_search{"city": "' + "م" * 17 + '"}x'
    assert len(payload.encode()) == 64
    buttons = (
        Button("Rabat", payload=payload),
        Button("Casablanca", payload="/b"),
        Button("Fès", payload="/c"),
        Button("Une autre ville du Maroc", payload="/d"),
        Button("الموقع", url="https://mnc.example/ar"),
        Button("Agadir", payload="/e"),
    )
    await channel.send("5550001", Outbound("Où ?", buttons))
    (fields,) = emulator.list_calls("sendMessage")
    assert json.loads(fields["reply_markup"])["inline_keyboard"] == [
        [{"text": "Rabat", "callback_data": payload}, {"text": "Casablanca", "callback_data": "/b"}],
        [{"text": "Fès", "callback_data": "/c"}],
        [{"text": "Une autre ville du Maroc", "callback_data": "/d"}],
        [{"text": "الموقع", "url": "https://mnc.example/ar"}, {"text": "Agadir", "callback_data": "/e"}],
    ]


@pytest.mark.parametrize(
    ("status", "description", "parameters", "expected"),
    [
        (403, "Forbidden: bot was blocked by the user", {}, ("403", False, True, None)),
        (403, "Forbidden: user is deactivated", {}, ("403", False, True, None)),
        (400, "Bad Request: chat not found", {}, ("400", False, True, None)),
        (400, "Bad Request: BUTTON_URL_INVALID", {}, ("400", False, False, None)),
        (401, "Unauthorized", {}, ("401", False, False, None)),
        (404, "Not Found", {}, ("401", False, False, None)),
        (429, "Too Many Requests: retry after 7", {"retry_after": 7}, ("429", True, False, 7.0)),
        (500, "Internal Server Error", {}, ("network", True, False, None)),
        (502, "Bad Gateway", {}, ("network", True, False, None)),
    ],
)
async def test_send_errors(
    channel: TelegramChannel,
    emulator: TelegramEmulator,
    status: int,
    description: str,
    parameters: dict[str, Any],
    expected: tuple[str, bool, bool, float | None],
) -> None:
    """An error of Telegram says whether to retry, when, and whether the person blocked us; it is asked once only."""
    emulator.refuse_next("sendMessage", status, description, **parameters)
    with pytest.raises(SendError) as raised:
        await channel.send("5550001", Outbound("salam"))
    error = raised.value
    assert (error.code, error.retryable, error.blocked, error.retry_after_s) == expected
    assert TOKEN not in str(error)
    assert len(emulator.list_calls("sendMessage")) == 1


async def test_send_after_rate_limit(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """After a 429 the next message goes out at once: the waiting is the outbox's."""
    emulator.refuse_next("sendMessage", 429, "Too Many Requests: retry after 60", retry_after=60)
    with pytest.raises(SendError):
        await channel.send("5550001", Outbound("un"))
    async with asyncio.timeout(2):
        assert await channel.send("5550002", Outbound("deux")) == "1"


async def test_send_cut_off(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A long text whose second piece fails counts as not taken."""
    emulator.delay_s = 0.2
    sending = asyncio.create_task(channel.send("5550001", Outbound("a" * 5000)))
    await _until(lambda: emulator.list_calls("sendMessage"))
    emulator.refuse_next("sendMessage", 502, "Bad Gateway")
    with pytest.raises(SendError):
        await sending
    assert len(emulator.list_calls("sendMessage")) == 2


async def test_send_timeout(api_url: str, emulator: TelegramEmulator) -> None:
    """A server that does not answer in time may be tried again."""
    emulator.delay_s = 1
    async with _open(api_url, request_timeout_s=0.2) as channel:
        with pytest.raises(SendError) as raised:
            await channel.send("5550001", Outbound("salam"))
    assert (raised.value.code, raised.value.retryable) == ("timeout", True)


async def test_send_without_server(unused_tcp_port: int) -> None:
    """A server that is not there may be tried again."""
    async with _open(f"http://127.0.0.1:{unused_tcp_port}") as channel:
        with pytest.raises(SendError) as raised:
            await channel.send("5550001", Outbound("salam"))
    assert (raised.value.code, raised.value.retryable) == ("network", True)


async def test_send_to_no_chat(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """An address that is not a chat id is never tried."""
    with pytest.raises(SendError) as raised:
        await channel.send("whatsapp:+212600000001", Outbound("salam"))
    assert not raised.value.retryable
    assert emulator.calls == []


# --- acknowledging ----------------------------------------------------------------------------------------------------


async def test_acknowledge_text(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A text is acknowledged with typing only."""
    await channel.acknowledge(_inbound())
    assert [call.method for call in emulator.calls] == ["sendChatAction"]
    assert emulator.calls[0].fields == {"chat_id": "5550001", "action": "typing"}


async def test_acknowledge_press(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A pressed button loses its spinner, then typing shows."""
    await channel.acknowledge(_inbound(callback_query_id="4382"))
    assert [call.method for call in emulator.calls] == ["answerCallbackQuery", "sendChatAction"]
    assert emulator.calls[0].fields == {"callback_query_id": "4382"}


async def test_acknowledge_old_press(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A press that is too old to be answered raises nothing and still shows typing."""
    emulator.refuse_next("answerCallbackQuery", 400, "Bad Request: query is too old and response timeout expired")
    emulator.refuse_next("sendChatAction", 403, "Forbidden: bot was blocked by the user")
    await channel.acknowledge(_inbound(callback_query_id="4382"))
    assert [call.method for call in emulator.calls] == ["answerCallbackQuery", "sendChatAction"]


async def test_acknowledge_never_waits_long(
    channel: TelegramChannel, emulator: TelegramEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow server holds up no answer."""
    monkeypatch.setattr(telegram, "ACKNOWLEDGE_TIMEOUT_S", 0.1)
    emulator.delay_s = 1
    async with asyncio.timeout(0.8):
        await channel.acknowledge(_inbound())


# --- starting ---------------------------------------------------------------------------------------------------------


async def test_start_polling(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """The start checks the token, registers the commands per language and removes the webhook, keeping what waits."""
    await emulator.enqueue(load("text"))
    await channel.start(None)
    assert [call.method for call in emulator.calls] == ["getMe", *["setMyCommands"] * 3, "deleteWebhook"]
    menus = emulator.list_calls("setMyCommands")
    assert [fields.get("language_code") for fields in menus] == [None, "ar", "en"]
    assert json.loads(menus[1]["commands"]) == [
        {"command": command, "description": f"مساعدة: {command}"} for command in COMMANDS
    ]
    assert emulator.list_calls("deleteWebhook")[0].get("drop_pending_updates", "false") == "false"
    assert emulator.list_pending() == [load("text")["update_id"]]


async def test_start_webhook(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """With a public address the webhook is set under it, with the secret and only the updates that are read."""
    await channel.start("https://bot.example.ma/")
    (fields,) = emulator.list_calls("setWebhook")
    assert fields["url"] == "https://bot.example.ma/webhooks/telegram"
    assert fields["secret_token"] == SECRET
    assert json.loads(fields["allowed_updates"]) == ["message", "edited_message", "callback_query"]
    assert 1 <= int(fields["max_connections"]) <= 100
    assert emulator.list_calls("deleteWebhook") == []


async def test_start_with_a_wrong_token(api_url: str) -> None:
    """A token that Telegram does not know stops the start with a line that names the setting and not the token."""
    wrong = "424242:another-synthetic-token"
    async with _open(api_url, token=wrong) as channel:
        with pytest.raises(SettingsError, match="TELEGRAM_TOKEN") as raised:
            await channel.start(None)
    assert wrong not in str(raised.value)


async def test_start_with_a_refused_address(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """A webhook address that Telegram refuses stops the start with a line that names the setting."""
    emulator.refuse_next("setWebhook", 400, "Bad Request: bad webhook: IP address 10.0.0.1 is reserved")
    with pytest.raises(SettingsError, match=r"PUBLIC_URL.*reserved"):
        await channel.start("https://bot.example.ma")


@pytest.mark.parametrize("method", ["getMe", "setMyCommands", "setWebhook"])
async def test_start_while_telegram_is_down(channel: TelegramChannel, emulator: TelegramEmulator, method: str) -> None:
    """A start that Telegram's servers fail may be tried again, and then works."""
    emulator.refuse_next(method, 502, "Bad Gateway")
    with pytest.raises(SendError) as raised:
        await channel.start("https://bot.example.ma")
    assert raised.value.retryable
    await channel.start("https://bot.example.ma")


@pytest.mark.parametrize("description", [None, " ", "x" * 257])
def test_descriptions_are_checked(description: str | None) -> None:
    """A menu whose words are missing or too long is refused before anything is sent."""
    words = {language: dict(menu) for language, menu in DESCRIPTIONS.items()}
    if description is None:
        del words["ar"]["stop"]
    else:
        words["ar"]["stop"] = description
    with pytest.raises(ValueError, match=r"/stop in 'ar'"):
        TelegramChannel(TOKEN, SECRET, words)


# --- webhook ----------------------------------------------------------------------------------------------------------


def _request(headers: dict[str, str], body: bytes = b"{}") -> WebhookRequest:
    return WebhookRequest("https://bot.example.ma/webhooks/telegram", headers, body)


async def test_authenticate(channel: TelegramChannel) -> None:
    """The secret that was registered is let in."""
    channel.authenticate(_request({"x-telegram-bot-api-secret-token": SECRET}))


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET + "x", SECRET.upper(), "é", "\udcff"])
async def test_authenticate_refuses(channel: TelegramChannel, secret: str | None) -> None:
    """A call without the secret, or with another, is refused."""
    headers = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
    with pytest.raises(NotAuthentic):
        channel.authenticate(_request(headers))


def test_empty_secret_is_refused() -> None:
    """A channel whose secret would let everybody in cannot be made."""
    with pytest.raises(ValueError, match="secret is empty"):
        TelegramChannel(TOKEN, "", DESCRIPTIONS)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"{}", b'{"update_id": 1, "message": 1}', b"[" * 100_000])
async def test_parse_malformed(channel: TelegramChannel, body: bytes) -> None:
    """A body that is not an update is malformed, whatever is wrong with it."""
    with pytest.raises(MalformedInbound):
        channel.parse(_request({}, body))


async def test_webhook(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """Updates reach us by webhook with the secret; one that could not be stored is kept and comes again."""
    accepted: list[str] = []
    fails = [True]

    async def receive(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = WebhookRequest(str(request.url), headers, await request.read())
        channel.authenticate(call)
        inbounds = [inbound for inbound in channel.parse(call) if isinstance(inbound, Inbound)]
        if fails.pop() if fails else False:
            return web.Response(status=503)
        accepted.extend(inbound.text or str(inbound.payload) for inbound in inbounds)
        return web.Response()

    application = web.Application()
    application.router.add_post("/webhooks/telegram", receive)
    async with serve(application) as public_url:
        await channel.start(public_url)
        await emulator.enqueue(load("text"))
        assert (accepted, len(emulator.list_pending())) == ([], 1)
        await emulator.enqueue(load("callback_query"))
        await emulator.enqueue(load("group_message"))
    assert accepted == ["Bonjour, la formation est payante ?", '/incubator_search{"city": "Rabat"}']
    assert emulator.list_pending() == []


# --- polling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let polling try again at once."""
    monkeypatch.setattr(telegram, "_FIRST_PAUSE_S", 0.02)


async def test_poll(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """Updates are taken in order, those that wait and those that come, and each once."""
    accepted: list[str] = []

    async def accept(inbounds: list[Inbound]) -> None:
        accepted.extend(inbound.external_id for inbound in inbounds)

    waiting = [load(name) for name in ("text", "start", "edited_message")]
    for update in waiting:
        await emulator.enqueue(update)
    await channel.start(None)
    async with _polling(channel, accept):
        await _until(lambda: len(accepted) == 3)
        await emulator.enqueue(load("document"))
        await _until(lambda: len(accepted) == 4 and not emulator.list_pending())
    ids = [update["update_id"] for update in (*waiting, load("document"))]
    assert [external_id.split(":")[1] for external_id in accepted] == [str(number) for number in ids]
    assert {fields["allowed_updates"] for fields in emulator.list_calls("getUpdates")} == {
        '["message", "edited_message", "callback_query"]'
    }


async def test_poll_waits_for_the_whole_poll(
    api_url: str, emulator: TelegramEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A long poll may take longer than any other call, and its late update is no error."""
    accepted: list[Inbound] = []

    async def accept(inbounds: list[Inbound]) -> None:
        accepted.extend(inbounds)

    async with _open(api_url, request_timeout_s=0.1) as channel, _polling(channel, accept):
        await asyncio.sleep(0.5)
        await emulator.enqueue(load("text"))
        await _until(lambda: accepted)
    assert "cannot be polled" not in caplog.text


async def test_poll_confirms_after_the_commit(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """While a batch is being stored, nothing is asked of Telegram, so nothing is confirmed."""
    storing, stored = asyncio.Event(), asyncio.Event()

    async def accept(inbounds: list[Inbound]) -> None:
        storing.set()
        await stored.wait()

    update = load("text")
    await emulator.enqueue(update)
    async with _polling(channel, accept):
        await storing.wait()
        await asyncio.sleep(0.1)
        assert len(emulator.list_calls("getUpdates")) == 1
        assert emulator.list_pending() == [update["update_id"]]
        stored.set()
        await _until(lambda: not emulator.list_pending())
    assert emulator.list_calls("getUpdates")[-1]["offset"] == str(update["update_id"] + 1)


@pytest.mark.usefixtures("short_pauses")
async def test_poll_repeats_what_was_not_stored(
    channel: TelegramChannel, emulator: TelegramEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch that could not be stored is logged and comes again with the same ids."""
    batches: list[list[str]] = []

    async def accept(inbounds: list[Inbound]) -> None:
        batches.append([inbound.external_id for inbound in inbounds])
        if len(batches) < 3:
            raise OSError("the disk is full")

    await emulator.enqueue(load("text"))
    await emulator.enqueue(load("voice"))
    async with _polling(channel, accept):
        await _until(lambda: not emulator.list_pending())
    assert len(batches) == 3
    assert len(batches[0]) == 2
    assert batches[0] == batches[1] == batches[2]
    assert "could not be stored" in caplog.text


async def test_poll_skips_what_cannot_be_read(
    channel: TelegramChannel, emulator: TelegramEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """An update that cannot be read is logged and passed over, and those around it are taken."""
    accepted: list[str] = []

    async def accept(inbounds: list[Inbound]) -> None:
        accepted.extend(inbound.text for inbound in inbounds)

    for update in (
        load("text"),
        {"update_id": 811000900, "message": {"text": "no chat"}},
        load("text_forwarded") | {"update_id": 811000901},
    ):
        await emulator.enqueue(update)
    async with _polling(channel, accept):
        await _until(lambda: not emulator.list_pending())
    assert accepted == ["Bonjour, la formation est payante ?", "Session ouverte à Rabat"]
    assert "811000900" in caplog.text


async def test_poll_confirms_what_is_not_for_us(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """Updates that carry nothing for us are confirmed without a call of `accept`."""

    async def accept(inbounds: list[Inbound]) -> None:
        raise AssertionError("nothing is to be stored")

    await emulator.enqueue(load("group_message"))
    async with _polling(channel, accept):
        await _until(lambda: not emulator.list_pending())


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(
    ("status", "description", "log"),
    [
        (409, "Conflict: terminated by other getUpdates request", "another program polls this bot"),
        (502, "Bad Gateway", "cannot be polled"),
        (400, "Bad Request: strange", "cannot be polled"),
    ],
)
async def test_poll_outlives_errors(
    channel: TelegramChannel,
    emulator: TelegramEmulator,
    caplog: pytest.LogCaptureFixture,
    status: int,
    description: str,
    log: str,
) -> None:
    """An error of Telegram is logged in clear words, and polling goes on."""
    accepted: list[Inbound] = []

    async def accept(inbounds: list[Inbound]) -> None:
        accepted.extend(inbounds)

    emulator.refuse_next("getUpdates", status, description)
    emulator.refuse_next("getUpdates", status, description)
    await emulator.enqueue(load("text"))
    async with _polling(channel, accept):
        await _until(lambda: accepted)
    assert caplog.text.count(log) == 2


async def test_poll_waits_as_asked(channel: TelegramChannel, emulator: TelegramEmulator) -> None:
    """After a 429 polling waits for the time that Telegram asks."""
    accepted: list[Inbound] = []

    async def accept(inbounds: list[Inbound]) -> None:
        accepted.extend(inbounds)

    emulator.refuse_next("getUpdates", 429, "Too Many Requests: retry after 1", retry_after=1)
    await emulator.enqueue(load("text"))
    started = asyncio.get_running_loop().time()
    async with _polling(channel, accept):
        await _until(lambda: accepted)
    assert asyncio.get_running_loop().time() - started >= 1


async def test_polling_while_a_webhook_is_set(
    channel: TelegramChannel, emulator: TelegramEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Polling against a webhook says so instead of ending."""
    await channel.start("https://bot.example.ma")

    async def accept(inbounds: list[Inbound]) -> None:
        raise AssertionError("nothing can come")

    async with _polling(channel, accept):
        await _until(lambda: "a webhook is set" in caplog.text)


# --- logs -------------------------------------------------------------------------------------------------------------


async def test_logs_hide_the_secrets(
    channel: TelegramChannel, emulator: TelegramEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the token nor the webhook's secret is in any log line, at any level."""
    caplog.set_level(logging.DEBUG)
    await channel.start("https://bot.example.ma")
    emulator.refuse_next("sendMessage", 502, "Bad Gateway")
    with suppress(SendError):
        await channel.send("5550001", Outbound("salam"))
    assert "HTTP Request: POST" in caplog.text
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text
