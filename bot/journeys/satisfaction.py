"""Was that helpful? One tap after a journey; after a thumb down one question, and the way to a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Rating
from bot.journeys.journey import Journey, Person
from bot.messages import Answer

#: Answers that a journey ends with, after which it is worth asking.
RATED = frozenset({"eligibility_verdict", "application_received", "request_sent", "programmes_ranked", "place_taken"})
THUMBS: tuple[tuple[str, str | None], ...] = (("/rate_up", "👍"), ("/rate_down", "👎"))
#: Nobody is asked twice within this time.
ASKED_EVERY = timedelta(days=1)


async def may_ask_for_rating(session: AsyncSession, contact_id: int, answer_key: str) -> bool:
    """Whether to put the two thumbs under an answer, which is noted as asked; not when this person was asked lately."""
    latest = await find_latest_rating(session, contact_id)
    if latest is not None and utc_now() - latest.asked_at < ASKED_EVERY:
        return False
    session.add(Rating(contact_id=contact_id, answer_key=answer_key, asked_at=utc_now()))
    return True


async def find_latest_rating(session: AsyncSession, contact_id: int) -> Rating | None:
    """What the person was last asked to rate."""
    query = select(Rating).where(Rating.contact_id == contact_id).order_by(Rating.id.desc()).limit(1)
    return (await session.scalars(query)).first()


async def rate(session: AsyncSession, contact_id: int, value: str) -> bool:
    """Keep ``up`` or ``down`` for what was last asked about; False when nothing was."""
    rating = await find_latest_rating(session, contact_id)
    if rating is None:
        return False
    rating.value, rating.rated_at = value, utc_now()
    return True


class Feedback(Journey):
    """The one question after a thumb down."""

    name = "feedback"
    begins_with = frozenset({"rate_down"})
    fields = ("comment",)
    is_short = True

    async def refuse(self, session: AsyncSession, person: Person) -> Answer | None:
        """Only after something was asked to be rated; the press itself is the rating."""
        return None if await rate(session, person.contact_id, "down") else Answer("rate_thanks", {"value": "down"})

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `rate_thanks`, with the way to a person."""
        rating = await find_latest_rating(session, person.contact_id)
        if rating is not None:
            rating.comment = answers["comment"]
        return Answer("rate_thanks", {"value": "down"}, (("/request_human", None),))
