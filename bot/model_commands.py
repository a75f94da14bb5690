"""The language's models in the terminal: which there are, and another one live, also without the console."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot.clock import MOROCCO, utc_now
from bot.console.audit import record
from bot.db.engine import Database, open_database
from bot.db.models import ModelSwitch, ModelVersion
from bot.errors import AssistantError
from bot.registry.swaps import ask, is_there
from bot.registry.versions import adopt, find_open_switch, find_standing, list_servers
from bot.settings import Settings
from bot.training import Project

#: How long the terminal waits for a running assistant to load a model.
WAIT_S = 180.0


class ModelError(AssistantError):
    """A model did not go live; the text says why."""


@asynccontextmanager
async def _opened(settings: Settings, project: Project) -> AsyncIterator[Database]:
    db = open_database(settings.database_url)
    try:
        async with db.write() as session:
            await adopt(session, project)
        yield db
    except DBAPIError as error:
        why = str(error).splitlines()[0]
        raise ModelError(f"DATABASE_URL: {why}; `python -m bot seed` brings the tables up to date") from error
    finally:
        await db.aclose()


async def list_models(settings: Settings, project: Project) -> None:
    """Print every model, the newest first: number, what it is, when it was trained, on how much, how well it does.

    Raises:
        ModelError: the database can't be read.
    """
    async with _opened(settings, project) as db, db.read() as session:
        standing, switch = await find_standing(session), await find_open_switch(session)
        versions = await session.scalars(
            select(ModelVersion).order_by(ModelVersion.trained_at.desc(), ModelVersion.id.desc())
        )
        states = {each.id: name for each, name in ((standing.previous, "previous"), (standing.live, "live")) if each}
        print(f"{'id':>4}  {'':<8}  {'trained':<16}  {'messages':>8}  {'understood':>10}  file")
        for version in versions:
            accuracy = f"{version.figures['all']['accuracy']:.1%}" if version.figures else "–"
            when = version.trained_at.astimezone(MOROCCO).strftime("%Y-%m-%d %H:%M")
            state = "dropped" if version.dropped_at else states.get(version.id, "")
            count = sum(version.examples.values())
            print(f"{version.id:>4}  {state:<8}  {when}  {count:>8}  {accuracy:>10}  {version.digest}.tar.gz")
        if switch is not None:
            print(f"Model {switch.version_id} was asked to go live.")
    print("Another one goes live by `python -m bot models live ID`.")


async def go_live(settings: Settings, project: Project, version_id: int) -> None:
    """Have a running assistant answer with another model; where none runs, the next start does.

    Raises:
        SwitchRefused: it can't go live.
        ModelError: it was tried, and the one before it stayed; or nobody answered; or the database can't be read.
    """
    async with _opened(settings, project) as db:
        async with db.write() as session:
            switch = await ask(session, project, record, version_id, "terminal", None)
        async with db.read() as session:
            now = utc_now()
            is_running = any(is_there(server, now) for server in await list_servers(session))
        if not is_running:
            print(f"No assistant runs that started its own Rasa. The next `make run` begins with model {version_id}.")
            return
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while asyncio.get_running_loop().time() < deadline:
            async with db.read() as session:
                row = await session.get_one(ModelSwitch, switch.id)
            if row.state == "done":
                print(f"Model {version_id} is live, loaded in {row.load_s or 0:.1f} s.")
                return
            if row.state != "open":
                raise ModelError(f"model {version_id} did not go live: {row.error or row.state}")
            await asyncio.sleep(0.5)
        raise ModelError(f"no running assistant loaded model {version_id} within {WAIT_S:.0f} s; the wish stays open")
