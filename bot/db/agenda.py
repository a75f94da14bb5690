"""Queries about events and the sector watch."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bot.db.models import Event, Publication
from bot.periods import Period

#: A period of fewer days is too short for an event that is only expected in some month.
_MONTH_DAYS = 27


async def find_events(
    session: AsyncSession,
    *,
    today: date,
    city: str | None = None,
    period: Period | None = None,
    topic: str | None = None,
) -> list[Event]:
    """Events still to come: confirmed ones by date, then expected ones by how soon their usual month comes.

    In a period of a month or more, events are meant that are expected in one of its months; in a shorter one, only
    those whose date is known. An event without a known month is last, and is in no period. One whose edition of this
    month is over comes again in a year.
    """
    query = select(Event).where(Event.status.in_(("confirmed", "to_confirm")))
    fitting = []
    for event in await session.scalars(query):
        last_day = event.ends_on or event.starts_on
        if last_day is not None and last_day < today:
            continue
        fits_place_and_time = (city is None or event.city_slug == city) and (period is None or _is_in(event, period))
        if fits_place_and_time and (topic is None or topic in event.topics):
            fitting.append(event)

    def order(event: Event) -> tuple[int, int, str]:
        if event.starts_on is not None:
            return 0, (event.starts_on - today).days, event.slug
        if event.usual_month is None:
            return 1, 99, event.slug
        is_over = f"{today:%Y-%m}" < (event.last_ends_on or event.last_starts_on or "") < today.isoformat()
        return 1, (event.usual_month - today.month) % 12 or (12 if is_over else 0), event.slug

    return sorted(fitting, key=order)


def _is_in(event: Event, period: Period) -> bool:
    if event.starts_on is not None:
        return event.starts_on <= period.last and (event.ends_on or event.starts_on) >= period.first
    if event.usual_month is None or (period.last - period.first).days < _MONTH_DAYS:
        return False
    months = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    return event.usual_month in {(period.first.month - 1 + ahead) % 12 + 1 for ahead in range(months)}


async def find_event(session: AsyncSession, slug: str) -> Event | None:
    """One event."""
    return await session.get(Event, slug, options=[joinedload(Event.city)])


async def find_publications(
    session: AsyncSession, *, topic: str | None = None, year: int | None = None
) -> list[Publication]:
    """Entries of the watch on a topic and of a year (None: any), the latest first."""
    entries = [
        entry
        for entry in await session.scalars(select(Publication))
        if (topic is None or topic in entry.topics) and (year is None or (entry.published_on or "")[:4] == str(year))
    ]
    return sorted(entries, key=lambda entry: (entry.published_on or "", entry.slug), reverse=True)
