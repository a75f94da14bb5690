"""What models there are, and which one is live."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import ModelServer, ModelSwitch, ModelVersion
from bot.training import Manifest, Project, list_manifests, manifest_path, outcomes_path, report_path

#: Files of so many of the newest models of one's own are kept, besides the live one and the one to go back to.
KEPT = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """Which model is live, since when and by whom, and which one was before it.

    Attributes:
        live: None before the first start.
        switch: how it came to be live.
        previous: the last other model that was live and whose file is there: the one to go back to.
    """

    live: ModelVersion | None = None
    switch: ModelSwitch | None = None
    previous: ModelVersion | None = None


async def find_standing(session: AsyncSession) -> Standing:
    """Which model is live."""
    done = select(ModelSwitch).where(ModelSwitch.state == "done").order_by(ModelSwitch.id.desc()).limit(1)
    switch = await session.scalar(done)
    if switch is None:
        return Standing()
    live = await session.get_one(ModelVersion, switch.version_id)
    before = (
        select(ModelVersion)
        .join(ModelSwitch, ModelSwitch.version_id == ModelVersion.id)
        .where(ModelSwitch.state == "done", ModelVersion.id != live.id, ModelVersion.dropped_at.is_(None))
        .order_by(ModelSwitch.id.desc())
        .limit(1)
    )
    return Standing(live, switch, await session.scalar(before))


async def find_open_switch(session: AsyncSession) -> ModelSwitch | None:
    """The change of model that was asked for and is not over."""
    switch: ModelSwitch | None = await session.scalar(select(ModelSwitch).where(ModelSwitch.state == "open"))
    return switch


async def list_servers(session: AsyncSession) -> list[ModelServer]:
    """Every process that ever started a Rasa, by name."""
    return list(await session.scalars(select(ModelServer).order_by(ModelServer.name)))


async def find_version(session: AsyncSession, digest: str) -> ModelVersion | None:
    """A model by its name."""
    version: ModelVersion | None = await session.scalar(select(ModelVersion).where(ModelVersion.digest == digest))
    return version


async def adopt(session: AsyncSession, project: Project, manifests: list[Manifest] | None = None) -> list[ModelVersion]:
    """Make rows for the files that the database does not know yet, as those of ``python -m bot train``.

    Returns:
        The new ones. A file that came back is no longer counted as dropped.
    """
    manifests = await asyncio.to_thread(list_manifests, project) if manifests is None else manifests
    known = {version.digest: version for version in await session.scalars(select(ModelVersion))}
    added = []
    for manifest in manifests:
        version = known.get(manifest.inputs.digest)
        if version is None:
            # Another process may be adding it just now.
            with suppress(IntegrityError):
                async with session.begin_nested():
                    session.add(version := make_version(manifest, "terminal", None))
                added.append(version)
        elif version.dropped_at is not None:
            version.dropped_at, version.trained_at = None, manifest.trained_at
    await session.flush()
    return added


def make_version(manifest: Manifest, origin: str, member_id: int | None) -> ModelVersion:
    """The row of a model whose file is there."""
    return ModelVersion(
        digest=manifest.inputs.digest,
        frame=manifest.inputs.frame,
        origin=origin,
        made_by_id=member_id,
        trained_at=manifest.trained_at,
        train_s=manifest.train_s,
        examples=manifest.inputs.examples,
    )


async def drop_old(session: AsyncSession, project: Project) -> list[str]:
    """Delete the files of old models; never the live one's, the one's to go back to, or the one's that is to go live.

    Only models that the console or a start of this database trained: others may be another database's.

    Returns:
        The names of those that went.
    """
    standing = await find_standing(session)
    switch = await find_open_switch(session)
    kept = {version.id for version in (standing.live, standing.previous) if version is not None}
    kept |= {switch.version_id} if switch is not None else set()
    own = (
        select(ModelVersion)
        .where(ModelVersion.origin != "terminal", ModelVersion.dropped_at.is_(None))
        .order_by(ModelVersion.trained_at.desc(), ModelVersion.id.desc())
    )
    old = [version for version in list(await session.scalars(own))[KEPT:] if version.id not in kept]
    for version in old:
        model = project.model(version.digest)
        for path in (manifest_path(model), model, report_path(model), outcomes_path(model)):
            path.unlink(missing_ok=True)
    dropped = update(ModelVersion).where(ModelVersion.id.in_([version.id for version in old]))
    await session.execute(dropped.values(dropped_at=utc_now()))
    return [version.digest for version in old]
