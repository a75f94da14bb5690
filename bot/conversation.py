"""Answer people: one message at a time for each, from the log's ``received`` to its stored replies.

A turn reads the message, asks Rasa (or answers by itself what needs no understanding), renders the answers in the
person's variety, and stores them in the same commit that closes the message. A crash before that commit leaves the
message ``received``, and it is answered at the next start; what was done for it by then is not done again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import func, select, update

from bot.answers import Answers, RenderError
from bot.channels.base import Channel
from bot.clock import utc_now
from bot.content import phrase
from bot.db.engine import AWAY, Database
from bot.db.interactions import forget_answers
from bot.db.log import add_sent
from bot.db.models import Contact, Draft, Message, Session
from bot.db.people import open_request
from bot.db.touched import touch_days
from bot.errors import RasaError
from bot.journeys.conductor import find_draft, pause_drafts
from bot.journeys.satisfaction import RATED, THUMBS, may_ask_for_rating
from bot.lanes import Lanes
from bot.linked import answer_code, has_code
from bot.messages import Answer, Button, Outbound, Turn, Understanding, Variety
from bot.outbox import CLAIMED_ELSEWHERE_S, UNFINISHED, Outbox
from bot.paging import Paged, fit_screen, write_rest
from bot.questions import Question, find_meant, read_question
from bot.rasa import Rasa
from bot.settings import Settings
from bot.varieties import IN_JOURNEY_WORDS, clear_variety
from bot.writers import SessionBounds, Writer, find_writer

logger = logging.getLogger(__name__)

#: A turn that failed before anything was answered is tried once more, after this pause.
ATTEMPTS = 2
RETRY_PAUSE_S = 1.5
#: So long after its last answer the question of a journey is still what a message answers; later it is resumed.
JOURNEY_OPEN = timedelta(hours=24)
#: Names are written by many in another script than they speak.
_NAME_FIELDS = frozenset({"full_name", "organisation"})


@dataclass(slots=True)
class _Reply:
    """What a turn came to, before it has words."""

    answers: tuple[Answer, ...]
    turn: Turn | None = None
    error: str | None = None
    rasa_ms: float = 0.0


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
        self._bounds = SessionBounds(timedelta(minutes=settings.session_idle_minutes), settings.session_turn_limit)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.lanes = Lanes("turn", self._take_turn, settings.concurrent_turns)

    async def list_due(self) -> list[int]:
        """Contacts with a received message whose time has come."""
        due = (Message.next_attempt_at.is_(None)) | (Message.next_attempt_at <= utc_now())
        query = select(Message.contact_id).where(UNFINISHED, Message.state == "received", due).distinct()
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
            except AWAY:
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
        message = await self._read_yes_or_no(message)
        message, writer = await self._read_writer(message, started_at)
        if writer.is_held:
            # Closed without a reply: a person answers it.
            await self._store(message, writer.session, {}, writer.variety, [], None, {})
            return 0
        question = await self._read_question(message, writer)
        if question.answers or question.rest is not None:
            reply = _Reply(question.answers)
        else:
            reply = await self._ask_rasa(message, question, writer)
            if reply.error is not None and message.attempts + 1 < ATTEMPTS:
                return await self._put_off(message, reply.error)
        heard = await self._heard_variety(message, question, reply.turn, writer)
        variety = await self._chosen_variety(writer.contact) or heard
        pages, render_error = await self._render(reply.answers, variety, message.channel)
        if question.rest is not None:
            pages = [await self._turn_page(message.contact_id, question.rest)]
        error = reply.error or render_error
        timings = {
            "wait": round((started_at - message.created_at).total_seconds() * 1000, 1),
            "rasa": round(reply.rasa_ms, 1),
            "total": round((perf_counter() - clock) * 1000, 1),
        }
        understood = {"intent": question.intent} if reply.turn is None else _columns_of(reply.turn.understanding)
        await self._store(message, writer.session, understood, heard, pages, error, timings)
        if any(answer.key == "data_erased" for answer in reply.answers):
            await self._forget(message.contact_id)
        self._outbox.lanes.wake(message.contact_id)
        return 0

    async def _read_yes_or_no(self, message: Message) -> Message:
        """A message that is nothing but a yes or no, as the button of what was just asked."""
        if message.payload is not None or not message.text:
            return message
        async with self._db.read() as session:
            meant = await find_meant(session, message)
        if meant is None:
            return message
        async with self._db.write() as session:
            await session.execute(update(Message).where(Message.id == message.id).values(payload=meant))
            return await session.get_one(Message, message.id)

    async def _read_writer(self, message: Message, now: datetime) -> tuple[Message, Writer]:
        """The message as it is now, and who wrote it; a code in it is looked at first, since it may link two people."""
        async with self._db.read() as session:
            writer = await find_writer(session, message, now, self._bounds)
        if writer.is_held or writer.done is not None or writer.receipt is not None or not has_code(message):
            return message, writer
        async with self._db.write() as session:
            answer = await answer_code(session, message)
        async with self._db.read() as session:
            message = await session.get_one(Message, message.id)
            writer = await find_writer(session, message, now, self._bounds)
        writer.done = Question(answers=(answer,))
        return message, writer

    async def _read_question(self, message: Message, writer: Writer) -> Question:
        if writer.done is not None:
            return writer.done
        if writer.receipt is not None:
            return Question(answers=(Answer("data_erased", writer.receipt),))
        if writer.asking is not None and utc_now() - writer.asking.updated_at >= JOURNEY_OPEN:
            # Left long ago: it is put aside, and can be resumed.
            async with self._db.write() as session:
                await pause_drafts(session, message.contact_id)
            writer.asking = None
        async with self._db.read() as session:
            requested = None if writer.form is None else writer.form.requested
            return await read_question(session, message, self._channels, requested)

    async def _ask_rasa(self, message: Message, question: Question, writer: Writer) -> _Reply:
        """What Rasa makes of a message, and what the app adds to it; without Rasa, what can be said alone."""
        clock = perf_counter()
        try:
            turn = await self._rasa.reply(
                writer.session.rasa_sender,
                text=question.text,
                payload=question.payload,
                metadata={"message_id": message.id},
                form=writer.form,
            )
        except RasaError as failure:
            error = f"{type(failure).__name__}: {failure}"
            logger.warning("message %s got no answer (attempt %s): %s", message.id, message.attempts + 1, error)
            is_last = message.attempts + 1 >= ATTEMPTS
            alone = (await self._answer_alone(message, question.payload),) if is_last else ()
            return _Reply(alone, error=error, rasa_ms=(perf_counter() - clock) * 1000)
        answers = _ask_once(turn.answers)
        if writer.session.turns == 0:
            answers += await self._offer_to_resume(message.contact_id)
        answers = await self._ask_for_rating(message.contact_id, answers)
        return _Reply(answers, turn, rasa_ms=(perf_counter() - clock) * 1000)

    async def _forget(self, contact_id: int) -> None:
        """Have Rasa forget somebody at once; if it is away, it is asked again when the erasure is finished."""
        try:
            await self._rasa.forget(contact_id)
        except RasaError as error:
            logger.warning("contact %s: %s", contact_id, error)

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
            if not await may_ask_for_rating(session, contact_id, rated.key):
                return tuple(answers)
        asked = replace(rated, choices=(*rated.choices, *THUMBS))
        return tuple(asked if answer is rated else answer for answer in answers)

    async def _turn_page(self, contact_id: int, rest: Outbound) -> Paged:
        """The rest of a long answer; at its end the question whether it helped."""
        page = fit_screen(rest, phrase(rest.variety, "more"))
        if page.rest is not None:
            return page
        async with self._db.write() as session:
            is_asked = await may_ask_for_rating(session, contact_id, rest.answer_key)
        thumbs = tuple(Button(str(title), payload=payload) for payload, title in THUMBS) if is_asked else ()
        return Paged(replace(page.shown, buttons=(*page.shown.buttons, *thumbs)), None)

    async def _heard_variety(self, message: Message, question: Question, turn: Turn | None, writer: Writer) -> Variety:
        """The variety that the person writes: by this message if it is clear, else by what came before."""
        form = writer.form
        typed = question.text or (message.text if question.variety is not None else None)
        if typed is None or (form is not None and form.requested in _NAME_FIELDS):
            return writer.variety
        if question.variety is not None:
            heard, sure = question.variety["name"], float(question.variety["confidence"])
        elif turn is not None:
            heard, sure = turn.understanding.variety, turn.understanding.variety_confidence
        else:
            return writer.variety
        if form is not None and turn is not None and _says_no_more_than_a_name(turn.understanding):
            return writer.variety
        is_first = await self._is_first(message)
        # To a question of a journey many answer with a technical term, whatever they speak.
        words_needed = IN_JOURNEY_WORDS if form is not None else 0
        is_title = question.variety is not None and question.payload is not None
        return clear_variety(heard, sure, typed, writer.variety, is_first, words_needed, is_title=is_title)

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

    async def _render(
        self, answers: Sequence[Answer], variety: Variety, channel: str
    ) -> tuple[list[Paged], str | None]:
        """The words of every answer; an answer that can't be written becomes the apology, and the error is kept."""
        shown_on = self._channels.get(channel)
        is_numbered = shown_on is not None and not shown_on.shows_buttons
        pages: list[Paged] = []
        error: str | None = None
        for answer in answers:
            try:
                outbound = await self._answers.render(answer, variety)
            except RenderError as failure:
                logger.error("answer %s could not be written: %s", answer.key, failure)
                error = f"RenderError: {failure}"
            else:
                # A question of a journey is put whole: nobody confirms a summary of which they saw a half.
                # Where buttons are numbers, they are those of the last message.
                is_whole = answer.key.startswith("ask_") or (is_numbered and answer is not answers[-1])
                pages.append(Paged(outbound, None) if is_whole else fit_screen(outbound, phrase(variety, "more")))
        if not pages:
            pages.append(Paged(await self._answers.render(Answer("apology"), variety), None))
        return pages, error

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
        async with self._db.read() as session:
            writer = await find_writer(session, message, started_at, self._bounds)
        variety: Variety = writer.contact.chosen_variety or writer.variety  # type: ignore[assignment]
        apology = Paged(await self._answers.render(Answer("apology"), variety), None)
        await self._store(message, writer.session, {}, writer.variety, [apology], error, {})
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
        understood: Mapping[str, object],
        variety: Variety,
        pages: Sequence[Paged],
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
            values = {
                **understood,
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
            await forget_answers(session, message.id)
            replies = []
            for page in pages:
                outbound = page.shown
                replies.append(
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
                        rest=write_rest(page),
                        question_at=outbound.begins_at if outbound.answer_key.startswith("ask_") else None,
                        answer_key=outbound.answer_key,
                        variety=outbound.variety,
                        finished_at=None if is_pushed else now,
                    )
                )
            await add_sent(session, replies)
            await touch_days(session, [message.created_at])


def _ask_once(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Without the questions of a journey that were put before the last one, as between two interruptions."""
    asked = [position for position, answer in enumerate(answers) if answer.key.startswith("ask_")]
    return tuple(answer for position, answer in enumerate(answers) if position not in asked[:-1])


def _says_no_more_than_a_name(heard: Understanding) -> bool:
    """Whether a message is a piece of information in which nothing is known but, perhaps, a name."""
    return heard.intent == "inform" and {str(entity["entity"]) for entity in heard.entities} <= {"person_name"}


def _columns_of(heard: Understanding) -> dict[str, object]:
    return {
        "intent": heard.intent,
        "confidence": heard.confidence,
        "ranking": list(heard.ranking),
        "entities": list(heard.entities),
    }
