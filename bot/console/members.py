"""Members of staff as pages name them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import StaffMember


async def name_members(session: AsyncSession, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of some accounts, or their addresses where they have none; None is nobody."""
    known = {each for each in ids if each is not None}
    if not known:
        return {}
    query = select(StaffMember.id, StaffMember.name, StaffMember.email).where(StaffMember.id.in_(known))
    return {number: name or email for number, name, email in await session.execute(query)}
