"""What happens to a person's campaigns beside the sending: they write back, say STOP, or link another channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import CampaignRecipient, CampaignTester

#: So long after a campaign an answer or a STOP is counted as following from it: the last one that the person got.
ATTRIBUTED = timedelta(days=7)


async def note_reply(session: AsyncSession, contact_id: int, at: datetime) -> None:
    """Say that a person wrote: the first time after the last campaign that they got counts as an answer to it."""
    first = CampaignRecipient.replied_at.is_(None)
    await session.execute(update(CampaignRecipient).where(_last(contact_id, at), first).values(replied_at=at))


async def note_stop(session: AsyncSession, contact_id: int) -> None:
    """Say that a person wants no more messages: counted with the last campaign that they got, not as an answer."""
    now = utc_now()
    await session.execute(update(CampaignRecipient).where(_last(contact_id, now)).values(stopped_at=now))


def _last(contact_id: int, at: datetime) -> ColumnElement[bool]:
    own = (CampaignRecipient.contact_id == contact_id) & CampaignRecipient.is_test.is_(False)
    told = own & (CampaignRecipient.state == "queued") & (CampaignRecipient.handled_at > at - ATTRIBUTED)
    newest = select(func.max(CampaignRecipient.id)).where(told).scalar_subquery()
    return CampaignRecipient.id == newest


async def unite_recipients(session: AsyncSession, kept_id: int, merged_id: int) -> None:
    """Make one person's campaigns of two's: nobody gets one twice, nor a second time since they linked a channel."""
    both = CampaignRecipient.contact_id.in_((kept_id, merged_id)) & CampaignRecipient.is_test.is_(False)
    rows: dict[int, list[CampaignRecipient]] = {}
    for row in await session.scalars(select(CampaignRecipient).where(both).with_for_update()):
        rows.setdefault(row.campaign_id, []).append(row)
    for twice in (group for group in rows.values() if len(group) > 1):
        # What went out stays; of two that wait, the one whose turn comes first.
        for row in sorted(twice, key=lambda each: (each.state != "queued", each.id))[1:]:
            await session.delete(row)
    await session.flush()
    tested = select(CampaignTester.member_id).where(CampaignTester.contact_id == kept_id)
    await session.execute(
        delete(CampaignTester).where(CampaignTester.contact_id == merged_id, CampaignTester.member_id.in_(tested))
    )
    for model in (CampaignRecipient, CampaignTester):
        await session.execute(update(model).where(model.contact_id == merged_id).values(contact_id=kept_id))
