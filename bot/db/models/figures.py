"""What figures are made of: each day counted once, and who is in the counts, so that nobody is counted twice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base


class FigureDay(Base):
    """The counts of one day in Morocco, as `bot.figures.counting` makes them; nothing in them leads to a person."""

    __tablename__ = "figure_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    #: `bot.figures.counting.VERSION` when it was counted: a day counted otherwise is counted anew.
    version: Mapped[int]
    #: Counts by name, then by key: ``{"in": {"telegram|fr": 12}, …}``.
    counts: Mapped[dict[str, Any]]
    counted_at: Mapped[datetime]
    #: Something of that day changed since it was counted.
    is_stale: Mapped[bool] = mapped_column(default=False)


class PersonMark(Base):
    """That somebody did something on a day: wrote on a channel, named a town, saw an event. Erased with the person.

    Distinct people can't be added up over days, so they are counted from these.
    """

    __tablename__ = "person_marks"
    __table_args__ = (
        Index("ix_person_marks_contact_id", "contact_id"),
        {"sqlite_with_rowid": False},
    )

    #: One of `bot.figures.counting.MARKS`.
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    #: A channel, a variety, a slug or a step.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, autoincrement=False)
