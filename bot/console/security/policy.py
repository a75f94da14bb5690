"""Which accounts need a second factor, and from when on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.roles import ROLES, Role
from bot.db.models import StaffMember, StaffPolicy

#: How long a new account, or one that needs it only since now, may do without: nobody is locked out on the first day.
GRACE = timedelta(days=7)


async def list_required_roles(session: AsyncSession) -> list[Role]:
    """The roles whose accounts need a second factor, in the order of `ROLES`."""
    policy = await session.get_one(StaffPolicy, 1)
    return [role for role in ROLES if role in policy.second_factor_roles]


async def require_second_factor(session: AsyncSession, roles: Collection[Role]) -> bool:
    """From now on accounts of these roles need one; whether that is a change. Who is signed in is not interrupted."""
    policy = await session.get_one(StaffPolicy, 1, with_for_update=True, populate_existing=True)
    wanted = [role for role in ROLES if role in roles]
    if wanted == policy.second_factor_roles:
        return False
    if not set(wanted) <= set(policy.second_factor_roles):
        policy.changed_at = utc_now()
    policy.second_factor_roles = wanted
    return True


async def find_enrolment_end(session: AsyncSession, member: StaffMember) -> datetime | None:
    """Until when an account may do without a second factor; None: it has one, or needs none."""
    policy = await session.get_one(StaffPolicy, 1)
    if member.totp_secret is not None or member.role not in policy.second_factor_roles:
        return None
    return max(member.created_at, policy.changed_at) + GRACE
