"""Queries whose rules the shipped content does not exercise: dates, order and distance."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bot.db.agenda import find_events, find_publications
from bot.db.engine import Database
from bot.db.models import City, Cohort, Event, Programme, Publication, Track
from bot.db.places import distance_km, find_nearest_city
from bot.db.support import find_programmes
from bot.db.training import find_cohorts
from bot.periods import Period

TODAY = date(2026, 11, 23)
DECEMBER = Period(date(TODAY.year, 12, 1), date(TODAY.year, 12, 31), 12)
JUNE = Period(date(2027, 6, 1), date(2027, 6, 30), 6)


async def add(db: Database, *rows: Any) -> None:
    async with db.write() as session:
        session.add_all(rows)


def make_event(slug: str, status: str, **values: Any) -> Event:
    return Event(slug=slug, name=slug, status=status, topics=values.pop("topics", []), **values)


async def test_events_come_by_how_soon_they_are(db: Database) -> None:
    """Dated ones first, by date; then by the usual month, round the year; past ones never."""
    await add(
        db,
        make_event("yesterday", "confirmed", starts_on=date(2026, 11, 22)),
        make_event("running", "confirmed", starts_on=date(2026, 11, 22), ends_on=TODAY),
        make_event("soon", "confirmed", starts_on=date(2026, 12, 1)),
        make_event("october", "to_confirm", usual_month=10),
        make_event("january", "to_confirm", usual_month=1),
        make_event("some-day", "to_confirm"),
        make_event("over", "past", usual_month=12),
    )
    async with db.read() as session:
        found = [event.slug for event in await find_events(session, today=TODAY)]
        december = [event.slug for event in await find_events(session, today=TODAY, period=DECEMBER)]
    assert found == ["running", "soon", "january", "october", "some-day"]
    assert december == ["soon"]


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 4, 9), "spring"),
        (date(2026, 4, 10), "december"),
        (date(2026, 12, 31), "december"),
        (date(2027, 1, 1), "spring"),
        (date(2027, 4, 30), "spring"),
    ],
)
async def test_an_edition_that_is_over_is_a_year_away(db: Database, today: date, first: str) -> None:
    """In the month of an event the one just held is behind the others, and the next one leads again a year later."""
    await add(
        db,
        make_event("spring", "to_confirm", usual_month=4, last_starts_on="2026-04-07", last_ends_on="2026-04-09"),
        make_event("december", "to_confirm", usual_month=12, last_ends_on="2025-12-12"),
    )
    async with db.read() as session:
        found = [event.slug for event in await find_events(session, today=today)]
    assert (found[0], len(found)) == (first, 2)


async def test_events_meet_every_condition(db: Database) -> None:
    """City, month and topic count together."""
    await add(db, City(slug="fes", name="Fès", region="Fès-Meknès", latitude=34.0, longitude=-5.0))
    await add(
        db,
        make_event("a", "to_confirm", usual_month=5, city_slug="fes", topics=["ai"]),
        make_event("b", "to_confirm", usual_month=5, topics=["ai"]),
        make_event("c", "to_confirm", usual_month=6, city_slug="fes", topics=["ai", "data"]),
    )
    async with db.read() as session:
        found = await find_events(session, today=TODAY, city="fes", period=JUNE, topic="data")
    assert [event.slug for event in found] == ["c"]


async def test_publications_come_latest_first(db: Database) -> None:
    """Undated ones are last."""
    rows = {"old": "2024-09-25", "new": "2026-01", "undated": None}
    await add(
        db, *(Publication(slug=slug, publisher="MAP", published_on=on, topics=["ai"]) for slug, on in rows.items())
    )
    async with db.read() as session:
        assert [entry.slug for entry in await find_publications(session, topic="ai")] == ["new", "old", "undated"]
        assert await find_publications(session, topic="cloud") == []


async def test_upcoming_classes_start_after_today(db: Database) -> None:
    """A class that begins today is no longer to come, and the soonest is first."""
    await add(db, Track(slug="data", name="Data"))
    days = {"past": date(2026, 11, 1), "today": TODAY, "later": date(2027, 2, 1), "next": date(2026, 12, 1)}
    days["also"] = days["next"]
    rows = [
        Cohort(slug=slug, track_slug="data", title=slug, first_day=day, fact_slug="par-001")
        for slug, day in days.items()
    ]
    await add(db, *rows, Cohort(slug="undated", track_slug="data", title="undated", fact_slug="par-001"))
    async with db.read() as session:
        coming = await find_cohorts(session, starts_after=TODAY)
        assert [cohort.slug for cohort in coming] == ["also", "next", "later"]
        assert await find_cohorts(session, starts_after=TODAY, city="fes") == []
        assert await find_cohorts(session, starts_after=TODAY, track="ai") == []
        assert [cohort.slug for cohort in await find_cohorts(session)][-1] == "undated"


async def test_programmes_fit_and_are_ordered(db: Database) -> None:
    """One that names no sector is open to all, but after one that names it; ended ones never come."""

    def make(slug: str, rank: int, **values: Any) -> Programme:
        return Programme(slug=slug, name=slug, kind="incubator", rank=rank, **values)

    await add(
        db,
        make("open", 1),
        make("named", 50, sectors=["health"]),
        make("other", 2, sectors=["energy"]),
        make("doubtful", 0, status="uncertain", sectors=["health"]),
        make("ended", 0, status="ended"),
        make("paying", 60, sectors=["food"], offers=["money"]),
        make("there", 70, sectors=["food"], city_slugs=["rabat", "fes"]),
        make("growing", 80, sectors=["food"], stages=["growth"]),
    )
    async with db.read() as session:
        assert [p.slug for p in await find_programmes(session, sector="health")] == ["named", "open", "doubtful"]
        everything = ["open", "other", "named", "paying", "there", "growing", "doubtful"]
        assert [p.slug for p in await find_programmes(session)] == everything
        grown = await find_programmes(session, sector="food", stage="growth")
        assert [p.slug for p in grown] == ["growing", "paying", "there", "open"]
        assert "growing" not in [p.slug for p in await find_programmes(session, stage="idea")]
        assert await find_programmes(session, kinds=("fund",)) == []
        for kinds in (("fund",), None):
            assert [p.slug for p in await find_programmes(session, kinds=kinds, offer="money")] == ["paying"]
        assert [p.slug for p in await find_programmes(session, city="fes")] == ["there"]


@pytest.mark.parametrize(
    ("place", "slug"),
    [((33.95, -6.87), "rabat"), ((33.6, -7.6), "casablanca"), ((33.2, -8.6), "casablanca"), ((48.9, 2.4), None)],
)
async def test_the_nearest_town_is_found(db: Database, place: tuple[float, float], slug: str | None) -> None:
    """Within 80 km, by the distance on the globe."""
    async with db.read() as session:
        assert await find_nearest_city(session, *place) is None
    await add(
        db,
        City(slug="rabat", name="Rabat", region="r", latitude=34.02, longitude=-6.84),
        City(slug="casablanca", name="Casablanca", region="c", latitude=33.57, longitude=-7.59),
    )
    async with db.read() as session:
        city = await find_nearest_city(session, *place)
    far = slug == "casablanca" and place == (33.2, -8.6)
    assert (city.slug if city else None) == (None if far else slug)


def test_distances_are_those_of_the_globe() -> None:
    """Rabat to Casablanca is about 86 km, and the distance is the same both ways."""
    there = distance_km(34.02, -6.84, 33.57, -7.59)
    assert there == pytest.approx(85.5, abs=1.5)
    assert distance_km(33.57, -7.59, 34.02, -6.84) == pytest.approx(there)
    assert distance_km(0, 0, 0, 180) == pytest.approx(20_015, abs=1)
