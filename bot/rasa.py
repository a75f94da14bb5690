"""Ask Rasa: one call per message to the channel in nlu/channel.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from bot.errors import RasaError, RasaUnreachable
from bot.messages import VARIETIES, Answer, Turn, Understanding, Variety

SECRET_HEADER = "X-Rasa-Secret"


#: So many answers to one message no rule gives: Rasa ran until its circuit breaker stopped it.
MOST_ANSWERS = 9
#: A model is loaded in two seconds on an idle core.
LOAD_TIMEOUT_S = 120.0
CIRCLES = "Rasa went round in circles"


class _Variety(BaseModel):
    name: str
    confidence: float


class _Parse(BaseModel):
    intent: str
    confidence: float
    ranking: list[dict[str, Any]]
    entities: list[dict[str, Any]]
    variety: _Variety | None


class _Said(BaseModel):
    utter_action: str | None = None
    custom: dict[str, Any] | None = None


class _Reply(BaseModel):
    parse: _Parse
    messages: list[_Said]


@dataclass(frozen=True, slots=True)
class OpenForm:
    """A form of the domain and the slot that it has asked for."""

    name: str
    requested: str


class Rasa:
    """A client of one Rasa server."""

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={SECRET_HEADER: secret},
            # A proxy in the environment is for the outside; it could not reach Rasa, and must not learn the secret.
            trust_env=False,
            # Connecting is on loopback: a server that is there accepts at once.
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        )

    async def reply(
        self, sender: str, *, text: str | None, payload: str | None, metadata: dict[str, Any], form: OpenForm | None
    ) -> Turn:
        """One turn: what was typed, or the payload of a button, to what was understood and the answers to it.

        `form` is the one whose question is open; Rasa's own memory of it may be gone, or be of another conversation.

        Raises:
            RasaUnreachable: nothing listens, or no answer in time.
            RasaError: an error status, an unreadable answer, or an answer that says nothing.
        """
        body: dict[str, Any] = {"sender": sender, "metadata": metadata}
        body |= {"payload": payload} if payload is not None else {"text": text}
        body |= {"form": {"name": form.name, "requested": form.requested}} if form is not None else {}
        try:
            response = await self._client.post("/webhooks/app/messages", json=body)
        except httpx.RequestError as error:
            raise RasaUnreachable(f"no answer from Rasa: {type(error).__name__}") from error
        if response.status_code != 200:
            raise RasaError(f"Rasa answered {response.status_code}: {response.text[:300]}")
        try:
            reply = _Reply.model_validate_json(response.content)
        except ValidationError as error:
            raise RasaError(f"Rasa's answer can't be read: {error.errors()[0]['msg']}") from error
        try:
            answers = tuple(answer for said in reply.messages if (answer := _answer_of(said)) is not None)
        except (ValueError, TypeError) as error:
            raise RasaError(f"Rasa's answer can't be read: {error}") from error
        if not answers:
            raise RasaError(f"Rasa said nothing to intent {reply.parse.intent!r}")
        if len(answers) >= MOST_ANSWERS:
            raise RasaError(f"{CIRCLES} after intent {reply.parse.intent!r}")
        return Turn(_understanding_of(reply.parse), answers)

    async def forget(self, contact_id: int) -> None:
        """Have Rasa drop what it remembers of a person's conversations.

        Raises:
            RasaError: it can't be reached, or did not do it.
        """
        try:
            response = await self._client.delete(f"/webhooks/app/contacts/{contact_id}")
        except httpx.RequestError as error:
            raise RasaUnreachable(f"no answer from Rasa: {type(error).__name__}") from error
        if response.status_code != 204:
            raise RasaError(f"Rasa answered {response.status_code}: {response.text[:300]}")

    async def is_ready(self) -> bool:
        """Whether Rasa answers and has a model loaded."""
        return await self._find_state() is not None

    async def find_model(self) -> str | None:
        """The file name of the model that Rasa answers with; None when it does not answer or has none."""
        state = await self._find_state()
        return None if state is None else state.get("model")

    async def _find_state(self) -> dict[str, Any] | None:
        try:
            response = await self._client.get("/webhooks/app/ready", timeout=2.0)
        except httpx.TransportError:
            return None
        return dict(response.json()) if response.status_code == 200 else None

    async def load_model(self, name: str, checks: Sequence[tuple[str, str]]) -> None:
        """Have Rasa load another model beside the one that it has, try it, and answer with it from then on.

        Args:
            name: a file in the folder of the model that Rasa was started with.
            checks: messages with the intents that the model must understand them as.

        Raises:
            RasaUnreachable: nothing listens, or no answer within `LOAD_TIMEOUT_S`.
            RasaError: the model that it has stays; the text says why.
        """
        body = {"model": name, "checks": checks}
        try:
            response = await self._client.put("/webhooks/app/model", json=body, timeout=LOAD_TIMEOUT_S)
        except httpx.RequestError as error:
            raise RasaUnreachable(f"no answer from Rasa: {type(error).__name__}") from error
        if response.status_code in (409, 422):
            raise RasaError(str(response.json()["error"]))
        if response.status_code != 200:
            raise RasaError(f"Rasa answered {response.status_code}: {response.text[:300]}")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _understanding_of(parse: _Parse) -> Understanding:
    variety: Variety = "fr"
    for known in VARIETIES:
        if parse.variety is not None and parse.variety.name == known:
            variety = known
    return Understanding(
        intent=parse.intent,
        confidence=parse.confidence,
        variety=variety,
        variety_confidence=parse.variety.confidence if parse.variety else 0.0,
        ranking=tuple(parse.ranking),
        entities=tuple(parse.entities),
    )


def _answer_of(said: _Said) -> Answer | None:
    """A response by its name, or the answer that a custom action put into ``custom``; anything else says nothing."""
    if said.utter_action:
        return Answer(said.utter_action)
    if said.custom and isinstance(said.custom.get("answer"), str):
        return Answer.from_json(said.custom)
    return None
