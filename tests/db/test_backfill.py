"""A database with conversations of before the console: after the migration they are listed, found and waiting."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import MetaData, insert, select
from talks import contact_of

from bot.db.conversations import list_conversations
from bot.db.engine import Database, open_database
from bot.db.filters import Filters
from bot.db.migrate import downgrade, migrate
from bot.db.models import MessageTerms

AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
#: Of each person: direction, text, whether staff wrote it.
SAID = (
    (1, "in", "ch7al katched", False),
    (1, "out", "La formation dure 4 mois", False),
    (2, "in", "un humain svp", False),
    (2, "out", "Je demande à l'équipe", False),
    (3, "in", "un conseiller", False),
    (3, "out", "Bonjour, ici Amal", True),
    (3, "in", "?", False),
)


async def fill(db: Database) -> None:
    """Rows as the revision before had them."""
    old = MetaData()
    async with db.engine.begin() as connection:
        await connection.run_sync(old.reflect)
        for number in (1, 2, 3, 4):
            await connection.execute(insert(old.tables["contacts"]).values(id=number, variety="fr", created_at=AT))
            values = {"id": number, "contact_id": number, "channel": "web", "address": f"{number}", "profile": {}}
            await connection.execute(insert(old.tables["identities"]).values(created_at=AT, **values))
        for number, (contact_id, direction, said, is_staff) in enumerate(SAID, start=1):
            key = None if direction == "in" or is_staff else "utter_greet"
            values = {
                "id": number, "contact_id": contact_id, "identity_id": contact_id, "direction": direction,
                "channel": "web", "state": "answered" if direction == "in" else "sent", "text": said,
                "answer_key": key, "created_at": AT + timedelta(minutes=number), "attempts": 1, "attachments": [],
                "buttons": [], "ranking": [], "entities": [], "timings": {},
            }  # fmt: skip
            await connection.execute(insert(old.tables["messages"]).values(values))
        for contact_id in (2, 3):
            asked = {"contact_id": contact_id, "kind": "human", "details": {}, "opened_at": AT}
            await connection.execute(insert(old.tables["staff_requests"]).values(asked))


async def test_conversations_of_before_are_listed(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url, "0005")
    db = open_database(database_url)
    await fill(db)
    await db.aclose()
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    rows = [await contact_of(db, number) for number in (1, 2, 3, 4)]
    assert [(row.last_message_id, row.last_inbound_id, row.unread) for row in rows] == [
        (2, 1, 1), (4, 3, 1), (7, 7, 1), (None, None, 0),
    ]  # fmt: skip
    assert [row.last_message_at for row in rows[:3]] == [AT + timedelta(minutes=number) for number in (2, 4, 7)]
    assert [row.waiting_since for row in rows] == [None, AT, None, None]
    async with db.read() as session:
        assert [row.contact_id for row in (await list_conversations(session)).rows] == [3, 2, 1]
        found = await list_conversations(session, Filters(text="شحال"))
        assert [(row.contact_id, row.hit and row.hit.message_id) for row in found.rows] == [(1, 1)]
        assert list(await session.scalars(select(MessageTerms.message_id).order_by(MessageTerms.message_id))) == [
            1, 2, 3, 4, 5, 6,
        ]  # fmt: skip
    await db.aclose()
    await asyncio.to_thread(downgrade, database_url, "0005")
    await asyncio.to_thread(migrate, database_url)
