"""A Twilio without a network: every request is checked against Twilio's own OpenAPI descriptions before it is answered.

`TwilioApi` is mounted under the official client's transport in place of the connection, so that what is checked is the
prepared HTTP request, byte for byte. The descriptions leave much open; what WhatsApp and the Content API ask beyond
them is checked here too, each rule with its source.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from twilio.http.http_client import TwilioHttpClient

from tests.specs import spec_path

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "fedcba9876543210" * 2
MESSAGES = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
CONTENTS = "https://content.twilio.com/v1/Content"

_MESSAGES_PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
_CONTENT_PATH = "/v1/Content"
_WHATSAPP = re.compile(r"whatsapp:\+[1-9][0-9]{6,14}")
_SLOT = re.compile(r"\{\{(\w{1,16})\}\}")


class WrongRequest(AssertionError):
    """Twilio would refuse this request, or do something else with it than was meant."""


class TwilioApi(BaseAdapter):
    """Twilio's Messages and Content resources, in memory.

    Attributes:
        messages: the fields of each message that was accepted, in order; one sent by template also has the template as
            the person sees it, under ``shown``.
        contents: the Content resources of the account, in order.
        page_size: how many of them one page of the list holds at most.
        answers: what to answer next instead of a success: an exception to raise, or status, body and headers.
    """

    def __init__(self, messages_spec: Path, content_spec: Path) -> None:
        """Start with an empty account."""
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.contents: list[dict[str, Any]] = []
        self.page_size = 1000
        self.answers: list[Exception | tuple[int, object, dict[str, str]]] = []
        self.requests: list[PreparedRequest] = []
        self._apis: dict[str, OpenAPI] = {}
        self._fields: dict[str, frozenset[str]] = {}
        for file, path in ((messages_spec, _MESSAGES_PATH), (content_spec, _CONTENT_PATH)):
            host, api, fields = _read_spec(file, path)
            self._apis[host] = api
            self._fields[host] = fields

    def http_client(self) -> TwilioHttpClient:
        """The official client's transport, with this in place of the network."""
        logger = logging.getLogger("tests.twilio")
        logger.setLevel(logging.WARNING)
        client = TwilioHttpClient(logger=logger)
        assert client.session is not None
        client.session.mount("https://", self)
        client.session.mount("http://", self)
        return client

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Check one request and answer it.

        Raises:
            WrongRequest: the request is not one that Twilio takes.
        """
        self.requests.append(request)
        fields = self.check(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return _respond(request, *answer)
        if urlsplit(str(request.url)).hostname == "api.twilio.com":
            response = self._take_message(request, fields)
        elif request.method == "POST":
            response = self._create_content(request, json.loads(_read_body(request)))
        else:
            response = self._list_contents(request)
        if response.ok:
            # Our own answers are held to the descriptions as well, which know no errors.
            host = str(urlsplit(str(request.url)).hostname)
            self._apis[host].validate_response(RequestsOpenAPIRequest(request), RequestsOpenAPIResponse(response))
        return response

    def close(self) -> None:
        """Nothing is open."""

    def check(self, request: PreparedRequest) -> dict[str, Any]:
        """Check a request by the descriptions and by WhatsApp's rules; return the fields of its body.

        Raises:
            WrongRequest: something is wrong; the text says what.
        """
        host = str(urlsplit(str(request.url)).hostname)
        if host not in self._apis:
            raise WrongRequest(f"no such host: {host}")
        try:
            self._apis[host].validate_request(RequestsOpenAPIRequest(request))
        except Exception as error:  # openapi-core has no common root for all that can be wrong
            raise WrongRequest(f"{type(error).__name__}: {error.__cause__ or error}") from error
        if request.method != "POST":
            return {}
        body = _read_body(request)
        if host == "content.twilio.com":
            fields: dict[str, Any] = json.loads(body)
            self._check_names(host, fields)
            _check_content(fields)
        else:
            values = parse_qs(body, keep_blank_values=True, strict_parsing=True)
            self._check_names(host, values)
            fields = {name: value[0] for name, value in values.items() if len(value) == 1}
            if set(values) - set(fields) - {"MediaUrl", "PersistentAction"}:
                raise WrongRequest("a field is given twice")
            fields |= {name: value for name, value in values.items() if name not in fields}
            _check_message(fields)
        return fields

    def _check_names(self, host: str, fields: Mapping[str, object]) -> None:
        # The descriptions allow any further field, and Twilio ignores what it does not know: a misspelt one is lost.
        unknown = set(fields) - self._fields[host]
        if unknown:
            raise WrongRequest(f"unknown fields: {', '.join(sorted(unknown))}")

    def _take_message(self, request: PreparedRequest, fields: dict[str, Any]) -> Response:
        if "ContentSid" in fields:
            content = next((known for known in self.contents if known["sid"] == fields["ContentSid"]), None)
            if content is None:
                return _refuse(request, 400, 21655, "The ContentSid parameter is invalid")
            fields["shown"] = _show(content, json.loads(fields.get("ContentVariables", "{}")))
        self.messages.append(fields)
        sid = f"SM{len(self.messages):032x}"
        message = {
            "account_sid": ACCOUNT_SID,
            "api_version": "2010-04-01",
            "body": fields.get("Body"),
            "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
            "date_sent": None,
            "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": fields["From"],
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "messaging_service_sid": None,
            "sid": sid,
            "status": "queued",
            "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media.json"},
            "to": fields["To"],
            "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json",
        }
        return _respond(request, 201, message, {})

    def _create_content(self, request: PreparedRequest, fields: dict[str, Any]) -> Response:
        sid = f"HX{len(self.contents) + 1:032x}"
        content = {
            **fields,
            "sid": sid,
            "account_sid": ACCOUNT_SID,
            "url": f"{CONTENTS}/{sid}",
            "date_created": "2023-08-24T05:01:45Z",
            "date_updated": "2023-08-24T05:01:45Z",
            "links": {"approval_create": f"{CONTENTS}/{sid}/ApprovalRequests/whatsapp"},
        }
        self.contents.append(content)
        return _respond(request, 201, content, {})

    def _list_contents(self, request: PreparedRequest) -> Response:
        query = parse_qs(urlsplit(str(request.url)).query)
        size = min(int(query.get("PageSize", ["50"])[0]), self.page_size)
        page = int(query.get("Page", ["0"])[0])
        shown = self.contents[page * size : (page + 1) * size]

        def address(number: int) -> str:
            return f"{CONTENTS}?PageSize={size}&Page={number}&PageToken=PT{number}"

        more = (page + 1) * size < len(self.contents)
        meta = {
            "page": page,
            "page_size": size,
            "first_page_url": address(0),
            "previous_page_url": address(page - 1) if page else None,
            "url": address(page),
            "next_page_url": address(page + 1) if more else None,
            "key": "contents",
        }
        return _respond(request, 200, {"contents": shown, "meta": meta}, {})


@cache
def _read_spec(file: Path, path: str) -> tuple[str, OpenAPI, frozenset[str]]:
    """The host, the description and the fields of a POST of one path; the others are left out to save a second."""
    spec = json.loads(file.read_text(encoding="utf-8"))
    spec["paths"] = {path: spec["paths"][path]}
    (media_type,) = spec["paths"][path]["post"]["requestBody"]["content"].values()
    schema = media_type["schema"]
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    host = str(urlsplit(spec["paths"][path]["servers"][0]["url"]).hostname)
    return host, OpenAPI.from_dict(spec), frozenset(schema["properties"])


def open_twilio() -> TwilioApi:
    """A Twilio with an empty account; skips the test that asks for it where the descriptions are absent."""
    return TwilioApi(spec_path("twilio_api_v2010.json"), spec_path("twilio_content_v1.json"))


def refusal(status: int, code: int, text: str, **headers: str) -> tuple[int, object, dict[str, str]]:
    """An error for `TwilioApi.answers`, in Twilio's format (https://www.twilio.com/docs/usage/twilios-response)."""
    body = {"code": code, "message": text, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


def _refuse(request: PreparedRequest, status: int, code: int, text: str) -> Response:
    return _respond(request, *refusal(status, code, text))


def _respond(request: PreparedRequest, status: int, body: object, headers: dict[str, str]) -> Response:
    response = Response()
    response.status_code = status
    response.reason = HTTPStatus(status).phrase
    response.url = str(request.url)
    response.request = request
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json", **headers})
    response._content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return response


def _read_body(request: PreparedRequest) -> str:
    body = request.body or ""
    assert isinstance(body, str | bytes)
    return body.decode() if isinstance(body, bytes) else body


def _check_message(fields: Mapping[str, Any]) -> None:
    """WhatsApp's rules for a message (https://www.twilio.com/docs/whatsapp/api, …/messaging/api/message-resource)."""
    for name in ("To", "From"):
        if not _WHATSAPP.fullmatch(fields.get(name, "")):
            raise WrongRequest(f"{name} is not whatsapp:+ and a number: {fields.get(name)!r}")
    if len(fields.get("Body", "")) > 1600:
        raise WrongRequest("Body is over 1,600 characters (error 21617)")
    if not (fields.get("Body", "").strip() or fields.get("ContentSid") or fields.get("MediaUrl")):
        raise WrongRequest("a message needs a body, a template or media (error 21619)")
    if "ContentSid" in fields and ("Body" in fields or "MediaUrl" in fields):
        raise WrongRequest("a template goes without Body and MediaUrl (error 63016)")
    if "ContentVariables" in fields:
        if "ContentSid" not in fields:
            raise WrongRequest("ContentVariables need a ContentSid (error 92007)")
        _check_variables(fields["ContentVariables"])
    if urlsplit(fields.get("StatusCallback", "https://")).scheme != "https":
        raise WrongRequest("StatusCallback would be called without encryption")


def _check_variables(text: str) -> None:
    """The rules for values (…/docs/api/errors/21656, …/docs/content/using-variables-with-content-api)."""
    try:
        variables = json.loads(text)
    except ValueError:
        raise WrongRequest("ContentVariables is not JSON") from None
    if not isinstance(variables, dict) or len(variables) > 100:
        raise WrongRequest("ContentVariables is not an object of at most 100 values")
    for name, value in variables.items():
        if not isinstance(value, str) or not value.strip():
            raise WrongRequest(f"variable {name} is empty or no text")
        if len(name) > 16 or len(value) > 255:
            raise WrongRequest(f"variable {name} is too long")
        if re.search(r"[\n\r\t]| {5}", value):
            raise WrongRequest(f"variable {name} has a line break, a tab or more than four spaces")
        if "'" in value:
            raise WrongRequest(f"variable {name} has a straight apostrophe (twilio-node issue 1082)")


def _check_content(fields: Mapping[str, Any]) -> None:
    """The rules for a new template: a value for every slot, and sizes as the pages of its content type state them."""
    slots = set(_SLOT.findall(json.dumps(fields["types"])))
    if slots != set(fields.get("variables", {})):
        raise WrongRequest("slots and variables differ")
    _check_variables(json.dumps(fields.get("variables", {})))
    if not 1 <= len(fields.get("friendly_name", "")) <= 64:
        raise WrongRequest("friendly_name is not 1 to 64 characters (error 20002)")
    for kind, shape in fields["types"].items():
        limit, choices = (3, shape["actions"]) if kind == "twilio/quick-reply" else (10, shape.get("items", ()))
        if kind not in ("twilio/quick-reply", "twilio/list-picker") or not 1 <= len(choices) <= limit:
            raise WrongRequest(f"{kind} with {len(choices)} choices cannot be sent without approval")
    _show({"types": fields["types"], "variables": fields["variables"]}, {})


def _show(content: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """A template as WhatsApp shows it: text, choices as pairs of title and id, and the word that opens a list."""
    values = {**content["variables"], **variables}
    if set(values) != set(content["variables"]):
        raise WrongRequest("the template has no such variable")

    def fill(text: str) -> str:
        return _SLOT.sub(lambda slot: values[slot[1]], text)

    ((kind, shape),) = content["types"].items()
    if kind == "twilio/quick-reply":
        choices = [(fill(action["title"]), fill(action["id"])) for action in shape["actions"]]
        button, title_limit = None, 20
    else:
        choices = [(fill(item["item"]), fill(item["id"])) for item in shape["items"]]
        button, title_limit = fill(shape["button"]), 24
        if len(button) > 20:
            raise WrongRequest(f"the list's button is over 20 characters: {button}")
    if any(len(title) > title_limit or len(identifier) > 200 for title, identifier in choices):
        raise WrongRequest(f"a choice is over {title_limit} characters or its id over 200: {choices}")
    for part in zip(*choices, strict=True):
        if len(set(part)) < len(part):
            raise WrongRequest(f"a title or an id occurs twice: {choices}")
    body = fill(shape["body"])
    if len(body) > 1024:
        raise WrongRequest("the text over the choices is over 1,024 characters")
    return {"text": body, "choices": choices, "button": button}
