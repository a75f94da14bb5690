"""What Twilio posts to ``/webhooks/whatsapp``: whether it is believed, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from twilio.request_validator import RequestValidator

from bot.channels.base import Channel, DeliveryReport, WebhookRequest
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp_templates import ChoiceWords, encode_payload
from bot.errors import MalformedInbound, NotAuthentic
from bot.messages import TEXT_LIMIT_CHARS, Attachment, Inbound
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN

URL = "https://bot.example.ma/webhooks/whatsapp"
SENDER = "whatsapp:+212600000001"
MESSAGE_SID = "SM" + "0a" * 16

#: A text as Twilio posts it, field for field (https://www.twilio.com/docs/messaging/guides/webhook-request).
TEXT = {
    "SmsMessageSid": MESSAGE_SID,
    "NumMedia": "0",
    "ProfileName": "Salma Idrissi",
    "MessageType": "text",
    "SmsSid": MESSAGE_SID,
    "WaId": "212600000001",
    "SmsStatus": "received",
    "Body": "Bonjour",
    "To": "whatsapp:+14155238886",
    "NumSegments": "1",
    "ReferralNumMedia": "0",
    "MessageSid": MESSAGE_SID,
    "AccountSid": ACCOUNT_SID,
    "ChannelMetadata": '{"type":"whatsapp","data":{"context":{"ProfileName":"Salma Idrissi","WaId":"212600000001"}}}',
    "From": SENDER,
    "ApiVersion": "2010-04-01",
}
PROFILE = {"name": "Salma Idrissi", "wa_id": "212600000001"}

#: For each change to `TEXT`, the fields of its Inbound that are not the usual ones.
MESSAGES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "text": ({}, {}),
    "arabic": ({"Body": "واش كاين شي حاضنة فالرباط؟ 🙏"}, {"text": "واش كاين شي حاضنة فالرباط؟ 🙏"}),
    "two lines": ({"Body": "un\r\ndeux\tfin"}, {"text": "un\ndeux\tfin"}),
    "control characters": ({"Body": "\x00bon\x1b[31mjour\x85\x7f"}, {"text": "bon[31mjour"}),
    "long": ({"Body": "é" * 1600}, {"text": "é" * TEXT_LIMIT_CHARS}),
    "looks like a payload": ({"Body": "/greet"}, {"text": "/greet"}),
    "no profile": ({"ProfileName": "", "WaId": ""}, {"profile": {}}),
    "odd profile": ({"ProfileName": "S\x00" + "a" * 500}, {"profile": {**PROFILE, "name": "S" + "a" * 99}}),
    "reply to a message": ({"OriginalRepliedMessageSid": "SM" + "1" * 32, "OriginalRepliedMessageSender": SENDER}, {}),
    "tomorrow's field": ({"SomethingNew": "1"}, {}),
    "button": (
        {
            "Body": "Rabat",
            "ButtonText": "Rabat",
            "ButtonPayload": encode_payload('/incubator_search{"city": "Rabat"}'),
            "MessageType": "button",
        },
        {"text": "Rabat", "payload": '/incubator_search{"city": "Rabat"}'},
    ),
    "button without body": (
        {"Body": "", "ButtonText": "الرباط", "ButtonPayload": encode_payload('/x{"city": "الرباط"}')},
        {"text": "الرباط", "payload": '/x{"city": "الرباط"}'},
    ),
    "button of somebody else's template": (
        {"Body": "Oui", "ButtonText": "Oui", "ButtonPayload": "yes-1"},
        {"text": "Oui", "payload": None},
    ),
    "button with a payload that is too long": (
        {"Body": "Oui", "ButtonText": "Oui", "ButtonPayload": "/" + "x" * 64},
        {"text": "Oui", "payload": None},
    ),
    "list": (
        {"Body": "Fonds", "ListId": "/funding_question", "ListTitle": "Fonds", "MessageType": "interactive"},
        {"text": "Fonds", "payload": "/funding_question"},
    ),
    "location": (
        {"Body": "", "Latitude": "34.020882", "Longitude": "-6.84165", "MessageType": "location", "Label": "Bureau"},
        {"text": "", "attachments": (Attachment("location", {"latitude": 34.020882, "longitude": -6.84165}),)},
    ),
    "photo with caption": (
        {
            "Body": "mon diplôme",
            "NumMedia": "1",
            "MediaContentType0": "image/jpeg",
            "MediaUrl0": "https://example.org/1",
        },
        {"text": "mon diplôme", "attachments": (Attachment("photo"),)},
    ),
    "two media": (
        {"Body": "", "NumMedia": "2", "MediaContentType0": "video/mp4", "MediaContentType1": "application/pdf"},
        {"text": "", "attachments": (Attachment("video"), Attachment("document"))},
    ),
    "media beyond what is announced": (
        {"NumMedia": "1", "MediaContentType0": "video/mp4", "MediaContentType1": "application/pdf"},
        {"attachments": (Attachment("video"),)},
    ),
    "absurdly many media": ({"NumMedia": "9" * 30}, {"attachments": (Attachment("other"),) * 10}),
    "nothing that we know": ({"Body": "", "MessageType": "poll"}, {"text": "", "attachments": (Attachment("other"),)}),
    "nothing but control characters": ({"Body": "\x00"}, {"text": "", "attachments": (Attachment("other"),)}),
}

MEDIA_KINDS = {
    "image/jpeg": "photo",
    "image/png": "photo",
    "image/webp": "sticker",
    "audio/ogg": "voice",
    "Audio/OGG; codecs=opus": "voice",
    "audio/amr": "audio",
    "video/mp4": "video",
    "application/pdf": "document",
    "text/plain": "document",
    "text/vcard": "contact",
    "text/x-vcard": "contact",
    "": "other",
    "model/gltf+json": "other",
}

#: A status callback as Twilio posts it (…/docs/messaging/guides/outbound-message-status-in-status-callbacks).
STATUS = {
    "ChannelPrefix": "whatsapp",
    "ApiVersion": "2010-04-01",
    "MessageStatus": "delivered",
    "SmsSid": MESSAGE_SID,
    "SmsStatus": "delivered",
    "ChannelInstallSid": "XE" + "2" * 32,
    "To": SENDER,
    "From": "whatsapp:+14155238886",
    "MessageSid": MESSAGE_SID,
    "AccountSid": ACCOUNT_SID,
    "ChannelToAddress": "+21260000XXXX",
}

REPORTS: list[tuple[dict[str, str], tuple[str, str | None] | None]] = [
    ({"MessageStatus": "sent"}, ("sent", None)),
    ({"MessageStatus": "delivered"}, ("delivered", None)),
    ({"MessageStatus": "read", "EventType": "READ"}, ("read", None)),
    ({"MessageStatus": "failed", "ErrorCode": "63016"}, ("failed", "63016")),
    ({"MessageStatus": "undelivered", "ErrorCode": "63024"}, ("failed", "63024")),
    ({"MessageStatus": "undelivered"}, ("failed", "undelivered")),
    ({"MessageStatus": "queued"}, None),
    ({"MessageStatus": "accepted"}, None),
    ({"MessageStatus": "sending"}, None),
    ({"MessageStatus": "canceled"}, None),
    ({"MessageStatus": "something-new"}, None),
]

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "JSON": b'{"MessageSid": "SM1", "From": "whatsapp:+212600000001"}',
    "not UTF-8": b"MessageSid=SM1&From=whatsapp%3A%2B212600000001&Body=%FF",
    "not UTF-8, unescaped": b"MessageSid=SM1&From=whatsapp%3A%2B212600000001&Body=\xff",
    "without an id": urlencode({**TEXT, "MessageSid": ""}).encode(),
    "without a sender": urlencode({**TEXT, "From": ""}).encode(),
    "an SMS": urlencode({**TEXT, "From": "+212600000001"}).encode(),
    "another channel": urlencode({**TEXT, "From": "messenger:212600000001"}).encode(),
    "a sender without a number": urlencode({**TEXT, "From": "whatsapp:MA.1234567890"}).encode(),
    "digits of another script": urlencode({**TEXT, "From": "whatsapp:+٢١٢٦٠٠٠٠٠٠٠١"}).encode(),
    "something after the number": urlencode({**TEXT, "From": SENDER + "\nx"}).encode(),
    "a count that is no number": urlencode({**TEXT, "NumMedia": "-1"}).encode(),
    "a place that is no number": urlencode({**TEXT, "Latitude": "north", "Longitude": "1"}).encode(),
    "a place that is nowhere": urlencode({**TEXT, "Latitude": "91", "Longitude": "1"}).encode(),
    "a place that is not a place": urlencode({**TEXT, "Latitude": "nan", "Longitude": "inf"}).encode(),
    "a status without an id": urlencode({**STATUS, "MessageSid": ""}).encode(),
    "a flood of fields": b"&".join([urlencode(TEXT).encode(), *(b"x%d=1" % number for number in range(500))]),
}


class Fields(dict[str, list[str]]):
    """Fields with several values each, as RequestValidator reads them."""

    def getlist(self, name: str) -> list[str]:
        """All values of one field."""
        return self[name]


@pytest.fixture
def channel() -> Channel:
    """WhatsApp, as an app would hold it; the annotation has mypy compare it with the contract."""
    return WhatsAppChannel(
        ACCOUNT_SID, AUTH_TOKEN, "whatsapp:+14155238886", "https://bot.example.ma", {"fr": ChoiceWords("Numéro ?")}
    )


def _sign(body: bytes | str, fields: dict[str, list[str]], url: str = URL, token: str = AUTH_TOKEN) -> WebhookRequest:
    """A post as Twilio signs it: over the address that it called and the decoded fields."""
    signature = RequestValidator(token).compute_signature(url, Fields(fields))
    raw = body.encode() if isinstance(body, str) else body
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    return WebhookRequest(url, headers, raw)


def _post(fields: dict[str, str]) -> WebhookRequest:
    return _sign(urlencode(fields), {name: [value] for name, value in fields.items()})


def _unsigned(body: bytes) -> WebhookRequest:
    return WebhookRequest(URL, {}, body)


@pytest.mark.parametrize(("change", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_message(channel: Channel, change: dict[str, str], expected: dict[str, Any]) -> None:
    """A signed message is believed and becomes one Inbound."""
    request = _post({**TEXT, **change})
    channel.authenticate(request)
    (inbound,) = channel.parse(request)
    assert isinstance(inbound, Inbound)
    assert datetime.now(UTC) - inbound.received_at < timedelta(minutes=1)
    usual = {"text": "Bonjour", "payload": None, "attachments": (), "profile": PROFILE, **expected}
    assert inbound == Inbound(
        channel="whatsapp", sender=SENDER, external_id=MESSAGE_SID, received_at=inbound.received_at, **usual
    )


@pytest.mark.parametrize(("content_type", "kind"), MEDIA_KINDS.items(), ids=MEDIA_KINDS)
def test_media_kind(channel: Channel, content_type: str, kind: str) -> None:
    """Media are told apart by their content type, without being fetched."""
    post = {
        **TEXT,
        "Body": "",
        "NumMedia": "1",
        "MediaContentType0": content_type,
        "MediaUrl0": "https://example.org/1",
    }
    (inbound,) = channel.parse(_post(post))
    assert isinstance(inbound, Inbound)
    assert inbound.attachments == (Attachment(kind),)


@pytest.mark.parametrize(("change", "expected"), REPORTS, ids=lambda value: str(value))
def test_status(channel: Channel, change: dict[str, str], expected: tuple[str, str | None] | None) -> None:
    """A signed status callback becomes a DeliveryReport when it says something new."""
    request = _post({**STATUS, **change})
    channel.authenticate(request)
    reports = channel.parse(request)
    if expected is None:
        assert reports == []
        return
    (report,) = reports
    assert isinstance(report, DeliveryReport)
    assert report == DeliveryReport(MESSAGE_SID, *expected, at=report.at)
    assert datetime.now(UTC) - report.at < timedelta(minutes=1)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed(channel: Channel, body: bytes) -> None:
    """A body that Twilio would not send is refused."""
    with pytest.raises(MalformedInbound):
        channel.parse(_unsigned(body))


def test_message_for_another_sender(channel: Channel, caplog: pytest.LogCaptureFixture) -> None:
    """A message for a number other than WHATSAPP_FROM is read, with a warning that its answer leaves from elsewhere."""
    (inbound,) = channel.parse(_post({**TEXT, "To": "whatsapp:+212522000000"}))
    assert isinstance(inbound, Inbound)
    assert "WHATSAPP_FROM" in caplog.text


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("Body=a+b&From=x", {"Body": ["a b"], "From": ["x"]}),
        ("Body=a%20b&From=x", {"Body": ["a b"], "From": ["x"]}),
        ("Body=1%2B1", {"Body": ["1+1"]}),
        ("Body=&From=x&Empty=", {"Body": [""], "From": ["x"], "Empty": [""]}),
        ("Body=b&Body=a&Body=b", {"Body": ["b", "a", "b"]}),
        ("z=1&A=2&a=3&%C3%A9=4", {"z": ["1"], "A": ["2"], "a": ["3"], "é": ["4"]}),
        (f"Body={quote('سلام 🙏 été')}", {"Body": ["سلام 🙏 été"]}),
        ("Body=سلام", {"Body": ["سلام"]}),
        ("Body=a%26b%3Dc%3Bd;e", {"Body": ["a&b=c;d;e"]}),
        ("Body=+a%0D%0A+", {"Body": [" a\r\n "]}),
    ],
)
def test_signature_of_odd_forms(channel: Channel, body: str, fields: dict[str, list[str]]) -> None:
    """A signature holds over the fields exactly as sent: repeated, empty, unicode, in either encoding of a space."""
    channel.authenticate(_sign(body, fields))


@pytest.mark.parametrize("url", [URL + "?a=1&b=%C3%A9", URL.replace(".ma/", ".ma:443/")])
def test_signature_over_address(channel: Channel, url: str) -> None:
    """A signature holds over the whole public address, with its query, with or without the default port."""
    channel.authenticate(_sign("Body=x", {"Body": ["x"]}, url))


def test_signature_with_any_byte_changed(channel: Channel) -> None:
    """A body in which any one byte was changed is not believed."""
    request = _post(TEXT)
    channel.authenticate(request)
    for position, byte in enumerate(request.body):
        body = request.body[:position] + bytes([byte ^ 1]) + request.body[position + 1 :]
        with pytest.raises(NotAuthentic):
            channel.authenticate(WebhookRequest(request.url, request.headers, body))


def test_signature_with_a_field_more_or_less(channel: Channel) -> None:
    """A body to which a field was added, or from which one was taken, is not believed."""
    request = _post(TEXT)
    for body in (request.body + b"&ButtonPayload=/affirm", request.body.partition(b"&")[2]):
        with pytest.raises(NotAuthentic):
            channel.authenticate(WebhookRequest(request.url, request.headers, body))


WRONG_ADDRESSES = {
    "without encryption": URL.replace("https", "http"),
    "behind the proxy": "http://127.0.0.1:8000/webhooks/whatsapp",
    "another host": URL.replace("bot.", "b0t."),
    "another path": URL.replace("whatsapp", "telegram"),
    "another query": URL + "?a=1",
}


@pytest.mark.parametrize("url", WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES)
def test_signature_for_another_address(channel: Channel, url: str) -> None:
    """A signature made for any address but the public one is not believed."""
    signed = _sign(urlencode(TEXT), {name: [value] for name, value in TEXT.items()}, url)
    with pytest.raises(NotAuthentic):
        channel.authenticate(WebhookRequest(URL, signed.headers, signed.body))


def test_signature_with_another_token(channel: Channel) -> None:
    """A signature made with another account's token is not believed."""
    with pytest.raises(NotAuthentic):
        channel.authenticate(_sign("Body=x", {"Body": ["x"]}, token="another" * 4))


@pytest.mark.parametrize("headers", [{}, {"x-twilio-signature": ""}, {"x-twilio-signature": "é" * 28}])
def test_without_signature(channel: Channel, headers: dict[str, str]) -> None:
    """A post without a signature, or with nonsense in its place, is not believed."""
    with pytest.raises(NotAuthentic):
        channel.authenticate(WebhookRequest(URL, headers, b"Body=x"))


def test_signature_over_a_body_that_is_no_text(channel: Channel) -> None:
    """A body that is not UTF-8 is not believed, whatever its signature: several such bodies would share one."""
    with pytest.raises(NotAuthentic):
        channel.authenticate(_sign(b"Body=%FF", {"Body": ["�"]}))
