"""How often somebody was told lately that a number or address has an application: a limit that outlives an erasure.

While a person is known, the log of actions counts. An erasure takes the log along; so that nobody begins anew by it,
each time within the last day leaves a line with its moment and a fingerprint: the address on the channel, hashed with
the product's secret. Nothing else is in it, no number and no name, and it goes after that day.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Disclosure, Identity, Interaction

#: The outcome that is counted, and the time within which it is.
OUTCOME = "application_elsewhere"
COUNTED = timedelta(days=1)


def fingerprint(secret: str, channel: str, address: str) -> str:
    """A channel's address as a hash that only who has the secret can make; 64 hexadecimal digits."""
    return hmac.new(secret.encode(), f"disclosure\n{channel}\n{address}".encode(), hashlib.sha256).hexdigest()


async def _list_fingerprints(session: AsyncSession, contact_id: int, secret: str) -> Sequence[str]:
    query = select(Identity.channel, Identity.address).where(Identity.contact_id == contact_id)
    return [fingerprint(secret, channel, address) for channel, address in (await session.execute(query)).all()]


async def keep_disclosures(session: AsyncSession, contact_id: int, secret: str) -> None:
    """Before somebody's log goes: what it counts, under each of their addresses."""
    told = select(Interaction.created_at).where(
        Interaction.contact_id == contact_id,
        Interaction.outcome == OUTCOME,
        Interaction.created_at > utc_now() - COUNTED,
    )
    moments = list(await session.scalars(told))
    for who in await _list_fingerprints(session, contact_id, secret) if moments else ():
        session.add_all(Disclosure(who=who, told_at=at) for at in moments)


async def count_disclosures(session: AsyncSession, contact_id: int, secret: str) -> int:
    """How often somebody who has one of a person's addresses was told within the last day, before they were erased."""
    own = await _list_fingerprints(session, contact_id, secret)
    counted = select(func.count()).where(Disclosure.who.in_(own), Disclosure.told_at > utc_now() - COUNTED)
    # Two linked channels of one person have the same lines.
    return max(await session.scalars(counted.group_by(Disclosure.who)), default=0)


async def forget_old_disclosures(session: AsyncSession) -> None:
    """Delete the lines that count no more."""
    await session.execute(delete(Disclosure).where(Disclosure.told_at <= utc_now() - COUNTED))
