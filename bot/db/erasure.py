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
from bot.db.disclosures import keep_disclosures
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


async def lock_person(session: AsyncSession, contact_id: int) -> Contact:
    """Everything of a person that others lock too, to oneself until the commit, in the order in which they do.

    Whoever acts for a person has their message first, then the event; whoever gives places the event, then people's
    notices; whoever tells a notice that, then the contact. To take any of it the other way round would be to wait for
    each other. The contact stays open to rows that refer to it, since others add those while they hold the rest.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such contact.
    """
    messages = select(Message.id).where(Message.contact_id == contact_id).order_by(Message.id)
    await session.execute(messages.with_for_update())
    events = select(Registration.event_slug).where(Registration.contact_id == contact_id)
    await session.execute(select(Event.slug).where(Event.slug.in_(events)).order_by(Event.slug).with_for_update())
    notices = select(Notice.id).where(Notice.contact_id == contact_id).order_by(Notice.id)
    await session.execute(notices.with_for_update())
    own = select(Contact).where(Contact.id == contact_id).with_for_update(key_share=True)
    return (await session.scalars(own.execution_options(populate_existing=True))).one()


async def erase_contact(session: AsyncSession, contact_id: int, message_id: int | None, secret: str) -> Erasure:
    """Erase all that is held about a person but the message that asks for it and the address to answer to.

    Args:
        session: a session that writes.
        contact_id: whom.
        message_id: the message that asks for it; None where a member of staff does it.
        secret: the product's own, for what `keep_disclosures` leaves for a day.
    """
    counts: dict[str, int] = {}

    async def count(statement: Delete, table: str) -> None:
        deleted = (await session.execute(statement)).rowcount  # type: ignore[attr-defined]  # a DELETE's result has it
        counts[table] = counts.get(table, 0) + deleted

    await lock_person(session, contact_id)
    await touch_days_of(session, [contact_id])
    await keep_disclosures(session, contact_id, secret)
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
        "question_at": None,
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
