"""Find my programme: four questions, and a ranked short list with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bot.db.models import Programme
from bot.db.seed.fields import STAGES
from bot.journeys.eligibility import check_city
from bot.journeys.journey import Journey, Person, Question
from bot.journeys.reading import ANY, NEEDS, Heard, Problem
from bot.messages import Answer

SHOWN = 3
#: How many towns and sectors the buttons offer, those that most programmes name; any other may be typed.
OFFERED = 5
#: What each reason for a programme weighs. What is asked for and named outweighs what merely does not exclude.
WEIGHTS = {
    "need": 8,
    "city": 6,
    "stage": 4,
    "sector": 4,
    "national": 2,
    "all_stages": 1,
    "all_sectors": 1,
}
#: A programme that may not run any more stands behind every other that fits as well.
UNCERTAIN = -10


@dataclass(frozen=True, slots=True)
class Match:
    """A programme that fits, with the reasons for it (keys of `WEIGHTS`) and what they weigh together."""

    programme: Programme
    reasons: tuple[str, ...]
    score: int


def rank_programmes(programmes: Iterable[Programme], wanted: Mapping[str, str]) -> list[Match]:
    """The programmes that fit, best first; docs/programme-ranking.md explains it.

    Args:
        programmes: rows; those that ended are left out.
        wanted: ``stage``, ``need``, ``city`` and ``sector``; a missing one, or ``any``, asks for nothing.
    """
    asked = {name: value for name, value in wanted.items() if value != ANY}
    matches = []
    for programme in programmes:
        reasons = _find_reasons(programme, asked) if programme.status != "ended" else None
        if reasons is not None:
            score = sum(WEIGHTS[reason] for reason in reasons) + (UNCERTAIN if programme.status == "uncertain" else 0)
            matches.append(Match(programme, reasons, score))
    return sorted(matches, key=lambda match: (-match.score, match.programme.rank, match.programme.slug))


def _find_reasons(programme: Programme, asked: Mapping[str, str]) -> tuple[str, ...] | None:
    """Why a programme fits, or None when something that it names excludes the person."""
    reasons = []
    if "need" in asked:
        if asked["need"] not in programme.offers:
            return None
        reasons.append("need")
    if "city" in asked:
        if programme.city_slugs and asked["city"] not in programme.city_slugs:
            return None
        reasons.append("city" if programme.city_slugs else "national")
    for name, named in (("stage", programme.stages), ("sector", programme.sectors)):
        if name in asked:
            if named and asked[name] not in named:
                return None
            reasons.append(name if named else f"all_{name}s")
    return tuple(reasons)


async def list_programmes(session: AsyncSession) -> list[Programme]:
    """Every programme with its operator."""
    return list(await session.scalars(select(Programme).options(joinedload(Programme.operator))))


def _most_named(named: Iterable[Iterable[str]]) -> list[str]:
    """The codes that most rows name, the first in the alphabet of those that as many name."""
    counts = Counter(code for codes in named for code in codes)
    return sorted(counts, key=lambda code: (-counts[code], code))[:OFFERED]


class ProgrammeSearch(Journey):
    """Asks what a founder needs, and ranks what there is."""

    name = "programme"
    begins_with = frozenset({"find_programme", "other_city"})
    fields = ("stage", "need", "city", "sector")

    async def prefill(
        self, session: AsyncSession, person: Person, known: Mapping[str, str], heard: Heard
    ) -> dict[str, str]:
        """What was answered before; "another city" keeps all but the city, and "et à Casa ?" all."""
        kept = {name: value for name, value in known.items() if name in self.fields}
        if heard.intent == "other_city":
            return {name: value for name, value in kept.items() if name != "city"}
        if heard.intent not in self.begins_with:
            return kept
        # A new search asks anew, but for where one is.
        return {name: value for name, value in kept.items() if name == "city" and value != ANY}

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """The usual answers, and "it does not matter"."""
        kind, codes = name, list(STAGES)
        if name == "need":
            kind, codes = "offer", list(NEEDS)
        elif name in ("city", "sector"):
            running = [each for each in await list_programmes(session) if each.status != "ended"]
            codes = _most_named(each.city_slugs if name == "city" else each.sectors for each in running)
        return Question(choices=tuple((f'/inform{{"{kind}": "{code}"}}', None) for code in (*codes, ANY)))

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """A town must be known."""
        return await check_city(session, value) if name == "city" and value != ANY else None

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `programmes_ranked`, or `programmes_unmatched` with the best elsewhere."""
        programmes = await list_programmes(session)
        matches = rank_programmes(programmes, answers)
        wanted = {name: value for name, value in answers.items() if value != ANY}
        if not matches:
            elsewhere = rank_programmes(programmes, {name: v for name, v in answers.items() if name != "city"})
            data = _describe_all(elsewhere, wanted)
            return Answer("programmes_unmatched", data, (*_details(elsewhere), ("/request_support", None)))
        choices = [*_details(matches)]
        if len(matches) > 1:
            choices.append(("/compare_programmes", None))
        choices.append(("/other_city", None))
        return Answer("programmes_ranked", _describe_all(matches, wanted), tuple(choices))


def _details(matches: list[Match]) -> list[tuple[str, str | None]]:
    return [
        (f'/incubator_details{{"programme": "{match.programme.slug}"}}', match.programme.name)
        for match in matches[:SHOWN]
    ]


def _describe_all(matches: list[Match], wanted: Mapping[str, str]) -> dict[str, Any]:
    shown = matches[:SHOWN]
    return {
        "wanted": dict(wanted),
        "programmes": [{**describe_programme(match.programme), "reasons": list(match.reasons)} for match in shown],
        "more": max(len(matches) - SHOWN, 0),
        "fact_slugs": [slug for match in shown for slug in match.programme.fact_slugs[:1]],
    }


def describe_programme(programme: Programme) -> dict[str, Any]:
    """What texts show of a programme."""
    return {
        "slug": programme.slug,
        "name": programme.name,
        "kind": programme.kind,
        "operator": programme.operator.name if programme.operator else None,
        "city_slugs": programme.city_slugs,
        "stages": programme.stages,
        "sectors": programme.sectors,
        "offers": programme.offers,
        "takes_equity": programme.takes_equity,
        "amount_min_dh": programme.amount_min_dh,
        "amount_max_dh": programme.amount_max_dh,
        "duration_months": programme.duration_months,
        "summary": programme.summary,
        "website": programme.website,
        "uncertain": programme.status == "uncertain",
    }
