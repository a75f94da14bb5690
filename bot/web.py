"""The routes: providers' webhooks, the web page's JSON, Rasa's custom actions, and whether we are alive."""

from __future__ import annotations

import hmac
import json
import logging
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from sqlalchemy import select, update
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from bot.channels.base import DeliveryReport, WebhookRequest
from bot.clock import utc_now
from bot.db.engine import AWAY
from bot.db.models import Identity, Message
from bot.errors import MalformedInbound, NotAuthentic
from bot.messages import DEFAULT_VARIETY, TEXT_LIMIT_CHARS, Inbound
from bot.rasa import SECRET_HEADER

logger = logging.getLogger(__name__)

#: The largest webhook body that is read; Telegram's and Twilio's are a few KiB.
BODY_LIMIT_BYTES = 256 * 1024
#: Rasa posts a whole session with every action; at the turn limit that is well below this.
ACTION_LIMIT_BYTES = 8 * 1024 * 1024
#: How long the web page waits for its reply; two failed attempts at Rasa take longer than one answer ever does.
REPLY_TIMEOUT_S = 45.0
#: How many messages one call for what is new gives; the rest comes with the next one.
UPDATES_LIMIT = 50
#: The largest id that PostgreSQL's integer holds; a larger one would be an error of its driver, not an empty answer.
_ID_LIMIT = 2**31 - 1
#: PostgreSQL keeps no NUL. An id holds no colon either: `external_id` is sender and id with one between them, and
#: with another in the id somebody else's message could have the same, and this one would get its answer.
_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_PRINTABLE_ID = r"^[^\x00-\x1f\x7f:]+$"

#: Whoever knows a sender reads their messages, so it never stands in an address, which logs keep.
Sender = Annotated[
    str,
    Field(min_length=1, max_length=128, pattern=_PRINTABLE, description="who writes; the page makes a random one"),
]


class WebMessage(BaseModel):
    """A message of the web page: something typed, or the payload of a button that was shown."""

    model_config = ConfigDict(extra="forbid")

    sender: Sender
    text: Annotated[str | None, Field(max_length=4 * TEXT_LIMIT_CHARS, description="what was typed")] = None
    payload: Annotated[str | None, Field(max_length=64, pattern="^/", description="payload of the pressed button")] = (
        None
    )
    id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            pattern=_PRINTABLE_ID,
            description="the caller's own id of this message; a repeated one is answered once",
        ),
    ] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> WebMessage:
        if (self.text is None) == (self.payload is None):
            raise ValueError("give either text or payload")
        if self.text is not None and not self.text.strip():
            raise ValueError("text must not be empty")
        return self


class WebUpdatesRequest(BaseModel):
    """The question for what came of our own accord: what staff write, reminders and other notices."""

    model_config = ConfigDict(extra="forbid")

    sender: Sender
    after: Annotated[int, Field(ge=0, le=_ID_LIMIT, description="id of the last message that is known; 0 for none")]


class WebButton(BaseModel):
    """A choice under a reply; exactly one of payload and url is there."""

    title: str
    payload: str | None = None
    url: str | None = None


class WebReply(BaseModel):
    """One message to show; ids grow with time."""

    id: int
    text: str
    buttons: list[WebButton]
    variety: str


class WebAnswer(BaseModel):
    """The replies to one message and what was understood of it (nothing of a button's payload)."""

    replies: list[WebReply]
    intent: str | None
    confidence: float | None
    variety: str | None


class WebUpdates(BaseModel):
    """Messages that answer nothing, oldest first."""

    messages: list[WebReply]


class BodyLimit:
    """ASGI middleware: refuse a body with 413 as soon as it is too long, whatever its headers say of its length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the application reads."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = ACTION_LIMIT_BYTES if scope["path"] == "/rasa/actions" else BODY_LIMIT_BYTES
        read = 0

        async def counted() -> Event:
            nonlocal read
            event = await receive()
            read += len(event.get("body", b""))
            if read > limit:
                raise HTTPException(413, f"at most {limit} bytes")
            return event

        await self._app(scope, counted, send)


async def refuse_malformed(_request: Request, error: Exception) -> Response:
    """422 with what is wrong and where; in ASCII, since half an emoji in the body can't be written in UTF-8."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    detail = [{part: item[part] for part in ("type", "loc", "msg")} for item in error.errors()]
    return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")


def router() -> APIRouter:
    """Every route of the app but the page itself."""
    routes = APIRouter()

    @routes.post(
        "/web/messages",
        response_model=WebAnswer,
        response_model_exclude_none=False,
        tags=["chat"],
        responses={503: {"description": "no reply in time, or the message could not be stored: `detail` says which"}},
    )
    async def chat(request: Request, message: WebMessage) -> Any:
        """Send a message and get the replies to it."""
        assistant = request.app.state.assistant
        external_id = f"{message.sender}:{message.id or uuid.uuid4().hex}"
        inbound = Inbound("web", message.sender, external_id, message.text or "", utc_now(), payload=message.payload)
        try:
            stored = await assistant.inbox.accept(inbound)
        except AWAY as error:
            logger.error("a message of the web page could not be stored: %s", type(error).__name__)
            raise HTTPException(503, "try again later") from None
        if stored is None:
            async with assistant.db.read() as session:
                query = select(Message.id).where(
                    Message.channel == "web", Message.external_id == external_id, Message.direction == "in"
                )
                message_id = await session.scalar(query)
        else:
            contact_id, message_id = stored
            assistant.conversation.lanes.wake(contact_id)
        if not await assistant.conversation.wait_for(message_id, REPLY_TIMEOUT_S):
            raise HTTPException(503, "no reply in time; the message is stored and will be answered")
        return await _web_answer(assistant, message_id)

    @routes.post(
        "/web/updates",
        response_model=WebUpdates,
        tags=["chat"],
        responses={503: {"description": "the messages could not be read: ask again later"}},
    )
    async def updates(request: Request, known: WebUpdatesRequest) -> Any:
        """Get what was written to a sender without being asked: at most 50 messages after the last known one."""
        try:
            return await _web_updates(request.app.state.assistant, known)
        except AWAY as error:
            logger.error("what is new for the web page could not be read: %s", type(error).__name__)
            raise HTTPException(503, "try again later") from None

    @routes.post("/webhooks/{name}", tags=["webhooks"], include_in_schema=False)
    async def webhook(request: Request, name: str) -> Response:
        """Take what a provider posts: authenticate, read, store, and only then say 200."""
        assistant = request.app.state.assistant
        channel = assistant.channels.get(name)
        if channel is None:
            raise HTTPException(404, f"no channel {name} is configured")
        body = await request.body()
        public = assistant.settings.public_url or str(request.base_url).rstrip("/")
        query = f"?{request.url.query}" if request.url.query else ""
        seen = WebhookRequest(f"{public}{request.url.path}{query}", dict(request.headers), body)
        try:
            channel.authenticate(seen)
            items = channel.parse(seen)
        except NotAuthentic:
            raise HTTPException(403, "not authentic") from None
        except MalformedInbound as error:
            raise HTTPException(422, str(error)) from None
        try:
            await assistant.accept([item for item in items if isinstance(item, Inbound)])
            for report in items:
                if isinstance(report, DeliveryReport):
                    await assistant.record(report)
        except AWAY as error:
            # The provider tries again later; nothing was acknowledged.
            logger.error("a webhook could not be stored: %s", type(error).__name__)
            raise HTTPException(503, "try again later") from None
        return Response(status_code=200)

    @routes.post("/rasa/actions", tags=["rasa"], include_in_schema=False)
    async def run_action(request: Request) -> Response:
        """Run a custom action for Rasa, with the statuses that its `RemoteAction` expects."""
        assistant = request.app.state.assistant
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), assistant.settings.rasa_secret.get_secret_value().encode()):
            raise HTTPException(401, f"the header {SECRET_HEADER} is missing or wrong")
        body = await request.body()
        try:
            call = _parse_action_call(body)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        try:
            result = await assistant.executor.run(call)
        except ActionExecutionRejection as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, status_code=400)
        except ActionNotFoundException as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, status_code=404)
        except Exception as error:  # the action's run is in the interaction log; Rasa must hear that it failed
            logger.exception("action %s failed", call.get("next_action"))
            return JSONResponse(
                {"error": type(error).__name__, "action_name": call.get("next_action")}, status_code=500
            )
        return JSONResponse(result.model_dump() if result is not None else {"events": [], "responses": []})

    @routes.get("/healthz", tags=["operations"])
    async def alive() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "alive"}

    @routes.get("/readyz", tags=["operations"], responses={503: {"description": "a part is not ready"}})
    async def ready(request: Request) -> JSONResponse:
        """Whether the database and Rasa answer."""
        assistant = request.app.state.assistant
        parts = {"database": await _database_answers(assistant), "rasa": await assistant.rasa.is_ready()}
        return JSONResponse(parts, status_code=200 if all(parts.values()) else 503)

    return routes


def _parse_action_call(body: bytes) -> dict[str, Any]:
    """The body of Rasa's call to a custom action.

    Raises:
        ValueError: it is not a JSON object with `next_action` and `tracker`.
    """

    call = json.loads(body)
    if (
        not isinstance(call, dict)
        or not isinstance(call.get("next_action"), str)
        or not isinstance(call.get("tracker"), dict)
    ):
        raise ValueError("a custom action call has next_action and tracker")
    return call


async def _web_answer(assistant: Any, message_id: int) -> WebAnswer:
    async with assistant.db.read() as session:
        inbound = await session.get_one(Message, message_id)
        query = select(Message).where(Message.reply_to_id == message_id).order_by(Message.id)
        replies = list(await session.scalars(query))
    return WebAnswer(
        replies=[_web_reply(reply) for reply in replies],
        intent=inbound.intent,
        confidence=inbound.confidence,
        variety=inbound.variety,
    )


async def _web_updates(assistant: Any, known: WebUpdatesRequest) -> WebUpdates:
    """What came for one address; the person's other channels and pages have their own messages."""
    query = (
        select(Message)
        # The contact is named only for the index on contact and id, which finds the new rows of a long log.
        .join(Identity, (Identity.id == Message.identity_id) & (Identity.contact_id == Message.contact_id))
        .where(
            Identity.channel == "web",
            Identity.address == known.sender,
            Message.direction == "out",
            Message.reply_to_id.is_(None),
            Message.id > known.after,
        )
        .order_by(Message.id)
        .limit(UPDATES_LIMIT)
    )
    async with assistant.db.read() as session:
        messages = list(await session.scalars(query))
    fetched = [message.id for message in messages if message.state == "sent"]
    if fetched:  # pages ask every few seconds, nearly always for nothing: only a first fetch writes
        async with assistant.db.write() as session:
            unmarked = (Message.id.in_(fetched)) & (Message.state == "sent")
            await session.execute(update(Message).where(unmarked).values(state="delivered", delivered_at=utc_now()))
    return WebUpdates(messages=[_web_reply(message) for message in messages])


def _web_reply(message: Message) -> WebReply:
    return WebReply(
        id=message.id,
        text=message.text,
        # The page knows nobody's number: there is nothing to share with a press.
        buttons=[WebButton(**button) for button in message.buttons if "share" not in button],
        variety=message.variety or DEFAULT_VARIETY,
    )


async def _database_answers(assistant: Any) -> bool:
    try:
        async with assistant.db.read() as session:
            await session.scalar(select(1))
    except AWAY:
        return False
    return True
