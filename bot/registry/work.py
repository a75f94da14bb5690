"""The work of a job, in Rasa's environment: train a model, measure it beside the live one, replay real messages."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from sqlalchemy import update

from bot.db.engine import Database
from bot.db.models import ModelJob, ModelVersion
from bot.errors import AssistantError
from bot.registry.children import run_child
from bot.registry.comparison import Heldout, compare, find_heldout, keep_figures, read_outcomes
from bot.registry.replay import keep, list_typed, put_beside
from bot.registry.swaps import load_checks
from bot.registry.versions import adopt, drop_old, find_version, make_version
from bot.training import (
    ON_ONE_CORE,
    RASA_PYTHON,
    Manifest,
    Project,
    drop_parts,
    evaluation_command,
    list_manifests,
    outcomes_path,
    part_path,
    rasa_environment,
    read_inputs,
    report_path,
    training_command,
    write_manifest,
)

#: The share of plain messages (`bot.registry.swaps.load_checks`) that a model must understand, as `nlu.swapping` does.
SMALLEST_SHARE = 0.8
_COMPONENT = re.compile(r"(?:Starting to train component|Finished training component) '(\w+)'")


class WorkFailed(AssistantError):
    """A job could not be done; `reason` is a key of ``models.failed`` in the console's words, `text` says more."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text or reason)
        self.reason = reason
        self.text = text


@dataclass(slots=True)
class Progress:
    """How far a job is; see the columns of `ModelJob`."""

    stage: str = "beginning"
    detail: str | None = None
    done: int | None = None
    total: int | None = None
    is_cancelled: bool = False

    def begin(self, stage: str, total: int | None = None) -> None:
        """Begin a stage, of so many messages where they can be counted."""
        self.stage, self.detail, self.done, self.total = stage, None, None if total is None else 0, total


async def train_model(db: Database, project: Project, job: ModelJob, progress: Progress) -> dict[str, Any]:
    """Train the present inputs, try the model, and make its row; what is written with the job's end.

    Raises:
        WorkFailed: the inputs changed meanwhile, Rasa left no model, or it misunderstands plain messages.
        ChildFailed: Rasa failed.
        Cancelled: somebody cancelled it.
    """
    inputs = await asyncio.to_thread(read_inputs, project)
    model = project.model(inputs.digest)
    part = part_path(model)
    project.models.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(drop_parts, project.models)
    progress.begin("training")
    log = project.logs / "model-training.log"
    tail = _Tail(log)

    def look() -> None:
        for line in tail.read():
            found = _COMPONENT.search(line)
            if found:
                progress.detail = found[1]

    started = time.monotonic()
    try:
        await run_child(
            training_command(project, model),
            cwd=project.root,
            environment=rasa_environment(ON_ONE_CORE | {"LOG_LEVEL": "INFO"}),
            log=log,
            look=look,
            is_cancelled=lambda: progress.is_cancelled,
        )
        train_s = round(time.monotonic() - started, 1)
        if not part.exists():
            raise WorkFailed("no_model")
        if await asyncio.to_thread(read_inputs, project) != inputs:
            raise WorkFailed("inputs_changed")
        await _try_model(project, part, progress)
        part.replace(model)
    finally:
        part.unlink(missing_ok=True)
    await asyncio.to_thread(write_manifest, model, inputs, train_s)
    manifests = await asyncio.to_thread(list_manifests, project)
    manifest: Manifest = next(each for each in manifests if each.inputs.digest == inputs.digest)
    async with db.write() as session:
        version = await find_version(session, inputs.digest)
        if version is None:
            version = make_version(manifest, "console", job.asked_by_id)
            session.add(version)
        else:
            # Trained again after its file was dropped.
            version.dropped_at, version.trained_at, version.train_s = None, manifest.trained_at, train_s
            version.made_by_id, version.figures = job.asked_by_id, None
        await session.flush()
        await adopt(session, project, manifests)
        await drop_old(session, project)
        return {"version_id": version.id}


async def _try_model(project: Project, model: Path, progress: Progress) -> None:
    """Have a model understand plain messages in a process of its own, before anybody can choose it."""
    checks = load_checks(project.root)
    progress.begin("checking", len(checks))
    lines = await _read_texts(project, model, [(n, text) for n, (text, _) in enumerate(checks)], progress)
    wrong = [
        f"“{text}”: {', '.join(line.get('topics', ['?']))} ≠ {intent}"
        for (text, intent), line in zip(checks, lines, strict=True)
        if line.get("topics") != [intent]
    ]
    if len(checks) - len(wrong) < SMALLEST_SHARE * len(checks):
        raise WorkFailed("misunderstands", "\n".join(wrong))


async def compare_models(db: Database, project: Project, job: ModelJob, progress: Progress) -> dict[str, Any]:
    """Measure a model, and the live one where it was not measured on the same messages yet.

    Raises:
        WorkFailed: the held-out messages are gone.
        ChildFailed, Cancelled: the evaluation failed or was ended.
    """
    heldout = await asyncio.to_thread(find_heldout, project.root)
    if heldout is None:
        raise WorkFailed("no_heldout")
    async with db.read() as session:
        version = await session.get_one(ModelVersion, job.version_id)
        live = None if job.against_id is None else await session.get_one(ModelVersion, job.against_id)
    before, outcomes_before = None, list[dict[str, Any]]()
    if live is not None:
        before = await _measure(db, project, live, heldout, "measuring_live", progress)
        outcomes_before = await asyncio.to_thread(read_outcomes, outcomes_path(project.model(live.digest)))
    after = await _measure(db, project, version, heldout, "measuring", progress)
    outcomes = await asyncio.to_thread(read_outcomes, outcomes_path(project.model(version.digest)))
    return {"result": await asyncio.to_thread(compare, before, after, outcomes_before, outcomes, heldout)}


async def _measure(
    db: Database, project: Project, version: ModelVersion, heldout: Heldout, stage: str, progress: Progress
) -> dict[str, Any]:
    """The figures of a model: those that are kept if they are of the same messages, else measured now."""
    model = project.model(version.digest)
    kept = outcomes_path(model)
    if version.figures is not None and version.figures["data"] == heldout.digest and kept.exists():
        return version.figures
    progress.begin(stage, heldout.count)
    # A measurement that was ended is not taken for a whole one.
    part = kept.with_suffix(".outcomes-part")
    part.unlink(missing_ok=True)
    tail = _Tail(part)

    def look() -> None:
        if progress.total is None:
            return
        progress.done = (progress.done or 0) + len(tail.read())
        if progress.done >= progress.total and heldout.entities:
            # Comes last, and takes as long again; nobody counts it.
            progress.begin("measuring_entities")

    try:
        await run_child(
            evaluation_command(model, heldout.data, heldout.entities, report_path(model), part),
            cwd=project.root,
            environment=rasa_environment(ON_ONE_CORE),
            log=project.logs / "model-measuring.log",
            look=look,
            is_cancelled=lambda: progress.is_cancelled,
        )
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
    report = json.loads(await asyncio.to_thread(report_path(model).read_text, encoding="utf-8"))
    figures = keep_figures(report, heldout.digest)
    async with db.write() as session:
        await session.execute(update(ModelVersion).where(ModelVersion.id == version.id).values(figures=figures))
    return figures


async def replay_messages(db: Database, project: Project, job: ModelJob, progress: Progress) -> dict[str, Any]:
    """Have the live model and another one read the last messages that people typed, and keep which would change.

    Nothing is sent or stored as a conversation; the texts go through a pipe, not into a file.

    Raises:
        WorkFailed: nobody typed a message yet.
        ChildFailed, Cancelled: the reading failed or was ended.
    """
    assert job.size is not None and job.version_id is not None  # noqa: S101  # `Jobs.replay` sets them
    async with db.read() as session:
        messages = await list_typed(session, job.size)
        version = await session.get_one(ModelVersion, job.version_id)
        live = await session.get_one(ModelVersion, job.against_id)
    if not messages:
        raise WorkFailed("no_messages")
    texts = [(number, text) for number, _, text in messages]
    progress.begin("reading_live", len(texts))
    before = await _read_texts(project, project.model(live.digest), texts, progress)
    progress.begin("reading", len(texts))
    after = await _read_texts(project, project.model(version.digest), texts, progress)
    rows, counts = put_beside(messages, before, after, job.id)
    async with db.write() as session:
        await keep(session, version.id, rows)
    return {"result": counts}


async def _read_texts(
    project: Project, model: Path, texts: Sequence[tuple[int, str]], progress: Progress
) -> list[dict[str, Any]]:
    """What a model makes of some texts (`nlu.replay`), in their order."""
    # Files without a name: nobody else can open them, and they are gone with the process.
    with TemporaryFile() as given, TemporaryFile() as taken:
        for number, text in texts:
            given.write(json.dumps({"id": number, "text": text}).encode() + b"\n")
        given.seek(0)

        def look() -> None:
            progress.done = _count_lines(taken)

        await run_child(
            [str(RASA_PYTHON), "-m", "nlu.replay", str(model)],
            cwd=project.root,
            environment=rasa_environment(ON_ONE_CORE),
            log=project.logs / "model-replay.log",
            look=look,
            is_cancelled=lambda: progress.is_cancelled,
            stdin=given,
            stdout=taken,
        )
        taken.seek(0)
        return [json.loads(line) for line in taken.read().splitlines()]


def _count_lines(file: IO[bytes]) -> int:
    # The child writes at the position that both share, so it is read without moving that.
    size, count, at = os.fstat(file.fileno()).st_size, 0, 0
    while at < size:
        chunk = os.pread(file.fileno(), 65_536, at)
        count += chunk.count(b"\n")
        at += len(chunk)
    return count


class _Tail:
    """The lines that were added to a file since it was read last; nothing while there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def read(self) -> list[str]:
        """The new whole lines."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole, newline, _ = file.read().rpartition(b"\n")
        if not newline:
            return []
        self._at += len(whole) + 1
        return whole.decode("utf-8", "replace").split("\n")
