"""Say that something of a past day changed, so that its figures are counted anew (`bot.figures.counting`).

Today is counted again all the time; whoever changes what lies further back says so here, in the same transaction. It
locks the rows of the days, so that a day is either counted after the change or again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, today
from bot.db.models import Application, FigureDay, Interaction, Message, Rating, StaffRequest


async def touch_days(session: AsyncSession, times: Iterable[datetime]) -> None:
    """Note that the days in Morocco of some times are no longer what was counted; today needs no note."""
    days = {at.astimezone(MOROCCO).date() for at in times} - {today()}
    if days:
        # In order, so that of two who change several days neither waits for the other in a circle.
        kept = FigureDay.day.in_(days)
        await session.execute(select(FigureDay.day).where(kept).order_by(FigureDay.day).with_for_update())
        await session.execute(update(FigureDay).where(kept).values(is_stale=True))


async def touch_days_of(session: AsyncSession, contact_ids: Collection[int]) -> None:
    """Note that all days on which some people did something will change: they are erased, or become one."""
    times: list[datetime] = []
    for model, column in (
        (Message, Message.created_at),
        (Interaction, Interaction.created_at),
        (Rating, Rating.asked_at),
        (Rating, Rating.rated_at),
        (StaffRequest, StaffRequest.opened_at),
        (Application, Application.created_at),
    ):
        query = select(column).where(model.contact_id.in_(contact_ids), column.is_not(None))
        times += [at for at in await session.scalars(query) if at is not None]
    await touch_days(session, times)
