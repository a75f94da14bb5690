"""Queries about JobInTech: fields of training, classes and where they are held."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bot.db.models import Cohort, Track


async def list_tracks(session: AsyncSession) -> list[Track]:
    """Every field of training, the widest offered first."""
    return list(await session.scalars(select(Track).order_by(Track.rank, Track.slug)))


async def find_cohorts(
    session: AsyncSession, *, city: str | None = None, track: str | None = None, starts_after: date | None = None
) -> list[Cohort]:
    """Classes in a city and field (None: any), the latest first; `starts_after` keeps those that begin after a day."""
    query = select(Cohort).options(joinedload(Cohort.operator), joinedload(Cohort.track))
    if city is not None:
        query = query.where(Cohort.city_slug == city)
    if track is not None:
        query = query.where(Cohort.track_slug == track)
    if starts_after is not None:
        query = query.where(Cohort.first_day > starts_after).order_by(Cohort.first_day, Cohort.slug)
        return list(await session.scalars(query))
    cohorts = list(await session.scalars(query))
    return sorted(
        cohorts, key=lambda cohort: (cohort.last_day or cohort.first_day or date.min, cohort.slug), reverse=True
    )


def describe_cohort(cohort: Cohort) -> dict[str, Any]:
    """What texts show of a class; its operator must be loaded."""
    return {
        "title": cohort.title,
        "operator": cohort.operator.name if cohort.operator else None,
        "city": cohort.city_slug,
        "starts_on": cohort.starts_on,
        "ends_on": cohort.ends_on,
        "enrolment": cohort.enrolment,
        "enrol_until": cohort.enrol_until.isoformat() if cohort.enrol_until else None,
    }
