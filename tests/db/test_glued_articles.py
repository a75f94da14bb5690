"""A database of before Latin articles were known: after the migration its messages are found without them too."""

from __future__ import annotations

import asyncio

from sqlalchemy import delete, insert
from talks import hear, meet

from bot.db.conversations import list_conversations
from bot.db.engine import open_database
from bot.db.filters import Filters
from bot.db.migrate import downgrade, migrate
from bot.db.models import MessageTerms


async def test_messages_of_before_are_found_again(database_url: str) -> None:
    """Of both messages the one with an article gets new terms; the index of either database follows."""
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    glued, plain = await meet(db), await meet(db)
    numbers = await hear(db, glued, "wach kayna lformation"), await hear(db, plain, "liste des villes")
    async with db.write() as session:
        await session.execute(delete(MessageTerms).where(MessageTerms.message_id.in_(numbers)))
        old = [(numbers[0], "wach kayna lformation =lfrmtn"), (numbers[1], "liste des villes")]
        await session.execute(insert(MessageTerms), [{"message_id": number, "words": words} for number, words in old])
    await asyncio.to_thread(downgrade, database_url, "0010")
    await asyncio.to_thread(migrate, database_url)
    async with db.read() as session:
        for text, expected in (("formation", [glued]), ("villes", [plain]), ("iste", [])):
            page = await list_conversations(session, Filters(text=text))
            assert [row.contact_id for row in page.rows] == expected, text
    await db.aclose()
