"""What a message asks: of Rasa, as text or as a button's payload; or of the app itself, which answers it at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.channels.base import Channel
from bot.choices import find_choice
from bot.content import load_words, phrase
from bot.db.models import Message
from bot.db.places import find_nearest_city
from bot.journeys.programme_lists import list_further
from bot.journeys.words import NO_ONLY, YES_ONLY
from bot.messages import VARIETIES, Answer, Outbound, Variety
from bot.paging import asks_for_more, find_rest
from bot.payloads import read_payload
from bot.plain import plain_words

logger = logging.getLogger(__name__)

#: Buttons that leave everything as it is, whatever was said since, and what is said to them.
KEPT = {"/keep_data": "erasure_kept", "/keep_apart": "link_kept", "/keep_application": "application_kept"}
#: Answers that ask something, and the button that a "yes" to them is.
YES: Mapping[str, str] = {
    "erasure_confirm": "/erase_my_data",
    "link_confirm": "/confirm_link",
    "withdraw_confirm": "/confirm_withdrawal",
    "withdraw_application": "/withdraw_application",
    "journey_waiting": "/resume_journey",
    "place_offered": "/confirm_place",
    "checklist_reminder": "/show_checklist",
    "application_elsewhere": "/send_link_code",
    "cohorts_none": "/subscribe_updates",
    "events_none": "/subscribe_updates",
    "events_upcoming": "/subscribe_updates",
    "publications_none": "/subscribe_updates",
}
#: The same for a "no".
NO: Mapping[str, str] = {
    "erasure_confirm": "/keep_data",
    "link_confirm": "/keep_apart",
    "withdraw_confirm": "/keep_application",
    "place_offered": "/event_cancel",
}
#: The title of the button for more, in every variety: typed where there is no such button, it asks for nothing else.
_MORE_WORDS = frozenset(plain_words(phrase(variety, "more")) for variety in VARIETIES)


def _read_titles() -> dict[str, tuple[str, Variety | None]]:
    """What buttons are called, wherever they stand: the payload, and the variety, if only one calls it so."""
    titles: dict[str, tuple[str, Variety | None]] = {}
    for variety in VARIETIES:
        for intent, title in load_words()[variety].buttons.items():
            words = plain_words(title)
            titles[words] = (f"/{intent}", None if words in titles else variety)
    return titles


_TITLES = _read_titles()


@dataclass(frozen=True, slots=True)
class Question:
    """What is put to Rasa (text or payload), or the answers that need no Rasa, or the rest of one that was given."""

    text: str | None = None
    payload: str | None = None
    answers: tuple[Answer, ...] = ()
    rest: Outbound | None = None
    #: Of answers that were found for something done before: the intent that it was done for.
    intent: str | None = None
    #: The variety of the message with its confidence, where Rasa does not say.
    variety: Mapping[str, Any] | None = None


async def read_question(
    session: AsyncSession, message: Message, channels: Mapping[str, Channel], requested: str | None
) -> Question:
    """Read buttons, typed choices, places and things that are not text; `requested` is the field that was asked."""
    if message.payload is not None:
        return await _read_payload(session, message, message.payload)
    if message.text:
        payload = await _find_typed_choice(session, message, channels)
        if payload is None and plain_words(message.text) in _MORE_WORDS:
            return Question(answers=(Answer("more_gone"),))
        if payload is not None:
            # A button of ours, as the log has it.
            if payload in KEPT:
                return Question(answers=(Answer(KEPT[payload]),))
            return await _read_more(session, message, payload) or Question(payload=payload)
        titled = _TITLES.get(plain_words(message.text)) if requested is None else None
        if titled is not None:
            payload, variety = titled
            return Question(payload=payload, variety={"name": variety, "confidence": 1.0} if variety else None)
        if not any(letter.isalnum() for letter in message.text) and not any(ord(c) > 0x2000 for c in message.text):
            return Question(answers=(Answer("no_text"),))
        return Question(text=message.text)
    return await _read_attachment(session, message, requested)


async def _read_payload(session: AsyncSession, message: Message, payload: str) -> Question:
    if payload == "/start":
        return Question(answers=(Answer("welcome"),))
    more = await _read_more(session, message, payload)
    if more is not None:
        return more
    if payload in KEPT:
        return Question(answers=(Answer(KEPT[payload]),))
    try:
        read_payload(payload)
    except ValueError as error:
        logger.info("message %s: %s", message.id, error)
        return Question(answers=(Answer("not_understood"),))
    return Question(payload=payload)


async def _read_more(session: AsyncSession, message: Message, payload: str) -> Question | None:
    """The rest of a long answer, or the next ones of a list, where a payload asks for it."""
    if not asks_for_more(payload):
        return None
    rest = await find_rest(session, message.contact_id, payload)
    if rest is None:
        return Question(answers=(Answer("more_gone"),))
    return Question(rest=rest) if isinstance(rest, Outbound) else Question(answers=(await list_further(session, rest),))


async def _find_last(session: AsyncSession, message: Message) -> Message | None:
    """The last message to this person."""
    own = (Message.contact_id == message.contact_id) & (Message.direction == "out") & (Message.id < message.id)
    return (await session.scalars(select(Message).where(own).order_by(Message.id.desc()).limit(1))).first()


async def find_meant(session: AsyncSession, message: Message) -> str | None:
    """The button that a message stands for which is nothing but a yes or no, where the last one to this person asks."""
    said = plain_words(message.text)
    table = YES if YES_ONLY.fullmatch(said) else NO if NO_ONLY.fullmatch(said) else None
    last = await _find_last(session, message) if table is not None else None
    if table is None or last is None:
        return None
    wanted = table.get(last.answer_key or "")
    payloads = [str(button.get("payload") or "") for button in last.buttons]
    return next((payload for payload in payloads if wanted is not None and payload.startswith(wanted)), None)


async def _read_attachment(session: AsyncSession, message: Message, requested: str | None) -> Question:
    if not message.attachments:
        return Question(answers=(Answer("no_text"),))
    attachment = message.attachments[0]
    if attachment["kind"] == "location":
        city = await find_nearest_city(session, attachment["latitude"], attachment["longitude"])
        if city is None:
            return Question(answers=(Answer("location_far"),))
        return Question(payload="/inform" + json.dumps({"city": city.slug}))
    if attachment["kind"] == "contact":
        phone = "".join(letter for letter in attachment.get("phone", "") if letter.isdigit())
        if requested == "phone" and attachment.get("own") and phone:
            return Question(payload="/inform" + json.dumps({"phone": f"+{phone}"}))
        return Question(answers=(Answer("contact_shared"),))
    return Question(answers=(Answer("unsupported", {"kind": attachment["kind"]}),))


async def _find_typed_choice(session: AsyncSession, message: Message, channels: Mapping[str, Channel]) -> str | None:
    """The payload of the button that a text names: by its number among those of the last message to this person, where
    they were shown as a numbered list, or by its words among those of the last turn."""
    last = await _find_last(session, message)
    if last is None:
        return None
    channel = channels.get(message.channel)
    is_numbered = channel is not None and not channel.shows_buttons and last.channel == message.channel
    payload = find_choice(message.text, last.buttons, numbered=is_numbered)
    if payload is None and last.reply_to_id is not None:
        turn = await session.scalars(select(Message.buttons).where(Message.reply_to_id == last.reply_to_id))
        payload = find_choice(message.text, [button for buttons in turn for button in buttons], numbered=False)
    return payload
