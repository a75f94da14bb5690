"""Telegram, through python-telegram-bot's `ExtBot`: its requests, its types and its rate limiter.

Its `Application` and `Updater` are left aside, because they acknowledge an update before it is stored.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from telegram import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
)
from telegram.constants import ChatAction, MessageLimit
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from bot.channels.base import Channel, DeliveryReport, WebhookRequest
from bot.channels.fitting import split_text
from bot.channels.telegram_updates import ALLOWED_UPDATES, read_update
from bot.errors import MalformedInbound, NotAuthentic, SendError, SettingsError
from bot.messages import Button, Inbound, Outbound

#: The commands in Telegram's menu. Their other spellings work too, see `telegram_updates.COMMAND_PAYLOADS`.
COMMANDS = ("start", "help", "langue", "stop", "mesdonnees")
#: The languages of the menu, and the code that Telegram knows each by; None is what everybody else sees.
COMMAND_LANGUAGES: Mapping[str, str | None] = {"fr": None, "ar": "ar", "en": "en"}
#: BotCommand.description holds 1 to 256 characters.
DESCRIPTION_LIMIT_CHARS = 256

#: Two titles of this length stand side by side on a narrow phone without being cut.
SHORT_TITLE_CHARS = 18
#: setWebhook.max_connections. Accepting is one INSERT, and SQLite writes one at a time: more would only queue.
MAX_CONNECTIONS = 10
#: Typing is a courtesy: it must never hold up an answer, not even when the rate limiter is busy.
ACKNOWLEDGE_TIMEOUT_S = 5.0
_SECRET_HEADER = "x-telegram-bot-api-secret-token"
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0

_logger = logging.getLogger(__name__)


class TelegramChannel(Channel):
    """The Telegram channel (https://core.telegram.org/bots/api).

    Args:
        token: the bot's token, as BotFather gives it.
        webhook_secret: 1 to 256 characters of A-Z a-z 0-9 _ -; Telegram repeats it on every webhook call.
        command_descriptions: for ``fr``, ``ar`` and ``en``, what each of `COMMANDS` does, in 1 to 256 characters.
        api_url: base address of the Bot API server.
        poll_timeout_s: how long one getUpdates waits for an update; Telegram's servers allow up to 50.
        request_timeout_s: how long any other call may take to answer.

    Raises:
        ValueError: the webhook secret is empty, or a description is missing, empty or too long.
    """

    name = "telegram"
    text_limit_chars = int(MessageLimit.MAX_TEXT_LENGTH)
    shows_buttons = True

    def __init__(
        self,
        token: str,
        webhook_secret: str,
        command_descriptions: Mapping[str, Mapping[str, str]],
        *,
        api_url: str = "https://api.telegram.org",
        poll_timeout_s: int = 30,
        request_timeout_s: float = 15.0,
    ) -> None:
        """Prepare everything; nothing is sent before `start`."""
        if not webhook_secret:
            raise ValueError("the webhook secret is empty: any call without the header would be let in")
        self._commands = {language: _commands(command_descriptions, language) for language in COMMAND_LANGUAGES}
        self._webhook_secret = webhook_secret
        self._poll_timeout_s = poll_timeout_s
        self._bot_id = token.partition(":")[0]
        self._redaction = _Redaction(token, webhook_secret)
        for logger in _TELLTALE_LOGGERS:
            logger.addFilter(self._redaction)
        self._requests = (_request(32, request_timeout_s), _request(1, request_timeout_s))
        self._bot = _Bot(
            token,
            base_url=f"{api_url.rstrip('/')}/bot",
            request=self._requests[0],
            get_updates_request=self._requests[1],
            # No retries of its own: the outbox waits for what a 429 asks, so the library must not wait as well.
            rate_limiter=AIORateLimiter(max_retries=0),
        )

    def authenticate(self, request: WebhookRequest) -> None:
        """Compare the secret token that setWebhook registered, in constant time.

        Raises:
            NotAuthentic: the header is missing or wrong.
        """
        given = request.headers.get(_SECRET_HEADER, "")
        # Bytes, because compare_digest refuses text that is not ASCII with an error of its own.
        if not hmac.compare_digest(given.encode(errors="replace"), self._webhook_secret.encode()):
            raise NotAuthentic("the secret token of Telegram's webhook is missing or wrong")

    def parse(self, request: WebhookRequest) -> list[Inbound | DeliveryReport]:
        """Read the one update of a webhook call; Telegram sends no delivery reports.

        Raises:
            MalformedInbound: the body is not an update.
        """
        try:
            data = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise MalformedInbound(f"the body is not JSON: {error}") from error
        return [*read_update(data, self._bot_id)]

    async def send(self, address: str, message: Outbound) -> str:
        """Send one message (sendMessage), in several pieces when it is long; the buttons are under the last one.

        Args:
            address: the chat id, as `Inbound.sender` has it.
            message: what to say; as plain text, so that nothing in it can be taken for markup.

        Returns:
            The message ids of the pieces, joined by commas.

        Raises:
            SendError: Telegram did not take it. After a piece in the middle failed, the whole counts as not taken, so a
                retry repeats the first pieces: a doubled paragraph is better than a lost one.
        """
        try:
            chat_id = int(address)
        except ValueError:
            raise SendError(f"not a Telegram chat id: {address!r}", code="address", retryable=False) from None
        ids = []
        for piece, keyboard in lay_out(message):
            try:
                sent = await self._bot.send_message(
                    chat_id,
                    piece,
                    reply_markup=keyboard,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
            except TelegramError as error:
                raise _send_error(error) from error
            ids.append(str(sent.message_id))
        return ",".join(ids)

    async def acknowledge(self, inbound: Inbound) -> None:
        """End the spinner of a pressed button (answerCallbackQuery) and show "typing" (sendChatAction)."""
        query_id = inbound.profile.get("callback_query_id")
        try:
            async with asyncio.timeout(ACKNOWLEDGE_TIMEOUT_S):
                if query_id is not None:
                    await self._end_spinner(query_id)
                await self._bot.send_chat_action(int(inbound.sender), ChatAction.TYPING)
        except (TelegramError, TimeoutError, ValueError) as error:
            _logger.info("could not show typing for %s: %s", inbound.external_id, error)

    async def _end_spinner(self, query_id: str) -> None:
        try:
            await self._bot.answer_callback_query(query_id)
        except TelegramError as error:
            # Usually "query is too old": the button was pressed while we were away. Typing can still be shown.
            _logger.info("could not answer a button press: %s", error)

    async def start(self, public_url: str | None) -> None:
        """Check the token, register the commands, and choose between webhook and polling.

        Args:
            public_url: scheme and host where Telegram reaches us, for a webhook at ``/webhooks/telegram``; None to
                remove the webhook, so that `poll` may be used. Updates that wait at Telegram are kept in both cases.

        Raises:
            SettingsError: Telegram refuses the token or the webhook's address.
            SendError: Telegram cannot be reached or answers with an error; `retryable` says whether to try later.
        """
        try:
            await self._bot.initialize()
        except InvalidToken as error:
            # The library's own text holds the token.
            raise SettingsError(
                "TELEGRAM_TOKEN: Telegram does not know this token; BotFather shows the right one"
            ) from error
        except TelegramError as error:
            raise _send_error(error) from error
        try:
            for language, commands in self._commands.items():
                await self._bot.set_my_commands(commands, language_code=COMMAND_LANGUAGES[language])
            if public_url is None:
                await self._bot.delete_webhook(drop_pending_updates=False)
            else:
                await self._set_webhook(f"{public_url.rstrip('/')}/webhooks/{self.name}")
        except TelegramError as error:
            raise _send_error(error) from error
        _logger.info("Telegram bot @%s is ready: %s", self._bot.username, "webhook" if public_url else "polling")

    async def _set_webhook(self, url: str) -> None:
        try:
            await self._bot.set_webhook(
                url,
                secret_token=self._webhook_secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=MAX_CONNECTIONS,
                drop_pending_updates=False,
            )
        except BadRequest as error:
            raise SettingsError(f"PUBLIC_URL: Telegram refuses {url} as a webhook: {error}") from error

    async def poll(self, accept: Callable[[list[Inbound]], Awaitable[None]]) -> None:
        """Take updates by long polling (getUpdates) until cancelled.

        An update is confirmed to Telegram by the next call, whose offset is asked for only after `accept` returned; so
        a crash or an error of `accept` brings the same updates again, under the same external ids.

        Args:
            accept: stores the messages of one batch, in order, and returns once they are committed.
        """
        offset: int | None = None
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                updates = await self._bot.get_raw_updates(offset, self._poll_timeout_s)
                inbounds = self._read_batch(updates)
                if inbounds:
                    await accept(inbounds)
                if updates:
                    offset = _next_offset(updates)
                pause_s = _FIRST_PAUSE_S
                continue
            except RetryAfter as error:
                wait_s = _retry_after_s(error)
                _logger.warning("Telegram asks to poll again in %.0f s only", wait_s)
            except Conflict as error:
                wait_s = pause_s
                _logger.error(
                    "Telegram refuses polling, because another program polls this bot or a webhook is set; "
                    "stop the other one. Trying again in %.0f s (%s)",
                    wait_s,
                    error,
                )
            except InvalidToken:
                wait_s = _LONGEST_PAUSE_S
                _logger.error("Telegram no longer knows TELEGRAM_TOKEN; trying again in %.0f s", wait_s)
            except TelegramError as error:
                wait_s = pause_s
                _logger.warning("Telegram cannot be polled; trying again in %.0f s: %s", wait_s, error)
            except Exception:  # whatever `accept` raised: the updates stay at Telegram, and polling must outlive it
                wait_s = pause_s
                _logger.exception("Telegram's updates could not be stored; asking for them again in %.0f s", wait_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(wait_s)

    def _read_batch(self, updates: Sequence[object]) -> list[Inbound]:
        inbounds = []
        for data in updates:
            try:
                inbounds += read_update(data, self._bot_id)
            except MalformedInbound:
                # Left in the queue it would come back for ever and hold up everybody behind it.
                _logger.exception("skipping an update of Telegram's that cannot be read")
        return inbounds

    async def aclose(self) -> None:
        """Close the connections; may be called twice, and without `start`."""
        await self._bot.shutdown()
        for request in self._requests:
            await request.shutdown()
        for logger in _TELLTALE_LOGGERS:
            logger.removeFilter(self._redaction)


class _Bot(ExtBot[int]):
    """The library's bot, with updates as they came.

    `Bot.get_updates` reads all updates of a batch at once and raises when one of them is odd, so that one update would
    block the queue for ever; `Bot.do_api_request` warns at every call.
    """

    async def get_raw_updates(self, offset: int | None, timeout_s: int) -> list[Any]:
        """Call getUpdates and return the decoded updates; TelegramError as for every call."""
        result = await self._post(
            "getUpdates",
            {"offset": offset, "timeout": timeout_s, "allowed_updates": ALLOWED_UPDATES},
            # The answer may come at the very end of the long poll; the rest is for the network.
            read_timeout=timeout_s + 10,
        )
        if not isinstance(result, list):
            raise TelegramError(f"getUpdates answered {type(result).__name__} instead of a list")
        return result


class _Redaction(logging.Filter):
    """Takes the token and the webhook's secret out of log lines: httpx logs each address, which holds the token."""

    def __init__(self, *secrets: str) -> None:
        super().__init__()
        self._secrets = tuple(filter(None, secrets))

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the secrets replaced."""
        text = record.getMessage()
        if any(secret in text for secret in self._secrets):
            for secret in self._secrets:
                text = text.replace(secret, "…")
            record.msg, record.args = text, ()
        return True


_TELLTALE_LOGGERS = (logging.getLogger("httpx"), logging.getLogger("telegram.ext.ExtBot"))


def _request(connections: int, timeout_s: float) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        read_timeout=timeout_s,
        write_timeout=timeout_s,
        connect_timeout=timeout_s,
        pool_timeout=timeout_s,
    )


def _commands(descriptions: Mapping[str, Mapping[str, str]], language: str) -> list[BotCommand]:
    commands = []
    for command in COMMANDS:
        description = descriptions.get(language, {}).get(command, "").strip()
        if not 1 <= len(description) <= DESCRIPTION_LIMIT_CHARS:
            raise ValueError(
                f"the description of /{command} in {language!r} must have 1 to {DESCRIPTION_LIMIT_CHARS} characters"
            )
        commands.append(BotCommand(command, description))
    return commands


def lay_out(message: Outbound) -> list[tuple[str, InlineKeyboardMarkup | ReplyKeyboardMarkup | None]]:
    """The pieces of an answer in order, each with the keyboard under it: only the last one has buttons."""
    *pieces, last = split_text(message.text, int(MessageLimit.MAX_TEXT_LENGTH))
    return [*((piece, None) for piece in pieces), (last, _keyboard(message.buttons))]


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | None:
    """Buttons in rows: two short titles side by side, a long one alone."""
    shared = [button for button in buttons if button.share is not None]
    if shared:
        # Only the keyboard in place of the phone's own can ask for the number (KeyboardButton.request_contact).
        keys = [[KeyboardButton(button.title, request_contact=True)] for button in shared]
        return ReplyKeyboardMarkup(keys, resize_keyboard=True, one_time_keyboard=True)
    rows: list[list[InlineKeyboardButton]] = []
    room = False
    for button in buttons:
        key = InlineKeyboardButton(button.title, callback_data=button.payload, url=button.url)
        short = len(button.title) <= SHORT_TITLE_CHARS
        if short and room:
            rows[-1].append(key)
            room = False
        else:
            rows.append([key])
            room = short
    return InlineKeyboardMarkup(rows) if rows else None


def _next_offset(updates: Sequence[Any]) -> int:
    ids = [data["update_id"] for data in updates if isinstance(data, dict) and type(data.get("update_id")) is int]
    if not ids:
        raise TelegramError("getUpdates answered updates without an update_id")
    return int(max(ids)) + 1


def _retry_after_s(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _send_error(error: TelegramError) -> SendError:
    """What an error of the library means for the outbox (https://core.telegram.org/bots/api#making-requests)."""
    text = str(error)
    match error:
        case RetryAfter():
            return SendError(text, code="429", retryable=True, retry_after_s=_retry_after_s(error), busy=True)
        case Forbidden():
            return SendError(text, code="403", retryable=False, blocked=True)
        case InvalidToken():
            return SendError(
                "Telegram does not accept TELEGRAM_TOKEN (revoked, or of another server)", code="401", retryable=False
            )
        case BadRequest():
            # "Chat not found": the person deleted the account, or never wrote to this bot.
            return SendError(text, code="400", retryable=False, blocked="chat not found" in text.lower())
        case TimedOut():
            # It may have arrived all the same; a doubled answer is better than none.
            return SendError(text, code="timeout", retryable=True)
        case NetworkError():
            return SendError(text, code="network", retryable=True)
        case _:
            return SendError(text, code=type(error).__name__, retryable=isinstance(error, Conflict))
