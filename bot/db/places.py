"""Towns: the nearest one to a place on the map."""

from __future__ import annotations

import difflib
import re
from math import asin, cos, radians, sin, sqrt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import City
from bot.plain import plain_words

EARTH_RADIUS_KM = 6371.0
#: Farther than this from every town that we know, a place is not in Morocco as far as we can tell.
NEAR_KM = 80.0
#: How alike a misspelt name must be (ratio of `difflib.SequenceMatcher`).
SPELT_ALIKE = 0.84


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """The great-circle distance between two places in degrees (haversine formula)."""
    half_height = radians(other_latitude - latitude) / 2
    half_width = radians(other_longitude - longitude) / 2
    chord = sin(half_height) ** 2 + cos(radians(latitude)) * cos(radians(other_latitude)) * sin(half_width) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))


async def find_nearest_city(session: AsyncSession, latitude: float, longitude: float) -> City | None:
    """The nearest town within `NEAR_KM`, else None."""
    cities = list(await session.scalars(select(City)))
    if not cities:
        return None
    nearest = min(cities, key=lambda city: distance_km(latitude, longitude, city.latitude, city.longitude))
    far = distance_km(latitude, longitude, nearest.latitude, nearest.longitude) > NEAR_KM
    return None if far else nearest


async def find_city_by_spelling(session: AsyncSession, text: str) -> str | None:
    """The slug of the town whose name a text of at most three words is closest to, if it is close: "casblanca"."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if not words or len(words) > 3:
        return None
    names = {plain_words(city.name): city.slug for city in await session.scalars(select(City))}
    for said in (" ".join(words), *words):
        close = difflib.get_close_matches(plain_words(said), names, n=1, cutoff=SPELT_ALIKE) if len(said) >= 4 else []
        if close:
            return names[close[0]]
    return None
