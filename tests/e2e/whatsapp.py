"""WhatsApp as people and the app see it: Twilio's API, checked by its specs, and who chats with the bot."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx
from requests import PreparedRequest, Response
from running import RunningApp
from twilio.request_validator import RequestValidator

from bot.app import whatsapp_words
from bot.channels.whatsapp import WhatsAppChannel
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN, TwilioApi
from tests.specs import spec_path

PUBLIC_URL = "https://bot.example.ma"
WEBHOOK = "/webhooks/whatsapp"
OURS = "whatsapp:+14155238886"
_numbers = itertools.count(212_600_100_000)
_sids = itertools.count(1)


class Twilio(TwilioApi):
    """Keeps what was wrong with a request, since the app treats it as any failure to send."""

    def __init__(self) -> None:
        super().__init__(spec_path("twilio_api_v2010.json"), spec_path("twilio_content_v1.json"))
        self.problems: list[str] = []

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        try:
            return super().send(request, *args, **kwargs)
        except AssertionError as error:
            self.problems.append(str(error))
            raise


class Person:
    """Somebody with WhatsApp on their phone."""

    def __init__(self, app: RunningApp, twilio: TwilioApi) -> None:
        self._number = next(_numbers)
        self._url = f"{app.base_url}{WEBHOOK}"
        self._twilio = twilio

    @property
    def address(self) -> str:
        """How Twilio names them."""
        return f"whatsapp:+{self._number}"

    def compose(self, text: str, **fields: str) -> dict[str, str]:
        """A message as Twilio posts it (https://www.twilio.com/docs/messaging/guides/webhook-request)."""
        sid = f"SM{next(_sids):032x}"
        return {
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "ProfileName": "Youssef",
            "MessageType": "text",
            "SmsSid": sid,
            "WaId": str(self._number),
            "SmsStatus": "received",
            "Body": text,
            "To": OURS,
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": ACCOUNT_SID,
            "From": self.address,
            "ApiVersion": "2010-04-01",
            **fields,
        }

    def post(self, fields: dict[str, str], *, token: str = AUTH_TOKEN, signed: dict[str, str] | None = None) -> int:
        """Post what Twilio would, signed as it does; the status of the answer."""
        signature = RequestValidator(token).compute_signature(f"{PUBLIC_URL}{WEBHOOK}", signed or fields)
        headers = {"X-Twilio-Signature": signature}
        return httpx.post(self._url, data=fields, headers=headers, timeout=20).status_code

    def write(self, text: str, **fields: str) -> None:
        """Write a message."""
        assert self.post(self.compose(text, **fields)) == 200

    def received(self) -> list[dict[str, Any]]:
        """What reached the phone."""
        return [message for message in self._twilio.messages if message["To"] == self.address]

    @property
    def number(self) -> str:
        """Their number in E.164."""
        return f"+{self._number}"


def make_channel(twilio: Twilio) -> WhatsAppChannel:
    """The product's channel, talking to this Twilio."""
    return WhatsAppChannel(
        ACCOUNT_SID, AUTH_TOKEN, OURS, PUBLIC_URL, whatsapp_words(), http_client=twilio.http_client()
    )


def list_choices(text: str) -> list[str]:
    """The titles of a numbered list, in order."""
    found = re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [title for _, title in found]
