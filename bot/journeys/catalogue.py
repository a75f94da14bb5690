"""Every journey by its name."""

from __future__ import annotations

from collections.abc import Mapping

from bot.journeys.eligibility import Eligibility
from bot.journeys.journey import Journey
from bot.journeys.preregistration import Correction, Preregistration
from bot.journeys.programme_search import ProgrammeSearch
from bot.journeys.satisfaction import Feedback
from bot.journeys.team_requests import TEAM_REQUESTS

JOURNEYS: Mapping[str, Journey] = {
    journey.name: journey
    for journey in (Eligibility(), Preregistration(), Correction(), ProgrammeSearch(), Feedback(), *TEAM_REQUESTS)
}


def form_of(journey: str) -> str:
    """The name of the Rasa form that drives a journey."""
    return f"{journey}_form"
