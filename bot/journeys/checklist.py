"""The papers to bring: ticks that stay, and a reminder of what is missing for those who want one."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import ApplicationDocument, DocumentTick
from bot.db.notices import call_off, plan_notice
from bot.messages import Answer

#: The subject of the reminder.
SUBJECT = "checklist"
#: When the reminder comes.
REMINDED_AFTER = timedelta(days=3)


async def list_documents(session: AsyncSession, contact_id: int) -> list[tuple[ApplicationDocument, bool]]:
    """Every paper, and whether the person has it ready."""
    own = set(await session.scalars(select(DocumentTick.document_slug).where(DocumentTick.contact_id == contact_id)))
    rows = await session.scalars(
        select(ApplicationDocument).order_by(ApplicationDocument.rank, ApplicationDocument.slug)
    )
    return [(row, row.slug in own) for row in rows]


async def toggle(session: AsyncSession, contact_id: int, slug: str) -> bool:
    """Tick a paper, or take the tick away; False when there is no such paper. With all of them no reminder is due."""
    if await session.get(ApplicationDocument, slug) is None:
        return False
    own = (DocumentTick.contact_id == contact_id) & (DocumentTick.document_slug == slug)
    taken = await session.scalar(delete(DocumentTick).where(own).returning(DocumentTick.id))
    if taken is None:
        session.add(DocumentTick(contact_id=contact_id, document_slug=slug))
        await session.flush()
    if all(is_ready for _, is_ready in await list_documents(session, contact_id)):
        await call_off(session, contact_id, SUBJECT)
    return True


async def remind(session: AsyncSession, contact_id: int) -> None:
    """Plan the one reminder that the person just agreed to."""
    await call_off(session, contact_id, SUBJECT)
    told = Answer("checklist_reminder", {}, (("/show_checklist", None),))
    now = utc_now()
    plan_notice(session, contact_id, told, asked_at=now, due_at=now + REMINDED_AFTER, subject=SUBJECT)
