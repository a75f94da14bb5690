"""The mails of monthly reports: whose turn it is to send one, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import ReportMail

#: How long after each failed try the next one comes; after the last one nobody tries again by themselves.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720, 1440, 1440))
#: Making a report and sending it takes seconds, and at most the time-outs of a few steps.
LONGEST = timedelta(minutes=15)
ERROR_CHARS = 500


async def plan_mail(session: AsyncSession, month: str) -> None:
    """Have the mail of a month wait for whoever takes it, unless it is known already."""
    await session.execute(_insert(session).values(_new(month)).on_conflict_do_nothing())


async def take_mail(session: AsyncSession) -> str | None:
    """The month whose mail is the caller's to send now, or None; commit before sending."""
    now = utc_now()
    is_lost = (ReportMail.state == "sending") & (ReportMail.started_at < now - LONGEST)
    await session.execute(update(ReportMail).where(is_lost).values(state="unsure"))
    is_due = (ReportMail.state == "waiting") & (ReportMail.next_attempt_at <= now)
    month = await session.scalar(select(ReportMail.month).where(is_due).order_by(ReportMail.month).limit(1))
    if month is None:
        return None
    values = {"state": "sending", "started_at": now, "attempts": ReportMail.attempts + 1}
    taken = update(ReportMail).where(ReportMail.month == month, is_due).values(**values)
    found: str | None = await session.scalar(taken.returning(ReportMail.month))
    return found


async def claim_mail(session: AsyncSession, month: str) -> bool:
    """Take the mail of a month for somebody who asks for it, whatever became of it; False: it is being sent.

    Commit before sending; then `note_sent`, or `give_back` with what `find_state` said before.
    """
    await plan_mail(session, month)
    now = utc_now()
    is_free = (ReportMail.state != "sending") | (ReportMail.started_at < now - LONGEST)
    taken = update(ReportMail).where(ReportMail.month == month, is_free).values(state="sending", started_at=now)
    return await session.scalar(taken.returning(ReportMail.month)) is not None


async def find_state(session: AsyncSession, month: str) -> str | None:
    """Where the mail of a month stands, locked; None while nobody planned or sent one."""
    query = select(ReportMail.state).where(ReportMail.month == month).with_for_update()
    state: str | None = await session.scalar(query)
    return state


async def give_back(session: AsyncSession, month: str, state: str | None) -> None:
    """Say that the mail stands where it stood before `claim_mail`; None: nobody had planned one."""
    own = (ReportMail.month == month) & (ReportMail.state == "sending")
    if state is None:
        await session.execute(delete(ReportMail).where(own))
    else:
        # Of a process that died while it was sending nobody knows.
        values = {"state": "unsure" if state == "sending" else state}
        await session.execute(update(ReportMail).where(own).values(**values))


async def note_sent(session: AsyncSession, month: str, refused: Sequence[str] = ()) -> None:
    """Say that the mail of a month is out; `refused` says of addresses why they did not get it."""
    error = "; ".join(refused)[:ERROR_CHARS] or None
    values = {"state": "sent", "sent_at": utc_now(), "error": error}
    statement = _insert(session).values(_new(month) | values)
    await session.execute(statement.on_conflict_do_update(index_elements=[ReportMail.month], set_=values))


async def note_failed(session: AsyncSession, month: str, error: str) -> datetime | None:
    """Say that a try failed; when the next one is, or None when that was the last."""
    mail = await session.get_one(ReportMail, month)
    mail.error = error[:ERROR_CHARS]
    if mail.attempts > len(PAUSES):
        mail.state = "failed"
        return None
    mail.state = "waiting"
    mail.next_attempt_at = utc_now() + PAUSES[max(0, mail.attempts - 1)]
    return mail.next_attempt_at


async def list_mails(session: AsyncSession) -> dict[str, ReportMail]:
    """Every mail by its month."""
    return {mail.month: mail for mail in await session.scalars(select(ReportMail))}


def _new(month: str) -> dict[str, Any]:
    return {"month": month, "state": "waiting", "attempts": 0, "next_attempt_at": utc_now()}


def _insert(session: AsyncSession) -> Any:
    return (insert_on_sqlite if session.get_bind().dialect.name == "sqlite" else insert_on_postgresql)(ReportMail)
