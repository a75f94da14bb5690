"""Journeys as Rasa forms: one call reads the answer to the open question and asks the next.

Rasa's form decides that a message goes to the form, and calls ``validate_<form>``; the draft in the database decides
what is asked. So the action names the next slot itself (``requested_slot``) and utters its question, where Rasa would
call a second action for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import LEAVE_FORM, Context, DatabaseAction, Finding, Request, payload
from bot.db.linking import CODE_HELD, make_code
from bot.db.models import Message
from bot.db.notices import count_told, plan_notice
from bot.journeys import conductor
from bot.journeys.catalogue import JOURNEYS, form_of
from bot.journeys.journey import Journey, Person
from bot.journeys.preregistration import find_twin
from bot.journeys.reading import Heard
from bot.journeys.satisfaction import rate
from bot.messages import Answer

#: What a form asked for is kept in Rasa's slot of this name while it is open.
_REQUESTED = "requested_slot"

_CODE_MINUTES = int(CODE_HELD.total_seconds() // 60)
#: So many codes at most go to one person within this time, whoever asks for them.
MOST_CODES = 2
CODES_WITHIN = timedelta(hours=12)


def hear(request: Request) -> Heard:
    """The message of a request as an answer."""
    intent, confidence = request.ranking[0] if request.ranking else (request.intent, 0.0)
    is_button = request.text.startswith("/")
    entities = [*request.recognised, *request.beyond_scope]
    return Heard.make(request.text, request.intent or intent, 1.0 if is_button else confidence, entities,
                      is_button=is_button)  # fmt: skip


class DriveJourney(DatabaseAction):
    """``validate_<form>`` of one journey."""

    changes = True

    def __init__(self, context: Context, journey: Journey) -> None:
        """Drive one journey."""
        super().__init__(context)
        self._journey = journey
        self._form = form_of(journey.name)
        self.action_name = f"validate_{self._form}"

    def is_repeatable(self, request: Request) -> bool:
        """A question is put again after each interruption."""
        return _entry(request.since, self._form) == "returns"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """The next question, or what the journey came to; without an answer the message is left to others."""
        if request.contact_id is None:
            return Finding(Answer("not_understood"), events=LEAVE_FORM)
        entry = _entry(request.since, self._form)
        if entry == "begins" and self._journey.name == "preregistration" and _may_mean_event(request):
            choices = ((payload("event_register"), None), (payload("application_start"), None))
            return Finding(Answer("register_which", {}, choices), {"entry": entry}, events=LEAVE_FORM, is_done=False)
        person = await _person(session, request.contact_id, request.message_id, self.context)
        if entry == "begins":
            step = await conductor.begin(session, self._journey, person, hear(request))
        elif entry == "returns":
            step = await conductor.ask_again(session, self._journey, person)
        else:
            step = await conductor.answer(session, self._journey, person, hear(request))
        lookup = {"entry": entry, "asking": step.asking}
        if step.answer is None and entry == "answers":
            # No event at all: Rasa's form declines the message, and the rule of its intent answers it.
            return Finding(None, lookup)
        # The slots stay empty, since the draft has the values; naming one tells Rasa that the message was an answer.
        slot = step.asking or self._journey.fields[0]
        events = [SlotSet(slot, None), SlotSet(_REQUESTED, step.asking)]
        if step.then is not None:
            events.append(FollowupAction(form_of(step.then)))
        # A question that is only put again changed nothing, and says nothing of what interrupted it.
        return Finding(step.answer, lookup, events=tuple(events), is_done=entry != "returns")


def _entry(since: Sequence[dict[str, Any]], form: str) -> str:
    """How a form came to run: it ``begins``, it ``returns`` after something else was answered, or it gets an answer."""
    if any(event.get("event") == "active_loop" and event.get("name") == form for event in since):
        return "begins"
    own = {None, form, "action_listen", "action_extract_slots"}
    return (
        "returns"
        if any(event.get("event") == "action" and event.get("name") not in own for event in since)
        else ("answers")
    )


def _may_mean_event(request: Request) -> bool:
    """Whether "je veux m'inscrire" comes after a question about events, or names one."""
    if request.text.startswith("/") or request.intent != "application_start":
        return False
    if "jobintech" in request.text.casefold():
        return False
    named = any(entity["entity"] == "event" for entity in (*request.recognised, *request.beyond_scope))
    return named or (bool(request.earlier) and request.earlier[0][0] in ("event_details", "event_search"))


async def _person(session: AsyncSession, contact_id: int, message_id: int | None, context: Context) -> Person:
    message = await session.get(Message, message_id) if message_id is not None else None
    channel = message.channel if message is not None else "web"
    return Person(contact_id, channel, message_id, context.reach, context.secret)


class CheckEligibility(DatabaseAction):
    """Who may apply: in general, or, when people say something of themselves, for them."""

    action_name = "action_check_eligibility"

    #: What somebody says of themselves who asks for their own case.
    own: ClassVar[frozenset[str]] = frozenset({"diploma", "age", "situation"})

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `utter_jobintech_eligibility`, or hands over to the form."""
        if self.own & request.entities.keys() and request.contact_id is not None:
            return Finding(None, {"own_case": True}, events=(FollowupAction(form_of("eligibility")),))
        return Finding(Answer("utter_jobintech_eligibility"))


class ResumeJourney(DatabaseAction):
    """Goes on with a journey that was left."""

    action_name = "action_resume_journey"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Hands over to the form of the journey that the button names, or that was left last; or says that none was."""
        name = request.entities.get("journey", "")
        if not name and request.intent == "resume_journey" and request.contact_id is not None:
            draft = await conductor.find_draft(session, request.contact_id, "asking", "paused")
            name = "" if draft is None else draft.journey
        if name not in JOURNEYS or request.contact_id is None:
            return Finding(Answer("journey_over"), {}, 0)
        return Finding(None, {"journey": name}, events=(FollowupAction(form_of(name)),))


class SendLinkCode(DatabaseAction):
    """Sends a code to the channels of whoever has the same application, so that they can go on with it here."""

    action_name = "action_send_link_code"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `link_code_sent`, `link_code_unsent`, or `journey_over` when there is no such application."""
        if request.contact_id is None:
            return Finding(Answer("journey_over"))
        draft = await conductor.find_draft(session, request.contact_id, "paused", journey="preregistration")
        twin = await find_twin(session, request.contact_id, draft.answers) if draft is not None else None
        if twin is None:
            return Finding(Answer("journey_over"), {}, 0)
        lookup = {"reference": twin.reference}
        sent = Answer("link_code_sent", {"minutes": _CODE_MINUTES})
        told = await count_told(session, twin.contact_id, "link_code_requested", CODES_WITHIN)
        # Somebody who keeps asking must not fill another person's phone.
        if told >= MOST_CODES or not await self.context.reach.can_tell(session, twin.contact_id):
            return Finding(Answer("link_code_unsent", {}, (("/request_human", None),)), lookup, 0)
        code = await make_code(session, twin.contact_id, "sent")
        # Nobody asked for it there: whoever said STOP is left alone, since it may be a stranger who asks here.
        plan_notice(session, twin.contact_id, Answer("link_code_requested", {"code": code, "minutes": _CODE_MINUTES}))
        return Finding(sent, lookup, 1)


class RateUp(DatabaseAction):
    """Keeps a thumb up."""

    action_name = "action_rate_up"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `rate_thanks`."""
        if request.contact_id is not None:
            await rate(session, request.contact_id, "up")
        return Finding(Answer("rate_thanks", {"value": "up"}))
