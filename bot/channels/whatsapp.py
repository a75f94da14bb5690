"""WhatsApp through Twilio's Programmable Messaging.

In: one webhook, ``/webhooks/whatsapp``, takes both messages and status callbacks and tells them apart by their fields
(https://www.twilio.com/docs/messaging/guides/webhook-request, …/guides/outbound-message-status-in-status-callbacks).
Out: the Messages resource (https://www.twilio.com/docs/messaging/api/message-resource).
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import threading
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from bot.channels.base import DeliveryReport, WebhookRequest
from bot.channels.whatsapp_layout import TEXT_LIMIT, lay_out
from bot.channels.whatsapp_templates import ChoiceWords, decode_payload, fit_variable
from bot.clock import utc_now
from bot.errors import MalformedInbound, NotAuthentic, SendError
from bot.messages import DEFAULT_VARIETY, TEXT_LIMIT_CHARS, Attachment, Inbound, Outbound

_log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"whatsapp:\+[0-9]{5,15}")
#: Twilio sends some thirty fields; the limit only keeps a hostile body from costing anything.
_FIELD_LIMIT = 500
_NAME_LIMIT_CHARS = 100
_MEDIA_LIMIT = 10
_TIMEOUT_S = 15.0

#: MessageStatus to what the log keeps; queued, accepted, sending … say nothing new, and later additions are ignored.
_STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "undelivered": "failed"}

#: The person does not take our messages: opted out at Twilio (21610), blocked us on WhatsApp (63014). The latter is
#: known only later, from a status callback, where it is the error of the `DeliveryReport`.
BLOCKED_CODES = frozenset({"21610", "63014"})
#: Too fast for the account (20429), the sender's queue (21611, 30001) or WhatsApp (63018): later it may pass.
_BUSY_CODES = frozenset({"20429", "21611", "30001", "63018"})
#: A template's SID or variables were refused: the answer itself can still be sent, as text.
_TEMPLATE_CODES = frozenset({"21655", "21656", "92007"})
#: In our words, where Twilio's leave open what to do (https://www.twilio.com/docs/api/errors).
_EXPLANATIONS = {
    "20003": "Twilio refuses the account: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    "21211": "the number is not valid",
    "21610": "the person has opted out of our messages",
    "21614": "the number cannot take messages",
    "63003": "the number is not on WhatsApp",
    "63007": "WHATSAPP_FROM is not a WhatsApp sender of this Twilio account",
    "63014": "the person has blocked our number",
    "63016": "more than 24 hours since the person last wrote: WhatsApp takes only an approved template now",
    "63024": "WhatsApp does not accept this recipient",
}


class WhatsAppChannel:
    """WhatsApp, as `bot.channels.base.Channel` wants it.

    `shows_buttons` is False although some messages do carry buttons: whether one does depends on its templates, and
    "2" has to mean the second choice whenever there may have been a numbered list.
    """

    name = "whatsapp"
    text_limit_chars = TEXT_LIMIT
    shows_buttons = False

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        from_number: str,
        public_url: str,
        words: Mapping[str, ChoiceWords],
        *,
        templates: Mapping[str, str] | None = None,
        http_client: HttpClient | None = None,
    ) -> None:
        """Prepare everything; nothing is sent and nothing connects.

        Args:
            account_sid: ``AC…``, as Twilio's console shows it.
            auth_token: the account's token; it signs the webhooks as well.
            from_number: our sender, ``whatsapp:+…``.
            public_url: scheme and host under which Twilio reaches us, without a path.
            words: what stands around choices, by variety; the default variety has to be there.
            templates: Content SIDs by name (`bot.channels.whatsapp_templates.create_templates`); none means numbered
                lists only.
            http_client: Twilio's own seam for the transport, for tests.
        """
        self._from_number = from_number
        self._status_callback = f"{public_url.rstrip('/')}/webhooks/{self.name}"
        self._words = words
        self._templates = dict(templates or {})
        self._validator = RequestValidator(auth_token)  # type: ignore[no-untyped-call]
        self._transport = http_client if http_client is not None else _open_transport()
        self._http = _RetryAfterKeeper(self._transport)
        # The synchronous client, in threads. The library's asynchronous one (9.13) drops the timeout that it is given,
        # sends the Content API's JSON as a form, and cannot be built outside a running loop. The price is one thread
        # for the length of each request, and the outbox limits how many there are.
        self._client = Client(account_sid, auth_token, http_client=self._http)  # type: ignore[no-untyped-call]

    async def start(self) -> None:
        """Nothing to do: Twilio keeps the webhook's address in its console."""

    def authenticate(self, request: WebhookRequest) -> None:
        """Check ``X-Twilio-Signature`` over the public URL and every field, whichever fields Twilio sends.

        The comparison is the library's own, in constant time (https://www.twilio.com/docs/usage/webhooks/webhooks-security).

        Raises:
            NotAuthentic: it is missing or wrong.
        """
        signature = request.headers.get("x-twilio-signature", "")
        try:
            form = _Form.read(request.body)
        except MalformedInbound:
            raise NotAuthentic("not a form, so not signed by Twilio") from None
        if not self._validator.validate(request.url, form, signature):  # type: ignore[no-untyped-call]
            raise NotAuthentic("X-Twilio-Signature is missing or wrong; is PUBLIC_URL the address that Twilio calls?")

    def parse(self, request: WebhookRequest) -> list[Inbound | DeliveryReport]:
        """Read a message or a status callback; a status that tells nothing new gives an empty list.

        Raises:
            MalformedInbound: not a form, or without MessageSid or a sender of the form ``whatsapp:+…``.
        """
        form = _Form.read(request.body)
        message_sid = form.first("MessageSid")
        if not message_sid:
            raise MalformedInbound("MessageSid is missing")
        # A message has SmsStatus=received; only status callbacks have MessageStatus.
        status = form.first("MessageStatus")
        if status:
            return _read_report(form, message_sid, status)
        return [self._read_message(form, message_sid)]

    def _read_message(self, form: _Form, message_sid: str) -> Inbound:
        sender = form.first("From")
        if not _ADDRESS.fullmatch(sender):
            raise MalformedInbound("From is not a WhatsApp number")
        if form.first("To") not in ("", self._from_number):
            _log.warning("a message came for another sender than WHATSAPP_FROM; the answer will leave from the latter")
        # A pressed button or list item comes with its title as Body; take the title where Body is left empty.
        text = _clean(form.first("Body") or form.first("ButtonText") or form.first("ListTitle"))
        identifier = form.first("ButtonPayload") or form.first("ListId")
        payload = decode_payload(identifier) if identifier else None
        attachments = _read_attachments(form)
        if not (text or payload or attachments):
            # Polls, reactions and whatever WhatsApp adds next arrive without content; the person still gets an answer.
            attachments = (Attachment("other"),)
        profile = {"name": _clean(form.first("ProfileName"))[:_NAME_LIMIT_CHARS], "wa_id": form.first("WaId")}
        return Inbound(
            channel=self.name,
            sender=sender,
            external_id=message_sid,
            text=text[:TEXT_LIMIT_CHARS],
            received_at=utc_now(),
            payload=payload,
            attachments=attachments,
            profile={key: value for key, value in profile.items() if value},
        )

    async def send(self, address: str, message: Outbound) -> str:
        """Send one answer as as many messages as it needs, in order; return their SIDs joined by commas.

        Choices are buttons or a list where a template fits them, else a numbered list that no cut divides. Links are
        always lines of text: a template would have to hold their domain. WhatsApp usually, but not always, shows
        messages in the order in which they were accepted.

        Raises:
            SendError: Twilio did not take all of it. After a retry the person may see its first part twice.
        """
        if not _ADDRESS.fullmatch(address):
            raise SendError(f"{address!r} is not a WhatsApp number", code="address", retryable=False)
        words = self._words.get(message.variety) or self._words[DEFAULT_VARIETY]
        if message.template is not None:
            # An approved template with one variable, which takes one line.
            line = fit_variable(message.text)
            variables = json.dumps({"1": line}, ensure_ascii=False)
            return await self._post(address, content_sid=message.template, content_variables=variables)
        layout = lay_out(message, words, self._templates)
        sids = [await self._post(address, body=piece) for piece in layout.pieces]
        if layout.template is not None:
            variables = layout.template.fill(layout.over)
            try:
                sids.append(await self._post(address, content_sid=layout.template.sid, content_variables=variables))
            except SendError as error:
                if error.code not in _TEMPLATE_CODES:
                    raise
                # A template that was deleted, or that Twilio reads otherwise than we do, must not cost the answer.
                _log.warning("template %s refused (%s), sending a numbered list", layout.template.sid, error)
                for piece in layout.instead:
                    sids.append(await self._post(address, body=piece))
        if not sids:
            raise SendError("nothing to send: neither text nor buttons", code="empty", retryable=False)
        return ",".join(sids)

    async def _post(self, address: str, **content: str) -> str:
        return await asyncio.to_thread(self._create, address, content)

    def _create(self, address: str, content: Mapping[str, str]) -> str:
        try:
            message = self._client.messages.create(
                to=address, from_=self._from_number, status_callback=self._status_callback, **content
            )
        except (TwilioRestException, TwilioServiceException) as error:
            raise _read_refusal(error, self._http.retry_after_s) from error
        except OSError as error:
            # requests' errors are OSErrors. After a timeout Twilio may have taken the message: better twice than never.
            raise SendError(f"Twilio cannot be reached: {error}", code="network", retryable=True) from error
        except ValueError as error:
            raise SendError("Twilio's answer cannot be read", code="unreadable", retryable=True) from error
        return str(message.sid)

    async def acknowledge(self, inbound: Inbound) -> None:
        """Do nothing: a WhatsApp button has no spinner to end.

        Twilio's typing indicator (POST /v2/Indicators/Typing.json) is a public beta whose terms may change, and the API
        descriptions that our requests are checked against (specs/) do not have it.
        """

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        session = getattr(self._transport, "session", None)
        if session is not None:
            await asyncio.to_thread(session.close)


class _Form(dict[str, list[str]]):
    """The fields of a form, each with all its values; `getlist` is what Twilio's RequestValidator looks for."""

    @classmethod
    def read(cls, body: bytes) -> _Form:
        """Decode strictly: replacement characters would let two different bodies carry one signature.

        Raises:
            MalformedInbound: not UTF-8, or more fields than Twilio ever sends.
        """
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELD_LIMIT
            )
        except ValueError:
            raise MalformedInbound("the body is not a form in UTF-8") from None
        form = cls()
        for name, value in pairs:
            form.setdefault(name, []).append(value)
        return form

    def getlist(self, name: str) -> list[str]:
        return self[name]

    def first(self, name: str) -> str:
        return self.get(name, [""])[0].strip()


def _open_transport() -> TwilioHttpClient:
    # At INFO the library writes ten lines for every request, headers included.
    logger = logging.getLogger(f"{__name__}.transport")
    logger.setLevel(logging.WARNING)
    return TwilioHttpClient(timeout=_TIMEOUT_S, logger=logger)


class _RetryAfterKeeper(HttpClient):
    """A transport that remembers the last answer's Retry-After, which the library's exceptions leave out.

    Per thread, because requests run side by side in threads.
    """

    def __init__(self, transport: HttpClient) -> None:
        super().__init__(_log, False, None)
        self._transport = transport
        self._last = threading.local()

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the last answer in this thread asked to wait."""
        value: float | None = getattr(self._last, "retry_after_s", None)
        return value

    def request(self, *args: Any, **kwargs: Any) -> Response:
        response = self._transport.request(*args, **kwargs)
        self._last.retry_after_s = _read_retry_after(response.headers)
        return response


def _read_retry_after(headers: Mapping[str, str] | None) -> float | None:
    value = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    # A date without a zone is read as UTC, as HTTP dates are.
    wait_s = (at if at.tzinfo else at.replace(tzinfo=UTC)) - utc_now()
    return max(0.0, wait_s.total_seconds())


def _read_refusal(error: TwilioRestException | TwilioServiceException, retry_after_s: float | None) -> SendError:
    code = str(error.code or error.status)
    theirs = error.msg if isinstance(error, TwilioRestException) else f"{error.title} {error.detail or ''}".strip()
    retryable = error.status in (408, 429) or error.status >= 500 or code in _BUSY_CODES
    return SendError(
        f"Twilio {code}: {_EXPLANATIONS.get(code, theirs)}",
        code=code,
        retryable=retryable,
        retry_after_s=retry_after_s if retryable else None,
        blocked=code in BLOCKED_CODES,
        busy=error.status == 429 or code in _BUSY_CODES,
    )


def _read_report(form: _Form, message_sid: str, status: str) -> list[Inbound | DeliveryReport]:
    state = _STATES.get(status)
    if state is None:
        return []
    error = form.first("ErrorCode") or status if state == "failed" else None
    return [DeliveryReport(message_sid, state, error, utc_now(), blocked=error in BLOCKED_CODES)]


def _read_attachments(form: _Form) -> tuple[Attachment, ...]:
    """Media by their content type alone: nothing is fetched, so a shared contact has neither name nor number."""
    count = form.first("NumMedia") or "0"
    if not (count.isascii() and count.isdigit()):
        raise MalformedInbound("NumMedia is not a number")
    media = [
        Attachment(_name_kind(form.first(f"MediaContentType{position}")))
        for position in range(min(int(count[:9]), _MEDIA_LIMIT))
    ]
    latitude, longitude = form.first("Latitude"), form.first("Longitude")
    if latitude and longitude:
        place = {"latitude": _read_degrees(latitude, 90), "longitude": _read_degrees(longitude, 180)}
        media.append(Attachment("location", place))
    return tuple(media)


def _read_degrees(text: str, limit: float) -> float:
    try:
        degrees = float(text)
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= limit:
        raise MalformedInbound("Latitude and Longitude are not degrees")
    return degrees


def _name_kind(content_type: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    # WhatsApp turns pictures into JPEG and records its voice notes as Ogg; WebP is what stickers are.
    exact = {
        "image/webp": "sticker",
        "audio/ogg": "voice",
        "text/vcard": "contact",
        "text/x-vcard": "contact",
        "text/directory": "contact",
    }
    families = {"image": "photo", "audio": "audio", "video": "video", "application": "document", "text": "document"}
    return exact.get(media_type) or families.get(media_type.partition("/")[0], "other")


def _clean(text: str) -> str:
    """A text without control characters, which a database or a terminal stumbles over."""
    kept = (letter for letter in text.replace("\r\n", "\n") if letter in "\n\t" or unicodedata.category(letter) != "Cc")
    return "".join(kept).strip()
