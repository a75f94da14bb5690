"""The checker of outbound requests to Twilio: it lets right requests pass and catches wrong ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from requests import PreparedRequest, Request

from tests.channels.twilio_spec import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CONTENTS,
    MESSAGES,
    TwilioApi,
    WrongRequest,
    open_twilio,
)

CONTENT_SID = "HX" + "a" * 32
MESSAGE = {"To": "whatsapp:+212600000001", "From": "whatsapp:+14155238886", "Body": "Bonjour"}
TEMPLATE = {"To": MESSAGE["To"], "From": MESSAGE["From"], "ContentSid": CONTENT_SID}
QUICK_REPLY: dict[str, Any] = {
    "friendly_name": "one",
    "language": "fr",
    "variables": {"1": "Choisissez", "2": "Oui", "3": "/affirm"},
    "types": {
        "twilio/quick-reply": {
            "body": "{{1}}",
            "actions": [{"type": "QUICK_REPLY", "title": "{{2}}", "id": "{{3}}"}],
        }
    },
}
LIST: dict[str, Any] = {
    **QUICK_REPLY,
    "variables": {"1": "Choisissez", "2": "Oui", "3": "/affirm", "4": "Choix"},
    "types": {"twilio/list-picker": {"body": "{{1}}", "button": "{{4}}", "items": [{"item": "{{2}}", "id": "{{3}}"}]}},
}


@pytest.fixture(scope="module")
def twilio() -> TwilioApi:
    """Twilio's two descriptions."""
    return open_twilio()


def _post(
    fields: dict[str, Any], url: str = MESSAGES, auth: tuple[str, str] | None = (ACCOUNT_SID, AUTH_TOKEN)
) -> PreparedRequest:
    return Request("POST", url, data=fields, auth=auth).prepare()


def _create(content: dict[str, Any]) -> PreparedRequest:
    return Request("POST", CONTENTS, json=content, auth=(ACCOUNT_SID, AUTH_TOKEN)).prepare()


def _with_types(kind: str, **changes: object) -> PreparedRequest:
    content = QUICK_REPLY if kind == "twilio/quick-reply" else LIST
    return _create({**content, "types": {kind: {**content["types"][kind], **changes}}})


@pytest.mark.parametrize(
    "fields",
    [
        MESSAGE,
        {**MESSAGE, "Body": "ش" * 1600, "StatusCallback": "https://bot.example.ma/webhooks/whatsapp"},
        {**MESSAGE, "MediaUrl": ["https://example.org/1.png", "https://example.org/2.png"]},
        TEMPLATE,
        {**TEMPLATE, "ContentVariables": json.dumps({"1": "x" * 255})},
    ],
    ids=lambda fields: "+".join(fields),
)
def test_right_message(twilio: TwilioApi, fields: dict[str, Any]) -> None:
    """A message that Twilio takes passes, and its fields come back."""
    assert twilio.check(_post(fields)) == fields


@pytest.mark.parametrize("content", [QUICK_REPLY, LIST], ids=["quick-reply", "list-picker"])
def test_right_template(twilio: TwilioApi, content: dict[str, Any]) -> None:
    """A template that Twilio takes passes."""
    assert twilio.check(_create(content)) == content


WRONG_MESSAGES: dict[str, dict[str, Any]] = {
    "no recipient": {name: value for name, value in MESSAGE.items() if name != "To"},
    "no sender": {name: value for name, value in MESSAGE.items() if name != "From"},
    "a number without its channel": {**MESSAGE, "To": "+212600000001"},
    "a number without its plus": {**MESSAGE, "To": "whatsapp:212600000001"},
    "a sender of another channel": {**MESSAGE, "From": "messenger:123456789"},
    "no content": {name: value for name, value in MESSAGE.items() if name != "Body"},
    "an empty body": {**MESSAGE, "Body": " \n"},
    "a body that is too long": {**MESSAGE, "Body": "x" * 1601},
    "a misspelt field": {**MESSAGE, "Statuscallback": "https://bot.example.ma"},
    "a field twice": {**MESSAGE, "Body": ["a", "b"]},
    "a callback without encryption": {**MESSAGE, "StatusCallback": "http://bot.example.ma/webhooks/whatsapp"},
    "a template's SID of another kind": {**TEMPLATE, "ContentSid": "MG" + "a" * 32},
    "a template and a body": {**TEMPLATE, "Body": "Bonjour"},
    "variables without a template": {**MESSAGE, "ContentVariables": '{"1": "a"}'},
    "variables that are no JSON": {**TEMPLATE, "ContentVariables": "{'1': 'a'}"},
    "variables in a list": {**TEMPLATE, "ContentVariables": '["a"]'},
    "an empty variable": {**TEMPLATE, "ContentVariables": '{"1": ""}'},
    "a number as variable": {**TEMPLATE, "ContentVariables": '{"1": 1}'},
    "a line break in a variable": {**TEMPLATE, "ContentVariables": json.dumps({"1": "a\nb"})},
    "a tab in a variable": {**TEMPLATE, "ContentVariables": json.dumps({"1": "a\tb"})},
    "five spaces in a variable": {**TEMPLATE, "ContentVariables": json.dumps({"1": "a     b"})},
    "an apostrophe in a variable": {**TEMPLATE, "ContentVariables": json.dumps({"1": "l'offre"})},
    "a variable that is too long": {**TEMPLATE, "ContentVariables": json.dumps({"1": "x" * 256})},
    "a validity that is no number": {**MESSAGE, "ValidityPeriod": "soon"},
}


@pytest.mark.parametrize("fields", WRONG_MESSAGES.values(), ids=WRONG_MESSAGES)
def test_wrong_message(twilio: TwilioApi, fields: dict[str, Any]) -> None:
    """A message that Twilio refuses, or reads otherwise than meant, is caught."""
    with pytest.raises(WrongRequest):
        twilio.check(_post(fields))


ACTION = QUICK_REPLY["types"]["twilio/quick-reply"]["actions"][0]
ITEM = LIST["types"]["twilio/list-picker"]["items"][0]

WRONG_REQUESTS: dict[str, PreparedRequest] = {
    "no such host": _post(MESSAGE, "https://example.org/2010-04-01/Accounts/x/Messages.json"),
    "no such path": _post(MESSAGE, MESSAGES.replace("Messages", "Mesages")),
    "an account's SID that is too short": _post(MESSAGE, MESSAGES.replace(ACCOUNT_SID, "AC12")),
    "no credentials": _post(MESSAGE, auth=None),
    "a message as JSON": Request("POST", MESSAGES, json=MESSAGE, auth=(ACCOUNT_SID, AUTH_TOKEN)).prepare(),
    "a method that does not exist": Request("PUT", MESSAGES, data=MESSAGE, auth=(ACCOUNT_SID, AUTH_TOKEN)).prepare(),
    "a template as form": _post({"language": "fr"}, CONTENTS),
    "a template without language": _create({name: QUICK_REPLY[name] for name in QUICK_REPLY if name != "language"}),
    "a template without name": _create({name: QUICK_REPLY[name] for name in QUICK_REPLY if name != "friendly_name"}),
    "a template's misspelt field": _create({**QUICK_REPLY, "friendlyName": "x"}),
    "a slot without its sample": _create({**QUICK_REPLY, "variables": {"1": "a", "2": "b"}}),
    "a sample without its slot": _create({**QUICK_REPLY, "variables": {**QUICK_REPLY["variables"], "9": "b"}}),
    "a sample with a line break": _create({**QUICK_REPLY, "variables": {**QUICK_REPLY["variables"], "1": "a\nb"}}),
    "a sample title that is too long": _create(
        {**QUICK_REPLY, "variables": {**QUICK_REPLY["variables"], "2": "b" * 21}}
    ),
    "a list without a button": _create(
        {**LIST, "types": {"twilio/list-picker": {"body": "{{1}} {{4}}", "items": [ITEM]}}},
    ),
    "a null beside a title": _with_types("twilio/list-picker", items=[{**ITEM, "description": None}]),
    "an action of no such type": _with_types("twilio/quick-reply", actions=[{**ACTION, "type": "REPLY"}]),
    "four quick replies": _with_types("twilio/quick-reply", actions=[ACTION] * 4),
    "the same quick reply twice": _with_types("twilio/quick-reply", actions=[ACTION] * 2),
    "eleven items": _with_types("twilio/list-picker", items=[ITEM] * 11),
    "a list of pages that is too long": Request(
        "GET", CONTENTS, params={"PageSize": 1001}, auth=(ACCOUNT_SID, AUTH_TOKEN)
    ).prepare(),
}


@pytest.mark.parametrize("request_", WRONG_REQUESTS.values(), ids=WRONG_REQUESTS)
def test_wrong_request(twilio: TwilioApi, request_: PreparedRequest) -> None:
    """A request that is wrong in its address, credentials, encoding or template is caught."""
    with pytest.raises(WrongRequest):
        twilio.check(request_)
