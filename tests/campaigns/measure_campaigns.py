"""The figures of docs/campaigns.md.

`PYTHONPATH=.:tests python tests/campaigns/measure_campaigns.py count [DATABASE_URL]`, or `send`.

`count` makes 100,000 people and times what a page asks of them; `send` sends a campaign to 2,000 people on Telegram's
emulator, with the app in a process of its own, and times an answer beside it and without.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from campaigns.crowd import add_campaign, add_many, add_staff, read_campaign
from e2e.telegram import Person, TelegramServer
from running import RunningApp, free_port, make_settings, sqlite_url
from scripted import ScriptedRasa
from sqlalchemy import insert, text

from bot.campaigns.results import read_results
from bot.campaigns.segments import Segment, Ways, count_people
from bot.clock import utc_now
from bot.db.engine import Database, open_database
from bot.db.migrate import migrate
from bot.db.models import Application, CampaignRecipient, Consent, Contact, Identity, Message, Subscription
from bot.messages import VARIETIES

MANY, SENT_TO, ANSWERS = 100_000, 2_000, 60


async def _fill(db: Database, count: int) -> None:
    """People on one to three channels; two thirds subscribed to events, a half with an application."""
    chance, now = random.Random(1), utc_now()
    ids = range(1, count + 1)
    rows: dict[Any, list[dict[str, Any]]] = {}
    rows[Contact] = [{"id": each, "variety": chance.choice(VARIETIES)} for each in ids]
    rows[Identity] = [
        {
            "contact_id": each,
            "channel": channel,
            "address": f"{channel}{each}",
            "last_inbound_at": now - timedelta(hours=chance.random() * 60),
        }
        for each in ids
        for channel in chance.sample(("telegram", "whatsapp", "web"), chance.choice((1, 1, 1, 2, 3)))
    ]
    rows[Subscription] = [
        {
            "contact_id": each,
            "topic": "events",
            "wishes": chance.choice(([], [], [{"city": "rabat"}], [{"city": "fes"}, {"topic": "ai"}])),
            "ended_at": now if chance.random() < 0.1 else None,
        }
        for each in ids
        if chance.random() < 0.67
    ]
    applied = [each for each in ids if chance.random() < 0.5]
    rows[Application] = [
        {
            "reference": f"JIT-{each}", "contact_id": each, "full_name": "Nom", "phone": f"+212{each}",
            "email": f"{each}@example.org", "city_slug": chance.choice(("rabat", "fes", "oujda")), "diploma": "bac",
            "situation": "student", "track_slug": "undecided", "name_words": "nom",
            "state": chance.choice(("received", "checking", "accepted", "refused")),
        }
        for each in applied
    ]  # fmt: skip
    rows[Consent] = [
        {"contact_id": each, "purpose": "contact", "is_given": chance.random() < 0.8, "wording": "?", "channel": "web"}
        for each in applied
    ]
    async with db.write() as session:
        for model, values in rows.items():
            for start in range(0, len(values), 5_000):
                await session.execute(insert(model), values[start : start + 5_000])
    async with db.engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()


async def _time(name: str, work: Any, runs: int = 15) -> None:
    took, worked = [], []
    for _ in range(runs):
        started, begun = time.perf_counter(), time.process_time()
        await work()
        took.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - begun) * 1000)
    # On SQLite the work is this process's own: its time on the processor holds where others use the machine too.
    print(
        f"{name}: median {statistics.median(took):.0f} ms, slowest {max(took):.0f} ms; "
        f"{statistics.median(worked):.0f} ms of this process"
    )


async def count(url: str) -> None:
    """Time the count of segments, and the figures of a campaign to all."""
    await asyncio.to_thread(migrate, url)
    db = open_database(url)
    await _fill(db, MANY)
    ways, own = Ways(("telegram", "whatsapp"), ("fr",)), {each: each for each in VARIETIES}
    for segment in (
        Segment("events"),
        Segment("events", about_city="rabat"),
        Segment("events", state="checking", city="fes"),
        Segment("application"),
        Segment("application", state="accepted", city="rabat"),
    ):

        async def ask(wanted: Segment = segment) -> None:
            async with db.read() as session:
                found = await count_people(session, wanted, ways, own)
                assert sum(each.people for each in found) > 1_000

        await _time(f"count {segment.purpose} {segment.as_json()}", ask)
    await add_staff(db)
    campaign_id = await add_campaign(db, Segment("events"))
    now = utc_now()
    async with db.write() as session:
        for start in range(1, MANY, 5_000):
            ids = range(start, start + 5_000)
            sent = {"direction": "out", "channel": "whatsapp", "campaign_id": campaign_id, "text": "x"}
            messages, rows = [], []
            for each in ids:
                state = ("sent", "delivered", "read", "failed")[each % 4]
                error = "63016: late" if state == "failed" else None
                messages.append(
                    {**sent, "id": each, "contact_id": each, "identity_id": each, "state": state, "error": error}
                )
                row = {"campaign_id": campaign_id, "state": "queued", "channel": "whatsapp", "handled_at": now}
                rows.append({**row, "contact_id": each, "message_id": each})
            await session.execute(insert(Message), messages)
            await session.execute(insert(CampaignRecipient), rows)

    async def figures() -> None:
        async with db.read() as session:
            assert (await read_results(session, await session.get_one(type(campaign), campaign_id))).people == MANY

    campaign = await read_campaign(db, campaign_id)
    await _time("results of 100,000", figures)
    await db.aclose()


def _serve(settings: dict[str, Any], ready: Any, ends: Any) -> None:
    app = RunningApp(make_settings(**settings)).start()
    ready.set()
    ends.wait()
    app.stop()


def send() -> None:
    """Time 2,000 messages, and answers beside them and without."""
    url = sqlite_url(Path(tempfile.mkdtemp()))
    with TelegramServer() as telegram, ScriptedRasa() as rasa:
        settings = {
            "port": free_port(), "rasa_url": rasa.url, "database_url": url, "telegram_token": telegram.token,
            "telegram_api_url": telegram.url,
        }  # fmt: skip
        spawn = multiprocessing.get_context("spawn")
        ready, ends = spawn.Event(), spawn.Event()
        process = spawn.Process(target=_serve, args=(settings, ready, ends))
        process.start()
        assert ready.wait(60)
        db = open_database(url)
        try:
            before = _answer_times(telegram)
            asyncio.run(_begin(url))
            started = time.monotonic()
            while not telegram.emulator.list_calls("sendMessage")[len(before) :]:
                time.sleep(0.05)
            beside = _answer_times(telegram)
            while asyncio.run(_state(url)) != "done":
                time.sleep(0.5)
            took_s = time.monotonic() - started
            after = _answer_times(telegram)
        finally:
            ends.set()
            process.join()
            asyncio.run(db.aclose())
        assert telegram.emulator.problems == []
    alone = statistics.median([*before, *after])
    print(f"{SENT_TO} people in {took_s:.0f} s, {SENT_TO / took_s:.1f} a second")
    for name, times in (("before", before), ("beside", beside), ("after", after)):
        print(f"an answer {name}: median {statistics.median(times) * 1000:.0f} ms, slowest {max(times) * 1000:.0f} ms")
    print(f"ratio of the medians {statistics.median(beside) / alone:.2f}")


async def _begin(url: str) -> None:
    db = open_database(url)
    await add_many(db, SENT_TO)
    await add_campaign(db)
    await db.aclose()


async def _state(url: str) -> str:
    db = open_database(url)
    state = (await read_campaign(db, 1)).state
    await db.aclose()
    return state


def _answer_times(telegram: TelegramServer) -> list[float]:
    """Seconds from a message to its answer, one person after another."""
    times = []
    for _ in range(ANSWERS):
        person = Person(telegram)
        started = time.monotonic()
        person.write("bonjour")
        while not person.sent():
            time.sleep(0.002)
        times.append(time.monotonic() - started)
        time.sleep(0.3)
    return times


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send()
    else:
        asyncio.run(count(sys.argv[2] if len(sys.argv) > 2 else sqlite_url(Path(tempfile.mkdtemp()))))
