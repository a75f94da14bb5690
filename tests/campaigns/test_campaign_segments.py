"""Whom a campaign is for, and how they can be reached: strictly who agreed, as the sending will have it."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from datetime import timedelta

import pytest
from campaigns.crowd import add_application, add_person
from sqlalchemy import select

from bot.campaigns.recipients import name_obstacle
from bot.campaigns.segments import Segment, Ways, count_people, select_people
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Consent, Contact, Identity, Subscription
from bot.db.people import unsubscribe
from bot.messages import VARIETIES
from bot.reach import Reach, Route

OWN = {variety: variety for variety in VARIETIES}


async def find(db: Database, segment: Segment) -> set[int]:
    async with db.read() as session:
        return set(await session.scalars(select_people(segment, is_sqlite=db.is_sqlite)))


async def test_only_who_agreed_and_still_does(db: Database) -> None:
    """A living subscription to the topic; no other topic, no STOP, no erasure."""
    async with db.write() as session:
        wanted = await add_person(session, topic="events")
        await add_person(session, topic="cohorts")
        await add_person(session, topic=None)
        await add_person(session, topic="events", erased_at=utc_now())
        stopped = await add_person(session, topic="events")
    async with db.write() as session:
        await unsubscribe(session, stopped.id)
    assert await find(db, Segment("events")) == {wanted.id}


async def test_a_stop_on_a_channel_that_was_linked_since_holds(db: Database) -> None:
    """The subscription lives on, but the person said STOP after they made it."""
    async with db.write() as session:
        await add_person(session, unsubscribed_at=utc_now() - timedelta(days=1))
        anew = await add_person(session, unsubscribed_at=utc_now() - timedelta(days=60))
    assert await find(db, Segment("cohorts")) == {anew.id}


@pytest.mark.parametrize(
    ("wishes", "segment", "is_told"),
    [
        ([], Segment("events"), True),
        ([], Segment("events", about_city="rabat"), True),
        ([{"city": "rabat"}], Segment("events"), False),
        ([{"city": "rabat"}], Segment("events", about_city="rabat"), True),
        ([{"city": "fes"}], Segment("events", about_city="rabat"), False),
        ([{"city": "fes"}, {"city": "rabat"}], Segment("events", about_city="rabat"), True),
        ([{"city": "rabat", "topic": "funding"}], Segment("events", about_city="rabat"), False),
        ([{"city": "rabat", "topic": "funding"}], Segment("events", about_city="rabat", about_topic="funding"), True),
        ([{"topic": "funding"}], Segment("publications", about_topic="funding"), True),
        ([{"track": "data"}], Segment("cohorts", about_track="data"), True),
        ([{"track": "data"}], Segment("cohorts", about_track="web"), False),
    ],
)
async def test_wishes_are_kept_to(
    db: Database, wishes: list[dict[str, str]], segment: Segment, *, is_told: bool
) -> None:
    """Whoever narrowed their subscription hears only of what it was narrowed to, as with news."""
    async with db.write() as session:
        person = await add_person(session, topic=segment.purpose, wishes=wishes)
    assert await find(db, segment) == ({person.id} if is_told else set())


async def test_about_applications_the_last_answer_counts(db: Database) -> None:
    """Consent to be written to about it, given last; and an application, not withdrawn nor, unasked, refused."""
    async with db.write() as session:
        people = [await add_person(session, topic=None) for _ in range(6)]
        await add_application(session, people[0], state="accepted")
        await add_application(session, people[1], agrees=False)
        await add_application(session, people[2])
        session.add(Consent(contact_id=people[2].id, purpose="contact", is_given=False, wording="?", channel="web"))
        await add_application(session, people[3], state="withdrawn")
        await add_application(session, people[4], state="refused", city_slug="fes")
        await add_application(session, people[5], state="refused", reference="JIT-OLD")
        await add_application(session, people[5], state="checking", city_slug="fes")
    assert await find(db, Segment("application")) == {people[0].id, people[5].id}
    assert await find(db, Segment("application", state="refused")) == {people[4].id}
    assert await find(db, Segment("application", city="fes")) == {people[5].id}
    assert await find(db, Segment("application", state="checking", city="fes", track="data")) == set()


async def test_all_conditions_have_to_be_met(db: Database) -> None:
    """Subscribers can be narrowed by their applications too."""
    async with db.write() as session:
        both = await add_person(session)
        await add_application(session, both, city_slug="oujda")
        elsewhere = await add_person(session)
        await add_application(session, elsewhere, city_slug="rabat")
        without = await add_person(session)
    assert await find(db, Segment("cohorts")) == {both.id, elsewhere.id, without.id}
    assert await find(db, Segment("cohorts", city="oujda")) == {both.id}


async def test_the_count_is_what_the_sending_would_choose(db: Database) -> None:
    """For many kinds of people, SQL's channel and obstacle are those of `Reach.choose_route`, each person once."""
    chance = random.Random(4)
    served, templates = ("telegram", "whatsapp"), {"fr": "HX1", "ar": "HX2"}
    kinds = [kind for size in range(4) for kind in itertools.combinations(("telegram", "whatsapp", "web", "sms"), size)]
    async with db.write() as session:
        for _ in range(120):
            person = Contact(variety=chance.choice(VARIETIES))
            session.add(person)
            await session.flush()
            for channel in chance.choice(kinds):
                heard_at = utc_now() - timedelta(hours=chance.choice((1, 5, 23, 25, 90)), seconds=chance.random() * 60)
                blocked_at = utc_now() if chance.random() < 0.3 else None
                session.add(
                    Identity(
                        contact_id=person.id,
                        channel=channel,
                        address=f"{channel}{person.id}",
                        last_inbound_at=heard_at,
                        blocked_at=blocked_at,
                    )
                )
            session.add(Subscription(contact_id=person.id, topic="cohorts"))
    read_as = {"fr": "fr", "ary-Latn": "fr", "ar": "ar", "en": "en"}
    reach, expected = Reach(served, templates), Counter[tuple[str, str, bool]]()
    async with db.read() as session:
        for person in await session.scalars(select(Contact)):
            identities = list(await session.scalars(select(Identity).where(Identity.contact_id == person.id)))
            variety = read_as.get(person.variety)
            route = reach.choose_route(identities, variety) if variety else "unwritten"
            if isinstance(route, Route):
                expected[route.identity.channel, "", route.template is not None] += 1
            else:
                expected["", "unwritten" if not variety else name_obstacle(identities, route), False] += 1
        counts = await count_people(session, Segment("cohorts"), Ways(served, templates), read_as)
    counted = Counter[tuple[str, str, bool]]()
    for each in counts:
        counted[each.channel, each.obstacle, each.needs_template] += each.people
    assert counted == expected
    assert counted.total() == 120 and len(counted) > 6


async def test_stopped_and_held_are_told_apart(db: Database) -> None:
    """Who said STOP is not reached; who is with a member of staff gets it afterwards."""
    async with db.write() as session:
        await add_person(session)
        held = await add_person(session, held_by="Salma", held_until=utc_now() + timedelta(minutes=5))
        stopped = await add_person(session)
    async with db.write() as session:
        await unsubscribe(session, stopped.id)
    async with db.read() as session:
        counts = await count_people(session, Segment("cohorts"), Ways(("telegram",), ()), OWN)
    assert {(each.channel, each.obstacle, each.is_held, each.people) for each in counts} == {
        ("telegram", "", False, 1),
        ("telegram", "", True, 1),
        ("", "stopped", False, 1),
    }
    assert held.id in await find(db, Segment("cohorts"))
