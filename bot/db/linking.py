"""One person, two channels: a code shown on one and typed on the other proves both."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.campaigns import unite_recipients
from bot.db.log import unite_conversations
from bot.db.models import (
    AccessCode,
    Application,
    ApplicationChange,
    Consent,
    Contact,
    ContactTag,
    DocumentTick,
    Draft,
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
from bot.db.notices import call_off
from bot.db.touched import touch_days_of
from bot.references import make_reference

#: How long a code can be typed.
CODE_HELD = timedelta(minutes=15)
#: With its hyphen, and in the letters that references are made of: "send me the link please" has none.
_CODE = re.compile(r"\bLINK-([0-9A-HJKMNP-TV-Z]{6})\b", re.IGNORECASE)
#: Purposes of codes that link: one that a person asked for, and one sent to them since somebody asks elsewhere. Neither
#: makes the other void.
LINKING = ("link", "sent")
#: From the furthest on.
_FURTHER = ("accepted", "invited", "checking", "incomplete", "received")
_LIVE_PLACES = ("registered", "offered", "waiting")
_PLAIN = (
    AccessCode,
    Consent,
    Draft,
    Identity,
    Interaction,
    Message,
    Note,
    Notice,
    Rating,
    ReplayedMessage,
    StaffRequest,
)


def find_code(text: str) -> str | None:
    """The code in a message, as it was made, or None."""
    match = _CODE.search(text)
    return f"LINK-{match[1].upper()}" if match else None


async def make_code(session: AsyncSession, contact_id: int, purpose: str = "link") -> str:
    """A new code of a person; those before it are void."""
    await session.execute(delete(AccessCode).where(AccessCode.contact_id == contact_id, AccessCode.purpose == purpose))
    code = make_reference("LINK")
    session.add(
        AccessCode(contact_id=contact_id, purpose=purpose, secret_hash=_hash(code), expires_at=utc_now() + CODE_HELD)
    )
    return code


async def find_code_owner(session: AsyncSession, code: str) -> int | None:
    """The contact whose unused, unexpired code this is, or None."""
    owner: int | None = await session.scalar(select(AccessCode.contact_id).where(_is_valid(code)))
    return owner


async def use_code(session: AsyncSession, code: str) -> int | None:
    """Use a code up: the contact whose it is, or None when it is not valid (any more)."""
    statement = update(AccessCode).where(_is_valid(code)).values(used_at=utc_now())
    owner: int | None = await session.scalar(statement.returning(AccessCode.contact_id))
    return owner


def _is_valid(code: str) -> ColumnElement[bool]:
    own = (AccessCode.secret_hash == _hash(code)) & AccessCode.purpose.in_(LINKING)
    return own & AccessCode.used_at.is_(None) & (AccessCode.expires_at > utc_now())


async def merge_contacts(session: AsyncSession, kept_id: int, merged_id: int) -> None:
    """Make one person of two: everything of `merged_id` becomes `kept_id`'s, and its row goes.

    What one person may have once stays as the kept one has it: a live application, a registration for an event, a
    subscription. Of two open journeys the one just being answered is paused.
    """
    both = (kept_id, merged_id)
    await session.execute(delete(AccessCode).where(AccessCode.contact_id.in_(both), AccessCode.used_at.is_(None)))
    # Of both: on the same day they would be two people, and their conversations are one now.
    await touch_days_of(session, both)
    merged = await session.get_one(Contact, merged_id)
    if merged.unsubscribed_at is not None:
        # A STOP holds for the person, whatever channel it was said on.
        silent = (Contact.id == kept_id) & Contact.unsubscribed_at.is_(None)
        await session.execute(update(Contact).where(silent).values(unsubscribed_at=merged.unsubscribed_at))
    paused = (Draft.contact_id == merged_id) & (Draft.state == "asking")
    await session.execute(update(Draft).where(paused).values(state="paused"))
    await _end_second(session, kept_id, merged_id)
    await unite_recipients(session, kept_id, merged_id)
    for model in (*_PLAIN, Application, ContactTag, DocumentTick, Registration, Subscription):
        await session.execute(update(model).where(model.contact_id == merged_id).values(contact_id=kept_id))
    last = await session.scalar(select(func.max(Session.number)).where(Session.contact_id == kept_id)) or 0
    await session.execute(
        update(Session).where(Session.contact_id == merged_id).values(contact_id=kept_id, number=Session.number + last)
    )
    await unite_conversations(session, await session.get_one(Contact, kept_id), merged)
    await session.execute(delete(Contact).where(Contact.id == merged_id))


async def _end_second(session: AsyncSession, kept_id: int, merged_id: int) -> None:
    """Of what there may be one of, leave the one that is further on."""
    both = (kept_id, merged_id)
    live = Application.state.not_in(("refused", "withdrawn"))
    applications = list(await session.scalars(select(Application).where(Application.contact_id.in_(both), live)))
    for application in sorted(applications, key=lambda each: (_FURTHER.index(each.state), each.id))[1:]:
        application.state, application.updated_at = "withdrawn", utc_now()
        session.add(ApplicationChange(application_id=application.id, state="withdrawn", changed_by="person"))
    places: dict[str, list[Registration]] = {}
    own = Registration.contact_id.in_(both) & Registration.state.in_(_LIVE_PLACES)
    for place in await session.scalars(select(Registration).where(own)):
        places.setdefault(place.event_slug, []).append(place)
    for slug, twice in places.items():
        for place in sorted(twice, key=lambda each: (_LIVE_PLACES.index(each.state), each.id))[1:]:
            place.state, place.updated_at = "cancelled", utc_now()
            await call_off(session, place.contact_id, f"event:{slug}")
    ticked = select(DocumentTick.document_slug).where(DocumentTick.contact_id == kept_id)
    await session.execute(
        delete(DocumentTick).where(DocumentTick.contact_id == merged_id, DocumentTick.document_slug.in_(ticked))
    )
    tagged = select(ContactTag.tag_id).where(ContactTag.contact_id == kept_id)
    await session.execute(delete(ContactTag).where(ContactTag.contact_id == merged_id, ContactTag.tag_id.in_(tagged)))
    await _unite_subscriptions(session, kept_id, merged_id)
    # A correction shows one application, and would be put into the other.
    corrections = select(Draft.id).where(Draft.contact_id.in_(both), Draft.journey == "correction")
    await session.execute(update(Draft).where(Draft.returns_to_id.in_(corrections)).values(returns_to_id=None))
    await session.execute(delete(Draft).where(Draft.id.in_(corrections)))
    await session.flush()


async def _unite_subscriptions(session: AsyncSession, kept_id: int, merged_id: int) -> None:
    """Of two subscriptions to one topic make one that wants what both want."""
    own = {
        row.topic: row for row in await session.scalars(select(Subscription).where(Subscription.contact_id == kept_id))
    }
    for other in list(await session.scalars(select(Subscription).where(Subscription.contact_id == merged_id))):
        kept = own.get(other.topic)
        if kept is None:
            continue
        if other.ended_at is None and kept.ended_at is not None:
            kept.ended_at, kept.wishes = None, other.wishes
        elif other.ended_at is None:
            both_narrow = kept.wishes and other.wishes
            added = [wish for wish in other.wishes if wish not in kept.wishes]
            kept.wishes = [*kept.wishes, *added] if both_narrow else []
        await session.delete(other)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
