"""The reference content that the product ships with, and how it gets into the database without undoing staff's edits.

The files are in this folder (see `bot.db.seed.files`). A row remembers in `seed_hash` the values that it was shipped
with: as long as it still has them, a new release may update it; once staff changed it, it is theirs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.seed.files import SeedError, read_seed

__all__ = ["SEED_FOLDER", "SeedError", "SeedReport", "hash_values", "read_seed", "seed"]

SEED_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class SeedReport:
    """How many rows were inserted, updated, kept because staff edited them, or the same already, by table name."""

    inserted: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    kept_edited: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """The sums over all tables, in a line."""
        counts = (self.inserted, self.updated, self.kept_edited, self.unchanged)
        names = ("new", "updated", "kept as staff edited them", "unchanged")
        return ", ".join(f"{count.total()} {name}" for count, name in zip(counts, names, strict=True) if count.total())

    def __str__(self) -> str:
        tables = sorted({*self.inserted, *self.updated, *self.kept_edited, *self.unchanged})
        return "\n".join(
            f"{table}: {self.inserted[table]} inserted, {self.updated[table]} updated, "
            f"{self.kept_edited[table]} kept as staff edited them, {self.unchanged[table]} unchanged"
            for table in tables
        )


async def seed(session: AsyncSession, folder: Path = SEED_FOLDER) -> SeedReport:
    """Bring the content tables up to what the seed folder ships; the caller commits.

    A missing row is inserted. A row whose values are still the shipped ones of last time gets the new ones. A row that
    staff edited or wrote is left alone. A row that is no longer shipped stays. Seeding twice changes nothing.

    Raises:
        SeedError: a seed file is wrong; nothing was changed.
    """
    shipped = await asyncio.to_thread(read_seed, folder)
    report = SeedReport()
    for model, entries in shipped.items():
        rows: Sequence[Any] = (await session.scalars(select(model).execution_options(with_retired=True))).all()
        present = {row.slug: row for row in rows}
        for entry in entries:
            shipped_hash = hash_values(entry)
            row = present.get(entry["slug"])
            if row is None:
                session.add(model(**entry, seed_hash=shipped_hash))
                report.inserted[model.__tablename__] += 1
                continue
            present_hash = hash_values({column: getattr(row, column) for column in entry})
            if present_hash == shipped_hash:
                # Staff may have made the change that a release now ships: from here on the row follows releases again.
                row.seed_hash = shipped_hash
                report.unchanged[model.__tablename__] += 1
            elif present_hash == row.seed_hash:
                for column, value in entry.items():
                    setattr(row, column, value)
                row.seed_hash = shipped_hash
                report.updated[model.__tablename__] += 1
            else:
                report.kept_edited[model.__tablename__] += 1
        # The tables that follow refer to these rows.
        await session.flush()
    return report


def hash_values(values: Mapping[str, Any]) -> str:
    """SHA-256 (64 hexadecimal digits) of the values as JSON with sorted keys, the same from a file and from a row."""
    canonical = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_as_json)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _as_json(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a seed row")
