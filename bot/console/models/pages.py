"""The page of all models: which one is live, the training in hand, what there is and what was done."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from bot.console.audit import record
from bot.console.layout import find_language, render
from bot.console.models import PATH, TRAINING
from bot.console.models.state import asks_for_news, find_training, poll, read_state, show_news
from bot.console.roles import ADMINISTRATORS, EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database
from bot.console.security.sessions import Signed
from bot.db.models import ModelVersion
from bot.registry.jobs import JobRefused, Jobs
from bot.registry.swaps import withdraw
from bot.training import Project, read_inputs

pages = Pages()


def find_jobs(request: Request) -> Jobs:
    """The work on models."""
    jobs: Jobs = request.app.state.assistant.jobs
    return jobs


@pages.get("/models", allowed=EVERYBODY)
async def show_models(request: Request, signed: SignedIn) -> Response:
    """Everything about models; with ``seen`` and asked by htmx, what is new."""
    if asks_for_news(request):
        return show_news(request, await _read(request, signed), "models/overview.html")
    return await _show(request, signed)


async def _show(request: Request, signed: Signed, status: int = 200, **shown: Any) -> Response:
    return render(request, "models/models.html", status, **(await _read(request, signed) | shown))


async def _read(request: Request, signed: Signed) -> dict[str, Any]:
    project: Project = request.app.state.assistant.project
    inputs = await asyncio.to_thread(read_inputs, project)
    async with database(request).read() as session:
        state = await read_state(session, request, signed, find_language(request))
        same = list(await session.scalars(select(ModelVersion).where(ModelVersion.digest == inputs.digest)))
    training = find_training(find_language(request), inputs, same, project)
    return state | {"training": training, "refused": None} | poll(state, PATH)


@pages.post("/models/train", allowed=TRAINING)
async def begin_training(request: Request, signed: SignedIn) -> Response:
    """Train what the files hold now."""
    try:
        await find_jobs(request).train(signed.member_id)
    except JobRefused as error:
        return await _show(request, signed, 422, refused=error.reason)
    return RedirectResponse(f"{PATH}?done=training_begun", 303)


@pages.post("/models/jobs/{job_id}/cancel", allowed=TRAINING)
async def cancel_job(request: Request, signed: SignedIn, job_id: int) -> Response:
    """End what runs."""
    if not await find_jobs(request).cancel(job_id, signed.member_id):
        return await _show(request, signed, 422, refused="over")
    return RedirectResponse(f"{PATH}?done=job_cancelled", 303)


@pages.post("/models/switches/{switch_id}/withdraw", allowed=ADMINISTRATORS)
async def withdraw_switch(request: Request, signed: SignedIn, switch_id: int) -> Response:
    """Take back that a model is to go live, while nobody began to load it."""
    async with database(request).write() as session:
        is_withdrawn = await withdraw(session, record, switch_id, signed.member_id)
    if not is_withdrawn:
        return await _show(request, signed, 422, refused="too_late")
    return RedirectResponse(f"{PATH}?done=live_withdrawn", 303)
