"""Databases whose people Rasa has not met."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from pathlib import Path

from running import make_settings, sqlite_url

from bot.run import prepare_database

_first_ids = itertools.count(100_000, 100_000)


def new_database(folder: Path) -> str:
    """A new, seeded SQLite database whose contacts have numbers of their own.

    The tests of this folder share one Rasa, which knows a conversation by the contact's number: with the same numbers
    in two databases, the second's people would go on where the first's had stopped.
    """
    url = sqlite_url(folder)
    asyncio.run(prepare_database(make_settings(database_url=url)))
    connection = sqlite3.connect(url.partition("///")[2])
    with connection:
        values = (next(_first_ids), "fr", "2026-01-01 00:00:00.000000")
        connection.execute("INSERT INTO contacts (id, variety, created_at) VALUES (?, ?, ?)", values)
    connection.close()
    return url
