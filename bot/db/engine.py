"""Open the database: SQLite (WAL) by default, PostgreSQL by its URL, and the few things in which they differ."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Literal

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.orm import Session as OrmSession

from bot.db.models import Seeded
from bot.errors import SettingsError

#: What is raised while the database is away, or has no connection left: what was tried is worth trying again.
AWAY = (OperationalError, InterfaceError, PoolTimeout, OSError)
#: Kinds of work that one process at a time does for one contact; campaigns go on in one process, under the number 0.
Claim = Literal["turn", "delivery", "campaigns"]
_CLAIM_NUMBERS: dict[Claim, int] = {"turn": 1, "delivery": 2, "campaigns": 4}

#: The advisory lock of PostgreSQL under which a starting process migrates and seeds.
STARTING = 3


class _Session(OrmSession):
    """A session whose queries leave out the rows that staff put aside, unless their options say ``with_retired``."""


@event.listens_for(_Session, "do_orm_execute")
def _leave_out_retired(state: ORMExecuteState) -> None:
    # Related rows that are loaded with others inherit the condition (SQLAlchemy's recipe for soft deletion).
    if (
        state.is_select
        and not state.is_column_load
        and not state.is_relationship_load
        and not state.execution_options.get("with_retired", False)
    ):
        state.statement = state.statement.options(
            with_loader_criteria(Seeded, lambda model: model.retired_at.is_(None), include_aliases=True)
        )


class Database:
    """An engine with its transactions: `read` for look-ups, `write` for changes, `claim` for one-at-a-time work."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._sessions = async_sessionmaker(engine, expire_on_commit=False, sync_session_class=_Session)
        self._write_lock = asyncio.Lock()
        self._claimed: set[tuple[Claim, int]] = set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading; nothing is committed."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A session for reading much in many steps, which all see the database as it was at the first of them."""
        async with self._sessions() as session:
            if not self.is_sqlite:  # whose transactions see one state anyway
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction that is committed at the end, or rolled back when the block raises.

        SQLite has one writer at a time: writers queue here, fairly, and take the write lock at the beginning, since a
        reading transaction that turns into a writing one fails at once when somebody else wrote in between.
        """
        async with AsyncExitStack() as stack:
            if self.is_sqlite:
                await stack.enter_async_context(self._write_lock)
            session = await stack.enter_async_context(self._sessions())
            if self.is_sqlite:
                await session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
            yield session
            await session.commit()

    @asynccontextmanager
    async def claim(self, kind: Claim, contact_id: int) -> AsyncIterator[bool]:
        """Whether this process may do that kind of work for that contact now; held until the block ends.

        On PostgreSQL an advisory lock in an open transaction says so to the other processes, and vanishes with a
        process that dies. SQLite serves one process, so a set is enough.
        """
        if self.is_sqlite:
            key = (kind, contact_id)
            if key in self._claimed:
                yield False
                return
            self._claimed.add(key)
            try:
                yield True
            finally:
                self._claimed.discard(key)
            return
        async with self._sessions() as session:
            query = text("SELECT pg_try_advisory_xact_lock(:kind, :contact_id)")
            row = await session.execute(query, {"kind": _CLAIM_NUMBERS[kind], "contact_id": contact_id})
            yield bool(row.scalar_one())

    def hold(self) -> IO[str] | None:
        """Keep every other process from serving the same SQLite file; PostgreSQL is shared on purpose (None).

        Keep the returned file open for as long as this process serves; the system releases the lock with it.

        Raises:
            SettingsError: another process serves it.
        """
        path = self.engine.url.database
        if not self.is_sqlite or not path or path == ":memory:":
            return None
        lock = Path(f"{path}.lock").open("w")  # noqa: SIM115  # the caller keeps it open
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SettingsError(f"DATABASE_URL: another process serves {path}; SQLite is for one") from None
        return lock

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Make the engine for a SQLAlchemy URL; nothing connects yet.

    Raises:
        SettingsError: the URL is no SQLAlchemy URL, of another database than SQLite and PostgreSQL, or of a file
            whose folder can't be made.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise SettingsError(
            "DATABASE_URL: must be like sqlite+aiosqlite:///var/assistant.db or postgresql+asyncpg://user@host/name"
        ) from None
    if parsed.get_backend_name() == "postgresql":
        engine = create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"), pool_size=20, max_overflow=20, pool_pre_ping=True
        )
        return Database(engine)
    if parsed.get_backend_name() != "sqlite":
        raise SettingsError(f"DATABASE_URL: {parsed.get_backend_name()} is not supported; use sqlite or postgresql")
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"DATABASE_URL: the folder of {parsed.database} can't be made: {error.strerror}"
            ) from None
    engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": 15})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "reset", _reset_sqlite)
    return Database(engine)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: what was committed survives a power cut too; the log is the queue.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _reset_sqlite(connection: Any, _record: Any, state: Any) -> None:
    # A COMMIT that fails (disk full, lock lost) leaves SQLite's transaction open, with its write lock, while SQLAlchemy
    # takes it for ended: without this, nobody could write any more.
    if state.asyncio_safe and connection.driver_connection.in_transaction:
        connection.rollback()


def _begin_sqlite(connection: Any) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
