"""What is done when its time comes: notices, offers of places that nobody took, a look at what was said, figures."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from bot.annotation.gathering import gather
from bot.answers import Answers, RenderError
from bot.clock import utc_now
from bot.db.disclosures import forget_old_disclosures
from bot.db.engine import AWAY, Database
from bot.db.log import add_sent
from bot.db.models import Contact, Identity, Message, Notice
from bot.db.notices import list_due_notices
from bot.db.people import end_holds
from bot.figures.keeping import FigureKeeper
from bot.journeys.conductor import forget_old_drafts
from bot.journeys.registrations import REMINDERS, list_unsettled, settle
from bot.messages import SAID_STOP, Answer, Variety
from bot.outbox import Outbox
from bot.reach import Reach, Route

logger = logging.getLogger(__name__)

#: A reminder of an event that could not be told so long after its time has no sense any more.
TOO_LATE = timedelta(hours=1)


class Schedule:
    """Works off what is due; several processes may, since each notice is taken once."""

    def __init__(self, db: Database, answers: Answers, outbox: Outbox, reach: Reach) -> None:
        self._db, self._answers, self._outbox, self._reach = db, answers, outbox, reach
        self._figures = FigureKeeper(db)

    async def run_due(self) -> None:
        """Do everything whose time has come."""
        async with self._db.read() as session:
            unsettled = await list_unsettled(session)
        # Each in a transaction of its own: an event is locked while its places are given, and by one lock at a time
        # nobody waits for the other in a circle.
        for event_slug in unsettled:
            try:
                async with self._db.write() as session:
                    await settle(session, event_slug)
            except (DBAPIError, *AWAY):
                raise
            except Exception:  # a defect with one event must not keep the people of all others waiting
                logger.exception("the places of %s could not be settled", event_slug)
        async with self._db.write() as session:
            await forget_old_drafts(session)
            await forget_old_disclosures(session)
        async with self._db.write() as session:
            await end_holds(session)
        async with self._db.read() as session:
            due = await list_due_notices(session)
        for notice in due:
            try:
                await self._tell(notice)
            except (DBAPIError, *AWAY):
                raise
            except Exception as failure:  # nor one notice all that come after it
                logger.exception("notice %s could not be told", notice.id)
                await self._close(notice, "dropped", f"{type(failure).__name__}: {failure}", None)
        try:
            await gather(self._db)
        except (DBAPIError, *AWAY):
            raise
        except Exception:  # nobody waits for it, and what comes next must not either
            logger.exception("the log could not be looked through for messages worth a look")
        try:
            await self._figures.keep_up()
        except AWAY:
            raise
        except Exception:  # nor the figures of a day the erasures that are finished after this
            logger.exception("a day could not be counted")

    async def _tell(self, notice: Notice) -> None:
        async with self._db.read() as session:
            contact = await session.get_one(Contact, notice.contact_id)
            identities = list(await session.scalars(select(Identity).where(Identity.contact_id == contact.id)))
        variety: Variety = contact.chosen_variety or contact.variety  # type: ignore[assignment]  # as stored
        answer = Answer.from_json(notice.answer)
        is_timely = answer.key in REMINDERS
        route: Route | str
        stopped_at = contact.unsubscribed_at
        if stopped_at is not None and (notice.asked_at is None or notice.asked_at < stopped_at):
            route = SAID_STOP
        elif contact.erased_at is not None:
            route = "the person was erased"
        elif is_timely and utc_now() - notice.due_at > TOO_LATE:
            route = "too late"
        else:
            route = self._reach.choose_route(identities, variety, waits=not is_timely)
        if isinstance(route, str):
            await self._close(notice, "dropped", route, None)
            return
        try:
            outbound = await self._answers.render(answer, variety)
        except RenderError as error:
            logger.error("notice %s could not be written: %s", notice.id, error)
            await self._close(notice, "dropped", f"RenderError: {error}", None)
            return
        message = Message(
            contact_id=contact.id,
            identity_id=route.identity.id,
            direction="out",
            channel=route.identity.channel,
            # The page fetches what is new by itself.
            state="sent" if route.identity.channel == "web" else "queued",
            text=outbound.text,
            buttons=[button.as_json() for button in outbound.buttons],
            template=route.template,
            answer_key=outbound.answer_key,
            variety=outbound.variety,
        )
        await self._close(notice, "queued", route.identity.channel, message)
        self._outbox.lanes.wake(contact.id)

    async def _close(self, notice: Notice, state: str, outcome: str, message: Message | None) -> None:
        """Note what became of a notice, with its message in the same commit, unless another process was first."""
        async with self._db.write() as session:
            waiting = (Notice.id == notice.id) & (Notice.state == "waiting")
            values = {"state": state, "outcome": outcome[:120], "handled_at": utc_now()}
            taken = await session.scalar(update(Notice).where(waiting).values(**values).returning(Notice.id))
            if taken is not None and message is not None:
                await add_sent(session, [message])
                await session.execute(update(Notice).where(Notice.id == taken).values(message_id=message.id))
        if state == "dropped":
            logger.info("notice %s was not told: %s", notice.id, outcome)
