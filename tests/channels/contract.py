"""What each channel brings to the contract test: its provider, and how that provider says the same things.

A new channel adds one class with the shape of `Terms` and its line in `CHANNELS`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from bot.app import whatsapp_words
from bot.channels.base import Channel, WebhookRequest
from bot.channels.telegram import COMMANDS, TelegramChannel
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp_templates import encode_payload
from tests.channels.telegram_emulator import TOKEN, TelegramEmulator, serve
from tests.channels.telegram_spec import BotApiSpec
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN, TwilioApi, open_twilio, refusal
from tests.specs import spec_path

PUBLIC_URL = "https://bot.example.ma"


class Terms(Protocol):
    """One channel at its provider.

    Attributes:
        channel: the channel.
        address: the address of the person who writes.
        malformed: bodies that the provider never sends.
    """

    channel: Channel
    address: str
    malformed: tuple[bytes, ...]

    def compose(self, kind: str, value: Any = None) -> bytes:
        """The provider's body for a ``text``, a ``press`` of a payload, a ``location`` (degrees) or a ``photo``."""

    def extend(self, body: bytes) -> bytes:
        """The same body with a field that nobody knows yet."""

    def sign(self, body: bytes) -> WebhookRequest:
        """The call as the provider makes it."""

    def forge(self, body: bytes) -> dict[str, WebhookRequest]:
        """Calls with that body that somebody else makes, by what is wrong with them."""

    def refuse(self, kind: str, wait_s: int = 0) -> None:
        """Let the next message be refused: the person ``blocked`` us, or we are too ``busy``."""

    def list_texts(self) -> list[str]:
        """The texts that the provider took, in order."""

    def list_choices(self) -> list[str]:
        """The titles of the choices under the last one, as buttons or as a numbered list."""

    def list_problems(self) -> list[str]:
        """What was wrong with our requests."""


class TelegramTerms:
    """Telegram, with the Bot API on loopback."""

    address = "5550001"
    malformed = (b"", b"{", b"\xff", b"[]", b"{}", b'{"update_id": 1, "message": 1}')

    _SECRET = "webhook_secret-of-the-contract"
    _HEADER = "x-telegram-bot-api-secret-token"

    def __init__(self, emulator: TelegramEmulator, api_url: str) -> None:
        descriptions = {language: dict.fromkeys(COMMANDS, "Aide") for language in ("fr", "ar", "en")}
        self.channel: Channel = TelegramChannel(TOKEN, self._SECRET, descriptions, api_url=api_url)
        self._emulator = emulator

    def compose(self, kind: str, value: Any = None) -> bytes:
        person = {"id": int(self.address), "is_bot": False, "first_name": "Salma"}
        chat = {"id": int(self.address), "first_name": "Salma", "type": "private"}
        message: dict[str, Any] = {"message_id": 5, "from": person, "chat": chat, "date": 1790000000}
        match kind:
            case "text":
                update = {"message": message | {"text": value}}
            case "press":
                shown = message | {"text": "Où ?", "from": {"id": 424242, "is_bot": True, "first_name": "Assistant"}}
                query = {"id": "4382", "from": person, "chat_instance": "-3", "data": value, "message": shown}
                update = {"callback_query": query}
            case "location":
                update = {"message": message | {"location": {"latitude": value[0], "longitude": value[1]}}}
            case _:
                size = {"file_id": "A", "file_unique_id": "B", "width": 90, "height": 67}
                update = {"message": message | {"photo": [size]}}
        return json.dumps({"update_id": 811000001} | update).encode()

    def extend(self, body: bytes) -> bytes:
        update = json.loads(body)
        content = update.get("message") or update["callback_query"]
        content["tomorrows_field"] = {"a": [1]}
        return json.dumps(update | {"tomorrows_field": "1"}).encode()

    def sign(self, body: bytes) -> WebhookRequest:
        return self._call({self._HEADER: self._SECRET}, body)

    def forge(self, body: bytes) -> dict[str, WebhookRequest]:
        return {
            "no secret": self._call({}, body),
            "another secret": self._call({self._HEADER: "webhook_secret-of-somebody"}, body),
            "a part of it": self._call({self._HEADER: self._SECRET[:-1]}, body),
        }

    def refuse(self, kind: str, wait_s: int = 0) -> None:
        if kind == "blocked":
            self._emulator.refuse_next("sendMessage", 403, "Forbidden: bot was blocked by the user")
        else:
            text = f"Too Many Requests: retry after {wait_s}"
            self._emulator.refuse_next("sendMessage", 429, text, retry_after=wait_s)

    def list_texts(self) -> list[str]:
        return [fields["text"] for fields in self._emulator.list_calls("sendMessage")]

    def list_choices(self) -> list[str]:
        markup = json.loads(self._emulator.list_calls("sendMessage")[-1]["reply_markup"])
        return [key["text"] for row in markup["inline_keyboard"] for key in row]

    def list_problems(self) -> list[str]:
        return self._emulator.problems

    def _call(self, headers: Mapping[str, str], body: bytes) -> WebhookRequest:
        return WebhookRequest(f"{PUBLIC_URL}/webhooks/telegram", headers, body)


class WhatsAppTerms:
    """WhatsApp, with Twilio in memory."""

    address = "whatsapp:+212600000001"
    malformed = (b"", b"{}", b"\xff=\xff", b"Body=bonjour", b"MessageSid=SM1&Body=bonjour&From=Salma")

    _URL = f"{PUBLIC_URL}/webhooks/whatsapp"
    _HEADER = "x-twilio-signature"

    def __init__(self) -> None:
        self._twilio: TwilioApi = open_twilio()
        self.channel: Channel = WhatsAppChannel(
            ACCOUNT_SID,
            AUTH_TOKEN,
            "whatsapp:+14155238886",
            PUBLIC_URL,
            whatsapp_words(),
            http_client=self._twilio.http_client(),
        )

    def compose(self, kind: str, value: Any = None) -> bytes:
        fields = {
            "MessageSid": "SM" + "0a" * 16,
            "AccountSid": ACCOUNT_SID,
            "From": self.address,
            "To": "whatsapp:+14155238886",
            "Body": "",
            "NumMedia": "0",
            "ProfileName": "Salma",
        }
        match kind:
            case "text":
                fields |= {"Body": value}
            case "press":
                fields |= {"Body": "Rabat", "ButtonText": "Rabat", "ButtonPayload": encode_payload(value)}
            case "location":
                fields |= {"Latitude": str(value[0]), "Longitude": str(value[1])}
            case _:
                fields |= {"NumMedia": "1", "MediaContentType0": "image/jpeg", "MediaUrl0": "https://example.org/1"}
        return urlencode(fields).encode()

    def extend(self, body: bytes) -> bytes:
        return body + b"&TomorrowsField=1"

    def sign(self, body: bytes) -> WebhookRequest:
        return self._call(body, AUTH_TOKEN, self._URL)

    def forge(self, body: bytes) -> dict[str, WebhookRequest]:
        genuine = self.sign(body)
        return {
            "no signature": WebhookRequest(self._URL, {}, body),
            "another token": self._call(body, "0" * 32, self._URL),
            "another address": self._call(body, AUTH_TOKEN, self._URL.replace("https", "http")),
            "a changed body": WebhookRequest(self._URL, genuine.headers, body + b"&Body=x"),
        }

    def refuse(self, kind: str, wait_s: int = 0) -> None:
        if kind == "blocked":
            self._twilio.answers.append(refusal(400, 21610, "Attempt to send to unsubscribed recipient"))
        else:
            self._twilio.answers.append(refusal(429, 20429, "Too many requests", Retry_After=str(wait_s)))

    def list_texts(self) -> list[str]:
        return [message["Body"] for message in self._twilio.messages]

    def list_choices(self) -> list[str]:
        numbered = [line.partition(". ") for line in self.list_texts()[-1].splitlines()]
        return [title for number, _, title in numbered if number.isdigit()]

    def list_problems(self) -> list[str]:
        return []  # the checker raises

    def _call(self, body: bytes, token: str, url: str) -> WebhookRequest:
        fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return WebhookRequest(self._URL, {self._HEADER: RequestValidator(token).compute_signature(url, fields)}, body)


@asynccontextmanager
async def _open_telegram() -> AsyncIterator[Terms]:
    emulator = TelegramEmulator(BotApiSpec(spec_path("telegram-bot-api.json")))
    async with serve(emulator.app()) as api_url:
        terms = TelegramTerms(emulator, api_url)
        yield terms
        await terms.channel.aclose()


@asynccontextmanager
async def _open_whatsapp() -> AsyncIterator[Terms]:
    terms = WhatsAppTerms()
    yield terms
    await terms.channel.aclose()


CHANNELS: dict[str, Callable[[], AbstractAsyncContextManager[Terms]]] = {
    "telegram": _open_telegram,
    "whatsapp": _open_whatsapp,
}
