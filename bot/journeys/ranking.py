"""Which programmes fit a founder, and why: docs/programme-ranking.md explains the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.db.models import Programme
from bot.journeys.reading import ANY

#: What each reason for a programme weighs. What is asked for and named outweighs what merely does not exclude.
WEIGHTS = {
    "need": 8,
    "city": 6,
    "stage": 4,
    "sector": 4,
    "national": 2,
    "all_stages": 1,
    "all_sectors": 1,
}
#: A programme that may not run any more stands behind every other that fits as well.
UNCERTAIN = -10


@dataclass(frozen=True, slots=True)
class Match:
    """A programme that fits, with the reasons for it (keys of `WEIGHTS`) and what they weigh together."""

    programme: Programme
    reasons: tuple[str, ...]
    score: int


def rank_programmes(programmes: Iterable[Programme], wanted: Mapping[str, str]) -> list[Match]:
    """The programmes that fit, best first; docs/programme-ranking.md explains it.

    Args:
        programmes: rows; those that ended are left out.
        wanted: ``stage``, ``need``, ``city`` and ``sector``; a missing one, or ``any``, asks for nothing.
    """
    asked = {name: value for name, value in wanted.items() if value != ANY}
    matches = []
    for programme in programmes:
        reasons = _find_reasons(programme, asked) if programme.status != "ended" else None
        if reasons is not None:
            score = sum(WEIGHTS[reason] for reason in reasons) + (UNCERTAIN if programme.status == "uncertain" else 0)
            matches.append(Match(programme, reasons, score))
    return sorted(matches, key=lambda match: (-match.score, match.programme.rank, match.programme.slug))


def _find_reasons(programme: Programme, asked: Mapping[str, str]) -> tuple[str, ...] | None:
    """Why a programme fits, or None when something that it names excludes the person."""
    reasons = []
    if "need" in asked:
        if asked["need"] not in programme.offers:
            return None
        reasons.append("need")
    if "city" in asked:
        if programme.city_slugs and asked["city"] not in programme.city_slugs:
            return None
        reasons.append("city" if programme.city_slugs else "national")
    for name, named in (("stage", programme.stages), ("sector", programme.sectors)):
        if name in asked:
            if named and asked[name] not in named:
                return None
            reasons.append(name if named else f"all_{name}s")
    return tuple(reasons)


def describe_programme(programme: Programme) -> dict[str, Any]:
    """What texts show of a programme."""
    return {
        "slug": programme.slug,
        "name": programme.name,
        "kind": programme.kind,
        "operator": programme.operator.name if programme.operator else None,
        "city_slugs": programme.city_slugs,
        "stages": programme.stages,
        "sectors": programme.sectors,
        "offers": programme.offers,
        "takes_equity": programme.takes_equity,
        "amount_min_dh": programme.amount_min_dh,
        "amount_max_dh": programme.amount_max_dh,
        "duration_months": programme.duration_months,
        "summary": programme.summary,
        "website": programme.website,
        "uncertain": programme.status == "uncertain",
    }
