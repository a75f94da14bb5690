"""What every action shares: reading the request out of Rasa's tracker, the answer, and the interaction log."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from time import perf_counter
from typing import Any, ClassVar

from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.engine import Database
from bot.db.interactions import Done, find_answer, lock_message, log_interaction
from bot.hours import Hours
from bot.messages import Answer
from bot.reach import Reach

logger = logging.getLogger(__name__)

#: Rasa's events that leave whatever form is open, so that its question is not asked again after this answer.
LEAVE_FORM: tuple[dict[str, Any], ...] = (ActiveLoop(None), SlotSet("requested_slot", None))


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked, as far as an action needs it.

    `entities` has the first value of each entity kind; `said` has the words it was recognised in. `earlier` has the
    intents of this session with their entities, the latest first, without the present one; `ranking` has the likeliest
    intents of the present message with their probabilities.
    """

    intent: str
    entities: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)
    recognised: tuple[dict[str, Any], ...] = ()
    earlier: tuple[tuple[str, dict[str, str]], ...] = ()
    ranking: tuple[tuple[str, float], ...] = ()
    contact_id: int | None = None
    message_id: int | None = None
    #: What was typed, or the payload of a button.
    text: str = ""
    #: Entities that were recognised but mean nothing for the intent; the answer to a question may be among them.
    beyond_scope: tuple[dict[str, Any], ...] = ()
    #: Rasa's events since the message came, the latest first.
    since: tuple[dict[str, Any], ...] = ()
    #: The variety that the message is written in, and how sure that is, as Rasa's parse has it.
    variety: dict[str, Any] | None = None

    def list_values(self, kind: str) -> list[str]:
        """Every value of an entity kind in the message, in order; those of `entities` if it names none itself."""
        said = [str(entity["value"]) for entity in self.recognised if entity["entity"] == kind and "value" in entity]
        return said or [value for name, value in self.entities.items() if name == kind]


@dataclass(frozen=True, slots=True)
class Finding:
    """What an action found: the answer, the conditions it looked up, and how many rows fitted (None: no look-up).

    `answer` is None when there is nothing to say. `events` are Rasa's, for the conversation itself. `is_done` says, of
    an action that changes something, that it did: if its message is tried again, the answer is given again instead.
    """

    answer: Answer | None
    lookup: dict[str, Any] = field(default_factory=dict)
    rows_found: int | None = None
    events: tuple[dict[str, Any], ...] = ()
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What every action works with.

    `base_url` is where people's browsers reach the app, for links to files; `reach` knows how people can be written to
    later; `secret` keys what may outlive an erasure; `hours` are those of the team, None when nobody said.
    """

    db: Database
    base_url: str
    reach: Reach
    secret: str
    hours: Hours | None = None


def read_request(tracker: Tracker) -> Request:
    """The request in Rasa's tracker; contact and message are None when somebody else than the app drives Rasa."""
    latest = tracker.latest_message
    recognised = tuple(latest.get("entities") or ())
    entities, said = _read_entities(recognised)
    turns = [
        (str(event["parse_data"]["intent"]["name"]), _read_entities(event["parse_data"].get("entities") or ())[0])
        for event in reversed(tracker.events)
        if event.get("event") == "user" and event.get("parse_data", {}).get("intent", {}).get("name")
    ]
    contact = str(tracker.sender_id).partition(".")[0]
    message_id = _message_id(tracker)
    return Request(
        intent=str((latest.get("intent") or {}).get("name") or ""),
        entities=entities,
        said=said,
        recognised=recognised,
        earlier=tuple(turns[1:]),
        ranking=tuple((str(entry["name"]), float(entry["confidence"])) for entry in latest.get("intent_ranking") or ()),
        contact_id=int(contact) if contact.isdecimal() else None,
        message_id=message_id,
        text=str(latest.get("text") or ""),
        beyond_scope=tuple(latest.get("entities_beyond_scope") or ()),
        variety=latest.get("variety"),
        since=tuple(takewhile(lambda event: event.get("event") != "user", reversed(tracker.events))),
    )


def _read_entities(recognised: Iterable[dict[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """The first value of each entity kind, and the words it was recognised in."""
    entities: dict[str, str] = {}
    said: dict[str, str] = {}
    for entity in recognised:
        kind, value = str(entity["entity"]), entity.get("value")
        if isinstance(value, str | int | float) and kind not in entities:
            entities[kind] = str(value)
            said[kind] = str(entity.get("text") or value)
    return entities, said


def _message_id(tracker: Tracker) -> int | None:
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            value = (event.get("metadata") or {}).get("message_id")
            return value if isinstance(value, int) else None
    return None


class DatabaseAction(Action):
    """An action that answers from the database and logs its run.

    One that `changes` something does so, and logs it with its answer, in one transaction: a message that is tried again
    after a failure finds either both or nothing.
    """

    action_name: str
    changes: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        """Nothing connects before the first run."""
        self.context = context

    def name(self) -> str:
        """The name in domain.yml."""
        return self.action_name

    @abstractmethod
    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Look up what the request asks for, or do it, and choose the answer."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Rasa's entry: find, log, and hand the answer to the app as custom data."""
        request = read_request(tracker)
        clock = perf_counter()
        try:
            async with self._transaction() as session:
                done = await self._find_done(session, request)
                finding = done if done is not None else await self.find(session, request)
                if self.changes and done is None:
                    self._log(session, request, clock, finding, is_done=finding.is_done)
        except Exception as error:
            async with self.context.db.write() as session:
                failure = f"{type(error).__name__}: {error}"
                self._log(session, request, clock, Finding(Answer("error")), error=failure)
            raise
        if not self.changes:
            async with self.context.db.write() as session:
                self._log(session, request, clock, finding)
        if finding.answer is not None:
            dispatcher.utter_message(json_message=finding.answer.as_json())
        return list(finding.events)

    def is_repeatable(self, request: Request) -> bool:
        """Whether this run of an action that changes something may be done again for the same message."""
        return False

    async def _find_done(self, session: AsyncSession, request: Request) -> Finding | None:
        """What an earlier run for the same question came to, if Rasa asks again, as after a time-out.

        Of a message that is closed meanwhile nothing is done any more: its person has their reply.
        """
        if not self.changes or request.message_id is None:
            return None
        if not await lock_message(session, request.message_id):
            return Finding(None, {"late": True}, is_done=False)
        if self.is_repeatable(request):
            return None
        kept = await find_answer(session, request.message_id, self.action_name, request.text)
        return None if kept is None else Finding(kept[0], events=kept[1])

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.context.db.write() if self.changes else self.context.db.read() as session:
            yield session

    def _log(
        self,
        session: AsyncSession,
        request: Request,
        clock: float,
        finding: Finding,
        *,
        error: str | None = None,
        is_done: bool = False,
    ) -> None:
        log_interaction(
            session,
            self.action_name,
            finding.answer,
            contact_id=request.contact_id,
            message_id=request.message_id,
            intent=request.intent,
            entities=list(request.recognised),
            lookup=finding.lookup,
            rows_found=finding.rows_found,
            error=error,
            duration_ms=round((perf_counter() - clock) * 1000, 2),
            done=Done(request.text, request.variety, finding.events) if is_done else None,
        )


def payload(intent: str, **entities: str) -> str:
    """A button's payload in Rasa's syntax: ``payload("event_details", event="devoxx-morocco")``."""
    return f"/{intent}{json.dumps(entities, ensure_ascii=False)}" if entities else f"/{intent}"
