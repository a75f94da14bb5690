"""What prospective learners look up: trainings, where they are held, and when."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.clock import today
from bot.db.models import Track
from bot.db.training import describe_cohort, find_cohorts, list_tracks
from bot.messages import Answer


def choose_track(request: Request, tracks: list[Track]) -> str | None:
    """The first track of the message that is taught, else the first that it names, else None.

    "Je fais du réseau et je veux la cybersécurité" asks for the latter.
    """
    asked = request.list_values("track")
    taught = {track.slug for track in tracks}
    return next((slug for slug in asked if slug in taught), next(iter(asked), None))


def _track_choices(tracks: list[Track], limit: int) -> tuple[tuple[str, str | None], ...]:
    return tuple((payload("jobintech_tracks", track=track.slug), None) for track in tracks[:limit])


class FindTracks(DatabaseAction):
    """The list of trainings, or one of them when the person named it."""

    action_name = "action_find_tracks"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `tracks_list`, `track_details` or `track_unknown`."""
        tracks = await list_tracks(session)
        asked = choose_track(request, tracks)
        track = next((track for track in tracks if track.slug == asked), None)
        cohorts = await find_cohorts(session, track=track.slug) if track else []
        lookup = {"track": asked} if asked else {}
        if asked is None:
            listed = [{"slug": track.slug, "summary": track.summary} for track in tracks]
            return Finding(Answer("tracks_list", {"tracks": listed}, _track_choices(tracks, 6)), lookup, len(tracks))
        if track is None:
            data: dict[str, Any] = {
                "asked": request.said.get("track"),
                "tracks": [{"slug": t.slug} for t in tracks],
            }
            return Finding(Answer("track_unknown", data, _track_choices(tracks, 6)), lookup, 0)
        data = {
            "track": {"slug": track.slug, "summary": track.summary},
            "cohorts": [describe_cohort(cohort) for cohort in cohorts[:4]],
            "fact_slugs": [*track.fact_slugs[:1], *(cohort.fact_slug for cohort in cohorts[:4])],
        }
        return Finding(Answer("track_details", data), lookup, len(cohorts))


class FindCentres(DatabaseAction):
    """Where trainings are held: every city, or the classes of one."""

    action_name = "action_find_centres"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `centres_list`, `centres_city` or `centres_none`."""
        city = request.entities.get("city")
        cohorts = [cohort for cohort in await find_cohorts(session) if cohort.city_slug]
        by_city: dict[str, dict[str, None]] = {}
        for cohort in cohorts:
            operators = by_city.setdefault(str(cohort.city_slug), {})
            if cohort.operator is not None:
                operators[cohort.operator.name] = None
        cities = sorted(by_city, key=lambda slug: (-len(by_city[slug]), slug))
        if city is None:
            data: dict[str, Any] = {
                "cities": [{"city": slug, "operators": list(by_city[slug])} for slug in cities],
                "total": len(cities),
                "fact_slugs": list(dict.fromkeys(cohort.fact_slug for cohort in cohorts))[:3],
            }
            return Finding(Answer("centres_list", data), {}, len(cities))
        there = [cohort for cohort in cohorts if cohort.city_slug == city]
        if not there:
            return Finding(Answer("centres_none", {"city": city, "cities": cities}), {"city": city}, 0)
        data = {
            "city": city,
            "cohorts": [describe_cohort(cohort) for cohort in there[:5]],
            "fact_slugs": [cohort.fact_slug for cohort in there[:5]],
        }
        return Finding(Answer("centres_city", data), {"city": city}, len(there))


class FindCohorts(DatabaseAction):
    """The next classes, or, while none is announced, the latest that are known."""

    action_name = "action_find_cohorts"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `cohorts_upcoming` or `cohorts_none`."""
        city = request.entities.get("city")
        tracks = await list_tracks(session)
        track = choose_track(request, tracks)
        upcoming = await find_cohorts(session, city=city, track=track, starts_after=today())
        latest = [] if upcoming else await find_cohorts(session, city=city, track=track)
        shown = upcoming[:5] or latest[:3]
        data = {
            "city": city,
            # A subject that is not taught has no name of ours: it is called what the person calls it in this message.
            "track": track if track in {offered.slug for offered in tracks} else request.said.get("track"),
            "cohorts" if upcoming else "latest": [describe_cohort(cohort) for cohort in shown],
            "fact_slugs": [cohort.fact_slug for cohort in shown],
        }
        lookup = {name: value for name, value in (("city", city), ("track", track)) if value}
        return Finding(Answer("cohorts_upcoming" if upcoming else "cohorts_none", data), lookup, len(upcoming))
