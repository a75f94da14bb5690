"""Whom a campaign is for: people who agreed to be written to about it, narrowed by what is known of them.

Who agreed is strict (law 09-08, article 4; WhatsApp's opt-in): for news on a topic, whoever has a living subscription
to it; about applications, whoever answered yes the last time that they were asked whether they may be written to about
theirs, and has one that was not withdrawn. A STOP said after that ends it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal, cast, get_args

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.clock import utc_now
from bot.db.models import Application, Campaign, Consent, Contact, Identity, Subscription
from bot.messages import VARIETIES
from bot.news import NARROWED_BY
from bot.reach import WHATSAPP_WINDOW

Purpose = Literal["cohorts", "events", "publications", "application"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
#: The states of applications that a campaign can be for; who withdrew hears no more of it.
APPLICATION_STATES = ("received", "incomplete", "checking", "invited", "accepted", "refused")
#: Without a state it is for those whose application goes on or was accepted: a refusal is no news.
_ANY_STATE = tuple(state for state in APPLICATION_STATES if state != "refused")
#: Why somebody is not reached; the first that applies to an address of theirs is told.
OBSTACLES = ("stopped", "unwritten", "window", "blocked", "unserved", "page", "none")


@dataclass(frozen=True, slots=True)
class Segment:
    """What narrows a campaign; what is empty does not. All that is given has to be met.

    Attributes:
        purpose: what people agreed to.
        about_city, about_track, about_topic: what news are about. Whoever narrowed their subscription to something else
            is left out, as `bot.news.News.fits` has it.
        state, city, track: of the person's newest application.
    """

    purpose: Purpose
    about_city: str = ""
    about_track: str = ""
    about_topic: str = ""
    state: str = ""
    city: str = ""
    track: str = ""

    def as_json(self) -> dict[str, str]:
        """What is given, but for the purpose, as `Campaign.segment` keeps it."""
        return {name: value for name, value in asdict(self).items() if value and name != "purpose"}


@dataclass(frozen=True, slots=True)
class Ways:
    """How people can be reached: the channels that are served, and the varieties of WhatsApp's approved templates."""

    channels: Collection[str]
    templates: Collection[str]


@dataclass(frozen=True, slots=True)
class Count:
    """So many people of a segment.

    Attributes:
        variety: in which they read.
        channel: where they will get it; empty when nothing reaches them.
        obstacle: why nothing does, of `OBSTACLES`; empty when something does.
        needs_template: whether it goes as an approved template.
        is_held: whether a member of staff has their conversation now; they get it afterwards.
    """

    variety: str
    channel: str
    obstacle: str
    needs_template: bool
    is_held: bool
    people: int


def read_segment(campaign: Campaign) -> Segment:
    """The segment of a campaign; what an older version kept and nobody knows any more is left out."""
    known = {each.name for each in fields(Segment)} - {"purpose"}
    kept = {name: str(value) for name, value in campaign.segment.items() if name in known}
    return Segment(cast(Purpose, campaign.purpose), **kept)


def select_people(segment: Segment, *, is_sqlite: bool, living: bool = True) -> Select[Any]:
    """The contact ids of a segment, to be narrowed by ``.where(…)``.

    Args:
        segment: what they agreed to, and what narrows it.
        is_sqlite: whether it is asked of SQLite.
        living: only those who still agree; else those too who said STOP since.
    """
    query = _join_agreement(select(Contact.id), segment.purpose).where(Contact.erased_at.is_(None))
    if living:
        query = query.where(_still_agrees(segment.purpose))
    if segment.purpose == "application":
        return query.where(*_of_application(segment))
    query = query.where(_fits_wishes(segment, is_sqlite=is_sqlite))
    if segment.state or segment.city or segment.track:
        own = exists().where(Application.contact_id == Contact.id, _is_newest(Application), *_of_application(segment))
        query = query.where(own)
    return query


def select_agreeing(purpose: Purpose) -> Select[Any]:
    """The contact ids of all who agree to be written to for a purpose now, to be narrowed by ``.where(…)``."""
    query = _join_agreement(select(Contact.id), purpose)
    return query.where(Contact.erased_at.is_(None), _still_agrees(purpose))


def _join_agreement(query: Select[Any], purpose: Purpose) -> Select[Any]:
    if purpose == "application":
        agreed = and_(Consent.contact_id == Contact.id, Consent.purpose == "contact", Consent.is_given)
        query = query.join(Consent, agreed).join(Application, Application.contact_id == Contact.id)
        return query.where(_is_newest(Consent, purpose="contact"), _is_newest(Application))
    return query.join(Subscription, and_(Subscription.contact_id == Contact.id, Subscription.topic == purpose))


def _is_newest(model: Any, **same: str) -> ColumnElement[bool]:
    """That a row is the newest one of its person, among those with the same values."""
    newer = aliased(model)
    others = [getattr(newer, name) == value for name, value in same.items()]
    return ~exists().where(newer.contact_id == model.contact_id, newer.id > model.id, *others)


def _still_agrees(purpose: Purpose) -> ColumnElement[bool]:
    agreed_at = Consent.given_at if purpose == "application" else Subscription.created_at
    lives = or_(Contact.unsubscribed_at.is_(None), agreed_at > Contact.unsubscribed_at)
    return lives if purpose == "application" else and_(Subscription.ended_at.is_(None), lives)


def _of_application(segment: Segment) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Application.state == segment.state if segment.state else Application.state.in_(_ANY_STATE)
    ]
    if segment.city:
        conditions.append(Application.city_slug == segment.city)
    if segment.track:
        conditions.append(Application.track_slug == segment.track)
    return conditions


def _fits_wishes(segment: Segment, *, is_sqlite: bool) -> ColumnElement[bool]:
    """That a subscription is to everything, or has a wish that what it is about meets in full."""
    about = {"city": segment.about_city, "track": segment.about_track, "topic": segment.about_topic}
    if is_sqlite:
        wish: Any = func.json_each(Subscription.wishes).table_valued("value", name="wish")
        is_all = func.json_array_length(Subscription.wishes) == 0
    else:
        wish = func.jsonb_array_elements(Subscription.wishes).table_valued("value", name="wish")
        is_all = func.jsonb_array_length(Subscription.wishes) == 0
    met = []
    for name in sorted(NARROWED_BY[segment.purpose]):
        wanted = (
            func.json_extract(wish.c.value, f"$.{name}")
            if is_sqlite
            else func.jsonb_extract_path_text(wish.c.value, name)
        )
        met.append(or_(wanted.is_(None), wanted == about[name]) if about[name] else wanted.is_(None))
    return or_(is_all, select(literal(1)).select_from(wish).where(*met).exists())


async def count_people(session: AsyncSession, segment: Segment, ways: Ways, read_as: Mapping[str, str]) -> list[Count]:
    """How many people a campaign is for, by what becomes of it; those too who said STOP since they agreed.

    Each is counted once, with the address that `bot.reach.Reach.choose_route` would take now.

    Args:
        session: a session.
        segment: whom it is for.
        ways: how people can be reached.
        read_as: the variety of the text that people of each variety get; none for those who get nothing.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    variety = func.coalesce(Contact.chosen_variety, Contact.variety)
    templated = [each for each in VARIETIES if read_as.get(each) in ways.templates]
    now = utc_now()
    heard = func.coalesce(Identity.last_inbound_at, Identity.created_at)
    obstacle = case(
        (Identity.id.is_(None), _rank("none")),
        (Identity.channel == "web", _rank("page")),
        (Identity.channel.not_in(list(ways.channels)), _rank("unserved")),
        (Identity.blocked_at.is_not(None), _rank("blocked")),
        (or_(Identity.channel != "whatsapp", heard > now - WHATSAPP_WINDOW, variety.in_(templated)), 0),
        else_=_rank("window"),
    )
    agreement = Consent if segment.purpose == "application" else Subscription
    # One row a person: when each channel that takes a message heard them last, and the first obstacle. Aggregates in
    # the order of the ids need no sorting of all addresses, which a window function does.
    people = (
        select_people(segment, is_sqlite=is_sqlite, living=False)
        .add_columns(
            variety.label("variety"),
            case((_still_agrees(segment.purpose), 1), else_=0).label("agrees"),
            case((Contact.held_until > now, 1), else_=0).label("held"),
            func.min(obstacle).label("obstacle"),
            *(
                func.max(case((and_(obstacle == 0, Identity.channel == channel), heard))).label(f"on_{channel}")
                for channel in ways.channels
            ),
        )
        .outerjoin(Identity, Identity.contact_id == Contact.id)
        .group_by(Contact.id, agreement.id)
        .subquery()
    )
    channel, needs_template = _choose_channel(people, ways, now)
    written = [each for each in VARIETIES if read_as.get(each)]
    outcome = case(
        (people.c.agrees == 0, _rank("stopped")),
        (people.c.variety.not_in(written), _rank("unwritten")),
        else_=people.c.obstacle,
    )
    asked = (people.c.variety, channel, outcome, needs_template, people.c.held)
    columns = [each.label(f"column_{number}") for number, each in enumerate(asked)]
    rows = select(*columns).subquery()
    counted = select(*rows.c, func.count()).group_by(*rows.c)
    found: Sequence[Any] = (await session.execute(counted)).all()
    counts = []
    for name, way, rank, by_template, held, number in found:
        is_reached = rank == 0
        counts.append(
            Count(
                name,
                way if is_reached else "",
                "" if is_reached else OBSTACLES[rank - 1],
                bool(by_template) and is_reached,
                bool(held) and is_reached,
                number,
            )
        )
    return counts


def _rank(obstacle: str) -> int:
    """The number of an obstacle, from 1; 0 is none."""
    return OBSTACLES.index(obstacle) + 1


def _choose_channel(people: Any, ways: Ways, now: datetime) -> tuple[ColumnElement[str], ColumnElement[int]]:
    """The channel that heard a person last of those that take a message, and whether it takes a template only."""
    heard = {channel: people.c[f"on_{channel}"] for channel in ways.channels}
    choices = [
        (
            and_(at.is_not(None), *(or_(other.is_(None), at >= other) for other in heard.values() if other is not at)),
            name,
        )
        for name, at in heard.items()
    ]
    if not choices:
        return literal(""), literal(0)
    channel = case(*choices, else_="")
    if "whatsapp" not in heard:
        return channel, literal(0)
    by_template = and_(channel == "whatsapp", heard["whatsapp"] <= now - WHATSAPP_WINDOW)
    return channel, case((by_template, 1), else_=0)
