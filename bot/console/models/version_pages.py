"""The page of one model: beside the live one on held-out and on real messages, and the button that makes it live."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.audit import record
from bot.console.conversations.wording import name_topic
from bot.console.layout import find_language, render
from bot.console.models import PATH, TRAINING
from bot.console.models.figures import show_count, show_row, show_seconds, show_share
from bot.console.models.replays import show_replay
from bot.console.models.state import asks_for_news, poll, read_state, show_news, show_version
from bot.console.roles import ADMINISTRATORS, EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.console.words import Language
from bot.db.models import ModelJob, ModelVersion
from bot.messages import LANGUAGE_NAMES
from bot.registry.comparison import FIGURES, find_heldout
from bot.registry.jobs import JobRefused, Jobs
from bot.registry.replay import DEFAULT_SIZE, SIZES
from bot.registry.swaps import Swaps, SwitchRefused, ask
from bot.training import Project

#: How many messages of each kind of change are listed.
SHOWN_CHANGES = 60
#: The kinds, those that matter most first.
CHANGES = ("lost", "gained", "refused", "accepted", "other")

pages = Pages()


@pages.get("/models/{version_id}", allowed=EVERYBODY)
async def show_version_page(request: Request, signed: SignedIn, version_id: int) -> Response:
    """Everything about one model; with ``seen`` and asked by htmx, what is new."""
    if asks_for_news(request):
        async with database(request).read() as session:
            state = await read_state(session, request, signed, find_language(request))
        # What changes every second is read without the rest.
        is_same = request.query_params["seen"] == state["digest"]
        values = state | poll(state, f"{PATH}/{version_id}") if is_same else await _read(request, signed, version_id)
        return show_news(request, values, "models/results.html")
    return await _show(request, signed, version_id)


async def _show(request: Request, signed: Signed, version_id: int, status: int = 200, **shown: Any) -> Response:
    return render(request, "models/version.html", status, **(await _read(request, signed, version_id) | shown))


async def _read(request: Request, signed: Signed, version_id: int) -> dict[str, Any]:
    language = find_language(request)
    project: Project = request.app.state.assistant.project
    heldout = await asyncio.to_thread(find_heldout, project.root)
    async with database(request).read() as session:
        version = await session.get(ModelVersion, version_id)
        if version is None:
            raise HTTPException(404)
        state = await read_state(session, request, signed, language)
        live = state["standing"].live
        compared = await _find_last(session, "compare", version_id)
        replayed = await _find_last(session, "replay", version_id)
        replay = None if replayed is None else await show_replay(session, signed, language, replayed)
    comparison, against_id = None, None
    if compared is not None and compared.result is not None:
        comparison, against_id = show_comparison(language, compared), compared.against_id
    is_outdated = comparison is not None and live is not None and live.id not in (version_id, against_id)
    return (
        state
        | poll(state, f"{PATH}/{version_id}")
        | {
            "refused": None,
            "unconfirmed": False,
            "size": DEFAULT_SIZE,
            "model": show_version(language, version, state["standing"]),
            "examples": [
                (LANGUAGE_NAMES.get(name, name), show_count(language, count))  # type: ignore[call-overload]
                for name, count in version.examples.items()
            ],
            "speed": "" if version.figures is None else show_seconds(language, version.figures["all"]["p95_ms"] / 1000),
            "has_heldout": heldout is not None,
            "comparison": comparison,
            # Of a comparison with a model that is not live any more nobody should decide.
            "is_outdated": is_outdated,
            "replay": replay,
            "size_options": [(size, show_count(language, size)) for size in SIZES],
            "risks": list_risks(None if is_outdated else comparison, heldout is not None),
        }
    )


async def _find_last(session: AsyncSession, kind: str, version_id: int) -> ModelJob | None:
    query = select(ModelJob).where(ModelJob.version_id == version_id, ModelJob.kind == kind, ModelJob.state == "done")
    job: ModelJob | None = await session.scalar(query.order_by(ModelJob.id.desc()).limit(1))
    return job


def show_comparison(language: Language, job: ModelJob) -> dict[str, Any]:
    """A comparison as the page shows it."""
    result = job.result or {}
    changed: dict[str, list[dict[str, Any]]] = {kind: [] for kind in CHANGES}
    for row in result["changed"]:
        changed[row["change"]].append(
            {
                "variety": row["name"],
                "variety_name": LANGUAGE_NAMES.get(row["name"], row["name"]),
                "text": row["text"],
                "expected": ", ".join(name_topic(language, intent) for intent in row["expected"]),
                "before": name_topic(language, row["before"]),
                "after": name_topic(language, row["after"]),
            }
        )
    whole = show_row(language, result["all"], FIGURES)
    return {
        "at": job.finished_at,
        "against_id": job.against_id,
        "figures": FIGURES,
        "rows": [show_row(language, row, FIGURES) for row in result["rows"]] + [whole],
        "all": whole,
        "entities": [
            {
                "kind": row["kind"],
                "before": show_share(language, row["before"]),
                "after": show_share(language, row["after"]),
                "marked": show_count(language, row["marked"]),
            }
            for row in result["entities"]
        ],
        "below": [
            {
                "name": LANGUAGE_NAMES.get(row["name"], row["name"]),
                "figure": row["figure"],
                "value": show_share(language, row["value"]),
                "floor": show_share(language, row["floor"]),
            }
            for row in result["below"]
        ],
        "changed": [
            {"kind": kind, "count": len(rows), "rows": rows[:SHOWN_CHANGES], "more": max(0, len(rows) - SHOWN_CHANGES)}
            for kind, rows in changed.items()
            if rows
        ],
    }


def list_risks(comparison: dict[str, Any] | None, has_heldout: bool) -> list[str]:
    """What somebody should know before a model goes live, as keys of ``models.risks``; they confirm it then."""
    if comparison is None:
        return ["not_compared" if has_heldout else "no_heldout"]
    risks = []
    if comparison["below"]:
        risks.append("below")
    if any(row["verdict"] == "worse" for row in comparison["rows"]):
        risks.append("worse")
    return risks


@pages.post("/models/{version_id}/compare", allowed=TRAINING)
async def begin_comparison(request: Request, signed: SignedIn, version_id: int) -> Response:
    """Measure it beside the live model."""
    jobs: Jobs = request.app.state.assistant.jobs
    try:
        await jobs.compare(version_id, signed.member_id)
    except JobRefused as error:
        return await _show(request, signed, version_id, 422, refused=error.reason)
    return RedirectResponse(f"{PATH}/{version_id}?done=comparison_begun", 303)


@pages.post("/models/{version_id}/replay", allowed=TRAINING)
async def begin_replay(request: Request, signed: SignedIn, version_id: int) -> Response:
    """Have it read the last real messages."""
    jobs: Jobs = request.app.state.assistant.jobs
    typed = (await read_form(request)).get("size", "")
    size = next((size for size in SIZES if str(size) == typed), None)
    try:
        if size is None:
            raise JobRefused("size")
        await jobs.replay(version_id, size, signed.member_id)
    except JobRefused as error:
        return await _show(request, signed, version_id, 422, refused=error.reason, size=size or DEFAULT_SIZE)
    return RedirectResponse(f"{PATH}/{version_id}?done=replay_begun", 303)


@pages.post("/models/{version_id}/live", allowed=ADMINISTRATORS)
async def go_live(request: Request, signed: SignedIn, version_id: int) -> Response:
    """Ask for it to go live; where there is something to know first, only with a tick that one does."""
    form = await read_form(request)
    values = await _read(request, signed, version_id)
    # Going back needs no more thought than it takes.
    if values["risks"] and not values["model"]["is_previous"] and form.get("confirmed") != "yes":
        return await _show(request, signed, version_id, 422, unconfirmed=True)
    swaps: Swaps = request.app.state.assistant.swaps
    project: Project = request.app.state.assistant.project
    try:
        async with database(request).write() as session:
            await ask(session, project, record, version_id, "console", signed.member_id)
    except SwitchRefused as error:
        return await _show(request, signed, version_id, 422, refused=error.reason)
    swaps.wake()
    return RedirectResponse(f"{PATH}?done=live_asked", 303)
