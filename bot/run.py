"""Run everything with one command: migrate, seed, train, Rasa and the app; and stop it all on Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from dotenv import dotenv_values
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.app import make_app, make_channels
from bot.channels.telegram import TelegramChannel
from bot.console.audit import record
from bot.console.roles import Role
from bot.console.security.invitations import invite_first, invite_from_terminal
from bot.db.engine import STARTING, open_database
from bot.db.migrate import migrate
from bot.db.seed import seed
from bot.errors import AssistantError, SendError
from bot.registry.start import Chosen, choose_model, settle
from bot.registry.swaps import OwnRasa
from bot.settings import ROOT, Settings
from bot.training import Project, RasaProcess

#: Rasa imports TensorFlow and loads the model: 10 to 30 seconds on two cores.
START_TIMEOUT_S = 180.0
#: How long the start may wait to hear of Telegram that the settings are right.
TELEGRAM_TIMEOUT_S = 10.0


class StartError(AssistantError):
    """The assistant could not start; the text says what to do."""


def make_secret() -> None:
    """Set RASA_SECRET to one that is kept in var/rasa-secret, unless it is set, here or in .env."""
    if os.environ.get("RASA_SECRET") or dotenv_values(ROOT / ".env").get("RASA_SECRET"):
        return
    path = ROOT / "var" / "rasa-secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.with_name(f"{path.name}.{os.getpid()}")
        whole.touch(mode=0o600)
        whole.write_text(secrets.token_urlsafe(32), encoding="ascii")
        # Linked only when whole: a crash leaves no empty secret, and of two starts at once the first one counts.
        with suppress(FileExistsError):
            path.hardlink_to(whole)
        whole.unlink()
    os.environ["RASA_SECRET"] = path.read_text(encoding="ascii").strip()


def check_port(host: str, port: int, setting: str) -> None:
    """Fail early when a port is taken.

    Raises:
        StartError: somebody listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(f"port {port} is taken: stop what uses it, or set {setting}") from None
            raise StartError(f"{setting}: can't listen on {host}:{port}: {error.strerror}") from None


async def check_telegram(settings: Settings) -> None:
    """Fail early when Telegram refuses the token or the webhook's address; Telegram being away is no reason to.

    Raises:
        SettingsError: it refuses one of them.
    """
    telegram = make_channels(settings).get("telegram")
    if not isinstance(telegram, TelegramChannel):
        return
    try:
        # The running app goes on trying.
        with suppress(SendError, TimeoutError):
            async with asyncio.timeout(TELEGRAM_TIMEOUT_S):
                await telegram.start(settings.public_url)
    finally:
        await telegram.aclose()


async def prepare_database(settings: Settings) -> None:
    """Bring the tables and the shipped content up to date; what staff edited stays.

    Raises:
        StartError: the database can't be reached or written.
    """
    db = open_database(settings.database_url)
    try:
        await asyncio.to_thread(migrate, settings.database_url)
        async with db.write() as session:
            if not db.is_sqlite:
                # Two processes that start together would both insert what is missing.
                await session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": STARTING})
            report = await seed(session)
    except (OperationalError, OSError) as error:
        raise StartError(f"DATABASE_URL: the database can't be opened: {str(error).splitlines()[0]}") from error
    finally:
        await db.aclose()
    print(f"Database ready ({report.summary()}).", flush=True)


async def run(settings: Settings) -> int:
    """Run until Ctrl-C or SIGTERM; 0 after an orderly stop, 1 when a part ended by itself.

    Raises:
        StartError, TrainingError: something is in the way, with what to do.
    """
    check_port(settings.host, settings.port, "PORT")
    check_port("127.0.0.1", urlsplit(settings.rasa_url).port or 5005, "RASA_URL")
    await check_telegram(settings)
    db = open_database(settings.database_url)
    held = db.hold()
    try:
        return await _run(settings)
    finally:
        await db.aclose()
        if held is not None:
            held.close()


async def _run(settings: Settings) -> int:
    await prepare_database(settings)
    project = Project()
    chosen = await _choose_model(settings, project)
    rasa = RasaProcess(settings, chosen.path)
    app = make_app(settings, own_rasa=OwnRasa(chosen.digest, chosen.frame), project=project)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    # uvicorn stops at SIGTERM, then raises it again; by default that would end us before Rasa is ended.
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    serving = asyncio.create_task(server.serve())
    try:
        print("Starting Rasa and the app …", flush=True)
        await _wait_until_ready(settings, rasa, serving)
        await _settle_model(settings, chosen, project)
        app.state.assistant.swaps.begin()
        _tell(settings)
        await tell_first_link(settings)
        while not serving.done() and rasa.exit_status() is None:
            await asyncio.sleep(0.2)
        if rasa.exit_status() is not None and not serving.done():
            logging.getLogger(__name__).error("Rasa ended by itself; its output is in %s", _relative(rasa.log))
            return 1
        await serving
        return 0
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await asyncio.wait({serving}, timeout=20)
        await rasa.aclose()
        print("Stopped.", flush=True)


async def _choose_model(settings: Settings, project: Project) -> Chosen:
    db = open_database(settings.database_url)
    try:
        return await choose_model(db, project, lambda sentence: print(sentence, flush=True))
    finally:
        await db.aclose()


async def _settle_model(settings: Settings, chosen: Chosen, project: Project) -> None:
    """Note which model was started, now that Rasa answers with it."""
    db = open_database(settings.database_url)
    try:
        await settle(db, chosen, project, record)
    finally:
        await db.aclose()


async def _wait_until_ready(settings: Settings, rasa: RasaProcess, serving: asyncio.Task[None]) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
    async with httpx.AsyncClient(base_url=f"http://{settings.host}:{settings.port}", trust_env=False) as client:
        while asyncio.get_running_loop().time() < deadline:
            if rasa.exit_status() is not None:
                raise StartError(f"Rasa did not start; its output is in {_relative(rasa.log)}")
            if serving.done():
                await serving
                raise StartError("the app did not start")
            with suppress(httpx.TransportError):
                if (await client.get("/readyz", timeout=5.0)).status_code == 200:
                    return
            await asyncio.sleep(0.25)
    raise StartError(f"Rasa did not answer within {START_TIMEOUT_S:.0f} s; its output is in {_relative(rasa.log)}")


async def tell_first_link(settings: Settings) -> None:
    """Print the link that makes the console's first administrator, while there is none."""
    db = open_database(settings.database_url)
    try:
        link = await invite_first(db, settings.base_url)
    except (DBAPIError, OSError) as error:  # the app is served all the same, and says of each page what is wrong
        logging.getLogger(__name__).error("the console's accounts can't be read: %s", type(error).__name__)
        return
    finally:
        await db.aclose()
    if link is not None:
        print(f"The console has no administrator yet. This link makes one, once, within 24 hours:\n{link}", flush=True)


async def invite(settings: Settings, email: str, role: Role) -> None:
    """Print a link with which somebody sets the password of a new account, or of theirs.

    Raises:
        InvitationError: it is no e-mail address.
        StartError: the database can't be reached, or has no such tables yet.
    """
    db = open_database(settings.database_url)
    try:
        link = await invite_from_terminal(db, settings.base_url, email, role)
    except (DBAPIError, OSError) as error:
        why = str(error).splitlines()[0]
        raise StartError(f"DATABASE_URL: {why}; `python -m bot seed` brings the tables up to date") from error
    finally:
        await db.aclose()
    print(f"This link sets the password of {email}, once, within 24 hours:\n{link}", flush=True)


def _tell(settings: Settings) -> None:
    lines = [f"Ready. Open http://{settings.host}:{settings.port} to chat, or type `make chat` in another terminal."]
    if settings.has_telegram:
        way = f"webhook {settings.public_url}/webhooks/telegram" if settings.public_url else "long polling"
        lines.append(f"Telegram: {way}.")
    if settings.has_whatsapp:
        lines.append(
            f"WhatsApp: set {settings.public_url}/webhooks/whatsapp#rc=5&rp=all as the sender's webhook at Twilio."
        )
    lines.append(f"The team's console: {settings.base_url}/console")
    lines.append("Ctrl-C stops everything.")
    print("\n".join(lines), flush=True)


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))
