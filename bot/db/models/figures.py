"""What figures are made of: each day, counted once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base


class FigureDay(Base):
    """One day in Morocco as `bot.figures.counting` counts it: how many, and who.

    Distinct people can't be added up over days, so their numbers are kept: those of `contacts`, without which they
    lead to nobody. When one of them is erased the day is stale, and counted anew without them.
    """

    __tablename__ = "figure_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    #: `bot.figures.counting.VERSION` when it was counted: a day counted otherwise is counted anew.
    version: Mapped[int]
    #: Counts by name, then by key: ``{"in": {"telegram|fr": 12}, …}``.
    counts: Mapped[dict[str, Any]]
    #: Who did what, as `bot.figures.crowds` packs it.
    people: Mapped[bytes]
    counted_at: Mapped[datetime]
    #: Something of that day changed since it was counted.
    is_stale: Mapped[bool] = mapped_column(default=False)


class FigureMonth(Base):
    """A finished month in Morocco as its days add up (`bot.figures.months`), so that a year is read in a few rows.

    It always says what the rows of its days say: whoever counts one of them anew removes it in the same transaction,
    and a month without a row is read day by day.
    """

    __tablename__ = "figure_months"

    #: Its first day.
    month: Mapped[date] = mapped_column(primary_key=True)
    #: That of its days.
    version: Mapped[int]
    counts: Mapped[dict[str, Any]]
    #: Who did what in the month, and in what order where that matters.
    people: Mapped[bytes]
    #: What curves are drawn of, by day: ``{"2026-11-01": {"in": {"": 12}, …}, …}``.
    daily: Mapped[dict[str, Any]]
    #: Who wrote, by day.
    writers: Mapped[bytes]
    #: When the last of its days was counted.
    counted_at: Mapped[datetime]
