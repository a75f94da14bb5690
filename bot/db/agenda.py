"""Queries about events and the sector watch."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bot.db.models import Event, Publication


async def find_events(
    session: AsyncSession, *, today: date, city: str | None = None, month: int | None = None, topic: str | None = None
) -> list[Event]:
    """Events still to come: confirmed ones by date, then expected ones by how soon their usual month comes.

    An event without a known month is last, and meets no condition on the month. One whose edition of this month is over
    comes again in a year.
    """
    query = select(Event).where(Event.status.in_(("confirmed", "to_confirm")))
    fitting = []
    for event in await session.scalars(query):
        last_day = event.ends_on or event.starts_on
        if last_day is not None and last_day < today:
            continue
        event_month = event.starts_on.month if event.starts_on else event.usual_month
        fits_place_and_time = (city is None or event.city_slug == city) and (month is None or event_month == month)
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


async def find_event(session: AsyncSession, slug: str) -> Event | None:
    """One event."""
    return await session.get(Event, slug, options=[joinedload(Event.city)])


async def find_publications(session: AsyncSession, *, topic: str | None = None) -> list[Publication]:
    """Entries of the watch on a topic (None: any), the latest first."""
    entries = [entry for entry in await session.scalars(select(Publication)) if topic is None or topic in entry.topics]
    return sorted(entries, key=lambda entry: (entry.published_on or "", entry.slug), reverse=True)
