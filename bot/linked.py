"""A code from another channel, in a message: ask whether both conversations are one's own, and then make them one."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.interactions import Done, count_outcomes, log_interaction
from bot.db.linking import find_code, find_code_owner, merge_contacts, use_code
from bot.db.models import Contact, Message
from bot.journeys.conductor import find_draft
from bot.messages import Answer
from bot.payloads import read_payload

#: So many wrong codes within this time, and no further one is looked at: a code can't be found by trying.
MOST_WRONG = 5
WRONG_WITHIN = timedelta(hours=1)
_ACTION = "link_channels"


def has_code(message: Message) -> bool:
    """Whether a message brings a code, typed or with the button that confirms it."""
    return find_code(message.text) is not None or _read_confirmed(message.payload) is not None


async def answer_code(session: AsyncSession, message: Message) -> Answer:
    """The answer to a message with a code; after a confirmed one its contact is the one that the code belongs to.

    Whoever can make somebody type a code would see their data; so it is not enough to type it.
    """
    typed, confirmed = find_code(message.text), _read_confirmed(message.payload)
    if await count_outcomes(session, message.contact_id, "link_failed", WRONG_WITHIN) >= MOST_WRONG:
        return _note(session, message, message.contact_id, Answer("link_blocked"))
    owner = await find_code_owner(session, typed or str(confirmed))
    if owner is None:
        return _note(session, message, message.contact_id, Answer("link_failed"))
    if owner == message.contact_id:
        return Answer("link_same")
    if confirmed is None:
        await _adopt_variety(session, message.contact_id, owner)
        choices = ((f'/confirm_link{{"code": "{typed}"}}', "@link_channels"), ("/keep_apart", "@keep_apart"))
        return Answer("link_confirm", {}, choices)
    if await use_code(session, confirmed) is None:
        return _note(session, message, message.contact_id, Answer("link_failed"))
    await merge_contacts(session, owner, message.contact_id)
    draft = await find_draft(session, owner, "asking", "paused")
    resume = () if draft is None else ((f'/resume_journey{{"journey": "{draft.journey}"}}', None),)
    return _note(session, message, owner, Answer("linked", {"journey": draft.journey if draft else None}, resume))


async def _adopt_variety(session: AsyncSession, contact_id: int, owner_id: int) -> None:
    """Answer somebody who has said nothing yet on this channel in the variety of whose code they have."""
    understood = select(Message.id).where(Message.contact_id == contact_id, Message.intent.is_not(None))
    if await session.scalar(understood.limit(1)) is None:
        owner = await session.get_one(Contact, owner_id)
        variety = owner.chosen_variety or owner.variety
        await session.execute(update(Contact).where(Contact.id == contact_id).values(variety=variety))


def _note(session: AsyncSession, message: Message, contact_id: int, answer: Answer) -> Answer:
    """Keep what came of a code with the code's own change: a message that is tried again hears the same."""
    log_interaction(
        session,
        _ACTION,
        answer,
        contact_id=contact_id,
        message_id=message.id,
        duration_ms=0.0,
        done=Done(message.payload or message.text),
    )
    return answer


def _read_confirmed(payload: str | None) -> str | None:
    """The code in the payload of the button that links two channels."""
    if payload is None or not payload.startswith("/confirm_link{"):
        return None
    try:
        return find_code(read_payload(payload)[1].get("code", ""))
    except ValueError:
        return None
