"""The registry of models for tests: a tiny project, a database, and rows as they would have come to be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from tiny_project import make_project

from bot.clock import utc_now
from bot.console.audit import record
from bot.db.engine import open_database
from bot.db.models import AuditEntry, ModelJob, ModelSwitch, ModelVersion
from bot.registry.jobs import Jobs
from bot.training import Inputs, read_inputs, write_manifest


class Registry:
    """A project, its database and its jobs."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.project = make_project(folder)
        self.url = database_url
        self.db = open_database(database_url)
        self.jobs = Jobs(self.db, self.project, record)

    async def add_version(self, digest: str, origin: str = "console", day: int = 1) -> int:
        """A model with a file that holds nothing; `digest` is padded to the length of one."""
        digest = digest.ljust(16, "0")
        self.project.models.mkdir(parents=True, exist_ok=True)
        model = self.project.model(digest)
        model.write_bytes(b"no model")
        inputs = read_inputs(self.project)
        write_manifest(model, Inputs(digest, inputs.frame, inputs.examples), 12.5)
        async with self.db.write() as session:
            version = ModelVersion(
                digest=digest,
                frame=inputs.frame,
                origin=origin,
                trained_at=datetime(2026, 1, day, tzinfo=UTC),
                train_s=12.5,
                examples=inputs.examples,
            )
            session.add(version)
        return version.id

    async def make_live(self, version_id: int) -> None:
        """Let a model have gone live."""
        now = utc_now()
        async with self.db.write() as session:
            session.add(
                ModelSwitch(version_id=version_id, state="done", origin="console", begun_at=now, finished_at=now)
            )

    async def read_job(self, job_id: int) -> ModelJob:
        """A job as the database has it now."""
        async with self.db.read() as session:
            return await session.get_one(ModelJob, job_id)

    async def audited(self) -> list[tuple[str, str]]:
        """The audit log, oldest first: action and subject."""
        async with self.db.read() as session:
            entries = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
            return [(entry.action, entry.subject) for entry in entries]

    async def aclose(self) -> None:
        """End what runs."""
        await self.jobs.aclose()
        await self.db.aclose()
