"""Migrations, on SQLite and on PostgreSQL, with the shipped content in the tables."""

from __future__ import annotations

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, inspect, select

from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.migrate import downgrade, migrate
from bot.db.models import Fact
from bot.db.seed import seed
from bot.db.terms import is_modelled


async def _fill(db: Database) -> int:
    async with db.write() as session:
        await seed(session)
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(Fact)) or 0)


async def test_up_down_and_up_again(database_url: str) -> None:
    """A filled database goes back to no tables at all, and up again to where it can be filled anew."""
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    first = await _fill(db)
    await asyncio.to_thread(downgrade, database_url, "base")
    async with db.engine.connect() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert left == ["alembic_version"]
    await asyncio.to_thread(migrate, database_url)
    assert await _fill(db) == first > 200
    await db.aclose()


async def test_models_and_migrations_agree(db: Database) -> None:
    """The migrations make exactly the tables, columns and indexes of the models."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_modelled})
        return list(compare_metadata(context, Base.metadata))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    """A database that is up to date stays as it is, with its rows."""
    await asyncio.to_thread(migrate, database_url)
    db = open_database(database_url)
    filled = await _fill(db)
    await asyncio.to_thread(migrate, database_url)
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Fact)) == filled
    await db.aclose()
