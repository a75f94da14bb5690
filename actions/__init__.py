"""Rasa's custom actions, by audience. Each looks something up or notes it down, and names the answer to give."""

from __future__ import annotations

from rasa_sdk.executor import ActionExecutor

from actions.base import DatabaseAction
from actions.checklist import RemindChecklist, ShowChecklist
from actions.clarify import Clarify
from actions.events import DescribeEvent, FindEvents
from actions.founders import CompareProgrammes, DescribeProgramme, FindFunding, FindProgrammes
from actions.handoff import RequestHuman
from actions.inform import UseInformation
from actions.journeys import CheckEligibility, DriveJourney, RateUp, ResumeJourney, SendLinkCode, ShowApplication
from actions.learners import FindCentres, FindCohorts, FindTracks
from actions.places import CancelPlace, ConfirmPlace, ListPlaces, TakePlace
from actions.profile import (
    ChangeLanguage,
    EraseMyData,
    ExportMyData,
    LinkChannel,
    RequestErasure,
    ShowMyData,
    Subscribe,
    Unsubscribe,
)
from actions.watch import FindPublications
from bot.db.engine import Database
from bot.hours import Hours
from bot.journeys.catalogue import JOURNEYS


def make_executor(db: Database, base_url: str, hours: Hours | None = None) -> ActionExecutor:
    """An executor with every action of the product, working on one database.

    `base_url` is where people's browsers reach the app, for links to files; `hours` are those of the team, if known.
    """
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
        RequestHuman(db, hours),
        ChangeLanguage(db),
        Subscribe(db),
        Unsubscribe(db),
        ShowMyData(db),
        RequestErasure(db),
        EraseMyData(db),
        LinkChannel(db),
        ExportMyData(db, base_url),
        TakePlace(db, base_url),
        CancelPlace(db),
        ConfirmPlace(db, base_url),
        ListPlaces(db),
        SendLinkCode(db),
        CompareProgrammes(db),
        RateUp(db),
        ShowChecklist(db),
        RemindChecklist(db),
        CheckEligibility(db),
        ResumeJourney(db),
        ShowApplication(db),
        *(DriveJourney(db, journey) for journey in JOURNEYS.values()),
    }:
        executor.register_action(action)
    return executor
