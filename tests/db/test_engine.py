"""The database: transactions that are whole or not at all, and claims that one at a time holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from bot.db.engine import Claim, Database, open_database
from bot.db.models import Contact
from bot.errors import SettingsError


async def count_contacts(db: Database) -> int:
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(Contact)) or 0)


async def test_a_write_is_committed_or_undone(db: Database) -> None:
    """What a block wrote is there after it, and nothing of it when it raised."""
    async with db.write() as session:
        session.add(Contact())
    with pytest.raises(KeyError):
        async with db.write() as session:
            session.add(Contact())
            await session.flush()
            raise KeyError
    assert await count_contacts(db) == 1


async def test_a_read_commits_nothing(db: Database) -> None:
    """What a reading block adds is gone after it."""
    async with db.read() as session:
        session.add(Contact())
        await session.flush()
    assert await count_contacts(db) == 0


async def test_a_failed_commit_holds_nobody_up(db: Database) -> None:
    """When the commit itself fails, its rows are gone and the next one writes at once."""
    async with db.write() as session:
        await session.execute(text("CREATE TABLE there (id INTEGER PRIMARY KEY)"))
        await session.execute(
            text("CREATE TABLE trap (id INTEGER REFERENCES there (id) DEFERRABLE INITIALLY DEFERRED)")
        )
    with pytest.raises(IntegrityError):
        async with db.write() as session:
            session.add(Contact())
            await session.execute(text("INSERT INTO trap VALUES (1)"))
    assert await count_contacts(db) == 0
    other = open_database(db.engine.url.render_as_string(hide_password=False))
    try:
        async with asyncio.timeout(5), other.write() as session:
            session.add(Contact())
    finally:
        await other.aclose()
    assert await count_contacts(db) == 1


async def test_many_write_at_once(db: Database) -> None:
    """Fifty writers that read first all succeed, and each sees the one before."""

    async def add() -> None:
        async with db.write() as session:
            await session.scalar(select(func.count()).select_from(Contact))
            session.add(Contact())

    await asyncio.gather(*(add() for _ in range(50)))
    assert await count_contacts(db) == 50


class TestClaims:
    @pytest.mark.parametrize("kind", ["turn", "delivery"])
    async def test_only_one_holds_a_claim(self, db: Database, kind: Claim) -> None:
        """The second is refused until the first lets go; other contacts and other work are free."""
        other_kind: Claim = "delivery" if kind == "turn" else "turn"
        async with (
            db.claim(kind, 7) as first,
            db.claim(kind, 7) as second,
            db.claim(kind, 8) as third,
            db.claim(other_kind, 7) as fourth,
        ):
            assert (first, second, third, fourth) == (True, False, True, True)
        async with db.claim(kind, 7) as again:
            assert again

    async def test_a_refusal_does_not_free_the_claim(self, db: Database) -> None:
        """Who was refused leaves, and the claim is still held."""
        async with db.claim("turn", 7):
            async with db.claim("turn", 7):
                pass
            async with db.claim("turn", 7) as third:
                assert not third

    async def test_an_error_frees_the_claim(self, db: Database) -> None:
        """Work that fails holds nothing back."""
        with pytest.raises(KeyError):
            async with db.claim("turn", 7):
                raise KeyError
        async with db.claim("turn", 7) as again:
            assert again

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    async def test_processes_respect_each_other(self, db: Database, database_url: str) -> None:
        """A claim holds against another process on the same PostgreSQL, and vanishes with its connection."""
        other = open_database(database_url)
        try:
            async with db.claim("turn", 7), other.claim("turn", 7) as theirs:
                assert not theirs
            # Our process "dies" while it holds the claim; what it still does with the dead connection fails.
            with pytest.raises(DBAPIError):
                async with db.claim("turn", 7):
                    async with other.read() as session:
                        query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                        await session.execute(text(query))
                    async with other.claim("turn", 7) as theirs:
                        assert theirs
        finally:
            await other.aclose()


class TestTimes:
    async def test_times_are_utc_and_aware(self, db: Database) -> None:
        """A time in any zone comes back as the same moment, in UTC."""
        moment = datetime(2026, 11, 23, 23, 30, tzinfo=timezone(timedelta(hours=1)))
        async with db.write() as session:
            session.add(Contact(created_at=moment))
        async with db.read() as session:
            kept = (await session.scalars(select(Contact.created_at))).one()
        assert (kept, kept.tzinfo) == (moment, UTC)

    async def test_a_naive_time_is_refused(self, db: Database) -> None:
        """A time without a zone is a defect, found when it is written."""
        with pytest.raises(StatementError, match="must be aware"):
            async with db.write() as session:
                session.add(Contact(created_at=datetime(2026, 11, 23)))


@pytest.mark.parametrize("url", ["", "nothing", "mysql://a@b/c", "sqlite", "postgresql://a@b:port/c"])
def test_another_database_is_refused(url: str) -> None:
    """What is no URL of SQLite or PostgreSQL is named as the setting that is wrong."""
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        open_database(url)


async def test_plain_urls_get_our_drivers() -> None:
    """`postgresql://` and `sqlite://` need not name the driver."""
    for url, driver in (("postgresql://a@b/c", "asyncpg"), ("sqlite:///:memory:", "aiosqlite")):
        db = open_database(url)
        assert db.engine.driver == driver
        await db.aclose()
