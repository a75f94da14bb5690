"""Tell subscribers of a cohort, an event or a publication: once, when somebody of the team says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bot.db.models import Announcement, City, Cohort, Contact, Event, Publication, Subscription, Track
from bot.db.notices import plan_notice
from bot.db.seed.fields import EVENT_TOPICS, PUBLICATION_TOPICS
from bot.db.training import describe_cohort
from bot.errors import AssistantError
from bot.messages import Answer

#: A button under every one of them: whoever has enough says so with a tap.
_STOP = ("/unsubscribe", None)


class NewsError(AssistantError):
    """What was to be announced is not there, or was announced already."""


@dataclass(frozen=True, slots=True)
class News:
    """What is told of one row: what it is about, for the wishes of subscribers, and its answer."""

    about: Mapping[str, frozenset[str | None]]
    answer: Answer

    def fits(self, wishes: list[dict[str, str]]) -> bool:
        """Whether it is what somebody wanted to hear of; no wish at all is everything."""
        return not wishes or any(
            all(value in self.about.get(name, frozenset()) for name, value in wish.items()) for wish in wishes
        )


def _tell_cohort(cohort: Cohort) -> News:
    data = {**describe_cohort(cohort), "fact_slugs": [cohort.fact_slug]}
    about = {"city": frozenset({cohort.city_slug}), "track": frozenset({cohort.track_slug})}
    return News(about, Answer("news_cohort", data, (("/jobintech_how_to_apply", None), _STOP)))


def _tell_event(event: Event) -> News:
    data = {
        "name": event.name,
        "city": event.city_slug,
        "place": event.place,
        "summary": event.summary,
        "begins_at": event.begins_at.isoformat() if event.begins_at else None,
        "starts_on": event.starts_on.isoformat() if event.starts_on else None,
        "is_demo": event.is_demo,
        "fact_slugs": event.fact_slugs[:1],
    }
    about = {"city": frozenset({event.city_slug}), "topic": frozenset(event.topics)}
    details = (f'/event_details{{"event": "{event.slug}"}}', None)
    return News(about, Answer("news_event", data, (details, _STOP)))


def _tell_publication(publication: Publication) -> News:
    data: dict[str, Any] = {
        "title": publication.title,
        "summary": publication.summary,
        "publisher": publication.publisher,
        "published_on": publication.published_on,
        "url": publication.url,
        "fact_slugs": [],
    }
    return News({"topic": frozenset(publication.topics)}, Answer("news_publication", data, (_STOP,)))


#: What each topic of subscriptions can be narrowed to.
NARROWED_BY: Mapping[str, frozenset[str]] = {
    "cohorts": frozenset({"city", "track"}),
    "events": frozenset({"city", "topic"}),
    "publications": frozenset({"topic"}),
}
#: The subjects that rows of a topic have.
SUBJECTS: Mapping[str, tuple[str, ...]] = {"events": EVENT_TOPICS, "publications": PUBLICATION_TOPICS}
#: By the topic of subscriptions: the table, and what is told of a row.
_KINDS: Mapping[str, tuple[type[Any], Callable[[Any], News]]] = {
    "cohorts": (Cohort, _tell_cohort),
    "events": (Event, _tell_event),
    "publications": (Publication, _tell_publication),
}
TOPICS = tuple(_KINDS)


async def narrow(session: AsyncSession, topic: str, said: Mapping[str, str]) -> dict[str, str]:
    """What of something said can narrow a subscription: only what rows of that topic have, or nothing would be told."""
    wish = {name: value for name, value in said.items() if name in NARROWED_BY[topic]}
    if "topic" in wish and wish["topic"] not in SUBJECTS[topic]:
        del wish["topic"]
    if "city" in wish and await session.get(City, wish["city"]) is None:
        del wish["city"]
    if "track" in wish and await session.get(Track, wish["track"]) is None:
        del wish["track"]
    return wish


async def announce(session: AsyncSession, topic: str, slug: str, staff: str, *, again: bool = False) -> int:
    """Plan a notice for everybody who wants to hear of it; how many they are.

    Raises:
        NewsError: there is no such row, or it was announced before and `again` is not set.
    """
    news = tell_of(await _find_row(session, topic, slug), topic)
    before = await session.scalar(select(Announcement).where(Announcement.topic == topic, Announcement.slug == slug))
    if before is not None and not again:
        raise NewsError(
            f"{slug} was announced on {before.announced_at:%Y-%m-%d} by {before.announced_by}; --again tells it anew"
        )
    wanting = await _list_wanting(session, topic, news)
    for subscription in wanting:
        plan_notice(
            session,
            subscription.contact_id,
            news.answer,
            # A later STOP ends the subscription, and drops what was not told yet.
            asked_at=subscription.created_at,
            subject=f"{topic}:{slug}",
            is_news=True,
        )
    session.add(Announcement(topic=topic, slug=slug, told=len(wanting), announced_by=staff))
    return len(wanting)


async def foresee(session: AsyncSession, topic: str, slug: str) -> tuple[int, Answer]:
    """How many `announce` would tell of a row, and what.

    Raises:
        NewsError: there is no such row.
    """
    news = tell_of(await _find_row(session, topic, slug), topic)
    return len(await _list_wanting(session, topic, news)), news.answer


def tell_of(row: Any, topic: str) -> News:
    """What is told of a row."""
    return _KINDS[topic][1](row)


async def _find_row(session: AsyncSession, topic: str, slug: str) -> Any:
    model = _KINDS[topic][0]
    options = [selectinload(Cohort.operator)] if model is Cohort else []
    row = await session.get(model, slug, options=options)
    if row is None:
        raise NewsError(f"no row {slug!r} among the {topic}")
    return row


async def _list_wanting(session: AsyncSession, topic: str, news: News) -> list[Subscription]:
    """The subscriptions whose owners want to hear of it."""
    query = (
        select(Subscription)
        .join(Contact, Contact.id == Subscription.contact_id)
        .where(Subscription.topic == topic, Subscription.ended_at.is_(None), Contact.erased_at.is_(None))
    )
    found = await session.scalars(query.order_by(Subscription.id))
    return [subscription for subscription in found if news.fits(subscription.wishes)]
