"""Rasa's custom actions, by audience. Each looks something up or notes it down, and names the answer to give."""

from __future__ import annotations

from rasa_sdk.executor import ActionExecutor

from actions.application import ConfirmWithdrawal, ShowApplication, WithdrawApplication
from actions.base import Context, DatabaseAction
from actions.checklist import RemindChecklist, ShowChecklist
from actions.clarify import Clarify
from actions.events import DescribeEvent, FindEvents
from actions.founders import CompareProgrammes, DescribeProgramme, FindFunding, FindProgrammes
from actions.handoff import RequestHuman
from actions.inform import UseInformation
from actions.journeys import CheckEligibility, DriveJourney, RateUp, ResumeJourney, SendLinkCode
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
from bot.journeys.catalogue import JOURNEYS


def make_executor(context: Context) -> ActionExecutor:
    """An executor with every action of the product."""
    tracks, centres, cohorts = FindTracks(context), FindCentres(context), FindCohorts(context)
    programmes, funding, events = FindProgrammes(context), FindFunding(context), FindEvents(context)
    publications = FindPublications(context)
    #: Questions that a bare piece of information ("Rabat") goes on with.
    continued: dict[str, DatabaseAction] = {
        "jobintech_tracks": tracks,
        "jobintech_locations": centres,
        "jobintech_dates": cohorts,
        "incubator_search": programmes,
        "incubator_details": DescribeProgramme(context),
        "funding_options": funding,
        "event_search": events,
        "event_details": DescribeEvent(context),
        "publications_search": publications,
    }
    executor = ActionExecutor()
    for action in {*continued.values()} | {
        UseInformation(context, continued),
        Clarify(context),
        RequestHuman(context),
        ChangeLanguage(context),
        Subscribe(context),
        Unsubscribe(context),
        ShowMyData(context),
        RequestErasure(context),
        EraseMyData(context),
        LinkChannel(context),
        ExportMyData(context),
        TakePlace(context),
        CancelPlace(context),
        ConfirmPlace(context),
        ListPlaces(context),
        SendLinkCode(context),
        CompareProgrammes(context),
        RateUp(context),
        ShowChecklist(context),
        RemindChecklist(context),
        CheckEligibility(context),
        ResumeJourney(context),
        ShowApplication(context),
        WithdrawApplication(context),
        ConfirmWithdrawal(context),
        *(DriveJourney(context, journey) for journey in JOURNEYS.values()),
    }:
        executor.register_action(action)
    return executor
