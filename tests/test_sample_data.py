"""Sample people: marked, the same for the same seed, never among real ones; and the measure that is taken with them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from running import sqlite_url
from sqlalchemy import func, select, text
from talks import hear, meet

from bot.bench import bench
from bot.db.conversations import list_conversations
from bot.db.engine import Database, open_database
from bot.db.filters import Filters
from bot.db.models import Application, Contact, Identity, Interaction, Message, MessageTerms, Rating, StaffRequest
from bot.messages import VARIETIES
from bot.sample_data import SampleDataError, fill

UNTIL = date(2026, 11, 27)


async def test_a_database_is_filled(database_url: str) -> None:
    """People of every variety and channel write for two years, are answered, fail, rate and wait, all marked."""
    await fill(database_url, 6_000, until=UNTIL)
    db = open_database(database_url)
    async with db.read() as session:

        async def count(*conditions: object) -> int:
            return int(await session.scalar(select(func.count()).where(*conditions)) or 0)  # type: ignore[arg-type]

        assert 6_000 <= await count(Message.id > 0) < 6_200
        for variety in VARIETIES:
            assert await count(Message.variety == variety) > 100
        for channel in ("telegram", "whatsapp", "web"):
            assert await count(Message.channel == channel) > 300
        assert await count(Identity.address.not_like("sample-%")) == 0
        assert await count(Application.email.not_like("%@example.com")) == 0
        for rows in (Message.intent == "nlu_fallback", Message.state == "failed", Rating.value == "up"):
            assert await count(rows) > 0
        assert await count(StaffRequest.id > 0) > 0 and await count(Interaction.id > 0) > 500
        assert await count(MessageTerms.message_id > 0) > 5_900
        # As `bot.db.log` keeps it in life.
        own = select(func.max(Message.id)).where(Message.contact_id == Contact.id).scalar_subquery()
        assert await count(Contact.last_message_id.is_distinct_from(own)) == 0
        first, last = (
            await session.scalar(select(func.min(Message.created_at))),
            await session.scalar(select(func.max(Message.created_at))),
        )
        assert first is not None and last is not None and (last - first).days > 600
        assert last < datetime(2026, 11, 28, 12, tzinfo=UTC)
        assert len((await list_conversations(session, Filters(text="formation"))).rows) == 50
        if db.is_sqlite:
            await session.execute(text("INSERT INTO message_search (message_search) VALUES ('integrity-check')"))
    # The app goes on with numbers of its own.
    await hear(db, await meet(db), "bonjour")
    await db.aclose()
    with pytest.raises(SampleDataError, match="real people"):
        await fill(database_url, 100)


async def test_the_same_seed_gives_the_same_people(tmp_path: Path) -> None:
    written = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        folder = tmp_path / name
        folder.mkdir()
        await fill(sqlite_url(folder), 300, seed, UNTIL)
        db = open_database(sqlite_url(folder))
        async with db.read() as session:
            rows = await session.execute(select(Message.created_at, Message.text, Message.intent).order_by(Message.id))
            written.append([tuple(row) for row in rows])
        await db.aclose()
    assert written[0] == written[1] != written[2]


async def test_a_filled_database_is_not_filled_again(tmp_path: Path) -> None:
    await fill(sqlite_url(tmp_path), 100, until=UNTIL)
    with pytest.raises(SampleDataError, match="already"):
        await fill(sqlite_url(tmp_path), 100, until=UNTIL)


async def test_every_query_is_measured(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the file have a line for each query, with its percentiles."""
    report = tmp_path / "figures.json"
    assert await bench(database_url, 2_000, 3, report) in (0, 1)
    figures = json.loads(report.read_text())
    assert figures["runs"] == 3 and figures["messages"] >= 2_000
    assert len(figures["queries"]) > 30
    assert all(0 < row["p50_ms"] <= row["p95_ms"] <= row["most_ms"] for row in figures["queries"])
    table = capsys.readouterr().out
    assert all(row["name"] in table for row in figures["queries"])


async def test_real_people_are_not_measured(db: Database, database_url: str) -> None:
    await meet(db)
    with pytest.raises(SampleDataError, match="real people"):
        await bench(database_url, 100, 3, None)
