"""What founders look up: programmes that take them in, one of them by name, and money."""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import FollowupAction
from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.db.models import Programme
from bot.db.support import find_programme, find_programmes
from bot.journeys.catalogue import form_of
from bot.journeys.programme_lists import list_first_facts, list_found, list_funding, offer_details
from bot.journeys.ranking import describe_programme
from bot.messages import Answer
from bot.shown import find_last_answer, list_shown, pick

#: So many are compared.
COMPARED = 2
#: So many names help somebody whose programme is not known.
OFFERED = 6
#: What a search goes by and a message may change.
SEARCHED = frozenset({"city", "stage", "sector"})
#: Answers of the search, and those about what it found.
RANKED = frozenset({"programmes_ranked", "programmes_unmatched"})
ABOUT_RANKED = frozenset({"programmes_compared", "programme_details", "compare_which"})


async def narrows_search(session: AsyncSession, request: Request) -> bool:
    """Whether "et à Casa ?" follows the ranked list of a search: then that search is done again with it."""
    if request.contact_id is None or request.text.startswith("/") or not request.entities.keys() & SEARCHED:
        return False
    return await find_last_answer(session, request.contact_id, ABOUT_RANKED) in RANKED


class FindProgrammes(DatabaseAction):
    """Incubators, accelerators and places for a city, stage and sector."""

    action_name = "action_find_programmes"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programmes_found`, or `programmes_none` with those that are not tied to a place."""
        if await narrows_search(session, request):
            return Finding(None, {"narrows": True}, events=(FollowupAction(form_of("programme")),))
        asked = {name: request.entities.get(name) for name in ("city", "stage", "sector")}
        answer, count = await list_found(session, asked)
        return Finding(answer, {name: value for name, value in asked.items() if value}, count)


class DescribeProgramme(DatabaseAction):
    """One programme by its name or its place in the list that was shown last, or two of them side by side.

    What is named decides, not the intent: "X ou Y ?" compares, and "does X take equity" does not.
    """

    action_name = "action_describe_programme"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programme_details`, `programmes_compared` or `programme_unknown`."""
        meant = await self._list_meant(session, request)
        if len(meant) >= COMPARED:
            return _compare(meant[:COMPARED])
        if meant:
            return _describe(meant[0])
        asked = request.entities.get("programme")
        known = (await find_programmes(session))[:OFFERED]
        listed = [{"slug": item.slug, "name": item.name} for item in known]
        data: dict[str, Any] = {"asked": request.said.get("programme", ""), "programmes": listed}
        return Finding(
            Answer("programme_unknown", data, offer_details(known)), {"programme": asked} if asked else {}, 0
        )

    async def _list_meant(self, session: AsyncSession, request: Request) -> list[Programme]:
        """The programmes that a message names; if it names none, those whose place in the last list it names.

        "the first step at X" is about X alone.
        """
        slugs = request.list_values("programme")
        if not slugs and request.contact_id is not None and not request.text.startswith("/"):
            slugs = pick(await list_shown(session, request.contact_id, "programme"), request.text)
        found = [await find_programme(session, slug) for slug in dict.fromkeys(slugs)]
        return [programme for programme in found if programme is not None]


class CompareProgrammes(DescribeProgramme):
    """Two programmes side by side: those that are meant, or the first of the list that was shown last."""

    action_name = "action_compare_programmes"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programmes_compared`, of a single one `programme_details`, or `compare_which` when none is meant."""
        meant = await self._list_meant(session, request)
        if len(meant) == 1:
            return _describe(meant[0])
        if not meant and request.contact_id is not None:
            shown = await list_shown(session, request.contact_id, "programme")
            found = [await find_programme(session, slug) for slug in shown]
            meant = [programme for programme in found if programme is not None]
        return _compare(meant[:COMPARED]) if len(meant) >= COMPARED else Finding(Answer("compare_which"), {}, 0)


def _describe(programme: Programme) -> Finding:
    data = {"programme": describe_programme(programme), "fact_slugs": programme.fact_slugs[:3]}
    return Finding(Answer("programme_details", data), {"programme": programme.slug}, 1)


def _compare(programmes: list[Programme]) -> Finding:
    data = {
        "programmes": [describe_programme(programme) for programme in programmes],
        "fact_slugs": list_first_facts(programmes),
    }
    choices = (*offer_details(programmes), (payload("other_city"), None))
    slugs = [programme.slug for programme in programmes]
    return Finding(Answer("programmes_compared", data, choices), {"programmes": slugs}, len(programmes))


class FindFunding(DatabaseAction):
    """Money for a startup: grants, loans, funds, and programmes that bring some."""

    action_name = "action_find_funding"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `funding_list`."""
        asked = {name: request.entities.get(name) for name in ("stage", "sector")}
        answer, count = await list_funding(session, asked)
        return Finding(answer, {name: value for name, value in asked.items() if value}, count)
