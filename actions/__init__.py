"""Rasa's custom actions, by audience. Each looks something up or notes it down, and names the answer to give."""

from __future__ import annotations

from rasa_sdk.executor import ActionExecutor

from actions.base import DatabaseAction
from actions.clarify import Clarify
from actions.events import DescribeEvent, FindEvents
from actions.founders import DescribeProgramme, FindFunding, FindProgrammes
from actions.handoff import RequestHuman
from actions.inform import UseInformation
from actions.learners import FindCentres, FindCohorts, FindTracks
from actions.profile import ChangeLanguage, RequestErasure, ShowMyData, Subscribe, Unsubscribe
from actions.watch import FindPublications
from bot.db.engine import Database


def make_executor(db: Database) -> ActionExecutor:
    """An executor with every action of the product, working on one database."""
    tracks, centres, cohorts = FindTracks(db), FindCentres(db), FindCohorts(db)
    programmes, funding, events = FindProgrammes(db), FindFunding(db), FindEvents(db)
    publications = FindPublications(db)
    #: Questions that a bare piece of information ("Rabat") goes on with.
    continued: dict[str, DatabaseAction] = {
        "jobintech_tracks": tracks,
        "jobintech_locations": centres,
        "jobintech_dates": cohorts,
        "incubator_search": programmes,
        "incubator_details": DescribeProgramme(db),
        "funding_options": funding,
        "event_search": events,
        "event_details": DescribeEvent(db),
        "publications_search": publications,
    }
    executor = ActionExecutor()
    for action in {*continued.values()} | {
        UseInformation(db, continued),
        Clarify(db),
        RequestHuman(db),
        ChangeLanguage(db),
        Subscribe(db),
        Unsubscribe(db),
        ShowMyData(db),
        RequestErasure(db),
    }:
        executor.register_action(action)
    return executor
