"""The composition root: every part made once, wired together, started and stopped in order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from rasa_sdk.executor import ActionExecutor

from actions import make_executor
from actions.base import Context
from bot import files, page, web
from bot.answers import Answers, FactBook
from bot.campaigns.sending import Sending
from bot.channels.base import Channel, DeliveryReport
from bot.channels.telegram import TelegramChannel
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp_layout import whatsapp_words
from bot.console import make_console
from bot.console.audit import record
from bot.console.reports.sending import MonthlyReports
from bot.content import load_words
from bot.conversation import Conversation
from bot.db.engine import AWAY, Database, open_database
from bot.db.erasure import list_purgeable, purge_contact
from bot.errors import SettingsError
from bot.hours import Hours, QuietHours
from bot.inbox import Inbox
from bot.messages import Inbound
from bot.outbox import Outbox
from bot.rasa import Rasa
from bot.reach import Reach
from bot.registry.jobs import Jobs
from bot.registry.swaps import OwnRasa, Swaps
from bot.schedule import Schedule
from bot.settings import Settings
from bot.training import Project

logger = logging.getLogger(__name__)

#: When a delivery report is tried again whose message is not known yet: its id is stored milliseconds after sending.
REPORT_PAUSES_S = (0.2, 1.0, 5.0)
#: How often the log is searched for work that nobody was woken for: another process's, or a retry's.
SWEEP_S = 5.0
#: How often it is asked whether the report of a month is due.
REPORTS_S = 60.0


@dataclass(slots=True)
class Assistant:
    """The running parts of one app process."""

    settings: Settings
    db: Database
    rasa: Rasa
    inbox: Inbox
    outbox: Outbox
    conversation: Conversation
    schedule: Schedule
    channels: dict[str, Channel]
    executor: ActionExecutor
    answers: Answers
    reach: Reach
    #: The language's models: where they are, the work on them, and which one Rasa answers with.
    project: Project
    jobs: Jobs
    swaps: Swaps
    sending: Sending
    #: Small tasks that nobody waits for; the set keeps them from being collected while they run.
    loose_tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, inbounds: Iterable[Inbound]) -> None:
        """Store messages and set their answering off; when this returns they are committed."""
        for inbound in inbounds:
            stored = await self.inbox.accept(inbound)
            channel = self.channels.get(inbound.channel)
            if channel is not None:
                task = asyncio.create_task(channel.acknowledge(inbound))
                self.loose_tasks.add(task)
                task.add_done_callback(self.loose_tasks.discard)
            if stored is not None:
                self.conversation.lanes.wake(stored[0])

    async def record(self, report: DeliveryReport) -> None:
        """Note a delivery report, also one that comes before the outbox has stored the id that it is about."""
        if not await self.inbox.record(report):
            task = asyncio.create_task(self._record_later(report))
            self.loose_tasks.add(task)
            task.add_done_callback(self.loose_tasks.discard)

    async def _record_later(self, report: DeliveryReport) -> None:
        for pause_s in REPORT_PAUSES_S:
            await asyncio.sleep(pause_s)
            if await self.inbox.record(report):
                return

    async def sweep(self) -> None:
        """Wake whoever has work waiting in the log; at the start this resumes what a crash left unfinished."""
        for contact_id in await self.conversation.list_due():
            self.conversation.lanes.wake(contact_id)
        for contact_id in await self.outbox.list_due():
            self.outbox.lanes.wake(contact_id)
        for contact_id in await self.outbox.list_due_of_campaigns():
            self.outbox.campaign_lanes.wake(contact_id)
        await self.schedule.run_due()
        await self._purge()

    async def _purge(self) -> None:
        """Finish erasures whose receipt was sent; Rasa's memory first, so that nothing is left if it is away."""
        async with self.db.read() as session:
            erased = await list_purgeable(session)
        for contact_id in erased:
            await self.rasa.forget(contact_id)
            async with self.db.write() as session:
                await purge_contact(session, contact_id)


def make_assistant(
    settings: Settings,
    channels: Mapping[str, Channel] | None = None,
    own_rasa: OwnRasa | None = None,
    project: Project | None = None,
) -> Assistant:
    """Make every part; nothing connects yet.

    Args:
        settings: the checked settings.
        channels: the channels by name; None takes those that the settings ask for.
        own_rasa: the Rasa that this process started; None: it runs elsewhere, and its model can't be changed here.
        project: what models are trained from and where they are; None: the product's.

    Raises:
        SettingsError: the database's URL can't be used.
    """
    db = open_database(settings.database_url)
    rasa = Rasa(settings.rasa_url, settings.rasa_secret.get_secret_value(), settings.rasa_timeout_s)
    channels = make_channels(settings) if channels is None else dict(channels)
    outbox = Outbox(db, channels)
    answers = Answers(FactBook(db))
    conversation = Conversation(db, rasa, answers, outbox, channels, settings)
    reach = Reach(channels, settings.whatsapp_notice_templates)
    schedule = Schedule(db, answers, outbox, reach)
    hours = Hours.parse(settings.team_hours) if settings.team_hours else None
    rates = {"telegram": settings.campaign_telegram_per_s, "whatsapp": settings.campaign_whatsapp_per_s}
    quiet = QuietHours.parse(settings.campaign_quiet_hours)
    sending = Sending(db, answers, outbox, reach, rates, quiet)
    executor = make_executor(Context(db, settings.base_url, reach, settings.rasa_secret.get_secret_value(), hours))
    project = project or Project()
    return Assistant(
        settings,
        db,
        rasa,
        Inbox(db),
        outbox,
        conversation,
        schedule,
        channels,
        executor,
        answers,
        reach,
        project,
        Jobs(db, project, record),
        Swaps(db, rasa, own_rasa, f"{settings.host}:{settings.port}", project, record),
        sending,
    )


def make_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that are configured, by name. The web page needs none: its replies go back in its own request."""
    channels: dict[str, Channel] = {}
    if settings.telegram_token is not None:
        token = settings.telegram_token.get_secret_value()
        secret = settings.telegram_webhook_secret
        channels["telegram"] = TelegramChannel(
            token,
            # Telegram only has to repeat it: derived from the token, it is secret, and the same after a restart.
            secret.get_secret_value() if secret else hmac.new(token.encode(), b"webhook", hashlib.sha256).hexdigest(),
            {variety: load_words()[variety].phrases["commands"] for variety in ("fr", "ar", "en")},
            api_url=settings.telegram_api_url,
        )
    if settings.twilio_account_sid and settings.twilio_auth_token and settings.whatsapp_from and settings.public_url:
        channels["whatsapp"] = WhatsAppChannel(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            settings.whatsapp_from,
            settings.public_url,
            whatsapp_words(),
            templates=settings.whatsapp_templates,
        )
    return channels


def make_app(
    settings: Settings,
    channels: Mapping[str, Channel] | None = None,
    own_rasa: OwnRasa | None = None,
    project: Project | None = None,
) -> FastAPI:
    """The web application: webhooks, the web page and its JSON, and Rasa's custom actions; see `make_assistant`."""
    assistant = make_assistant(settings, channels, own_rasa, project)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running_assistant(assistant):
            yield

    app = FastAPI(
        title="Assistant of Maroc Numeric Cluster",
        description="The chat of the web page, for programs too, and the webhooks of the messaging providers.",
        version="0.1.0",
        lifespan=lifespan,
    )
    app.state.assistant = assistant
    app.add_middleware(web.BodyLimit)
    app.add_exception_handler(RequestValidationError, web.refuse_malformed)
    app.include_router(web.router())
    app.include_router(files.router())
    app.include_router(page.router())
    app.mount("/console", make_console(assistant), name="console")
    return app


@asynccontextmanager
async def _running_assistant(assistant: Assistant) -> AsyncIterator[None]:
    assistant.conversation.lanes.start()
    assistant.outbox.start()
    tasks = [asyncio.create_task(_sweep_for_ever(assistant), name="sweep")]
    tasks += [asyncio.create_task(_keep_models(assistant), name="models")]
    tasks.append(asyncio.create_task(assistant.sending.run(), name="campaigns"))
    if assistant.settings.report_recipients:
        tasks.append(asyncio.create_task(_send_reports_for_ever(assistant), name="reports"))
    tasks += [asyncio.create_task(task, name="telegram") for task in _channel_tasks(assistant)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await assistant.jobs.aclose()
        # Turns first: they queue what the outbox may still send.
        await assistant.conversation.lanes.aclose()
        await assistant.outbox.aclose()
        for channel in assistant.channels.values():
            await channel.aclose()
        await assistant.rasa.aclose()
        await assistant.db.aclose()


async def _keep_models(assistant: Assistant) -> None:
    """Find jobs that a crash interrupted, then keep Rasa at the live model."""
    while True:
        try:
            await assistant.jobs.start()
            break
        except Exception:  # the database may be away for a while
            logger.exception("interrupted jobs could not be looked for")
            await asyncio.sleep(SWEEP_S)
    try:
        await assistant.swaps.run_for_ever()
    finally:
        with suppress(*AWAY):
            await asyncio.shield(assistant.swaps.leave())


def _channel_tasks(assistant: Assistant) -> list[Coroutine[Any, Any, None]]:
    telegram = assistant.channels.get("telegram")
    return [_run_telegram(assistant, telegram)] if isinstance(telegram, TelegramChannel) else []


async def _run_telegram(assistant: Assistant, telegram: TelegramChannel) -> None:
    """Register with Telegram, then poll unless a webhook is used; Telegram being away does not stop the rest."""
    public_url = assistant.settings.public_url
    pause_s = 1.0
    while True:
        try:
            await telegram.start(public_url)
            break
        except SettingsError as error:
            logger.error("Telegram is not served: %s", error)
            return
        except Exception as error:  # whatever the network does, the other channels go on
            logger.warning("Telegram can't be reached (%s); trying again in %.0f s", type(error).__name__, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 60.0)
    if public_url is None:
        await telegram.poll(assistant.accept)


async def _send_reports_for_ever(assistant: Assistant) -> None:
    """Beside the sweep, which must not wait for a mail server."""
    reports = MonthlyReports(assistant.db, assistant.answers, assistant.settings)
    while True:
        try:
            await reports.run_due()
        except Exception:  # the database may be away for a while
            logger.exception("the reports that are due could not be looked for")
        await asyncio.sleep(REPORTS_S)


async def _sweep_for_ever(assistant: Assistant) -> None:
    while True:
        try:
            await assistant.sweep()
        except Exception:  # the database may be away for a while
            logger.exception("the message log could not be searched")
        await asyncio.sleep(SWEEP_S)
