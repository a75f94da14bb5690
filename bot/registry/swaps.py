"""Go live: each process that started a Rasa brings it to the model that the database says is live.

Whoever wants another model makes a row (`ask`), in whatever process. One process takes it, has its Rasa load the model
beside the old one and try it (`nlu.swapping`), and closes the row: what is live changes with that commit. The others
follow. A row that can't be met says why, and every Rasa stays with what it has.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter

import yaml
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import ModelServer, ModelSwitch, ModelVersion
from bot.errors import AssistantError, RasaError
from bot.rasa import Rasa
from bot.registry import Record
from bot.registry.versions import adopt, find_open_switch, find_standing
from bot.settings import ROOT
from bot.training import Project

logger = logging.getLogger(__name__)

#: How often a process looks whether another model is wanted.
LOOK_S = 2.0
#: How often it says that it is there, and when it counts as gone.
BEAT_S = 10.0
GONE = timedelta(seconds=35)
#: A model takes seconds to load; after so long the process that loaded it is gone.
LOADING = timedelta(minutes=5)
#: After a failure, a Rasa that does not have the live model tries again so much later.
RETRY_S = 60.0


class SwitchRefused(AssistantError):
    """A model can't be asked to go live; `reason` is a key of ``models.refused`` in the console's words."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OwnRasa:
    """What a process knows of the Rasa that it started.

    Attributes:
        digest: the model that it was started with.
        frame: the frame of the program that was started.
    """

    digest: str
    frame: str


@cache
def load_checks(root: Path = ROOT) -> list[tuple[str, str]]:
    """Plain messages with their intents, on which the models of a project are tried before they go live."""
    rows = yaml.safe_load((root / "nlu" / "checks.yml").read_text(encoding="utf-8"))
    return [(str(text), str(intent)) for text, intent in rows]


def is_there(server: ModelServer, now: datetime) -> bool:
    """Whether a process gave a sign of late."""
    return server.beat_at > now - GONE


async def ask(
    session: AsyncSession, project: Project, record: Record, version_id: int, origin: str, member_id: int | None
) -> ModelSwitch:
    """Ask for a model to go live.

    Args:
        session: a transaction.
        project: where the models are.
        record: the audit log.
        version_id: the model.
        origin: ``console`` or ``terminal``.
        member_id: who asks; None for the terminal.

    Raises:
        SwitchRefused: there is no such model, its file is gone, it is live, it was made for another program than the
            one that runs, or another model is just going live.
    """
    version = await session.get(ModelVersion, version_id)
    if version is None:
        raise SwitchRefused("unknown", f"there is no model {version_id}; `python -m bot models` lists them")
    if version.dropped_at is not None or not project.model(version.digest).is_file():
        raise SwitchRefused("dropped", f"the file of model {version_id} is gone: {project.model(version.digest)}")
    standing = await find_standing(session)
    if standing.live is not None and standing.live.id == version_id:
        raise SwitchRefused("live", f"model {version_id} is live already")
    now = utc_now()
    servers = [server for server in await session.scalars(select(ModelServer)) if is_there(server, now)]
    if any(server.frame != version.frame for server in servers):
        raise SwitchRefused(
            "misfit",
            f"model {version_id} was trained for another state of the program than the one that runs "
            "(domain.yml, config.yml, nlu/rules.yml or the components differ): start the assistant again first",
        )
    from_id = None if standing.live is None else standing.live.id
    switch = ModelSwitch(version_id=version_id, from_id=from_id, origin=origin, asked_by_id=member_id)
    try:
        async with session.begin_nested():
            session.add(switch)
    except IntegrityError:
        raise SwitchRefused("busy", "another model is just going live: wait for it, or withdraw it") from None
    record(session, member_id, "model_live_asked", f"model:{version_id}")
    return switch


async def withdraw(session: AsyncSession, record: Record, switch_id: int, member_id: int | None) -> bool:
    """Take a wish back that nobody began to meet; False when it is too late for that."""
    still = (ModelSwitch.id == switch_id) & (ModelSwitch.state == "open") & ModelSwitch.begun_at.is_(None)
    statement = update(ModelSwitch).where(still).values(state="withdrawn", finished_at=utc_now())
    version_id = await session.scalar(statement.returning(ModelSwitch.version_id))
    if version_id is None:
        return False
    record(session, member_id, "model_live_withdrawn", f"model:{version_id}")
    return True


class Swaps:
    """Keeps the Rasa of this process at the live model."""

    def __init__(self, db: Database, rasa: Rasa, own: OwnRasa | None, name: str, project: Project, record: Record):
        """`own` is None where another program started Rasa: then nothing is done here. `name` is the process's."""
        self.own = own
        self._db = db
        self._rasa = rasa
        self._name = name
        self._project = project
        self._record = record
        self._begun = asyncio.Event()
        self._woken = asyncio.Event()
        self._served = own.digest if own is not None else None
        self._error: str | None = None
        self._beaten_at = float("-inf")
        self._tried_at = float("-inf")

    def begin(self) -> None:
        """Rasa answers, and the database knows with which model (`bot.registry.start.settle`): look from now on."""
        self._begun.set()

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    async def run_for_ever(self) -> None:
        """Look for what is wanted, until cancelled; whatever fails is tried again."""
        if self.own is None:
            return
        await self._begun.wait()
        while True:
            try:
                await self.look()
            except (RasaError, OSError) as error:
                logger.warning("the live model could not be looked at: %s", error)
            except Exception:  # the database may be away for a while
                logger.exception("the live model could not be looked at")
            self._woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_S)

    async def look(self) -> None:
        """Meet what was asked for, follow what another process did, and say that this one is there."""
        async with self._db.read() as session:
            switch = await find_open_switch(session)
            standing = await find_standing(session)
        if switch is not None:
            await self._meet(switch)
        elif standing.live is not None and standing.live.digest != self._served:
            await self._follow(standing.live)
        if perf_counter() - self._beaten_at >= BEAT_S:
            await self._beat()

    async def _meet(self, switch: ModelSwitch) -> None:
        """Load what was asked for, if no other process does."""
        now = utc_now()
        if switch.begun_at is not None:
            if switch.begun_at < now - LOADING:
                await self._close(switch, error="the process that loaded it ended")
            return
        ours = (ModelSwitch.id == switch.id) & (ModelSwitch.state == "open") & ModelSwitch.begun_at.is_(None)
        async with self._db.write() as session:
            claimed = update(ModelSwitch).where(ours).values(begun_at=now).returning(ModelSwitch.id)
            if await session.scalar(claimed) is None:
                return
            version = await session.get_one(ModelVersion, switch.version_id)
        clock = perf_counter()
        error = await self._load(version)
        await self._close(switch, error=error, load_s=round(perf_counter() - clock, 2))

    async def _follow(self, live: ModelVersion) -> None:
        """Bring this Rasa to what went live elsewhere."""
        if perf_counter() - self._tried_at < RETRY_S:
            return
        self._tried_at = perf_counter()
        self._error = await self._load(live)
        if self._error is not None:
            logger.error("Rasa stays with model %s: %s", self._served, self._error)
        await self._beat()

    async def _load(self, version: ModelVersion) -> str | None:
        """Have Rasa load a model; why it did not, or None."""
        assert self.own is not None  # noqa: S101  # a process without a Rasa does not come here
        if version.frame != self.own.frame:
            return "it was trained for another state of the program than the one that runs"
        try:
            await self._rasa.load_model(f"{version.digest}.tar.gz", load_checks(self._project.root))
        except RasaError as error:
            # Whether it came to pass after all: an answer may be lost on its way.
            self._served = (await self._rasa.find_model() or "").removesuffix(".tar.gz") or self._served
            return None if self._served == version.digest else str(error)
        self._served, self._error = version.digest, None
        return None

    async def _close(self, switch: ModelSwitch, *, error: str | None, load_s: float | None = None) -> None:
        state = "done" if error is None else "failed"
        still = (ModelSwitch.id == switch.id) & (ModelSwitch.state == "open")
        values = {"state": state, "finished_at": utc_now(), "load_s": load_s, "error": error}
        async with self._db.write() as session:
            closed = update(ModelSwitch).where(still).values(**values).returning(ModelSwitch.id)
            if await session.scalar(closed) is None:
                return
            action = "model_live" if error is None else "model_live_failed"
            details = {} if switch.from_id is None else {"was": f"model:{switch.from_id}"}
            self._record(session, switch.asked_by_id, action, f"model:{switch.version_id}", **details)
        if error is None:
            logger.info("model %s is live, loaded in %s s", switch.version_id, load_s)
        else:
            logger.error("model %s did not go live: %s", switch.version_id, error)
        await self._beat()

    async def _beat(self) -> None:
        """Say that this process is there, and which model its Rasa answers with; new files get their rows too."""
        assert self.own is not None  # noqa: S101
        now = utc_now()
        async with self._db.write() as session:
            server = await session.get(ModelServer, self._name)
            if server is None:
                server = ModelServer(name=self._name, frame=self.own.frame, started_at=now)
                session.add(server)
            server.digest, server.frame, server.error, server.beat_at = (
                self._served, self.own.frame, self._error, now,
            )  # fmt: skip
            await adopt(session, self._project)
        self._beaten_at = perf_counter()

    async def leave(self) -> None:
        """Say that this process goes."""
        if self.own is None:
            return
        async with self._db.write() as session:
            server = await session.get(ModelServer, self._name)
            if server is not None:
                await session.delete(server)
