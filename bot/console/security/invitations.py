"""Invitations: one-time links that set a password, for a new account, a forgotten password or a lost phone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.audit import record
from bot.console.roles import Role
from bot.console.security.sessions import end_sessions, hash_token
from bot.db.engine import Database
from bot.db.models import StaffInvitation, StaffMember
from bot.errors import AssistantError

VALID_FOR: Final = timedelta(hours=24)
#: The advisory lock of PostgreSQL under which the first administrator is made.
_FIRST = 4


class InvitationError(AssistantError):
    """An invitation can't be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Invited:
    """What an open invitation is for; `member` is None for the first administrator."""

    id: int
    member: StaffMember | None
    clears_totp: bool
    expires_at: datetime


def read_email(typed: str) -> str | None:
    """An e-mail address as accounts are named by it; None when it is none."""
    try:
        found = validate_email(typed.strip(), check_deliverability=False)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


def make_link(base_url: str, token: str) -> str:
    """The address that an invited person opens."""
    return f"{base_url}/console/invitation/{token}"


async def make_invitation(
    session: AsyncSession, member: StaffMember | None, created_by_id: int | None, *, clears_totp: bool = False
) -> str:
    """Make a link's token; every older link to the same account is dead from now on."""
    now = utc_now()
    whose = StaffInvitation.member_id.is_(None) if member is None else StaffInvitation.member_id == member.id
    await session.execute(
        update(StaffInvitation).where(whose, StaffInvitation.used_at.is_(None)).values(expires_at=now)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        StaffInvitation(
            token_hash=hash_token(token),
            member_id=member.id if member else None,
            created_by_id=created_by_id,
            clears_totp=clears_totp,
            created_at=now,
            expires_at=now + VALID_FOR,
        )
    )
    return token


async def find_invitation(session: AsyncSession, token: str) -> Invited | None:
    """The invitation that a token opens; None when it was used, or is too old, or nobody's."""
    query = (
        select(StaffInvitation, StaffMember)
        .outerjoin(StaffMember, StaffMember.id == StaffInvitation.member_id)
        .where(
            StaffInvitation.token_hash == hash_token(token),
            StaffInvitation.used_at.is_(None),
            StaffInvitation.expires_at > utc_now(),
        )
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    invitation, member = row
    if member is None and await has_administrator(session):
        return None
    if member is not None and member.disabled_at is not None:
        return None
    return Invited(invitation.id, member, invitation.clears_totp, invitation.expires_at)


async def use_invitation(session: AsyncSession, token: str) -> Invited | None:
    """Take an invitation, so that nobody else can, nor a second form at the same moment; None: it is not valid."""
    if session.get_bind().dialect.name == "postgresql":
        # Two first administrators could not see each other; SQLite has one writer anyway.
        await session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _FIRST})
    invited = await find_invitation(session, token)
    if invited is None:
        return None
    taken = await session.scalar(
        update(StaffInvitation)
        .where(StaffInvitation.id == invited.id, StaffInvitation.used_at.is_(None))
        .values(used_at=utc_now())
        .returning(StaffInvitation.id)
    )
    return invited if taken is not None else None


async def has_administrator(session: AsyncSession) -> bool:
    """Whether an administrator can sign in."""
    query = select(func.count()).select_from(StaffMember).where(is_active_administrator())
    return bool(await session.scalar(query))


def is_active_administrator() -> ColumnElement[bool]:
    """The condition for administrators who can sign in."""
    return (
        (StaffMember.role == "administrator")
        & StaffMember.password_hash.is_not(None)
        & StaffMember.disabled_at.is_(None)
    )


async def invite_first(db: Database, base_url: str) -> str | None:
    """A link that makes the first administrator; None when there is one. Of several the last one is valid."""
    async with db.write() as session:
        if await has_administrator(session):
            return None
        token = await make_invitation(session, None, None)
    return make_link(base_url, token)


async def invite_from_terminal(db: Database, base_url: str, email: str, role: Role) -> str:
    """A link for a new account, or for one that exists: whoever has the terminal may let anybody in again.

    An account that exists is enabled, gets the role, and sets a new password; its second factor goes.

    Raises:
        InvitationError: it is no e-mail address.
    """
    address = read_email(email)
    if address is None:
        raise InvitationError(f"{email} is no e-mail address")
    async with db.write() as session:
        member = await session.scalar(select(StaffMember).where(StaffMember.email == address))
        if member is None:
            member = StaffMember(email=address, role=role)
            session.add(member)
            await session.flush()
        was = member.role
        member.role, member.disabled_at = role, None
        token = await make_invitation(session, member, None, clears_totp=True)
        changed = {"was": was} if was != role else {}
        if changed:
            await end_sessions(session, member.id)
        record(session, None, "member_invited", f"staff:{member.id}", role=role, **changed)
    return make_link(base_url, token)
