"""Find my programme: four questions, and a ranked short list with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.seed.fields import STAGES
from bot.db.support import list_programmes
from bot.journeys.eligibility import check_city
from bot.journeys.journey import Journey, Person, Question
from bot.journeys.programme_lists import list_ranked
from bot.journeys.reading import ANY, NEEDS, Heard, Problem
from bot.messages import Answer

#: How many towns and sectors the buttons offer, those that most programmes name; any other may be typed.
OFFERED = 5


def _most_named(named: Iterable[Iterable[str]]) -> list[str]:
    """The codes that most rows name, the first in the alphabet of those that as many name."""
    counts = Counter(code for codes in named for code in codes)
    return sorted(counts, key=lambda code: (-counts[code], code))[:OFFERED]


class ProgrammeSearch(Journey):
    """Asks what a founder needs, and ranks what there is."""

    name = "programme"
    begins_with = frozenset({"find_programme", "other_city"})
    fields = ("stage", "need", "city", "sector")

    async def prefill(
        self, session: AsyncSession, person: Person, known: Mapping[str, str], heard: Heard
    ) -> dict[str, str]:
        """What was answered before; "another city" keeps all but the city, and "et à Casa ?" all."""
        kept = {name: value for name, value in known.items() if name in self.fields}
        if heard.intent == "other_city":
            return {name: value for name, value in kept.items() if name != "city"}
        if heard.intent not in self.begins_with:
            return kept
        # A new search asks anew, but for where one is.
        return {name: value for name, value in kept.items() if name == "city" and value != ANY}

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """The usual answers, and "it does not matter"."""
        kind, codes = name, list(STAGES)
        if name == "need":
            kind, codes = "offer", list(NEEDS)
        elif name in ("city", "sector"):
            running = [each for each in await list_programmes(session) if each.status != "ended"]
            codes = _most_named(each.city_slugs if name == "city" else each.sectors for each in running)
        return Question(choices=tuple((f'/inform{{"{kind}": "{code}"}}', None) for code in (*codes, ANY)))

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """A town must be known."""
        return await check_city(session, value) if name == "city" and value != ANY else None

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `programmes_ranked`, or `programmes_unmatched` with the best elsewhere."""
        return await list_ranked(session, answers)
