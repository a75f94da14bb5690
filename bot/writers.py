"""Who wrote a message, as a turn needs them: their session, the open journey, what was done for it before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.erasure import describe_receipt, find_receipt
from bot.db.interactions import find_done
from bot.db.models import Contact, Draft, Message, Session
from bot.journeys.catalogue import JOURNEYS, form_of
from bot.journeys.conductor import ask_again, find_draft
from bot.journeys.journey import Person
from bot.messages import Variety
from bot.questions import Question
from bot.rasa import CIRCLES, OpenForm


@dataclass(frozen=True, slots=True)
class SessionBounds:
    """When a session ends: after so long without a message, or after so many turns."""

    idle: timedelta
    turns: int


@dataclass(slots=True)
class Writer:
    """Who wrote a message: read once, at the beginning of the turn."""

    contact: Contact
    #: The session that the message belongs to: the running one, or a new one (not yet stored).
    session: Session
    #: The journey whose question is open.
    asking: Draft | None
    #: The receipt of somebody who was erased and waits for it.
    receipt: dict[str, Any] | None
    #: What was done for this very message, when it was tried before.
    done: Question | None

    @property
    def variety(self) -> Variety:
        """The variety that they wrote in last."""
        return self.contact.variety  # type: ignore[return-value]  # only varieties are ever stored

    @property
    def is_held(self) -> bool:
        """Whether a member of staff has the conversation."""
        return self.contact.held_until is not None and self.contact.held_until > utc_now()

    @property
    def form(self) -> OpenForm | None:
        """The form whose question is open."""
        draft = self.asking
        return OpenForm(form_of(draft.journey), draft.asking) if draft is not None and draft.asking else None


async def find_writer(session: AsyncSession, message: Message, now: datetime, bounds: SessionBounds) -> Writer:
    """Read everything that a turn has to know of who wrote a message."""
    contact = await session.get_one(Contact, message.contact_id)
    newest = select(Session).where(Session.contact_id == contact.id).order_by(Session.number.desc()).limit(1)
    last = await session.scalar(newest)
    # Where Rasa went round in circles, what it remembers may be what was wrong: it is tried again without that.
    is_broken = message.attempts > 0 and CIRCLES in (message.error or "")
    if last is None or is_broken or now - last.last_turn_at >= bounds.idle or last.turns >= bounds.turns:
        number = 1 if last is None else last.number + 1
        last = Session(contact_id=contact.id, number=number, started_at=now, last_turn_at=now, turns=0)
    receipt = None if contact.erased_at is None else await find_receipt(session, contact.id)
    asking = await find_draft(session, contact.id, "asking")
    done = await _find_done(session, message, asking)
    return Writer(contact, last, asking, None if receipt is None else describe_receipt(receipt), done)


async def _find_done(session: AsyncSession, message: Message, asking: Draft | None) -> Question | None:
    """What was done for a message when it was tried before, with the question of the journey that is open since.

    None also for a message of several questions, of which one was answered: Rasa is asked again, and each action that
    did its part gives its answer again.
    """
    done = await find_done(session, message.id)
    if done is None or not all(question.startswith("/") or question == message.text for question in done.questions):
        return None
    answers = done.answers
    if asking is not None and not any(answer.key.startswith("ask_") for answer in answers):
        person = Person(message.contact_id, message.channel, message.id)
        with session.no_autoflush:
            # Read only: putting a question again is noted in the draft, which nobody needs to have written.
            step = await ask_again(session, JOURNEYS[asking.journey], person)
        answers += (step.answer,) if step.answer is not None else ()
    return Question(answers=answers, intent=done.intent, variety=done.variety)
