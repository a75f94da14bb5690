"""Sessions of staff: begun at sign-in, asked for at each request, ended by a deletion."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from bot.clock import utc_now
from bot.console.roles import Role
from bot.console.words import Language
from bot.db.engine import Database
from bot.db.models import StaffMember, StaffSession

#: A session that nobody used for so long is over.
IDLE = timedelta(minutes=60)
#: No session lives longer, however much it is used.
LIFETIME = timedelta(hours=12)
#: How long the second factor may take after the password.
HALF_LIFETIME = timedelta(minutes=10)
#: How far `seen_at` may be behind: a page of many requests writes once.
SEEN_PRECISION = timedelta(seconds=60)

#: The cookie's path. `__Host-` would ask for `/`, where the chat page of strangers is; its other promises are kept.
COOKIE_PATH = "/console"


@dataclass(frozen=True, slots=True)
class Signed:
    """The signed-in member of staff, as one request sees them."""

    member_id: int
    session_id: int
    name: str
    email: str
    role: Role
    language: Language
    csrf_token: str
    #: False while the second factor is missing.
    is_complete: bool
    #: Whether the account has a second factor at all.
    has_second_factor: bool
    #: Until when everything is open without one; None: the account needs none, or has it.
    enrol_by: datetime | None = None

    @property
    def must_enrol(self) -> bool:
        """Whether nothing is open but the way to a second factor."""
        return self.enrol_by is not None and self.enrol_by <= utc_now()


def hash_token(token: str) -> str:
    """SHA-256 in hex. Tokens are 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_name(*, is_secure: bool) -> str:
    """Where browsers see https, the name alone makes them refuse the cookie over http."""
    return "__Secure-console" if is_secure else "console"


def is_secure(request: Request) -> bool:
    """Whether staff reach the console by https."""
    return str(request.app.state.assistant.settings.base_url).startswith("https://")


def set_cookie(request: Request, response: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """Set a cookie that only the console gets and no script reads."""
    response.set_cookie(
        name, value, max_age=max_age_s, path=COOKIE_PATH, secure=is_secure(request), httponly=True, samesite="lax"
    )


def write_session_cookie(request: Request, response: Response, token: str) -> None:
    """Hand the session to the browser, until the browser is closed or the session ends."""
    secure = is_secure(request)
    set_cookie(request, response, cookie_name(is_secure=secure), token)


def clear_session_cookie(request: Request, response: Response) -> None:
    """Take the session's cookie away."""
    secure = is_secure(request)
    response.delete_cookie(
        cookie_name(is_secure=secure), path=COOKIE_PATH, secure=secure, httponly=True, samesite="lax"
    )


def read_session_cookie(request: Request) -> str:
    """The token that the browser holds, or an empty text."""
    return request.cookies.get(cookie_name(is_secure=is_secure(request)), "")


async def begin_session(
    session: AsyncSession,
    member: StaffMember,
    user_agent: str,
    *,
    is_complete: bool,
    replaces: str = "",
    enrol_by: datetime | None = None,
) -> str:
    """Begin a session and give its token, which is kept nowhere.

    Args:
        session: a transaction.
        member: who signs in.
        user_agent: what the browser says it is.
        is_complete: whether no second factor is missing.
        replaces: the token that the browser held before; it ends, so nobody can have planted it.
        enrol_by: from when on it leads to the second factor only.
    """
    now = utc_now()
    await session.execute(delete(StaffSession).where(StaffSession.expires_at < now))
    if replaces:
        await session.execute(delete(StaffSession).where(StaffSession.token_hash == hash_token(replaces)))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_hash=hash_token(token),
            member_id=member.id,
            csrf_token=secrets.token_urlsafe(32),
            is_complete=is_complete,
            user_agent=user_agent.replace("\x00", "")[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + (LIFETIME if is_complete else HALF_LIFETIME),
            enrol_by=enrol_by,
        )
    )
    return token


async def find_session(db: Database, token: str) -> Signed | None:
    """Whose session a token opens, if it is not over; notes that it was used."""
    if not token:
        return None
    now = utc_now()
    query = (
        select(StaffSession, StaffMember)
        .join(StaffMember, StaffMember.id == StaffSession.member_id)
        .where(
            StaffSession.token_hash == hash_token(token),
            StaffSession.expires_at > now,
            StaffSession.seen_at > now - IDLE,
            StaffMember.disabled_at.is_(None),
        )
    )
    async with db.read() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    held, member = row
    if now - held.seen_at > SEEN_PRECISION:
        async with db.write() as session:
            await session.execute(update(StaffSession).where(StaffSession.id == held.id).values(seen_at=now))
    return Signed(
        member_id=member.id,
        session_id=held.id,
        name=member.name,
        email=member.email,
        role=cast(Role, member.role),
        language=cast(Language, member.language),
        csrf_token=held.csrf_token,
        is_complete=held.is_complete,
        has_second_factor=member.totp_secret is not None,
        enrol_by=held.enrol_by,
    )


async def list_sessions(session: AsyncSession, member_id: int) -> list[StaffSession]:
    """A member's live sessions, the last used first."""
    now = utc_now()
    query = (
        select(StaffSession)
        .where(
            StaffSession.member_id == member_id,
            StaffSession.is_complete,
            StaffSession.expires_at > now,
            StaffSession.seen_at > now - IDLE,
        )
        .order_by(StaffSession.seen_at.desc(), StaffSession.id.desc())
    )
    return list(await session.scalars(query))


async def end_sessions(
    session: AsyncSession, member_id: int, *, only: int | None = None, but: int | None = None
) -> None:
    """End a member's sessions at once: all of them, only one, or all but one (by id)."""
    statement = delete(StaffSession).where(StaffSession.member_id == member_id)
    if only is not None:
        statement = statement.where(StaffSession.id == only)
    if but is not None:
        statement = statement.where(StaffSession.id != but)
    await session.execute(statement)
