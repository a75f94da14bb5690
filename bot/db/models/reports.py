"""The reports that are sent by themselves: one row a month."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class ReportMail(Base):
    """Where the mail of a month's report stands: whoever moves the row to ``sending`` sends it, and nobody else.

    ``waiting`` until it is due, and after a failure until the next try; ``sent``; ``failed`` after the last try;
    ``unsure`` when the process died while it was sending: the server may have taken the mail, so it isn't sent again
    unless somebody asks.
    """

    __tablename__ = "report_mails"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sending', 'sent', 'failed', 'unsure')", name="state"),
        CheckConstraint("length(month) = 7", name="month"),
    )

    #: ``2026-11``.
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: When the last try began.
    started_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: Why the last try failed, or which addresses were refused.
    error: Mapped[str | None]
