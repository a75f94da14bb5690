"""What people look up in the sector watch."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request
from bot.clock import today
from bot.db.agenda import find_publications
from bot.messages import Answer
from bot.periods import read_period

SHOWN = 3


class FindPublications(DatabaseAction):
    """Entries of the watch on a topic, the latest first."""

    action_name = "action_find_publications"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `publications_found`, or `publications_none` with the latest ones."""
        topic = request.entities.get("topic")
        periods = (read_period(value, today()) for value in request.list_values("date"))
        year = next((period.first.year for period in periods if period is not None), None)
        entries = await find_publications(session, topic=topic, year=year)
        others = [] if entries else await find_publications(session)
        data = {
            "topic": topic,
            "publications": [
                {
                    "title": entry.title,
                    "summary": entry.summary,
                    "publisher": entry.publisher,
                    "published_on": entry.published_on,
                    "url": entry.url,
                }
                for entry in (entries or others)[:SHOWN]
            ],
            # Each entry shows its own publisher and date.
            "fact_slugs": [],
        }
        lookup = {name: value for name, value in (("topic", topic), ("year", year)) if value}
        key = "publications_found" if entries else "publications_none"
        return Finding(Answer(key, data), lookup, len(entries))
