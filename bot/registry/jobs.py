"""Trainings, comparisons and replays in the background: one at a time, seen from every process, never lost unnoticed.

A job is a row. The process that works on it writes how far it is, and reads whether somebody cancelled it; a row
without a sign of life is found as interrupted. The work itself stands in `bot.registry.work`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import ModelJob, ModelVersion
from bot.errors import AssistantError
from bot.registry import Record
from bot.registry.children import Cancelled, ChildFailed
from bot.registry.comparison import find_heldout
from bot.registry.replay import SIZES, forget_old
from bot.registry.versions import adopt, find_standing, find_version
from bot.registry.work import Progress, WorkFailed, compare_models, replay_messages, train_model
from bot.training import Project, read_inputs

logger = logging.getLogger(__name__)

#: How often a job writes how far it is.
BEAT_S = 1.0
#: After so long without a sign, the process that worked on it is gone.
SILENT = timedelta(seconds=60)
#: What is kept of an output, in characters.
OUTPUT_CHARS = 2_000


class JobRefused(AssistantError):
    """A job can't be begun; `reason` is a key of ``models.refused`` in the console's words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Running:
    """A job that this process works on."""

    progress: Progress = field(default_factory=Progress)
    task: asyncio.Task[None] | None = None


class Jobs:
    """Begins jobs, and works on those that were begun here."""

    def __init__(self, db: Database, project: Project, record: Record) -> None:
        self._db = db
        self._project = project
        self._record = record
        self._running: dict[int, _Running] = {}

    async def start(self) -> None:
        """Find what was interrupted: on SQLite, which serves one process, all that runs; else what gives no sign."""
        async with self._db.write() as session:
            await self._end_silent(session, None if self._db.is_sqlite else SILENT)
            await forget_old(session)

    async def _end_silent(self, session: AsyncSession, silent: timedelta | None) -> None:
        gone = (ModelJob.state == "running") & ModelJob.id.not_in(self._running)
        if silent is not None:
            gone &= ModelJob.beat_at < utc_now() - silent
        ended = update(ModelJob).where(gone).values(state="interrupted", finished_at=utc_now())
        for job_id, kind, asked_by_id in await session.execute(
            ended.returning(ModelJob.id, ModelJob.kind, ModelJob.asked_by_id)
        ):
            self._record(session, asked_by_id, "model_job_ended", f"job:{job_id}", kind=kind, outcome="interrupted")

    async def train(self, member_id: int | None) -> int:
        """Begin a training of the present inputs; the job's number.

        Raises:
            JobRefused: there are no examples, nothing changed since a model was trained whose file is there, or another
                job runs.
        """
        inputs = await asyncio.to_thread(read_inputs, self._project)
        if not inputs.examples:
            raise JobRefused("no_inputs")
        async with self._db.write() as session:
            await adopt(session, self._project)
            version = await find_version(session, inputs.digest)
            if version is not None and version.dropped_at is None and self._project.model(inputs.digest).is_file():
                raise JobRefused("unchanged")
            job_id = await self._begin(session, "train", member_id)
        return self._launch(job_id)

    async def compare(self, version_id: int, member_id: int | None) -> int:
        """Begin a comparison of a model with the live one; the job's number.

        Raises:
            JobRefused: there is no such model or file, no held-out messages, or another job runs.
        """
        if await asyncio.to_thread(find_heldout, self._project.root) is None:
            raise JobRefused("no_heldout")
        async with self._db.write() as session:
            version = await self._find_usable(session, version_id)
            live = (await find_standing(session)).live
            against_id = None if live is None or live.id == version.id else live.id
            job_id = await self._begin(session, "compare", member_id, version_id=version.id, against_id=against_id)
        return self._launch(job_id)

    async def replay(self, version_id: int, size: int, member_id: int | None) -> int:
        """Begin a replay of the last messages by a model and the live one; the job's number.

        Args:
            version_id: the model.
            size: how many messages, one of `SIZES`.
            member_id: who asks.

        Raises:
            JobRefused: there is no such model, file or size, it is the live one, none is live, or another job runs.
        """
        if size not in SIZES:
            raise JobRefused("size")
        async with self._db.write() as session:
            version = await self._find_usable(session, version_id)
            live = (await find_standing(session)).live
            if live is None:
                raise JobRefused("no_live")
            if live.id == version.id:
                raise JobRefused("is_live")
            job_id = await self._begin(
                session, "replay", member_id, version_id=version.id, against_id=live.id, size=size
            )
        return self._launch(job_id)

    async def _find_usable(self, session: AsyncSession, version_id: int) -> ModelVersion:
        version = await session.get(ModelVersion, version_id)
        if version is None:
            raise JobRefused("unknown")
        if version.dropped_at is not None or not self._project.model(version.digest).is_file():
            raise JobRefused("dropped")
        return version

    async def _begin(self, session: AsyncSession, kind: str, member_id: int | None, **values: Any) -> int:
        await self._end_silent(session, SILENT)
        last = await session.scalars(
            select(ModelJob)
            .where(ModelJob.kind == kind, ModelJob.state == "done")
            .order_by(ModelJob.id.desc())
            .limit(1)
        )
        job = ModelJob(kind=kind, asked_by_id=member_id, expected_s=await self._expect(session, last.first(), values))
        for name, value in values.items():
            setattr(job, name, value)
        try:
            async with session.begin_nested():
                session.add(job)
        except IntegrityError:
            raise JobRefused("busy") from None
        self._record(session, member_id, f"model_{kind}_asked", f"job:{job.id}")
        return job.id

    def _launch(self, job_id: int) -> int:
        """Set about a job whose row is committed."""
        running = self._running[job_id] = _Running()
        running.task = asyncio.create_task(self._work(job_id), name=f"model job {job_id}")
        return job_id

    async def _expect(self, session: AsyncSession, last: ModelJob | None, values: Mapping[str, Any]) -> float | None:
        """How long a job may take, in seconds: as long as the last one, for each message."""
        if last is None:
            # The first training was the start's.
            query = select(ModelVersion.train_s).where(ModelVersion.train_s.is_not(None))
            newest: float | None = await session.scalar(query.order_by(ModelVersion.id.desc()).limit(1))
            return newest if not values else None
        assert last.finished_at is not None  # noqa: S101  # it is done
        taken_s = (last.finished_at - last.started_at).total_seconds()
        if last.kind == "train" and last.version_id is not None:
            version = await session.get_one(ModelVersion, last.version_id)
            return version.train_s or taken_s
        return None if values.get("size") else taken_s

    async def cancel(self, job_id: int, member_id: int | None) -> bool:
        """Cancel a job, whatever process works on it; False when it is over."""
        async with self._db.write() as session:
            running = (ModelJob.id == job_id) & (ModelJob.state == "running")
            statement = update(ModelJob).where(running).values(is_cancelled=True).returning(ModelJob.kind)
            kind = await session.scalar(statement)
            if kind is None:
                return False
            self._record(session, member_id, "model_job_cancelled", f"job:{job_id}", kind=kind)
        if job_id in self._running:
            self._running[job_id].progress.is_cancelled = True
        return True

    async def wait(self, job_id: int) -> None:
        """Wait until a job that was begun here is over."""
        running = self._running.get(job_id)
        if running is not None and running.task is not None:
            await asyncio.wait({running.task})

    async def aclose(self) -> None:
        """End what runs here; it is found as interrupted."""
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, job_id: int) -> None:
        """Work on a job to its end, whatever that is, and write it down."""
        progress = self._running[job_id].progress
        beat: asyncio.Task[None] | None = None
        values: dict[str, Any] = {"state": "interrupted"}
        try:
            async with self._db.read() as session:
                job = await session.get_one(ModelJob, job_id)
            beat = asyncio.create_task(self._beat_for_ever(job_id, progress))
            works: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
                "train": train_model,
                "compare": compare_models,
                "replay": replay_messages,
            }
            values = {"state": "done", **await works[job.kind](self._db, self._project, job, progress)}
        except Cancelled:
            values = {"state": "cancelled"}
        except WorkFailed as error:
            values = {"state": "failed", "error": error.reason, "output": error.text[:OUTPUT_CHARS] or None}
        except ChildFailed as error:
            values = {"state": "failed", "error": "program", "output": error.output[:OUTPUT_CHARS]}
        except Exception as error:  # the page says that it failed, the log why
            logger.exception("job %s failed", job_id)
            values = {"state": "failed", "error": "unexpected", "output": type(error).__name__}
        finally:
            if beat is not None:
                beat.cancel()
            await asyncio.shield(self._finish(job_id, progress, values))

    async def _finish(self, job_id: int, progress: Progress, values: Mapping[str, Any]) -> None:
        self._running.pop(job_id, None)
        async with self._db.write() as session:
            own = (ModelJob.id == job_id) & (ModelJob.state == "running")
            written = {**_write_progress(progress), **values, "finished_at": utc_now()}
            statement = update(ModelJob).where(own).values(**written)
            returned = statement.returning(ModelJob.kind, ModelJob.asked_by_id, ModelJob.version_id)
            closed = (await session.execute(returned)).first()
            if closed is None:
                return
            kind, asked_by_id, version_id = closed
            subject = f"job:{job_id}" if version_id is None else f"model:{version_id}"
            self._record(session, asked_by_id, "model_job_ended", subject, kind=kind, outcome=str(values["state"]))
        if values["state"] == "failed":
            logger.warning("job %s (%s) failed: %s", job_id, kind, values.get("error"))
        if kind == "train" and values["state"] == "done" and version_id is not None:
            await self._compare_next(version_id, asked_by_id)

    async def _compare_next(self, version_id: int, member_id: int | None) -> None:
        """A new model is compared at once, where there is something to compare it on and nothing else is begun."""
        try:
            await self.compare(version_id, member_id)
        except JobRefused as refused:
            logger.info("model %s is not compared now: %s", version_id, refused.reason)

    async def _beat_for_ever(self, job_id: int, progress: Progress) -> None:
        while True:
            try:
                async with self._db.write() as session:
                    written = {**_write_progress(progress), "beat_at": utc_now()}
                    statement = update(ModelJob).where(ModelJob.id == job_id).values(**written)
                    if await session.scalar(statement.returning(ModelJob.is_cancelled)):
                        progress.is_cancelled = True
            except Exception:  # the database may be away for a while; the work goes on
                logger.exception("how far job %s is could not be written", job_id)
            await asyncio.sleep(BEAT_S)


def _write_progress(progress: Progress) -> dict[str, Any]:
    return {"stage": progress.stage, "detail": progress.detail, "done": progress.done, "total": progress.total}
