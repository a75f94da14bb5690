"""What can be done to an account: invited, given another role, disabled, enabled, signed out."""

from __future__ import annotations

import unicodedata

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.roles import Role
from bot.console.security.invitations import is_active_administrator, make_invitation
from bot.console.security.sessions import end_sessions
from bot.db.models import StaffMember

NAME_CHARS = 120
#: Characters that turn the text around them: a name could make its neighbours read differently.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class RefusedChange(Exception):
    """A change that would do harm; `reason` is the last part of a key under ``staff.refused`` in the words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean_name(typed: str) -> str:
    """A name as it is kept: one line, without control characters and those that turn the direction of writing."""
    kept = "".join(c for c in typed if c not in _TURNING and (c.isspace() or unicodedata.category(c) != "Cc"))
    return " ".join(kept.split())[:NAME_CHARS].strip()


async def invite(session: AsyncSession, email: str, role: Role, by: int) -> str:
    """Make an account without a password, and the token of its invitation.

    Raises:
        RefusedChange: ``taken``, somebody has an account with this address.
    """
    if await session.scalar(select(StaffMember.id).where(StaffMember.email == email)) is not None:
        raise RefusedChange("taken")
    member = StaffMember(email=email, role=role)
    session.add(member)
    await session.flush()
    record(session, by, "member_invited", f"staff:{member.id}", role=role)
    return await make_invitation(session, member, by)


async def renew_link(session: AsyncSession, member_id: int, by: int, *, clears_totp: bool) -> tuple[StaffMember, str]:
    """A new link to set a password; the account stays as it is until the link is used.

    Raises:
        RefusedChange: ``disabled``, the account is.
    """
    member = await _lock(session, member_id)
    if member.disabled_at is not None:
        raise RefusedChange("disabled")
    record(session, by, "link_made", f"staff:{member.id}", clears_second_factor=clears_totp)
    return member, await make_invitation(session, member, by, clears_totp=clears_totp)


async def change_role(session: AsyncSession, member_id: int, role: Role, by: int) -> bool:
    """Give another role, and end the sessions that had the old one; False: it was this one already.

    Raises:
        RefusedChange: ``last_administrator``.
    """
    member, has_others = await _lock_with_administrators(session, member_id)
    if member.role == role:
        return False
    if member.role == "administrator" and not has_others:
        raise RefusedChange("last_administrator")
    record(session, by, "role_changed", f"staff:{member.id}", was=member.role, role=role)
    member.role = role
    await end_sessions(session, member.id)
    return True


async def disable(session: AsyncSession, member_id: int, by: int) -> None:
    """Shut an account, and end its sessions at once.

    Raises:
        RefusedChange: ``yourself`` or ``last_administrator``.
    """
    member, has_others = await _lock_with_administrators(session, member_id)
    if member.id == by:
        raise RefusedChange("yourself")
    if member.disabled_at is not None:
        return
    if member.role == "administrator" and not has_others:
        raise RefusedChange("last_administrator")
    member.disabled_at = utc_now()
    await end_sessions(session, member.id)
    record(session, by, "member_disabled", f"staff:{member.id}")


async def enable(session: AsyncSession, member_id: int, by: int) -> None:
    """Open an account again, with the password that it had."""
    member = await _lock(session, member_id)
    if member.disabled_at is not None:
        member.disabled_at = None
        record(session, by, "member_enabled", f"staff:{member.id}")


async def sign_out_everywhere(session: AsyncSession, member_id: int, by: int) -> None:
    """End each session of an account."""
    member = await _lock(session, member_id)
    await end_sessions(session, member.id)
    record(session, by, "signed_out_everywhere", f"staff:{member.id}")


async def _lock(session: AsyncSession, member_id: int) -> StaffMember:
    return await session.get_one(StaffMember, member_id, with_for_update=True, populate_existing=True)


async def _lock_with_administrators(session: AsyncSession, member_id: int) -> tuple[StaffMember, bool]:
    """The member, and whether there is another administrator who can sign in.

    All administrators are locked, in one order and before anything else: of two who shut each other out at the same
    moment, one stays.
    """
    query = select(StaffMember.id).where(is_active_administrator()).order_by(StaffMember.id).with_for_update()
    others = set(await session.scalars(query)) - {member_id}
    return await _lock(session, member_id), bool(others)
