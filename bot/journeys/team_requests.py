"""Requests to the team that need a few details: each becomes a ticket with a reference."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import StaffRequest
from bot.journeys.eligibility import check_city, offer_cities
from bot.journeys.journey import NO_EMAIL, REVIEW, Journey, Person, Question
from bot.journeys.reading import Problem
from bot.messages import Answer
from bot.references import make_reference


class TeamRequest(Journey):
    """Who asks, what for, and how to be reached; the kinds differ in their name and their words."""

    fields = ("organisation", "request", "city", "full_name", "email", REVIEW)

    def __init__(self, name: str) -> None:
        """`name` is the journey's, and the kind of the ticket."""
        self.name = name
        self.begins_with = frozenset({f"request_{name}"})  # type: ignore[misc]  # of each kind its own

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """The usual towns as choices, and at the end every answer."""
        if name == "city":
            return Question(choices=await offer_cities(session))
        if name == REVIEW:
            shown = {each: answers[each] for each in self.fields if each in answers}
            return Question({"answers": shown}, (("/affirm", "@send"), ("/deny", "@correct")))
        return Question()

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """A town must be known, and an address given: it is how the team answers."""
        if name == "email" and value == NO_EMAIL:
            return Problem("email")
        return await check_city(session, value) if name == "city" else None

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `request_sent`."""
        details = {name: answers[name] for name in self.fields if name in answers and name != REVIEW}
        request = StaffRequest(
            reference=make_reference("MNC"),
            contact_id=person.contact_id,
            message_id=person.message_id,
            kind=self.name,
            details=details,
        )
        session.add(request)
        return Answer("request_sent", {"reference": request.reference, "kind": self.name})


TEAM_REQUESTS = tuple(TeamRequest(kind) for kind in ("support", "membership", "employer", "operator", "event_proposal"))
