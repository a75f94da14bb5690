"""Make the report of a month: its days counted, its figures measured, written down and drawn."""

from __future__ import annotations

import asyncio
import re
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers
from bot.clock import MOROCCO, today
from bot.console.reports.text import write_text
from bot.console.words import Language
from bot.db.conditions import begin
from bot.db.engine import Database
from bot.db.models import Message
from bot.errors import AssistantError
from bot.figures.keeping import keep_between
from bot.figures.measuring import measure
from bot.figures.period import FIRST_YEAR, Period
from bot.report.pdf import write_report

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
#: Seconds of work on a large log: beside everything else, and one at a time.
_ONE_AT_A_TIME: Final = asyncio.Semaphore(1)


class ReportError(AssistantError):
    """A report can't be made or written as it was asked for; the text says what is wrong, and what would be right."""


def read_month(text: str) -> str:
    """A month that a report can be made of, as it was typed.

    Raises:
        ReportError: it is no month like ``2026-11``, has not begun, or lies before everything that is counted.
    """
    if _MONTH.fullmatch(text.strip()) is None:
        raise ReportError(f"month: {text!r} is no month like 2026-11")
    month = text.strip()
    if month > f"{today():%Y-%m}":
        raise ReportError(f"month: {month} has not begun yet")
    if month < f"{FIRST_YEAR}-01":
        raise ReportError(f"month: nothing is counted before {FIRST_YEAR}")
    return month


def month_before(day: date) -> str:
    """The calendar month before that of a day."""
    return f"{day.year - (day.month == 1)}-{(day.month - 2) % 12 + 1:02}"


async def list_months(session: AsyncSession) -> list[str]:
    """The months with messages, the newest first: each is jumped to by the index of times."""
    months: list[str] = []
    since: datetime | None = None
    while True:
        query = select(func.min(Message.created_at))
        if since is not None:
            query = query.where(Message.created_at >= since)
        at = await session.scalar(query)
        if at is None:
            return months[::-1]
        day = at.astimezone(MOROCCO).date()
        months.append(f"{day:%Y-%m}")
        since = begin(date(day.year + day.month // 12, day.month % 12 + 1, 1))


async def make_report(db: Database, answers: Answers, month: str, language: Language) -> bytes:
    """The report of a month as a PDF file.

    Args:
        db: the database; days of the month and of the one before that are due are counted first.
        answers: what names towns and needs.
        month: as `read_month` gives it.
        language: of its words.
    """
    period = Period.named(month, today())
    async with _ONE_AT_A_TIME:
        await keep_between(db, period.before.first, period.last)
        await answers.refresh()
        async with db.snapshot() as session:
            figures = await measure(session, period)
        return await asyncio.to_thread(lambda: write_report(write_text(figures, language, answers)))


def name_file(month: str) -> str:
    """What the file of a month is called, in ASCII."""
    return f"rapport-{month}.pdf"
