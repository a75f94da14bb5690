"""Answer people: one message at a time for each, from the log's ``received`` to its stored replies.

A turn reads the message, asks Rasa (or answers by itself what needs no understanding), renders the answers in the
person's variety, and stores them in the same commit that closes the message. A crash before that commit leaves the
message ``received``, and it is answered at the next start.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.answers import Answers, RenderError
from bot.channels.base import Channel
from bot.choices import find_choice
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.erasure import describe_receipt, find_receipt
from bot.db.linking import find_code, find_code_owner, merge_contacts, use_code
from bot.db.models import Contact, Draft, Message, Session
from bot.db.people import open_request
from bot.db.places import find_nearest_city
from bot.errors import RasaError
from bot.journeys.catalogue import form_of
from bot.journeys.conductor import find_draft, pause_drafts
from bot.journeys.satisfaction import RATED, ask_for_rating
from bot.lanes import Lanes
from bot.messages import RIGHT_TO_LEFT, Answer, Outbound, Turn, Understanding, Variety
from bot.outbox import CLAIMED_ELSEWHERE_S, Outbox
from bot.payloads import read_payload
from bot.rasa import OpenForm, Rasa
from bot.settings import Settings

logger = logging.getLogger(__name__)

#: A turn that failed before anything was answered is tried once more, after this pause.
ATTEMPTS = 2
RETRY_PAUSE_S = 1.5
#: From this probability on, or from this number of words on, a message says by itself in which variety it is.
CLEAR_VARIETY = 0.75
CLEAR_WORDS = 4
#: Addresses are in Latin letters whatever language their owner speaks.
_NO_LANGUAGE = re.compile(r"\S+@\S+|https?://\S+|\bwww\.\S+", re.IGNORECASE)
#: So long after its last answer the question of a journey is still what a message answers; later it is resumed.
JOURNEY_OPEN = timedelta(hours=24)
#: Fewer words say nothing of a language while a question of a journey is open: "full stack", "cloud و devops".
IN_JOURNEY_WORDS = 3
#: Of somebody's first message less is asked, since nothing came before it but a guess.
CLEAR_AT_FIRST = 0.6


@dataclass(frozen=True, slots=True)
class _Question:
    """What is put to Rasa, or the answer that needs no Rasa."""

    text: str | None = None
    payload: str | None = None
    answer: Answer | None = None
    #: Whether a name was asked for, which many write in another script than they speak.
    is_name: bool = False
    #: Whether a question of a journey was open.
    is_asked: bool = False


class Conversation:
    """Turns received messages into stored replies."""

    def __init__(
        self,
        db: Database,
        rasa: Rasa,
        answers: Answers,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        settings: Settings,
    ) -> None:
        """`channels` are those whose replies the outbox sends; the web page's are fetched by who asked."""
        self._db = db
        self._rasa = rasa
        self._answers = answers
        self._outbox = outbox
        self._channels = channels
        self._idle = timedelta(minutes=settings.session_idle_minutes)
        self._turn_limit = settings.session_turn_limit
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.lanes = Lanes("turn", self._take_turn, settings.concurrent_turns)

    async def list_due(self) -> list[int]:
        """Contacts with a received message whose time has come."""
        due = (Message.next_attempt_at.is_(None)) | (Message.next_attempt_at <= utc_now())
        query = select(Message.contact_id).where(Message.state == "received", due).distinct()
        async with self._db.read() as session:
            return list(await session.scalars(query))

    async def wait_for(self, message_id: int, timeout_s: float) -> bool:
        """Wait until a message is answered or failed, also when another process does it; False when time runs out."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        done = self._waiting.setdefault(message_id, asyncio.get_running_loop().create_future())
        try:
            while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
                async with self._db.read() as session:
                    state = await session.scalar(select(Message.state).where(Message.id == message_id))
                if state != "received":
                    return True
                await asyncio.wait({done}, timeout=min(left_s, 1.0))
            return False
        finally:
            self._waiting.pop(message_id, None)

    async def _take_turn(self, contact_id: int) -> float | None:
        async with self._db.claim("turn", contact_id) as is_ours:
            if not is_ours:
                return CLAIMED_ELSEWHERE_S
            async with self._db.read() as session:
                query = (
                    select(Message)
                    .where(Message.contact_id == contact_id, Message.state == "received")
                    .order_by(Message.id)
                    .limit(1)
                )
                message = await session.scalar(query)
            if message is None:
                return None
            now = utc_now()
            if message.next_attempt_at is not None and message.next_attempt_at > now:
                return (message.next_attempt_at - now).total_seconds()
            try:
                pause_s = await self._answer(message, now)
            except (OperationalError, InterfaceError, PoolTimeout, OSError):
                raise  # the database is away: the message stays as it is, and the lane comes back to it
            except Exception as failure:  # a defect of ours must neither block this person nor lose the message
                logger.exception("message %s could not be answered", message.id)
                pause_s = await self._give_up(message, now, f"{type(failure).__name__}: {failure}")
            waiting = self._waiting.get(message.id)
            if pause_s == 0 and waiting is not None and not waiting.done():
                waiting.set_result(None)
            return pause_s

    async def _answer(self, message: Message, started_at: datetime) -> float:
        """Answer one message; the seconds after which to look at this contact again."""
        clock = perf_counter()
        if await self._is_held(message.contact_id):
            return await self._leave_to_staff(message, started_at)
        receipt = await self._find_receipt(message.contact_id)
        linking = await self._link(message)
        if linking is not None:
            message, question = linking
        elif receipt is not None:
            question = _Question(answer=Answer("data_erased", receipt))
        else:
            question = await self._question_of(message)
        contact, session_row = await self._open_session(message, started_at)
        turn: Turn | None = None
        error: str | None = None
        rasa_ms = 0.0
        if question.answer is not None:
            answers: tuple[Answer, ...] = (question.answer,)
        else:
            form = await self._open_form(message.contact_id)
            is_name = form is not None and form.requested in ("full_name", "organisation")
            question = replace(question, is_name=is_name, is_asked=form is not None)
            rasa_clock = perf_counter()
            try:
                turn = await self._rasa.reply(
                    session_row.rasa_sender,
                    text=question.text,
                    payload=question.payload,
                    metadata={"message_id": message.id},
                    form=form,
                )
                answers = _ask_once(turn.answers)
                if session_row.turns == 0:
                    answers += await self._offer_to_resume(message.contact_id)
                answers = await self._ask_for_rating(message.contact_id, answers)
            except RasaError as failure:
                error = f"{type(failure).__name__}: {failure}"
                logger.warning("message %s got no answer (attempt %s): %s", message.id, message.attempts + 1, error)
                if message.attempts + 1 < ATTEMPTS:
                    return await self._put_off(message, error)
                answers = (await self._answer_alone(message, question.payload),)
            rasa_ms = (perf_counter() - rasa_clock) * 1000
        heard = await self._heard_variety(contact, message, question, turn)
        reply_variety = await self._chosen_variety(contact) or heard
        outbounds, render_error = await self._render(answers, reply_variety)
        error = error or render_error
        timings = {
            "wait": round((started_at - message.created_at).total_seconds() * 1000, 1),
            "rasa": round(rasa_ms, 1),
            "total": round((perf_counter() - clock) * 1000, 1),
        }
        await self._store(message, session_row, turn, heard, outbounds, error, timings)
        if any(answer.key == "data_erased" for answer in answers):
            await self._forget(message.contact_id)
        self._outbox.lanes.wake(message.contact_id)
        return 0

    async def _link(self, message: Message) -> tuple[Message, _Question] | None:
        """Where a message brings a code from another channel: ask whether both are theirs, and once they say so, link.

        Whoever can make somebody type a code would see their data; so it is not enough to type it. The message returned
        is the linked person's.
        """
        code = find_code(message.text)
        confirmed = _read_confirmed_code(message.payload)
        if code is None and confirmed is None:
            return None
        async with self._db.write() as session:
            other = await find_code_owner(session, code or str(confirmed))
            if other is None:
                return message, _Question(answer=Answer("link_failed"))
            if other == message.contact_id:
                return message, _Question(answer=Answer("link_same"))
            if confirmed is None:
                choices = ((f'/confirm_link{{"code": "{code}"}}', "@link_channels"), ("/deny", "@keep_apart"))
                return message, _Question(answer=Answer("link_confirm", {}, choices))
            if await use_code(session, confirmed) is None:
                return message, _Question(answer=Answer("link_failed"))
            await merge_contacts(session, other, message.contact_id)
        async with self._db.read() as session:
            linked = await session.get_one(Message, message.id)
            draft = await find_draft(session, linked.contact_id, "asking", "paused")
        resume = () if draft is None else ((f'/resume_journey{{"journey": "{draft.journey}"}}', None),)
        answer = Answer("linked", {"journey": draft.journey if draft else None}, resume)
        return linked, _Question(answer=answer)

    async def _find_receipt(self, contact_id: int) -> dict[str, Any] | None:
        """The receipt for somebody whose erasure was done and whose message could not be answered then."""
        async with self._db.read() as session:
            receipt = await find_receipt(session, contact_id)
        return None if receipt is None else describe_receipt(receipt)

    async def _is_held(self, contact_id: int) -> bool:
        """Whether a member of staff has the conversation."""
        async with self._db.read() as session:
            until = await session.scalar(select(Contact.held_until).where(Contact.id == contact_id))
        return until is not None and until > utc_now()

    async def _leave_to_staff(self, message: Message, started_at: datetime) -> float:
        """Close a message without a reply: a person answers it."""
        contact, session_row = await self._open_session(message, started_at)
        await self._store(message, session_row, None, contact.variety, [], None, {})  # type: ignore[arg-type]
        return 0

    async def _forget(self, contact_id: int) -> None:
        """Have Rasa forget somebody at once; if it is away, it is asked again when the erasure is finished."""
        try:
            await self._rasa.forget(contact_id)
        except RasaError as error:
            logger.warning("contact %s: %s", contact_id, error)

    async def _open_session(self, message: Message, now: datetime) -> tuple[Contact, Session]:
        """The contact, and the session this message belongs to: the running one, or a new one (not yet stored)."""
        async with self._db.read() as session:
            contact = await session.get_one(Contact, message.contact_id)
            query = select(Session).where(Session.contact_id == contact.id).order_by(Session.number.desc()).limit(1)
            last = await session.scalar(query)
        if last is not None and now - last.last_turn_at < self._idle and last.turns < self._turn_limit:
            return contact, last
        number = 1 if last is None else last.number + 1
        return contact, Session(contact_id=contact.id, number=number, started_at=now, last_turn_at=now, turns=0)

    async def _open_form(self, contact_id: int) -> OpenForm | None:
        """The form whose question the person may be answering; one that was left long ago is put aside."""
        async with self._db.read() as session:
            draft = await find_draft(session, contact_id, "asking")
        if draft is None or draft.asking is None:
            return None
        if utc_now() - draft.updated_at < JOURNEY_OPEN:
            return OpenForm(form_of(draft.journey), draft.asking)
        async with self._db.write() as session:
            await pause_drafts(session, contact_id)
        return None

    async def _offer_to_resume(self, contact_id: int) -> tuple[Answer, ...]:
        """What to say of a journey that was left, to somebody who comes back; once."""
        async with self._db.read() as session:
            draft = await find_draft(session, contact_id, "paused")
        if draft is None or draft.offered_at is not None:
            return ()
        async with self._db.write() as session:
            await session.execute(update(Draft).where(Draft.id == draft.id).values(offered_at=utc_now()))
        resume = f'/resume_journey{{"journey": "{draft.journey}"}}'
        return (Answer("journey_waiting", {"journey": draft.journey}, ((resume, None),)),)

    async def _ask_for_rating(self, contact_id: int, answers: Sequence[Answer]) -> tuple[Answer, ...]:
        """The answers, the end of a journey with the question whether it helped."""
        rated = next((answer for answer in answers if answer.key in RATED), None)
        if rated is None:
            return tuple(answers)
        async with self._db.write() as session:
            asked = await ask_for_rating(session, contact_id, rated)
        return tuple(asked if answer is rated else answer for answer in answers)

    async def _question_of(self, message: Message) -> _Question:
        """What the message asks, after buttons, typed choices, places and things that are not text."""
        if message.payload is not None:
            if message.payload == "/start":
                return _Question(answer=Answer("welcome"))
            try:
                read_payload(message.payload)
            except ValueError as error:
                logger.info("message %s: %s", message.id, error)
                return _Question(answer=Answer("not_understood"))
            return _Question(payload=message.payload)
        if message.text:
            buttons, numbered = await self._last_buttons(message)
            payload = find_choice(message.text, buttons, numbered=numbered)
            if payload is not None:
                return _Question(payload=payload)
            if not any(letter.isalnum() for letter in message.text) and not any(ord(c) > 0x2000 for c in message.text):
                return _Question(answer=Answer("no_text"))
            return _Question(text=message.text)
        return await self._about_attachment(message)

    async def _about_attachment(self, message: Message) -> _Question:
        if not message.attachments:
            return _Question(answer=Answer("no_text"))
        attachment = message.attachments[0]
        if attachment["kind"] == "location":
            async with self._db.read() as session:
                city = await find_nearest_city(session, attachment["latitude"], attachment["longitude"])
            if city is None:
                return _Question(answer=Answer("location_far"))
            return _Question(payload="/inform" + json.dumps({"city": city.slug}))
        if attachment["kind"] == "contact":
            form = await self._open_form(message.contact_id)
            phone = "".join(letter for letter in attachment.get("phone", "") if letter.isdigit())
            if form is not None and form.requested == "phone" and attachment.get("own") and phone:
                return _Question(payload="/inform" + json.dumps({"phone": f"+{phone}"}))
            return _Question(answer=Answer("contact_shared"))
        return _Question(answer=Answer("unsupported", {"kind": attachment["kind"]}))

    async def _last_buttons(self, message: Message) -> tuple[list[dict[str, str]], bool]:
        """The buttons of the last message to this person, and whether they were shown as a numbered list."""
        async with self._db.read() as session:
            query = (
                select(Message)
                .where(Message.contact_id == message.contact_id, Message.direction == "out", Message.id < message.id)
                .order_by(Message.id.desc())
                .limit(1)
            )
            last = await session.scalar(query)
        if last is None:
            return [], False
        channel = self._channels.get(message.channel)
        return last.buttons, channel is not None and not channel.shows_buttons and last.channel == message.channel

    async def _heard_variety(
        self, contact: Contact, message: Message, question: _Question, turn: Turn | None
    ) -> Variety:
        """The variety that the person writes: by this message if it is clear, else by what came before."""
        if question.text is None or turn is None or question.is_name:
            return contact.variety  # type: ignore[return-value]  # only varieties are ever stored
        is_first = await self._is_first(message)
        # To a question of a journey many answer with a technical term, whatever they speak.
        words_needed = IN_JOURNEY_WORDS if question.is_asked else 0
        return clear_variety(turn.understanding, question.text, contact.variety, is_first, words_needed)

    async def _chosen_variety(self, contact: Contact) -> Variety | None:
        """The variety that the person asked for; read again, since the action of this very turn may have changed it."""
        async with self._db.read() as session:
            chosen = await session.scalar(select(Contact.chosen_variety).where(Contact.id == contact.id))
        return chosen  # type: ignore[return-value]  # only varieties are ever stored

    async def _is_first(self, message: Message) -> bool:
        async with self._db.read() as session:
            # What had no words, or got no answer, was not understood and says nothing of the person's variety.
            understood = Message.variety.is_not(None) & Message.intent.is_not(None)
            query = select(func.count()).where(
                Message.contact_id == message.contact_id, Message.direction == "in", understood
            )
            return not await session.scalar(query)

    async def _render(self, answers: Sequence[Answer], variety: Variety) -> tuple[list[Outbound], str | None]:
        """The words of every answer; an answer that can't be written becomes the apology, and the error is kept."""
        outbounds: list[Outbound] = []
        error: str | None = None
        for answer in answers:
            try:
                outbounds.append(await self._answers.render(answer, variety))
            except RenderError as failure:
                logger.error("answer %s could not be written: %s", answer.key, failure)
                error = f"RenderError: {failure}"
        if not outbounds:
            outbounds.append(await self._answers.render(Answer("apology"), variety))
        return outbounds, error

    async def _answer_alone(self, message: Message, payload: str | None) -> Answer:
        """What can be said without Rasa: an apology; to its own button, that the team was told."""
        if payload != "/request_human":
            return Answer("apology")
        async with self._db.write() as session:
            is_new = await open_request(session, message.contact_id, "human", message.id)
        return Answer("human_requested", {"already": not is_new, "there_until": None, "there_from": None})

    async def _give_up(self, message: Message, started_at: datetime, error: str) -> float:
        """Try once more later; the second time, apologise and close the message."""
        if message.attempts + 1 < ATTEMPTS:
            return await self._put_off(message, error)
        contact, session_row = await self._open_session(message, started_at)
        variety: Variety = contact.chosen_variety or contact.variety  # type: ignore[assignment]
        apology = await self._answers.render(Answer("apology"), variety)
        await self._store(message, session_row, None, contact.variety, [apology], error, {})  # type: ignore[arg-type]
        self._outbox.lanes.wake(message.contact_id)
        return 0

    async def _put_off(self, message: Message, error: str) -> float:
        due_at = utc_now() + timedelta(seconds=RETRY_PAUSE_S)
        async with self._db.write() as session:
            values = {"attempts": message.attempts + 1, "next_attempt_at": due_at, "error": error}
            await session.execute(update(Message).where(Message.id == message.id).values(**values))
        return RETRY_PAUSE_S

    async def _store(
        self,
        message: Message,
        session_row: Session,
        turn: Turn | None,
        variety: Variety,
        outbounds: Sequence[Outbound],
        error: str | None,
        timings: dict[str, float],
    ) -> None:
        """Store the replies, close the message and count the turn, in one commit."""
        now = utc_now()
        # Also of a channel that is not configured any more: the outbox then says in the log that nothing was sent.
        is_pushed = message.channel != "web"
        async with self._db.write() as session:
            session_row = await session.merge(session_row)
            session_row.turns += 1
            session_row.last_turn_at = now
            await session.flush()
            heard = {} if turn is None else _columns_of(turn.understanding)
            values = heard | {
                "state": "failed" if error else "answered",
                "session_id": session_row.id,
                "error": error,
                "attempts": message.attempts + 1,
                "timings": timings,
                "finished_at": now,
                "variety": variety if message.text else None,
            }
            still_open = (Message.id == message.id) & (Message.state == "received")
            closed = await session.scalar(update(Message).where(still_open).values(**values).returning(Message.id))
            if closed is None:
                # The claim was lost with its connection, and another process answered: one answer is enough.
                await session.rollback()
                return
            if message.text:
                await session.execute(update(Contact).where(Contact.id == message.contact_id).values(variety=variety))
            for outbound in outbounds:
                session.add(
                    Message(
                        contact_id=message.contact_id,
                        identity_id=message.identity_id,
                        session_id=session_row.id,
                        reply_to_id=message.id,
                        direction="out",
                        channel=message.channel,
                        state="queued" if is_pushed else "sent",
                        text=outbound.text,
                        buttons=[button.as_json() for button in outbound.buttons],
                        answer_key=outbound.answer_key,
                        variety=outbound.variety,
                        finished_at=None if is_pushed else now,
                    )
                )


def _read_confirmed_code(payload: str | None) -> str | None:
    """The code in the payload of the button that links two channels."""
    if payload is None or not payload.startswith("/confirm_link{"):
        return None
    try:
        return find_code(read_payload(payload)[1].get("code", ""))
    except ValueError:
        return None


def _ask_once(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Without the questions of a journey that were put before the last one, as between two interruptions."""
    asked = [position for position, answer in enumerate(answers) if answer.key.startswith("ask_")]
    return tuple(answer for position, answer in enumerate(answers) if position not in asked[:-1])


def clear_variety(heard: Understanding, text: str, before: str, is_first: bool, words_needed: int = 0) -> Variety:
    """The variety of a typed message, with the contact's last one deciding for what is short or doubtful ("ok").

    The script always counts: Arabic letters are never answered in French, nor Latin ones in Arabic; unless the message
    has fewer words than are needed to say anything of its language.
    """
    mixes = words_needed > 0 and before in RIGHT_TO_LEFT and any("\u0600" <= letter <= "\u06ff" for letter in text)
    if len(text.split()) < words_needed or (mixes and heard.variety not in RIGHT_TO_LEFT):
        return before  # type: ignore[return-value]  # only varieties are ever stored
    if not any(letter.isalpha() for letter in _NO_LANGUAGE.sub("", text)):
        return before  # type: ignore[return-value]  # only varieties are ever stored
    same_script = (heard.variety in ("ar", "ary-Arab")) == (before in ("ar", "ary-Arab"))
    needed = CLEAR_AT_FIRST if is_first else CLEAR_VARIETY
    is_clear = heard.variety_confidence >= needed or len(text.split()) >= CLEAR_WORDS
    has_words = heard.variety_confidence > 0
    if has_words and (is_clear or not same_script):
        return heard.variety
    return before  # type: ignore[return-value]  # only varieties are ever stored


def _columns_of(heard: Understanding) -> dict[str, object]:
    return {
        "intent": heard.intent,
        "confidence": heard.confidence,
        "ranking": list(heard.ranking),
        "entities": list(heard.entities),
    }
