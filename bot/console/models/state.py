"""What the pages of models show besides one model: what is live, what runs, what can be done, what was done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from fastapi import Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.layout import render
from bot.console.members import name_members
from bot.console.models import TRAINING
from bot.console.models.figures import show_count, show_seconds, show_share
from bot.console.roles import ADMINISTRATORS
from bot.console.security.sessions import Signed
from bot.console.words import Language
from bot.db.models import ModelJob, ModelServer, ModelSwitch, ModelVersion
from bot.registry.swaps import is_there
from bot.registry.versions import Standing, find_open_switch, find_standing, list_servers
from bot.training import Inputs, Project

#: How often a page asks for news, in seconds: while something runs, and otherwise.
POLL_BUSY_S, POLL_S = 2, 8
#: How many models, jobs and changes a page shows.
SHOWN_VERSIONS, SHOWN_STEPS = 20, 12


async def read_state(session: AsyncSession, request: Request, signed: Signed, language: Language) -> dict[str, Any]:
    """What every page about models knows; `digest` changes with anything that a page should show anew."""
    standing = await find_standing(session)
    switch = await find_open_switch(session)
    now = utc_now()
    servers = [server for server in await list_servers(session) if is_there(server, now)]
    newest = select(ModelVersion).order_by(ModelVersion.trained_at.desc(), ModelVersion.id.desc())
    versions = list(await session.scalars(newest.limit(SHOWN_VERSIONS)))
    jobs = list(await session.scalars(select(ModelJob).order_by(ModelJob.id.desc()).limit(SHOWN_STEPS)))
    switches = list(await session.scalars(select(ModelSwitch).order_by(ModelSwitch.id.desc()).limit(SHOWN_STEPS)))
    named = [job.asked_by_id for job in jobs] + [switch.asked_by_id for switch in switches]
    names = await name_members(session, named + [version.made_by_id for version in versions])
    running = next((job for job in jobs if job.state == "running"), None)
    seen = (
        [(version.id, version.figures is None, version.dropped_at) for version in versions],
        [(job.id, job.state) for job in jobs],
        [(each.id, each.state, each.begun_at) for each in switches],
        [(server.name, server.digest, server.error) for server in servers],
    )
    return {
        "standing": standing,
        "live": None if standing.live is None else show_version(language, standing.live, standing),
        "previous": standing.previous,
        "switch": switch,
        "switch_is_stuck": switch is not None and switch.begun_at is None and not servers,
        "servers": [_show_server(server, standing) for server in servers],
        "versions": [show_version(language, version, standing) for version in versions],
        "job": None if running is None else show_job(language, running),
        "steps": _list_steps(language, jobs, switches, names),
        "names": names,
        "may_train": signed.role in TRAINING,
        "may_switch": signed.role in ADMINISTRATORS,
        "digest": hashlib.sha256(repr(seen).encode()).hexdigest()[:16],
    }


def poll(state: dict[str, Any], path: str) -> dict[str, Any]:
    """Where and how often a page asks for news; `path` is its own."""
    is_busy = state["job"] is not None or state["switch"] is not None
    return {
        "poll": f"{path}?seen={state['digest']}",
        "poll_s": POLL_BUSY_S if is_busy else POLL_S,
        "is_busy": is_busy,
        "oob": False,
    }


def asks_for_news(request: Request) -> bool:
    """Whether a page that is open asks for what changed."""
    return "seen" in request.query_params and request.headers.get("HX-Request") == "true"


def show_news(request: Request, values: dict[str, Any], part: str) -> Response:
    """How far the work is; with the part of the page that shows the rest, when that changed; 204 for nothing.

    Args:
        request: `asks_for_news`.
        values: what the whole page would show.
        part: the template of what is swapped.
    """
    is_same = request.query_params["seen"] == values["digest"]
    if is_same and not values["is_busy"]:
        return Response(status_code=204)
    return render(request, "models/news.html", **(values | {"is_same": is_same, "part": part, "oob": True}))


def show_version(language: Language, version: ModelVersion, standing: Standing) -> dict[str, Any]:
    """A model as lists show it."""
    figures = version.figures
    return {
        "id": version.id,
        "digest": version.digest,
        "origin": version.origin,
        "made_by_id": version.made_by_id,
        "trained_at": version.trained_at,
        "train_s": show_seconds(language, version.train_s) if version.train_s else "",
        "examples": show_count(language, sum(version.examples.values())),
        "accuracy": show_share(language, figures["all"]["accuracy"]) if figures else "",
        "is_live": standing.live is not None and standing.live.id == version.id,
        "is_previous": standing.previous is not None and standing.previous.id == version.id,
        "is_dropped": version.dropped_at is not None,
    }


def show_job(language: Language, job: ModelJob) -> dict[str, Any]:
    """How far a job is: counted messages, or the time beside that of the last one of its kind."""
    elapsed_s = max(0.0, (utc_now() - job.started_at).total_seconds())
    shown: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "version_id": job.version_id,
        "stage": job.stage,
        "detail": job.detail or "",
        "elapsed": show_seconds(language, round(elapsed_s)),
        "expected": show_seconds(language, job.expected_s) if job.expected_s else "",
        "is_cancelled": job.is_cancelled,
        "done": None,
        "total": None,
        "share": None,
        "is_late": False,
    }
    if job.total:
        done = job.done or 0
        shown |= {"done": show_count(language, done), "total": show_count(language, job.total)}
        shown["share"] = min(100, round(100 * done / job.total))
    elif job.expected_s:
        # No more than an estimate: it never says that it is over.
        shown["share"] = min(95, round(100 * elapsed_s / job.expected_s))
        shown["is_late"] = elapsed_s > job.expected_s
    return shown


def find_training(
    language: Language, inputs: Inputs, versions: Iterable[ModelVersion], project: Project
) -> dict[str, Any]:
    """What a training would begin with: the model that there is of the present files, and their messages."""
    same = next((version for version in versions if version.digest == inputs.digest), None)
    count = sum(inputs.examples.values())
    is_there = same is not None and same.dropped_at is None and project.model(inputs.digest).is_file()
    return {
        "same_id": same.id if same is not None and is_there else None,
        "count": show_count(language, count) if count else "",
    }


def _show_server(server: ModelServer, standing: Standing) -> dict[str, Any]:
    is_behind = standing.live is not None and server.digest != standing.live.digest
    return {"name": server.name, "digest": server.digest or "–", "is_behind": is_behind, "error": server.error or ""}


def _list_steps(
    language: Language, jobs: list[ModelJob], switches: list[ModelSwitch], names: dict[int, str]
) -> list[dict[str, Any]]:
    """What was done last, the newest first: changes of the live model, and jobs that are over."""
    steps: list[dict[str, Any]] = [
        {
            "at": each.finished_at or each.asked_at,
            "what": "switch",
            "state": each.state,
            "version_id": each.version_id,
            "took": show_seconds(language, each.load_s) if each.load_s is not None else "",
            "who": names.get(each.asked_by_id or 0, ""),
            "origin": each.origin,
            "error": "",
            "output": each.error or "",
            "size": None,
        }
        for each in switches
        if each.state != "open"
    ]
    for job in jobs:
        if job.state == "running" or job.finished_at is None:
            continue
        steps.append(
            {
                "at": job.finished_at,
                "what": job.kind,
                "state": job.state,
                "version_id": job.version_id,
                "took": show_seconds(language, (job.finished_at - job.started_at).total_seconds()),
                "who": names.get(job.asked_by_id or 0, ""),
                "origin": "console",
                "error": job.error or "",
                "output": job.output or "",
                "size": job.size,
            }
        )
    return sorted(steps, key=lambda step: step["at"], reverse=True)[:SHOWN_STEPS]
