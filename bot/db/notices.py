"""What is to be told to people of our own accord, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Notice
from bot.messages import Answer


def plan_notice(
    session: AsyncSession,
    contact_id: int,
    answer: Answer,
    *,
    asked_at: datetime | None = None,
    due_at: datetime | None = None,
    subject: str | None = None,
    is_news: bool = False,
) -> None:
    """Tell a person something at a time (None: now); see `Notice` for who asked for it, and for subjects."""
    session.add(
        Notice(
            contact_id=contact_id,
            answer=answer.as_json(),
            asked_at=asked_at,
            due_at=due_at or utc_now(),
            subject=subject,
            is_news=is_news,
        )
    )


async def call_off(session: AsyncSession, contact_id: int, subject: str) -> None:
    """Drop what was still to be told about a subject."""
    waiting = (Notice.contact_id == contact_id) & (Notice.subject == subject) & (Notice.state == "waiting")
    values = {"state": "dropped", "outcome": "called off", "handled_at": utc_now()}
    await session.execute(update(Notice).where(waiting).values(**values))


async def list_due_notices(session: AsyncSession, limit: int = 100) -> list[Notice]:
    """Notices whose time has come, the oldest first, and news after all others."""
    query = select(Notice).where(Notice.state == "waiting", Notice.due_at <= utc_now())
    return list(await session.scalars(query.order_by(Notice.is_news, Notice.due_at, Notice.id).limit(limit)))


async def count_told(session: AsyncSession, contact_id: int, key: str, within: timedelta) -> int:
    """How many notices with an answer of this key a person was planned within a time."""
    recent = select(Notice).where(Notice.contact_id == contact_id, Notice.created_at > utc_now() - within)
    return sum(notice.answer["answer"] == key for notice in await session.scalars(recent))
