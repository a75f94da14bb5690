"""The console of staff, under ``/console``: an application of its own inside the app, with its own error pages.

Docs: docs/console.md.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from bot.console import home
from bot.console.audit import pages as audit
from bot.console.campaigns import pages as campaigns
from bot.console.campaigns import release, trials, writing
from bot.console.content import answer_pages, history_pages, row_pages
from bot.console.conversations import canned, remarks, takeover, thread
from bot.console.conversations import pages as conversations
from bot.console.exports import pages as exports
from bot.console.figures import pages as figures
from bot.console.layout import errors, static
from bot.console.models import pages as models
from bot.console.models import version_pages
from bot.console.people import applications, door, events, moves, persons, requests, rights
from bot.console.reports import pages as reports
from bot.console.routing import Pages, check_declared
from bot.console.security import join, sign_in
from bot.console.staff import account, second_factor
from bot.console.staff import pages as staff
from bot.console.training import annotating, export, queue

#: Every feature's routes.
FEATURES: tuple[Pages, ...] = (
    static.pages,
    sign_in.pages,
    join.pages,
    home.pages,
    account.pages,
    second_factor.pages,
    answer_pages.pages,
    row_pages.pages,
    history_pages.pages,
    staff.pages,
    audit.pages,
    applications.pages,
    moves.pages,
    requests.pages,
    events.pages,
    door.pages,
    persons.pages,
    rights.pages,
    conversations.pages,
    canned.pages,
    thread.pages,
    remarks.pages,
    takeover.pages,
    models.pages,
    version_pages.pages,
    queue.pages,
    annotating.pages,
    export.pages,
    writing.pages,
    release.pages,
    trials.pages,
    campaigns.pages,
    exports.pages,
    reports.pages,
    figures.pages,
)


def make_console(assistant: Any) -> FastAPI:
    """The console, to be mounted at ``/console``.

    Args:
        assistant: the running parts of the app.

    Raises:
        UndeclaredRouteError: a route does not say who may use it.
    """
    console = FastAPI(title="Console", openapi_url=None)
    console.state.assistant = assistant
    console.add_middleware(errors.Headers)
    errors.add_handlers(console)
    for feature in FEATURES:
        feature.add_to(console)
    check_declared(console.routes)
    return console
