"""What founders look up: programmes that take them in, one of them by name, and money."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.db.models import Programme
from bot.db.support import MONEY_KINDS, SUPPORT_KINDS, find_programme, find_programmes
from bot.journeys.conductor import find_draft
from bot.journeys.programme_search import describe_programme, list_programmes, rank_programmes
from bot.messages import Answer

#: As many as fit on a phone's screen.
SHOWN = 3


def _choices(programmes: list[Programme]) -> tuple[tuple[str, str | None], ...]:
    return tuple((payload("incubator_details", programme=programme.slug), programme.name) for programme in programmes)


def _first_facts(programmes: list[Programme]) -> list[str]:
    return [slug for programme in programmes for slug in programme.fact_slugs[:1]]


class FindProgrammes(DatabaseAction):
    """Incubators, accelerators and places for a city, stage and sector."""

    action_name = "action_find_programmes"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programmes_found`, or `programmes_none` with those that are not tied to a place."""
        asked = {name: request.entities.get(name) for name in ("city", "stage", "sector")}
        lookup = {name: value for name, value in asked.items() if value}
        programmes = await find_programmes(session, kinds=SUPPORT_KINDS, **asked)
        others = [] if programmes else await self._elsewhere(session, asked)
        shown = (programmes or others)[:SHOWN]
        data = {
            **asked,
            "programmes": [describe_programme(programme) for programme in shown],
            "more": max(len(programmes) - SHOWN, 0),
            "fact_slugs": _first_facts(shown),
        }
        key = "programmes_found" if programmes else "programmes_none"
        return Finding(Answer(key, data, _choices(shown)), lookup, len(programmes))

    async def _elsewhere(self, session: AsyncSession, asked: dict[str, str | None]) -> list[Programme]:
        conditions = {"stage": asked["stage"], "sector": asked["sector"]}
        found = await find_programmes(session, kinds=SUPPORT_KINDS, **conditions)
        return [programme for programme in found if not programme.city_slugs]


class DescribeProgramme(DatabaseAction):
    """One programme by its name."""

    action_name = "action_describe_programme"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programme_details` or `programme_unknown`."""
        asked = request.entities.get("programme")
        programme = await find_programme(session, asked) if asked else None
        known = [] if programme else (await find_programmes(session))[:6]
        if programme is None:
            listed = [{"slug": item.slug, "name": item.name} for item in known]
            data: dict[str, Any] = {"asked": request.said.get("programme", ""), "programmes": listed}
            return Finding(Answer("programme_unknown", data, _choices(known)), {"programme": asked} if asked else {}, 0)
        data = {"programme": describe_programme(programme), "fact_slugs": programme.fact_slugs[:3]}
        return Finding(Answer("programme_details", data), {"programme": programme.slug}, 1)


class FindFunding(DatabaseAction):
    """Money for a startup: grants, loans, funds, and programmes that bring some."""

    action_name = "action_find_funding"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `funding_list`."""
        asked = {name: request.entities.get(name) for name in ("stage", "sector")}
        programmes = await find_programmes(session, kinds=MONEY_KINDS, offer="money", **asked)
        shown = programmes[: SHOWN + 1]
        data = {
            "programmes": [describe_programme(programme) for programme in shown],
            "more": len(programmes) - len(shown),
            "fact_slugs": _first_facts(shown),
        }
        lookup = {name: value for name, value in asked.items() if value}
        return Finding(Answer("funding_list", data, _choices(shown)), lookup, len(programmes))


class CompareProgrammes(DatabaseAction):
    """The two best programmes of the last search, side by side."""

    action_name = "action_compare_programmes"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `programmes_compared`, or `journey_over` when there was no search."""
        if request.contact_id is None:
            return Finding(Answer("journey_over"))
        draft = await find_draft(session, request.contact_id, "done", journey="programme")
        matches = rank_programmes(await list_programmes(session), draft.answers)[:2] if draft is not None else []
        if len(matches) < 2:
            return Finding(Answer("journey_over"), {}, 0)
        programmes = [match.programme for match in matches]
        data = {
            "programmes": [describe_programme(programme) for programme in programmes],
            "fact_slugs": _first_facts(programmes),
        }
        return Finding(Answer("programmes_compared", data, (*_choices(programmes), ("/other_city", None))), {}, 2)
