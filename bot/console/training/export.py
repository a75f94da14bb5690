"""The export: what agreed labels would add to the examples, as a diff to review, to download and to carry out."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bot.annotation.examples import ExampleFiles, ExamplesError
from bot.annotation.export import Plan, carry_out, list_ready, plan_export, take_back
from bot.console.audit import record
from bot.console.conversations.wording import find_direction, name_topic
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.training import PATH, SETTLING
from bot.console.words import Language
from bot.db.models import CandidateGroup

pages = Pages()


@pages.get("/training/export", allowed=EVERYBODY)
async def show_export(request: Request, signed: SignedIn) -> Response:
    """What would be added, line by line, and what is refused and why."""
    return await _show(request, signed.role in SETTLING)


@pages.post("/training/export/patch", allowed=EVERYBODY)
async def download_patch(request: Request) -> Response:
    """The same as a patch for ``git apply``; a button, but nothing is marked as exported."""
    try:
        plan = await _plan(request)
    except ExamplesError as error:
        return await _show(request, False, str(error))
    headers = {"Content-Disposition": 'attachment; filename="examples.patch"'}
    return Response(plan.diff, media_type="text/x-diff; charset=utf-8", headers=headers)


@pages.post("/training/export", allowed=SETTLING)
async def carry_export_out(request: Request, signed: SignedIn) -> Response:
    """Write the files and mark the groups, if it is still what was shown."""
    seen = (await read_form(request)).get("seen", "")
    try:
        plan = await _plan(request)
        if seen != _digest(plan):
            return await _show(request, True, stale=True)
        async with database(request).write() as session:
            files = await carry_out(session, plan)
            record(session, signed.member_id, "examples_exported", "", count=len(plan.new), fields=files)
    except ExamplesError as error:
        return await _show(request, True, str(error))
    return RedirectResponse(f"{PATH}?view=exported&done=examples_exported", 303)


@pages.post("/training/groups/{group_id}/take-back", allowed=SETTLING)
async def take_group_back(request: Request, signed: SignedIn, group_id: int) -> Response:
    """Take an example out of the files again, so that it can be labelled and exported anew."""
    try:
        files = await asyncio.to_thread(ExampleFiles)
        async with database(request).write() as session:
            was_there = await take_back(session, group_id, files)
            record(session, signed.member_id, "example_taken_back", f"group:{group_id}")
            is_left = await session.get(CandidateGroup, group_id) is not None
    except ValueError:
        return RedirectResponse(f"{PATH}/groups/{group_id}", 303)
    except ExamplesError as error:
        return await _show(request, True, str(error))
    done = "example_taken_back" if was_there else "example_was_gone"
    where = f"/groups/{group_id}?done={done}" if is_left else f"?view=exported&done={done}"
    return RedirectResponse(f"{PATH}{where}", 303)


async def _plan(request: Request) -> Plan:
    async with database(request).read() as session:
        ready = await list_ready(session)
    return await plan_export(ready)


def _digest(plan: Plan) -> str:
    """What says that a plan is the one that was shown: its labels and where they go."""
    return " ".join(f"{each.ready.annotation_id}:{each.file}" for each in plan.additions)


async def _show(request: Request, can_settle: bool, failure: str = "", *, stale: bool = False) -> Response:
    language = find_language(request)
    plan = None
    if not failure:
        try:
            plan = await _plan(request)
        except ExamplesError as error:
            failure = str(error)
    additions = plan.additions if plan else ()
    return render(
        request,
        "training/export.html",
        422 if failure or stale else 200,
        failure=failure,
        stale=stale,
        can_settle=can_settle,
        seen=_digest(plan) if plan else "",
        new=len(plan.new) if plan else 0,
        known=[_describe(language, each.ready, "", each.place) for each in additions if each.line is None],
        refusals=[_describe(language, each.ready, each.reason, each.place) for each in plan.refusals] if plan else [],
        diff=[(_kind(line), line) for line in plan.diff.splitlines()] if plan else [],
    )


def _describe(language: Language, ready: Any, reason: str = "", place: str = "") -> dict[str, str]:
    return {
        "path": f"{PATH}/groups/{ready.group_id}",
        "text": ready.text,
        "direction": find_direction(ready.variety),
        "topic": name_topic(language, ready.intent),
        "reason": reason,
        "place": place,
    }


def _kind(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return "head"
    return {"+": "plus", "-": "minus"}.get(line[:1], "same")
