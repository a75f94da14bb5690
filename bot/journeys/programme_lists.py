"""Lists of programmes, a few at a time: found for a place, about money, or ranked for a founder.

What was asked and how many were shown is kept with the message (`bot.paging`), so that the button for the next ones
does the same search again, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Programme
from bot.db.support import MONEY_KINDS, SUPPORT_KINDS, find_programmes, list_programmes
from bot.journeys.ranking import Match, describe_programme, rank_programmes
from bot.journeys.reading import ANY
from bot.messages import Answer
from bot.paging import make_list_payload

#: As many as fit on a phone's screen; of money, which needs fewer words, one more.
SHOWN = 3
SHOWN_FUNDING = 4

Choices = tuple[tuple[str, str | None], ...]


async def list_found(session: AsyncSession, asked: Mapping[str, str | None], start: int = 0) -> tuple[Answer, int]:
    """Incubators, accelerators and places for a city, stage and sector, and how many of them there are.

    Answers `programmes_found`, or `programmes_none` with those that are not tied to a place.
    """
    named = {name: asked.get(name) for name in ("city", "stage", "sector")}
    found = await find_programmes(session, kinds=SUPPORT_KINDS, **named)
    key, listed = "programmes_found", found
    if not found:
        anywhere = await find_programmes(session, kinds=SUPPORT_KINDS, stage=named["stage"], sector=named["sector"])
        key, listed = "programmes_none", [programme for programme in anywhere if not programme.city_slugs]
    data, choices = _page("found", named, listed, start, SHOWN)
    return Answer(key, {**named, **data}, choices), len(found)


async def list_funding(session: AsyncSession, asked: Mapping[str, str | None], start: int = 0) -> tuple[Answer, int]:
    """Grants, loans, funds, and programmes that bring money, and how many there are; answers `funding_list`."""
    named = {name: asked.get(name) for name in ("stage", "sector")}
    listed = await find_programmes(session, kinds=MONEY_KINDS, offer="money", **named)
    data, choices = _page("funding", named, listed, start, SHOWN_FUNDING)
    return Answer("funding_list", data, choices), len(listed)


async def list_ranked(session: AsyncSession, asked: Mapping[str, str], start: int = 0) -> Answer:
    """Answers `programmes_ranked`, or `programmes_unmatched` with the best elsewhere."""
    programmes = await list_programmes(session)
    matches = rank_programmes(programmes, asked)
    wanted = {name: value for name, value in asked.items() if value != ANY}
    if not matches:
        elsewhere = rank_programmes(programmes, {name: value for name, value in asked.items() if name != "city"})
        data, choices = _page_of_matches(asked, elsewhere, start)
        return Answer("programmes_unmatched", {"wanted": wanted, **data}, (*choices, ("/request_support", None)))
    data, choices = _page_of_matches(asked, matches, start)
    if len(data["programmes"]) > 1:
        choices = (*choices, ("/compare_programmes", None))
    return Answer("programmes_ranked", {"wanted": wanted, **data}, (*choices, ("/other_city", None)))


async def list_further(session: AsyncSession, further: Mapping[str, Any]) -> Answer:
    """The next ones of a list, from what `Answer.data` had under ``further``."""
    asked, start = further["asked"], further["start"]
    if further["list"] == "ranked":
        return await list_ranked(session, asked, start)
    answer, _ = await (list_funding if further["list"] == "funding" else list_found)(session, asked, start)
    return answer


def offer_details(programmes: Sequence[Programme]) -> Choices:
    """A button for each programme, with its name."""
    return tuple((f'/incubator_details{{"programme": "{each.slug}"}}', each.name) for each in programmes)


def list_first_facts(programmes: Sequence[Programme]) -> list[str]:
    """The facts that are cited under a list: one of each programme."""
    return [slug for programme in programmes for slug in programme.fact_slugs[:1]]


def _page_of_matches(asked: Mapping[str, str], matches: Sequence[Match], start: int) -> tuple[dict[str, Any], Choices]:
    data, choices = _page("ranked", asked, [match.programme for match in matches], start, SHOWN)
    reasons = [list(match.reasons) for match in matches[start : start + SHOWN]]
    data["programmes"] = [
        {**programme, "reasons": why} for programme, why in zip(data["programmes"], reasons, strict=True)
    ]
    return data, choices


def _page(
    name: str, asked: Mapping[str, str | None], listed: Sequence[Programme], start: int, size: int
) -> tuple[dict[str, Any], Choices]:
    """What texts show of one page, and its buttons, the one for the next page last."""
    shown, more = listed[start : start + size], max(len(listed) - start - size, 0)
    data: dict[str, Any] = {
        "programmes": [describe_programme(programme) for programme in shown],
        "start": start,
        "more": more,
        "fact_slugs": list_first_facts(shown),
    }
    choices = offer_details(shown)
    if more:
        data["further"] = {"list": name, "asked": dict(asked), "start": start + size}
        choices = (*choices, (make_list_payload(data["further"]), "@more_programmes"))
    return data, choices
