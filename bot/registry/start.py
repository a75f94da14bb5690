"""What a start begins with: the model that staff chose, or a new one where that does not fit the program any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import ModelSwitch, ModelVersion
from bot.registry import Record
from bot.registry.versions import adopt, drop_old, find_open_switch, find_standing, find_version, make_version
from bot.training import Inputs, Project, ensure_model, list_manifests, read_inputs


@dataclass(frozen=True, slots=True)
class Chosen:
    """The model that a start begins with."""

    version_id: int
    digest: str
    path: Path
    #: The frame of the program that starts; `bot.registry.swaps` lets no other into it.
    frame: str


async def choose_model(db: Database, project: Project, tell: Callable[[str], None]) -> Chosen:
    """The live model if it fits the program; else that of the present inputs, trained now if there is none.

    Args:
        db: the database, migrated.
        project: where the models are.
        tell: hears, in a sentence, why it is another one than staff chose, or that there are newer examples.

    Raises:
        TrainingError: a training was needed, and failed.
    """
    inputs = await asyncio.to_thread(read_inputs, project)
    async with db.write() as session:
        await adopt(session, project)
        standing, switch = await find_standing(session), await find_open_switch(session)
        if switch is not None and switch.begun_at is None:
            # Asked for while nothing ran, as by `python -m bot models live`.
            wanted: ModelVersion | None = await session.get_one(ModelVersion, switch.version_id)
        else:
            wanted = standing.live
    if wanted is not None:
        misfit = find_misfit(wanted, inputs, project)
        if misfit is None:
            if wanted.digest != inputs.digest:
                tell(
                    f"Model {wanted.id} is live; nlu/examples is not what it was trained on any more: "
                    "a new one is trained at /console/models, or by `make train`."
                )
            return Chosen(wanted.id, wanted.digest, project.model(wanted.digest), inputs.frame)
        tell(f"Model {wanted.id} can't go on: {misfit} The present files' model takes its place.")
    known = project.model(inputs.digest).exists()
    path = await asyncio.to_thread(ensure_model, project)
    manifest = next(
        found for found in await asyncio.to_thread(list_manifests, project) if found.inputs.digest == inputs.digest
    )
    async with db.write() as session:
        version = await find_version(session, inputs.digest)
        if version is None:
            version = make_version(manifest, "terminal" if known else "start", None)
            session.add(version)
            await session.flush()
        version.dropped_at = None
        return Chosen(version.id, version.digest, path, inputs.frame)


def find_misfit(version: ModelVersion, inputs: Inputs, project: Project) -> str | None:
    """Why a model can't run with the present program, in a sentence; None when it can."""
    if not project.model(version.digest).is_file():
        return f"its file {version.digest}.tar.gz is not in {project.models}."
    if version.frame != inputs.frame:
        return "domain.yml, config.yml, nlu/rules.yml or the components changed since it was trained."
    return None


async def settle(db: Database, chosen: Chosen, project: Project, record: Record) -> None:
    """Note that a start began with a model, once Rasa answers; old files go then."""
    now = utc_now()
    async with db.write() as session:
        standing, switch = await find_standing(session), await find_open_switch(session)
        is_asked = switch is not None and switch.version_id == chosen.version_id
        if switch is not None and is_asked:
            switch.state, switch.begun_at, switch.finished_at = "done", switch.begun_at or now, now
        elif switch is not None:
            switch.state, switch.finished_at = "failed", now
            switch.error = (
                "the assistant ended while it was being loaded"
                if switch.begun_at is not None
                else "it does not fit the program that was started"
            )
        await session.flush()
        live = standing.live
        if live is None or live.id != chosen.version_id:
            if not is_asked:
                from_id = None if live is None else live.id
                times = {"asked_at": now, "begun_at": now, "finished_at": now}
                session.add(
                    ModelSwitch(version_id=chosen.version_id, from_id=from_id, state="done", origin="start", **times)
                )
            details = {} if live is None else {"was": f"model:{live.id}"}
            record(session, None, "model_live", f"model:{chosen.version_id}", **details)
        await session.flush()
        await drop_old(session, project)
