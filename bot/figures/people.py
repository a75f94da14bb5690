"""Count people, each once in a period whatever they did how often, from the marks of their days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, case, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import PersonMark
from bot.figures.period import Period


async def count_people(session: AsyncSession, period: Period) -> int:
    """How many people wrote, on whatever channels."""
    query = select(func.count(distinct(PersonMark.contact_id))).where(_within("channel", period))
    return int(await session.scalar(query) or 0)


async def count_people_by_key(session: AsyncSession, kind: str, period: Period) -> dict[str, int]:
    """How many people there are by each key of a kind of marks; one person may be under several keys."""
    query = select(PersonMark.key, func.count(distinct(PersonMark.contact_id)).label("people"))
    rows = await session.execute(query.where(_within(kind, period)).group_by(PersonMark.key))
    return {row.key: row.people for row in rows}


async def count_people_by_stretch(session: AsyncSession, stretches: Sequence[tuple[date, date]]) -> list[int]:
    """How many people wrote in each of some stretches, which follow each other."""
    whole = Period("own", stretches[0][0], stretches[-1][1])
    if all(first == last for first, last in stretches):
        query = select(PersonMark.day.label("stretch"), func.count(distinct(PersonMark.contact_id)).label("people"))
        rows = await session.execute(query.where(_within("channel", whole)).group_by(PersonMark.day))
        found = {row.stretch: row.people for row in rows}
        return [found.get(first, 0) for first, _ in stretches]
    number = case(*((PersonMark.day <= last, place) for place, (_, last) in enumerate(stretches)))
    query = select(number.label("stretch"), func.count(distinct(PersonMark.contact_id)).label("people"))
    counts = {
        row.stretch: row.people
        for row in await session.execute(query.where(_within("channel", whole)).group_by(number))
    }
    return [counts.get(place, 0) for place in range(len(stretches))]


def _within(kind: str, period: Period) -> ColumnElement[bool]:
    return and_(PersonMark.kind == kind, PersonMark.day >= period.first, PersonMark.day <= period.last)
