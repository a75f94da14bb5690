"""How often one may be wrong: 5 tries an account and 20 an address in a quarter of an hour, then one waits."""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import LoginAttempt

WINDOW: Final = timedelta(minutes=15)
ACCOUNT_TRIES: Final = 5
ADDRESS_TRIES: Final = 20
#: Tries are of no use to anybody after the window; a day is for who looks into an attack.
KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that counts as wrong until it is forgiven."""

    id: int
    account_hash: str


class TooManyAttempts(Exception):
    """The account or the address has to wait.

    Attributes:
        minutes: for how long, rounded up.
    """

    def __init__(self, minutes: int) -> None:
        super().__init__(f"{minutes} min")
        self.minutes = minutes


def hash_account(email: str) -> str:
    """The name of an account, known or not, in the list of tries."""
    return hashlib.sha256(email.encode()).hexdigest()


def find_address(request: Request) -> str:
    """Where a request comes from: an IPv4 address, or the /64 network that one IPv6 customer has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def begin_attempt(db: Database, email: str, address: str) -> Attempt:
    """Note a try before it is checked, so that many at once count as many.

    Raises:
        TooManyAttempts: there were too many; this one was not noted, and must not be checked.
    """
    now = utc_now()
    account_hash = hash_account(email)
    async with db.write() as session:
        await session.execute(delete(LoginAttempt).where(LoginAttempt.tried_at < now - KEPT))
        row = LoginAttempt(account_hash=account_hash, address=address, tried_at=now)
        session.add(row)
        await session.flush()
        attempt = Attempt(row.id, account_hash)
    async with db.read() as session:
        waits = [
            await _find_end(session, LoginAttempt.account_hash == account_hash, attempt.id, ACCOUNT_TRIES),
            await _find_end(session, LoginAttempt.address == address, attempt.id, ADDRESS_TRIES),
        ]
    until = max((end for end in waits if end is not None), default=None)
    if until is not None:
        async with db.write() as session:
            await session.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt.id))
        raise TooManyAttempts(max(1, math.ceil((until - now).total_seconds() / 60)))
    return attempt


async def _find_end(session: AsyncSession, whose: ColumnElement[bool], own_id: int, limit: int) -> datetime | None:
    """When the next try is free; None: now."""
    query = (
        select(LoginAttempt.tried_at)
        .where(whose, LoginAttempt.id != own_id, LoginAttempt.tried_at > utc_now() - WINDOW)
        .order_by(LoginAttempt.tried_at.desc())
        .limit(limit)
    )
    tries = list(await session.scalars(query))
    return tries[-1] + WINDOW if len(tries) == limit else None


async def forgive(session: AsyncSession, attempt: Attempt, *, whole_account: bool) -> None:
    """A right try: it does not count, nor, once somebody is all the way in, do the account's wrong ones."""
    mine = LoginAttempt.account_hash == attempt.account_hash if whole_account else LoginAttempt.id == attempt.id
    await session.execute(delete(LoginAttempt).where(mine))
