"""A database and the work on models over a tiny Rasa project."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from registry_kit import Registry
from running import sqlite_url

from bot.db.migrate import migrate


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """Jobs over a tiny project, on an empty SQLite database; no model is trained yet."""
    url = sqlite_url(tmp_path)
    await asyncio.to_thread(migrate, url)
    kit = Registry(tmp_path / "project", url)
    yield kit
    await kit.aclose()


@pytest.fixture
async def any_registry(database_url: str, tmp_path: Path) -> AsyncIterator[Registry]:
    """The same, once on SQLite and once on PostgreSQL."""
    await asyncio.to_thread(migrate, database_url)
    kit = Registry(tmp_path / "project", database_url)
    yield kit
    await kit.aclose()
