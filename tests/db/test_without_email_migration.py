"""Applications without an e-mail address go back to where each had one, and come again."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from bot.db.engine import open_database
from bot.db.migrate import downgrade, migrate
from bot.db.models import Application, Contact


async def test_no_address_is_an_empty_one_before(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    async with db.write() as session:
        session.add(Contact(id=1))
        await session.flush()
        for number, (state, email) in enumerate((("withdrawn", "a@exemple.ma"), ("received", None))):
            session.add(
                Application(contact_id=1, reference=f"JIT-{number}", state=state, full_name="Sara Alami", email=email,
                            phone="+212612345678", city_slug="rabat", diploma="bac", situation="student",
                            track_slug="data")
            )  # fmt: skip

    async def read() -> list[str | None]:
        async with db.read() as session:
            return list(await session.scalars(text("SELECT email FROM applications ORDER BY id")))

    await asyncio.to_thread(downgrade, database_url, "0010")
    assert await read() == ["a@exemple.ma", ""]
    await asyncio.to_thread(migrate, database_url)
    assert await read() == ["a@exemple.ma", None]
    await db.aclose()
