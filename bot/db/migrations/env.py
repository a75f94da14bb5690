"""Alembic's entry: run the migrations over the app's own engine."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text

import bot.db.models  # noqa: F401  # fills the metadata
from bot.db.base import Base
from bot.db.engine import STARTING, open_database
from bot.db.terms import is_modelled


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite changes a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=is_modelled,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    db = open_database(context.config.attributes["url"])
    async with db.engine.connect() as connection:
        # One process at a time: of two that start together, the second finds nothing left to do.
        await connection.execution_options(sqlite_begin="IMMEDIATE")
        async with connection.begin():
            if not db.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": STARTING})
            await connection.run_sync(_run)
    await db.aclose()


asyncio.run(_main())
