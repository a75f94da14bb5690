"""Two hundred people on Telegram's emulator and on a Twilio that checks each request, whatever happens in between."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from campaigns.crowd import TEXTS, add_campaign, add_many, list_recipients, read_campaign
from e2e.telegram import Person, TelegramServer
from e2e.whatsapp import PUBLIC_URL, Twilio, make_channel
from e2e.whatsapp import Person as WhatsAppPerson
from running import RunningApp, free_port, make_settings
from scripted import ScriptedRasa, eventually
from sqlalchemy import select

from bot.app import make_channels
from bot.campaigns import changes
from bot.campaigns.results import read_results
from bot.db.engine import Database
from bot.db.models import Identity, Message
from bot.db.people import unsubscribe
from bot.outbox import CAMPAIGN_WIDTH

ON_TELEGRAM, ON_WHATSAPP = 150, 50

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def port() -> int:
    """Where the app is, also after a restart: the emulator's webhook leads there."""
    return free_port()


@pytest.fixture
def telegram(port: int) -> Iterator[TelegramServer]:
    with TelegramServer(f"http://127.0.0.1:{port}") as server:
        yield server
    assert server.emulator.problems == []


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    twilio = Twilio()
    yield twilio
    assert twilio.problems == []


@pytest.fixture
def start_app(
    database_url: str, port: int, telegram: TelegramServer, twilio: Twilio
) -> Iterator[Callable[[], RunningApp]]:
    """Starts the app on the test's database, with both channels; what still runs is stopped at the end."""
    started: list[RunningApp] = []
    with ScriptedRasa() as rasa:

        def start() -> RunningApp:
            settings = make_settings(
                port=port,
                rasa_url=rasa.url,
                database_url=database_url,
                public_url=PUBLIC_URL,
                telegram_token=telegram.token,
                telegram_api_url=telegram.url,
                campaign_telegram_per_s=30,
                campaign_whatsapp_per_s=15,
            )
            channels: dict[str, Any] = make_channels(settings)
            channels["whatsapp"] = make_channel(twilio)
            app = RunningApp(settings, channels)
            started.append(app)
            return app.start()

        yield start
        for app in started:
            if app._thread.is_alive():
                app.stop()


def count_of_campaign(telegram: TelegramServer) -> int:
    return sum(_is_campaign(str(call["text"])) for call in telegram.emulator.list_calls("sendMessage"))


def _is_campaign(text: str) -> bool:
    return "session de janvier" in text


async def when(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds, timeout_s)


async def when_in(db: Database, campaign_id: int, state: str) -> None:
    async def reached() -> bool:
        return (await read_campaign(db, campaign_id)).state == state

    await eventually(reached, 90, f"campaign {state}")


async def test_two_hundred_people(
    db: Database, telegram: TelegramServer, twilio: Twilio, start_app: Callable[[], RunningApp]
) -> None:
    """Paused, refused with 429, stopped by some, restarted half way: each other one gets it once, and all is told."""
    ids = await add_many(db, ON_TELEGRAM)
    reached_by_phone = await add_many(db, ON_WHATSAPP, "whatsapp")
    campaign_id = await add_campaign(db)
    app = await asyncio.to_thread(start_app)
    await when(lambda: count_of_campaign(telegram) >= 20)

    # A pause: what is with the provider ends, and then nothing.
    async with db.write() as session:
        await changes.pause(session, campaign_id)
    await asyncio.sleep(1.0)
    held = count_of_campaign(telegram), len(twilio.messages)
    await asyncio.sleep(1.5)
    assert (count_of_campaign(telegram), len(twilio.messages)) == held
    assert held[0] < ON_TELEGRAM and held[1] < ON_WHATSAPP

    # STOP of some who have not got it yet.
    stopped = ids[-5:]
    async with db.write() as session:
        for contact_id in stopped:
            await unsubscribe(session, contact_id)
        await changes.resume(session, campaign_id)

    # 429: nothing more goes to Telegram before its time, and WhatsApp goes on.
    await when(lambda: count_of_campaign(telegram) >= held[0] + 10)
    telegram.emulator.refuse_next("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
    telegram.emulator.refuse_next("sendMessage", 403, "Forbidden: bot was blocked by the user")
    refused_at = len(telegram.emulator.called_at)
    await when(lambda: not telegram.emulator._refusals["sendMessage"])
    before = count_of_campaign(telegram)
    await when(lambda: count_of_campaign(telegram) >= before + 15)
    sent = [at for method, at in telegram.emulator.called_at[refused_at:] if method == "sendMessage"]
    assert max(later - earlier for earlier, later in pairwise(sent)) > 2.0

    # The process ends half way, and another one goes on.
    await when(lambda: count_of_campaign(telegram) >= 90)
    await asyncio.to_thread(app.stop)
    assert (await read_campaign(db, campaign_id)).state == "sending"
    app = await asyncio.to_thread(start_app)
    await when_in(db, campaign_id, "done")

    # What Twilio reports of two of them.
    async with db.read() as session:
        query = select(Message, Identity.address).join(Identity, Identity.id == Message.identity_id)
        told = (await session.execute(query.where(Message.channel == "whatsapp"))).all()
    person = WhatsAppPerson(app, twilio)
    for (message, address), steps in zip(told[:2], (("sent", "delivered"), ("delivered", "read")), strict=True):
        for step in steps:
            report = {"MessageSid": str(message.external_id), "MessageStatus": step, "To": address, "From": "x"}
            assert await asyncio.to_thread(person.post, report) == 200
    async with db.read() as session:
        results = await read_results(session, await read_campaign(db, campaign_id))

    taken = Counter(
        str(call["chat_id"]) for call in telegram.emulator.list_calls("sendMessage") if _is_campaign(str(call["text"]))
    )
    # One was refused with 429 and sent later, so it was asked for twice; one had blocked us.
    assert sum(taken.values()) == ON_TELEGRAM - len(stopped) + 1
    assert sorted(taken.values())[-2:] == [1, 2]
    numbers = Counter(message["To"] for message in twilio.messages)
    assert len(numbers) == ON_WHATSAPP == len(reached_by_phone) and set(numbers.values()) == {1}
    assert TEXTS["fr"].split("!")[1].strip() in twilio.messages[0]["Body"]
    by_channel = {each.channel: each for each in results.channels}
    assert (by_channel["telegram"].sent, by_channel["telegram"].failed) == (ON_TELEGRAM - len(stopped) - 1, 1)
    assert (by_channel["whatsapp"].sent, by_channel["whatsapp"].delivered, by_channel["whatsapp"].read) == (50, 2, 1)
    assert results.causes == {"403": 1}
    assert results.skipped == {"stopped": len(stopped)}
    assert results.people == ON_TELEGRAM + ON_WHATSAPP and results.waiting == results.queued == 0


async def test_a_stop_is_final(
    db: Database, telegram: TelegramServer, twilio: Twilio, start_app: Callable[[], RunningApp]
) -> None:
    """Who had not got it never does, also after a restart; what was on its way is accounted for."""
    await add_many(db, ON_TELEGRAM)
    campaign_id = await add_campaign(db)
    app = await asyncio.to_thread(start_app)
    await when(lambda: count_of_campaign(telegram) >= 30)
    async with db.write() as session:
        await changes.stop(session, campaign_id)
    await asyncio.to_thread(app.stop)
    after = count_of_campaign(telegram)
    await asyncio.to_thread(start_app)
    await asyncio.sleep(7.0)
    assert count_of_campaign(telegram) == after < ON_TELEGRAM
    async with db.read() as session:
        results = await read_results(session, await read_campaign(db, campaign_id))
    assert results.sent == after and results.queued == 0
    assert results.sent + results.waiting + results.causes.get("halted", 0) == ON_TELEGRAM
    rows = Counter(row.state for row in await list_recipients(db, campaign_id))
    assert rows["waiting"] == results.waiting > 0


async def test_an_answer_overtakes_a_campaign(
    db: Database, telegram: TelegramServer, twilio: Twilio, start_app: Callable[[], RunningApp]
) -> None:
    """Between its row in the log and Telegram, no more of a campaign arrives than was in the channel's hands."""
    telegram.emulator.delay_s = 0.1
    await add_many(db, ON_TELEGRAM)
    campaign_id = await add_campaign(db)
    await asyncio.to_thread(start_app)
    await when(lambda: count_of_campaign(telegram) >= 10)
    people = [Person(telegram) for _ in range(6)]
    for person in people:
        await asyncio.to_thread(person.write, "bonjour")
        await asyncio.to_thread(person.wait_for, 1, 60.0)
    assert (await read_campaign(db, campaign_id)).state == "sending"
    offset = time.time() - time.monotonic()
    calls = list(zip(telegram.emulator.calls, telegram.emulator.called_at, strict=True))
    async with db.read() as session:
        for person in people:
            own = select(Message).join(Identity).where(Identity.address == person.address, Message.direction == "out")
            answer = (await session.scalars(own)).one()
            at = next(
                number
                for number, (call, _) in enumerate(calls)
                if call.method == "sendMessage" and call.fields["chat_id"] == person.address
            )
            between = [
                call
                for call, (_, called_at) in calls[:at]
                if _is_campaign(str(call.fields.get("text", ""))) and called_at + offset > answer.created_at.timestamp()
            ]
            assert len(between) <= CAMPAIGN_WIDTH
