"""The only door into Rasa: one authenticated call takes a message and gives back its parse and the answers.

``POST /webhooks/app/messages`` with the header ``X-Rasa-Secret``::

    {"sender": "12.3", "text": "c'est gratuit ?", "metadata": {"message_id": 7}}        what a person typed
    {"sender": "12.3", "payload": "/jobintech_cost", "metadata": {"message_id": 8}}     a button that we offered
    {…, "form": {"name": "eligibility_form", "requested": "city"}}                      while a form's question is open

The app knows which form is open; Rasa's memory, which a restart empties, is brought in line with it before the turn.

answers 200 with ``{"parse": {...}, "messages": [...]}``, 401 without the right secret, 422 on anything malformed, and
500 with the error's name when the turn failed.  Typed text that starts with "/" is never read as a command, so nobody
can trigger an intent by its name.  A message with several questions is answered with the messages of each, in order.

``DELETE /webhooks/app/contacts/12`` drops what is remembered of a person's conversations (204).

``GET /webhooks/app/ready`` names the model that is loaded; ``PUT /webhooks/app/model`` loads another one
(`nlu.swapping`): 200 with how long it took, 409 with the reason when the running one stays.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text, Tuple

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.events import ActiveLoop, SlotSet
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from nlu import schemas
from nlu.questions import choose_questions, list_cuts
from nlu.swapping import Swapper, SwapRefused, read_wanted

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Rasa-Secret"
TEXT_LIMIT_CHARS = 1_000
SENDER_LIMIT_CHARS = 64
PAYLOAD_LIMIT_CHARS = 256
RANKING_LENGTH = 5
_LEADING_SLASHES = re.compile(r"\A[\s/]+")


class MalformedRequest(ValueError):
    """The request's body is not what the channel takes; the text says what would be right."""


@dataclass(frozen=True)
class AppMessage:
    """A checked request: the session that speaks, and either what was typed or the payload of a button."""

    sender: str
    text: str
    is_payload: bool
    metadata: Dict[str, Any]
    #: The form that is open, and the slot that it asked for.
    form: Optional[Tuple[str, str]] = None


def read_message(body: Any) -> AppMessage:
    """Check a request's body.

    Raises:
        MalformedRequest: it is no object; has an unknown field; sender, text, payload or metadata are missing, empty,
            too long or of another type; both text and payload are given; or a payload does not start with "/".
    """
    if not isinstance(body, dict):
        raise MalformedRequest("the body must be a JSON object")
    unknown = set(body) - {"sender", "text", "payload", "metadata", "form"}
    if unknown:
        raise MalformedRequest(f"unknown fields: {', '.join(sorted(map(str, unknown)))}")
    sender = body.get("sender")
    if not isinstance(sender, str) or not 0 < len(sender) <= SENDER_LIMIT_CHARS:
        raise MalformedRequest(f"sender must be a string of 1 to {SENDER_LIMIT_CHARS} characters")
    metadata = body.get("metadata", {})
    if not isinstance(metadata, dict):
        raise MalformedRequest("metadata must be an object")
    form = _read_form(body.get("form"))
    text, payload = body.get("text"), body.get("payload")
    if (text is None) == (payload is None):
        raise MalformedRequest("give either text or payload")
    if payload is not None:
        if not isinstance(payload, str) or not payload.startswith("/") or len(payload) > PAYLOAD_LIMIT_CHARS:
            raise MalformedRequest(
                f"payload must be a string of at most {PAYLOAD_LIMIT_CHARS} characters that starts with /"
            )
        return AppMessage(sender, payload, True, metadata, form)
    if not isinstance(text, str) or len(text) > TEXT_LIMIT_CHARS:
        raise MalformedRequest(f"text must be a string of at most {TEXT_LIMIT_CHARS} characters")
    # Rasa reads a leading slash as an intent; a person's slash is only punctuation, also in "/ /greet".
    typed = _LEADING_SLASHES.sub("", text).strip()
    if not typed:
        raise MalformedRequest("text must have something in it besides white space and slashes")
    return AppMessage(sender, typed, False, metadata, form)


def _read_form(value: Any) -> Optional[Tuple[str, str]]:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"name", "requested"}:
        raise MalformedRequest("form must be an object with name and requested")
    name, requested = value["name"], value["requested"]
    if not isinstance(name, str) or not name or not isinstance(requested, str) or not requested:
        raise MalformedRequest("name and requested of form must be strings with something in them")
    return name, requested


def describe_parse(parse_data: Dict[str, Any]) -> Dict[str, Any]:
    """The part of Rasa's parse that the app uses: intent, confidence, short ranking, entities and variety."""
    intent = parse_data.get("intent") or {}
    return {
        "intent": intent.get("name") or "",
        "confidence": float(intent.get("confidence") or 0.0),
        "ranking": [
            {"intent": entry["name"], "confidence": round(float(entry["confidence"]), 4)}
            for entry in parse_data.get("intent_ranking", [])[:RANKING_LENGTH]
        ],
        "entities": [
            {key: entity[key] for key in ("entity", "value", "start", "end", "text") if key in entity}
            for entity in parse_data.get("entities", [])
        ],
        "variety": parse_data.get("variety"),
    }


async def open_form(processor: Any, message: UserMessage, form: Tuple[str, str]) -> None:
    """Have Rasa's memory of a conversation hold the form that the app says is open.

    Raises:
        MalformedRequest: the domain has no such form or slot.
    """
    name, requested = form
    if requested not in processor.domain.forms.get(name, {}).get("required_slots", ()):
        raise MalformedRequest(f"form {name!r} with the slot {requested!r} is not in the domain")
    tracker = await processor.fetch_tracker_and_update_session(
        message.sender_id, message.output_channel, message.metadata
    )
    if tracker.active_loop_name == name and tracker.get_slot(REQUESTED_SLOT) == requested:
        return
    tracker.update(ActiveLoop(name), processor.domain)
    tracker.update(SlotSet(REQUESTED_SLOT, requested), processor.domain)
    await processor.save_tracker(tracker)


async def find_questions(processor: Any, text: str) -> List[Dict[str, Any]]:
    """The parses of the questions of a message that asks several (`nlu.questions`), else nothing."""
    for parts in list_cuts(text):
        parses = [await processor.parse_message(UserMessage(part.text)) for part in parts]
        questions = choose_questions(parts, parses)
        if questions:
            return questions
    return []


def _split_turn(whole: UserMessage, questions: List[Dict[str, Any]]) -> List[UserMessage]:
    """A turn for each question, in the same conversation and into the same collector; or the one turn as it is."""
    turns = []
    for parse in questions:
        turn = UserMessage(
            parse["text"],
            whole.output_channel,
            whole.sender_id,
            input_channel=whole.input_channel,
            metadata=whole.metadata,
        )
        turn.parse_data = parse
        turns.append(turn)
    return turns or [whole]


class Collector(CollectingOutputChannel):
    """Keeps what Rasa says, with the name of the response (`utter_action`) beside its text."""

    @classmethod
    def name(cls) -> Text:
        """The name under which the tracker notes the output."""
        return "app"

    async def send_response(self, recipient_id: Text, message: Dict[Text, Any]) -> None:
        """Store one whole message instead of splitting it by its parts, as the base class does."""
        kept = ("text", "buttons", "custom", "utter_action")
        self.messages.append({key: message[key] for key in kept if message.get(key)})


class AppChannel(InputChannel):
    """The channel named in credentials.yml."""

    def __init__(self, secret: str) -> None:
        """Keep the shared secret.

        Raises:
            RasaException: it is missing or shorter than 16 characters, so that an unset variable can't open the door.
        """
        if not secret or len(secret) < 16 or secret.startswith("${"):
            raise RasaException(
                "credentials.yml: the secret of nlu.channel.AppChannel must be 16 characters or more; set RASA_SECRET"
            )
        self.secret = secret
        schemas.install()

    @classmethod
    def name(cls) -> Text:
        """The channel's part of the URL: /webhooks/app."""
        return "app"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> InputChannel:
        """Make the channel from its entry in credentials.yml."""
        return cls(str((credentials or {}).get("secret") or ""))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The route that the app posts to."""
        routes = Blueprint("app_channel", __name__)
        swapper = Swapper()

        def is_authentic(request: Request) -> bool:
            given = request.headers.get(SECRET_HEADER, "")
            return hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())

        def refuse() -> HTTPResponse:
            return response.json({"error": f"the header {SECRET_HEADER} is missing or wrong"}, status=401)

        @routes.route("/ready", methods=["GET"])
        async def ready(request: Request) -> HTTPResponse:
            if not is_authentic(request):
                return refuse()
            agent = request.app.ctx.agent
            is_ready = agent is not None and agent.is_ready()
            model = agent.processor.model_filename if is_ready else None
            return response.json({"ready": is_ready, "model": model}, status=200 if is_ready else 503)

        @routes.route("/model", methods=["PUT"])
        async def load(request: Request) -> HTTPResponse:
            if not is_authentic(request):
                return refuse()
            try:
                wanted = read_wanted(json.loads(request.body))
            except (ValueError, RecursionError) as error:
                return response.json({"error": str(error)}, status=422)
            agent = request.app.ctx.agent
            # Beside the one that Rasa was started with.
            folder = Path(agent.processor.model_path).parent
            try:
                return response.json(await swapper.swap(agent, folder, wanted))
            except SwapRefused as error:
                logger.error("the model stays: %s", error)
                return response.json({"error": str(error)}, status=409)

        @routes.route("/contacts/<contact:str>", methods=["DELETE"])
        async def forget(request: Request, contact: str) -> HTTPResponse:
            if not is_authentic(request):
                return refuse()
            store = request.app.ctx.agent.tracker_store
            # Rasa wraps the store of endpoints.yml in one that survives its failures.
            store = store._tracker_store if isinstance(store, FailSafeTrackerStore) else store
            store.forget(contact)
            return response.empty(status=204)

        @routes.route("/messages", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            if not is_authentic(request):
                return refuse()
            try:
                message = read_message(json.loads(request.body))
            except (ValueError, RecursionError) as error:
                return response.json({"error": str(error)}, status=422)
            collector = Collector()
            user_message = UserMessage(
                message.text,
                collector,
                message.sender,
                input_channel=self.name(),
                metadata=message.metadata,
            )
            try:
                # Parsed once, here: the turn is handed the result instead of parsing again.
                processor = request.app.ctx.agent.processor
                if message.form is not None:
                    await open_form(processor, user_message, message.form)
                user_message.parse_data = await processor.parse_message(user_message)
                questions = [] if message.is_payload else await find_questions(processor, message.text)
                for turn in _split_turn(user_message, questions):
                    await on_new_message(turn)
            except MalformedRequest as error:
                return response.json({"error": str(error)}, status=422)
            except Exception as error:  # whatever failed inside Rasa or an action: the app apologises and logs it
                logger.exception("turn of %s failed", message.sender)
                return response.json({"error": type(error).__name__}, status=500)
            parse = describe_parse(user_message.parse_data)
            if questions:
                # The log keeps one intent of a message: that of the first question.
                parse.update({key: describe_parse(questions[0])[key] for key in ("intent", "confidence", "ranking")})
            return response.json({"parse": parse, "messages": collector.messages})

        return routes


__all__: List[str] = ["AppChannel", "MalformedRequest", "read_message"]
