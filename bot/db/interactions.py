"""The log of actions: what was asked of the database, what it found, and what is done and need not be done again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Interaction
from bot.messages import Answer


def log_interaction(
    session: AsyncSession,
    action: str,
    answer: Answer | None,
    *,
    contact_id: int | None,
    message_id: int | None,
    is_done: bool = False,
    **values: Any,
) -> None:
    """Note one run of an action; `values` are further columns of `Interaction`.

    With `is_done` the answer is kept too: it is given again when the message is tried again.
    """
    kept = answer.as_json() if is_done and answer is not None else None
    session.add(
        Interaction(
            contact_id=contact_id,
            message_id=message_id,
            action=action,
            outcome=answer.key if answer is not None else "nothing",
            answer=kept,
            **values,
        )
    )


async def find_done(session: AsyncSession, message_id: int) -> tuple[str | None, tuple[Answer, ...]]:
    """The intent of a message and the answers to what was done for it before, in order; none for a new one."""
    query = select(Interaction).where(Interaction.message_id == message_id, Interaction.error.is_(None))
    rows = [row for row in await session.scalars(query.order_by(Interaction.id)) if row.answer is not None]
    return (rows[0].intent if rows else None), tuple(Answer.from_json(row.answer) for row in rows if row.answer)


async def count_outcomes(session: AsyncSession, contact_id: int, outcome: str, within: timedelta) -> int:
    """How often something came to an outcome for one person lately."""
    query = select(func.count()).where(
        Interaction.contact_id == contact_id,
        Interaction.outcome == outcome,
        Interaction.created_at > utc_now() - within,
    )
    return int(await session.scalar(query) or 0)
