"""Erase a person: everything they said and did at once, their address as soon as the receipt is sent.

Law 09-08, articles 8 and 9, gives the right; what stays is a receipt without a name (`Erasure`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Delete, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, utc_now
from bot.db.annotations import forget_messages
from bot.db.log import drop_terms, recount
from bot.db.models import (
    AccessCode,
    Application,
    ApplicationChange,
    CampaignRecipient,
    CampaignTester,
    Consent,
    Contact,
    ContactTag,
    DocumentTick,
    Draft,
    Erasure,
    Event,
    Identity,
    Interaction,
    Message,
    Note,
    Notice,
    Rating,
    Registration,
    ReplayedMessage,
    Session,
    StaffRequest,
    Subscription,
)
from bot.db.touched import touch_days_of
from bot.references import make_reference

#: How long the receipt stays after it was sent, for the web page to fetch it.
RECEIPT_KEPT = timedelta(minutes=1)
#: Tables with a `contact_id`, in an order in which their rows can go.
_OWNED = (
    AccessCode,
    CampaignRecipient,
    CampaignTester,
    Consent,
    ContactTag,
    DocumentTick,
    Draft,
    Note,
    Notice,
    Rating,
    Registration,
    ReplayedMessage,
    Subscription,
    StaffRequest,
    Interaction,
)


async def erase_contact(session: AsyncSession, contact_id: int, message_id: int | None) -> Erasure:
    """Erase all that is held about a person but the message that asks for it and the address to answer to."""
    counts: dict[str, int] = {}

    async def count(statement: Delete, table: str) -> None:
        deleted = (await session.execute(statement)).rowcount  # type: ignore[attr-defined]  # a DELETE's result has it
        counts[table] = counts.get(table, 0) + deleted

    # As whoever gives places does: the event first, then its registrations.
    events = select(Registration.event_slug).where(Registration.contact_id == contact_id)
    await session.execute(select(Event.slug).where(Event.slug.in_(events)).order_by(Event.slug).with_for_update())
    await touch_days_of(session, [contact_id])
    applications = select(Application.id).where(Application.contact_id == contact_id)
    await count(
        delete(ApplicationChange).where(ApplicationChange.application_id.in_(applications)), "application_changes"
    )
    await count(delete(Application).where(Application.contact_id == contact_id), "applications")
    for model in _OWNED:
        await count(delete(model).where(model.contact_id == contact_id), model.__tablename__)
    # What is still to be answered gets the receipt as its answer.
    handled = (Message.contact_id == contact_id) & (Message.state != "received")
    counts["candidates"] = await forget_messages(session, Message.contact_id == contact_id)
    await drop_terms(session, Message.contact_id == contact_id)
    await count(delete(Message).where(handled, Message.id != message_id), "messages")
    blank: dict[str, object] = {
        "text": "",
        "payload": None,
        "rest": None,
        "attachments": [],
        "entities": [],
        "ranking": [],
        "session_id": None,
    }
    await session.execute(update(Message).where(Message.contact_id == contact_id).values(**blank))
    await count(delete(Session).where(Session.contact_id == contact_id), "sessions")
    await session.execute(update(Identity).where(Identity.contact_id == contact_id).values(profile={}))
    now = utc_now()
    receipt = Erasure(reference=make_reference("DEL"), counts=counts, erased_at=now)
    session.add(receipt)
    forgotten = dict.fromkeys(("chosen_variety", "unsubscribed_at", "held_by", "held_by_id", "held_until"))
    await recount(session, contact_id, unread=0, read_by_staff_at=None, waiting_since=None)
    own = update(Contact).where(Contact.id == contact_id)
    await session.execute(own.values(erased_at=now, erasure_reference=receipt.reference, **forgotten))
    return receipt


async def list_purgeable(session: AsyncSession) -> list[int]:
    """Erased contacts whose receipt is sent, or will never be, and was there for a while."""
    unfinished = select(Message.contact_id).where(Message.state.in_(("received", "queued")))
    query = select(Contact.id).where(Contact.erased_at < utc_now() - RECEIPT_KEPT, Contact.id.not_in(unfinished))
    return list(await session.scalars(query))


async def purge_contact(session: AsyncSession, contact_id: int) -> None:
    """Take away the last traces of an erased person: receipt, address and row."""
    await touch_days_of(session, [contact_id])
    for model in _OWNED:
        await session.execute(delete(model).where(model.contact_id == contact_id))
    await forget_messages(session, Message.contact_id == contact_id)
    await drop_terms(session, Message.contact_id == contact_id)
    await session.execute(delete(Message).where(Message.contact_id == contact_id))
    await session.execute(delete(Session).where(Session.contact_id == contact_id))
    await session.execute(delete(Identity).where(Identity.contact_id == contact_id))
    await session.execute(delete(Contact).where(Contact.id == contact_id))


async def find_receipt(session: AsyncSession, contact_id: int) -> Erasure | None:
    """The receipt of somebody who was erased and only waits for it; None for everybody else."""
    reference = select(Contact.erasure_reference).where(Contact.id == contact_id, Contact.erased_at.is_not(None))
    return await session.scalar(select(Erasure).where(Erasure.reference == reference.scalar_subquery()))


def describe_receipt(receipt: Erasure) -> dict[str, Any]:
    """What the text of a receipt shows."""
    return {
        "reference": receipt.reference,
        "day": receipt.erased_at.astimezone(MOROCCO).date().isoformat(),
        "messages": receipt.counts["messages"],
        "applications": receipt.counts["applications"],
    }


async def is_erased(session: AsyncSession, contact_id: int) -> bool:
    """Whether a contact was erased and only waits for its receipt."""
    query = select(func.count()).where(Contact.id == contact_id, Contact.erased_at.is_not(None))
    return bool(await session.scalar(query))
