"""A bare piece of information: "Rabat", "cybersécurité", "en mai" goes on with the question before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from rasa_sdk.events import FollowupAction
from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import Context, DatabaseAction, Finding, Request, payload
from actions.founders import narrows_search
from bot.journeys.catalogue import form_of
from bot.journeys.preregistration import CORRECTABLE, find_application
from bot.messages import Answer


class UseInformation(DatabaseAction):
    """Answers the last question again with what was added, or asks what the person wants to know of it."""

    action_name = "action_use_information"

    #: What a bare entity is about when there was no question before it.
    alone: ClassVar[dict[str, str]] = {
        "track": "jobintech_tracks",
        "programme": "incubator_details",
        "event": "event_details",
        "stage": "incubator_search",
        "sector": "incubator_search",
    }
    #: Entities that each question can use; a diploma adds nothing to a search for incubators.
    used: ClassVar[dict[str, frozenset[str]]] = {
        "jobintech_tracks": frozenset({"track"}),
        "jobintech_locations": frozenset({"city"}),
        "jobintech_dates": frozenset({"city", "track"}),
        "incubator_search": frozenset({"city", "stage", "sector"}),
        "incubator_details": frozenset({"programme"}),
        "funding_options": frozenset({"stage", "sector"}),
        "event_search": frozenset({"city", "date", "topic"}),
        "event_details": frozenset({"event"}),
        "publications_search": frozenset({"topic"}),
    }

    def __init__(self, context: Context, continued: Mapping[str, DatabaseAction]) -> None:
        """`continued` maps the intent of a question to the action that answers it."""
        super().__init__(context)
        self._continued = continued

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """The answer of the question that is gone on with, else `inform_city` or `inform_noted`."""
        if await self._corrects(session, request):
            return Finding(None, {"corrects": True}, events=(FollowupAction(form_of("correction")),))
        if await narrows_search(session, request):
            return Finding(None, {"narrows": True}, events=(FollowupAction(form_of("programme")),))
        given = request.entities.keys()
        intents = [intent for intent, _ in request.earlier]
        last = next((intent for intent in intents if intent in self._continued), None)
        if last is not None and self.used[last] & given:
            # With what was said from that question on, the latest last: "Rabat" and then "santé" asks for both.
            turns = reversed(request.earlier[: intents.index(last) + 1])
            before = {kind: value for _, entities in turns for kind, value in entities.items()}
            return await self._continued[last].find(session, replace(request, entities=before | request.entities))
        for entity, intent in self.alone.items():
            if entity in given:
                return await self._continued[intent].find(session, request)
        if "city" in given:
            city = request.entities["city"]
            questions = ("jobintech_locations", "incubator_search", "event_search")
            choices = tuple((payload(intent, city=city), None) for intent in questions)
            return Finding(Answer("inform_city", {"city": city}, choices), {"city": city})
        return Finding(Answer("inform_noted"))

    async def _corrects(self, session: AsyncSession, request: Request) -> bool:
        """Whether it is a phone number or an e-mail of somebody whose application can still be corrected."""
        said = {str(entity["entity"]) for entity in (*request.recognised, *request.beyond_scope)}
        if request.contact_id is None or not said & {"phone", "email"}:
            return False
        application = await find_application(session, request.contact_id)
        return application is not None and application.state in CORRECTABLE
