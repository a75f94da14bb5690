"""Am I eligible for JobInTech? At most four questions, and a verdict that says what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import today
from bot.db.models import Alternative, City, EligibilityRule
from bot.db.places import distance_km
from bot.db.seed.checks import SITUATIONS
from bot.db.training import find_cohorts
from bot.journeys.journey import Journey, Person, Question
from bot.journeys.reading import Problem
from bot.journeys.rules import decide, list_fitting
from bot.messages import Answer

#: What the buttons offer; what is typed may be any of `DIPLOMAS`.
OFFERED_DIPLOMAS = ("none", "bac", "bac+2", "bac+3", "bac+5")
MOST_ALTERNATIVES = 2
MOST_CITIES = 3


async def list_rules(session: AsyncSession) -> list[EligibilityRule]:
    """Every rule, in the order in which they decide."""
    return list(await session.scalars(select(EligibilityRule).order_by(EligibilityRule.rank, EligibilityRule.slug)))


async def list_alternatives(session: AsyncSession) -> list[Alternative]:
    """Every other training, the most fitting to most people first."""
    return list(await session.scalars(select(Alternative).order_by(Alternative.rank, Alternative.slug)))


async def check_city(session: AsyncSession, slug: str) -> Problem | None:
    """A problem when the database has no such town (`ANY` is none)."""
    return None if await session.get(City, slug) is not None else Problem("city")


async def offer_cities(session: AsyncSession, limit: int = 6) -> tuple[tuple[str, str | None], ...]:
    """Choices of the towns in which trainings are known, those with most of them first."""
    count: dict[str, int] = {}
    for cohort in await find_cohorts(session):
        if cohort.city_slug:
            count[cohort.city_slug] = count.get(cohort.city_slug, 0) + 1
    cities = sorted(count, key=lambda slug: (-count[slug], slug))[:limit]
    return tuple((f'/inform{{"city": "{slug}"}}', None) for slug in cities)


def offer_diplomas() -> tuple[tuple[str, str | None], ...]:
    """Choices of the usual levels of study."""
    return tuple((f'/inform{{"diploma": "{code}"}}', None) for code in OFFERED_DIPLOMAS)


def offer_situations() -> tuple[tuple[str, str | None], ...]:
    """Choices of what a person does today."""
    return tuple((f'/inform{{"situation": "{code}"}}', None) for code in SITUATIONS)


class Eligibility(Journey):
    """Compares what a person says of themselves with the rules that have a source."""

    name = "eligibility"
    begins_with = frozenset({"check_eligibility"})
    fields = ("diploma", "situation", "age", "city")
    is_short = True

    async def skip(self, session: AsyncSession, answers: Mapping[str, str]) -> frozenset[str]:
        """The age is only asked when a rule, or an alternative that may be needed, depends on it."""
        decision = decide(await list_rules(session), answers)
        if "age" in decision.open_fields:
            return frozenset()
        if decision.row is not None and decision.row.verdict == "fits":
            return frozenset({"age"})
        fitting = list_fitting(await list_alternatives(session), answers)
        return frozenset() if any("age" in each.conditions for each in fitting) else frozenset({"age"})

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """The usual answers as choices."""
        if name == "diploma":
            return Question(choices=offer_diplomas())
        if name == "situation":
            return Question(choices=offer_situations())
        return Question(choices=await offer_cities(session) if name == "city" else ())

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """A town must be known."""
        return await check_city(session, value) if name == "city" else None

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `eligibility_verdict`."""
        rule = decide(await list_rules(session), answers).row
        verdict = rule.verdict if rule is not None else "unclear"
        places = await _find_places(session, answers["city"])
        alternatives = []
        if verdict != "fits":
            fitting = list_fitting(await list_alternatives(session), answers)
            here = [each for each in fitting if answers["city"] in each.city_slugs]
            others = [each for each in fitting if each not in here]
            alternatives = (here + others)[:MOST_ALTERNATIVES]
        data: dict[str, Any] = {
            "verdict": verdict,
            "reason": rule.reason if rule is not None else {},
            "diploma": answers["diploma"],
            "situation": answers["situation"],
            "age": answers.get("age"),
            "city": answers["city"],
            **places,
            "alternatives": [
                {"name": each.name, "summary": each.summary, "website": each.website} for each in alternatives
            ],
            "fact_slugs": list(
                dict.fromkeys(
                    [*(rule.fact_slugs if rule else ()), *(slug for each in alternatives for slug in each.fact_slugs)]
                )
            ),
        }
        choices: tuple[tuple[str, str | None], ...] = (
            ("/application_start", None),
            ('/subscribe_updates{"topic": "cohorts"}', "@tell_me_of_sessions"),
            ("/request_human", None),
        )
        return Answer("eligibility_verdict", data, choices if verdict != "refused" else choices[1:])


async def _find_places(session: AsyncSession, city: str) -> dict[str, Any]:
    """Whether classes are known in a town, whether one is announced, and else the nearest towns that had some."""
    cohorts = [cohort for cohort in await find_cohorts(session) if cohort.city_slug]
    upcoming = await find_cohorts(session, city=city, starts_after=today())
    towns = {town.slug: town for town in await session.scalars(select(City))}
    here = towns[city]
    others = {str(cohort.city_slug) for cohort in cohorts} - {city}
    nearest = sorted(
        others,
        key=lambda slug: (
            distance_km(here.latitude, here.longitude, towns[slug].latitude, towns[slug].longitude),
            slug,
        ),
    )
    has_classes = any(cohort.city_slug == city for cohort in cohorts)
    return {
        "has_classes": has_classes,
        "is_announced": bool(upcoming),
        "nearest": [] if has_classes else nearest[:MOST_CITIES],
    }
