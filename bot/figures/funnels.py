"""How far people came on the way to an application, and from an event that they saw to its door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.conditions import begin
from bot.db.models import PersonMark, Registration
from bot.figures.data import Covered, Figure, Funnel, FunnelStep
from bot.figures.period import Period

#: Keys of the steps of both funnels, in order.
APPLICATION_STEPS = ("eligibility_begun", "preregistration_begun", "application")
EVENT_STEPS = ("event_seen", "event_registered", "event_came")


async def make_funnels(session: AsyncSession, period: Period, covered: Covered) -> tuple[Funnel, ...]:
    """Both funnels of a period, beside the one before."""
    funnels = []
    for key, steps, count in (
        ("application", APPLICATION_STEPS, _count_application),
        ("events", EVENT_STEPS, _count_events),
    ):
        now = await count(session, period)
        before = await count(session, period.before) if covered != "not" else None
        funnels.append(Funnel(key, tuple(_list_steps(steps, now, before))))
    return tuple(funnels)


def _list_steps(keys: Sequence[str], now: Sequence[int], before: Sequence[int] | None) -> list[FunnelStep]:
    steps = []
    for place, key in enumerate(keys):
        was = None if before is None else before[place]
        steps.append(FunnelStep(key, Figure(key, "count", now[place], now[place], was, was or 0)))
    return steps


async def _count_application(session: AsyncSession, period: Period) -> tuple[int, int, int]:
    """People who began the check of eligibility; of those, who then began to pre-register; of those, who applied.

    Each step on the day of the one before it or later, and all of them within the period.
    """
    began = (
        select(PersonMark.contact_id, func.min(PersonMark.day).label("day"))
        .where(*_step("eligibility_begun", PersonMark, period))
        .group_by(PersonMark.contact_id)
        .subquery()
    )
    second, third = aliased(PersonMark), aliased(PersonMark)
    then = (
        select(began.c.contact_id, func.min(second.day).label("day"))
        .join(second, (second.contact_id == began.c.contact_id) & (second.day >= began.c.day))
        .where(*_step("preregistration_begun", second, period))
        .group_by(began.c.contact_id)
        .subquery()
    )
    applied = (
        select(func.count(distinct(then.c.contact_id)))
        .join(third, (third.contact_id == then.c.contact_id) & (third.day >= then.c.day))
        .where(*_step("application", third, period))
    )
    return (
        int(await session.scalar(select(func.count()).select_from(began)) or 0),
        int(await session.scalar(select(func.count()).select_from(then)) or 0),
        int(await session.scalar(applied) or 0),
    )


def _step(key: str, mark: type[PersonMark], period: Period) -> tuple[ColumnElement[bool], ...]:
    return mark.kind == "step", mark.key == key, mark.day >= period.first, mark.day <= period.last


async def _count_events(session: AsyncSession, period: Period) -> tuple[int, int, int]:
    """People to whom an answer showed an event; of those, who then registered for one they saw; of those, who came.

    A place in the waiting list is a registration too, and one that was given up as well. All within the period.
    """
    seen = (PersonMark.kind == "event", PersonMark.day >= period.first, PersonMark.day <= period.last)
    end = begin(period.last + timedelta(days=1))
    first = (
        select(PersonMark.contact_id, PersonMark.key, func.min(PersonMark.day).label("day"))
        .where(*seen)
        .group_by(PersonMark.contact_id, PersonMark.key)
        .subquery()
    )
    both = select(first.c.contact_id, first.c.day, Registration.created_at, Registration.came_at).join(
        Registration, (Registration.contact_id == first.c.contact_id) & (Registration.event_slug == first.c.key)
    )
    rows = await session.execute(
        both.where(Registration.created_at >= begin(period.first), Registration.created_at < end)
    )
    registered, came = set(), set()
    for row in rows:
        if row.created_at >= begin(row.day):
            registered.add(row.contact_id)
            if row.came_at is not None and row.came_at < end:
                came.add(row.contact_id)
    people = select(func.count(distinct(PersonMark.contact_id))).where(*seen)
    return int(await session.scalar(people) or 0), len(registered), len(came)
