"""Send what is queued: in order for each person, retried with backoff, never to somebody who blocked us.

Messages of campaigns have lanes of their own, and each waits as long as anything else is due on its channel: an answer
never stands behind them, whatever process sends it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, TextClause, exists, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.channels.base import Channel
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Campaign, CampaignRecipient, ChannelPause, Identity, Message
from bot.db.touched import touch_days
from bot.errors import SendError
from bot.lanes import Lanes
from bot.messages import CAMPAIGN_ENDED, Button, Outbound, Variety

logger = logging.getLogger(__name__)

#: Pauses before the second, third … attempt; after the last the message is failed. About a quarter of an hour in all.
BACKOFF_S = (1.0, 5.0, 20.0, 60.0, 240.0, 600.0)
#: How long another process's claim is respected before we look again.
CLAIMED_ELSEWHERE_S = 2.0
#: How many messages of campaigns are with the providers at once, in each process.
CAMPAIGN_WIDTH = 8
#: How soon a message of a campaign looks again whether the answers before it are sent.
YIELD_S = 0.05
#: Written out, since SQLite takes a partial index only for its own condition.
UNFINISHED: TextClause = text("messages.state IN ('received', 'queued')")


class Outbox:
    """Delivers the outbound half of the message log."""

    def __init__(self, db: Database, channels: Mapping[str, Channel], width: int = 16) -> None:
        self._db = db
        self._channels = channels
        #: External ids of messages that a provider took and whose rows don't say so yet, by message id.
        self._taken: dict[int, str] = {}
        #: Whose answers were found claimed, perhaps by their own campaign: they are looked at again right after it.
        self._turned_away: set[int] = set()
        self.lanes = Lanes("delivery", self._deliver, width)
        self.campaign_lanes = Lanes("campaign", self._deliver_of_campaign, CAMPAIGN_WIDTH)

    async def list_due(self) -> list[int]:
        """Contacts with something queued whose time has come, campaigns apart."""
        return await self._list_due(Message.campaign_id.is_(None))

    async def list_due_of_campaigns(self) -> list[int]:
        """Contacts with a queued message of a campaign whose time has come."""
        return await self._list_due(Message.campaign_id.is_not(None))

    async def _list_due(self, kind: ColumnElement[bool]) -> list[int]:
        query = select(Message.contact_id).where(UNFINISHED, _is_due(), kind).distinct()
        async with self._db.read() as session:
            return list(await session.scalars(query))

    def start(self) -> None:
        """Open the lanes on the running loop."""
        self.lanes.start()
        self.campaign_lanes.start()

    async def aclose(self) -> None:
        """Finish what is in hand; what is left is taken up at the next start."""
        await self.campaign_lanes.aclose()
        await self.lanes.aclose()

    async def _deliver(self, contact_id: int) -> float | None:
        """Send the oldest queued message of a contact; what follows it waits, so that replies keep their order."""
        async with self._db.claim("delivery", contact_id) as is_ours:
            if not is_ours:
                self._turned_away.add(contact_id)
                return CLAIMED_ELSEWHERE_S
            async with self._db.read() as session:
                own = (Message.contact_id == contact_id) & (Message.state == "queued")
                query = (
                    select(Message, Identity)
                    .join(Identity, Identity.id == Message.identity_id)
                    .where(own, Message.campaign_id.is_(None))
                    .order_by(Message.id)
                    .limit(1)
                )
                row = (await session.execute(query)).one_or_none()
            if row is None:
                return None
            message, identity = row
            now = utc_now()
            if message.next_attempt_at is not None and message.next_attempt_at > now:
                return (message.next_attempt_at - now).total_seconds()
            return await self._send(message, identity)

    async def _deliver_of_campaign(self, contact_id: int) -> float | None:
        """Send the oldest queued message of a campaign to a contact, once nothing else is due on its channel."""
        async with self._db.claim("delivery", contact_id) as is_ours:
            if not is_ours:
                return CLAIMED_ELSEWHERE_S
            pause_s = await self._send_of_campaign(contact_id)
        if contact_id in self._turned_away:
            self._turned_away.discard(contact_id)
            self.lanes.wake(contact_id)
        return pause_s

    async def _send_of_campaign(self, contact_id: int) -> float | None:
        async with self._db.read() as session:
            own = (Message.contact_id == contact_id) & (Message.state == "queued")
            query = (
                select(Message, Identity, CampaignRecipient.is_test, Campaign.state)
                .join(Identity, Identity.id == Message.identity_id)
                .join(Campaign, Campaign.id == Message.campaign_id)
                # None where two rows of one person became one.
                .outerjoin(CampaignRecipient, CampaignRecipient.message_id == Message.id)
                .where(own)
                .order_by(Message.id)
                .limit(1)
            )
            row = (await session.execute(query)).one_or_none()
            if row is None:
                return None
            message, identity, is_test, state = row
            wait_s = await self._find_wait_s(session, message)
        if not is_test and state == "stopped":
            await self._close(message, state="undeliverable", error=CAMPAIGN_ENDED)
            return 0
        if not is_test and state == "paused":
            # Whoever lets it go on has it looked at again; so does the sweep.
            return None
        if wait_s > 0:
            return wait_s
        return await self._send(message, identity)

    async def _find_wait_s(self, session: AsyncSession, message: Message) -> float:
        """How long a message of a campaign waits yet: for its next attempt, for its channel, and for all answers."""
        now = utc_now()
        paused_until = await session.scalar(select(ChannelPause.until).where(ChannelPause.channel == message.channel))
        until = max((at for at in (message.next_attempt_at, paused_until) if at is not None), default=now)
        if until > now:
            return (until - now).total_seconds()
        answer = select(Message.id).where(UNFINISHED, Message.campaign_id.is_(None), _is_due())
        has_answers = await session.scalar(select(exists(answer.where(Message.channel == message.channel))))
        return YIELD_S if has_answers else 0

    async def _send(self, message: Message, identity: Identity) -> float:
        channel = self._channels.get(message.channel)
        if channel is None:
            await self._close(message, state="undeliverable", error=f"channel {message.channel} is not configured")
            return 0
        if identity.blocked_at is not None:
            await self._close(message, state="undeliverable", error="the person blocked us")
            return 0
        if message.id not in self._taken:
            try:
                self._taken[message.id] = await channel.send(identity.address, _outbound_of(message))
            except SendError as error:
                return await self._after_error(message, identity, error)
            except Exception as error:  # a defect of the channel must not repeat its call every few seconds for ever
                logger.exception("message %s to %s could not be sent", message.id, message.channel)
                unknown = SendError(str(error), code=type(error).__name__, retryable=True)
                return await self._after_error(message, identity, unknown)
        # When this can't be written (a full disk), the next attempt only writes: nobody gets the message twice.
        # A STOP that was said while the provider had a campaign's message does not make it unsent.
        states = ("queued", "undeliverable") if message.campaign_id is not None else ("queued",)
        values = {"state": "sent", "external_id": self._taken[message.id], "finished_at": utc_now()}
        await self._close(message, states, **values)
        del self._taken[message.id]
        return 0

    async def _after_error(self, message: Message, identity: Identity, error: SendError) -> float:
        attempts = message.attempts + 1
        logger.warning(
            "message %s to %s was not taken (attempt %s): %s", message.id, message.channel, attempts, error.code
        )
        pause_s = max(error.retry_after_s or 0.0, BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1])
        if error.busy:
            await self._pause_campaigns(message.channel, utc_now() + timedelta(seconds=pause_s))
        if error.blocked:
            async with self._db.write() as session:
                await session.execute(update(Identity).where(Identity.id == identity.id).values(blocked_at=utc_now()))
            await self._close(message, state="undeliverable", error=f"{error.code}: {error}", attempts=attempts)
            return 0
        if not error.retryable or attempts > len(BACKOFF_S):
            await self._close(message, state="failed", error=f"{error.code}: {error}", attempts=attempts)
            return 0
        due_at: datetime = utc_now() + timedelta(seconds=pause_s)
        await self._close(message, attempts=attempts, next_attempt_at=due_at, error=f"{error.code}: {error}")
        return pause_s

    async def _pause_campaigns(self, channel: str, until: datetime) -> None:
        """Keep campaigns off a channel that has too much, in every process."""
        insert = insert_on_sqlite if self._db.is_sqlite else insert_on_postgresql
        pause = insert(ChannelPause).values(channel=channel, until=until)
        async with self._db.write() as session:
            await session.execute(pause.on_conflict_do_update(index_elements=["channel"], set_={"until": until}))

    async def _close(self, message: Message, states: Sequence[str] = ("queued",), **values: object) -> None:
        async with self._db.write() as session:
            # Another process may have sent it meanwhile: only a message that is still queued is changed.
            own = (Message.id == message.id) & Message.state.in_(states)
            await session.execute(update(Message).where(own).values(**values))
            await touch_days(session, [message.created_at])


def _is_due() -> ColumnElement[bool]:
    return (Message.state == "queued") & or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= utc_now())


def _outbound_of(message: Message) -> Outbound:
    variety: Variety = message.variety or "fr"  # type: ignore[assignment]  # only varieties are ever stored
    buttons = tuple(Button(**button) for button in message.buttons)
    return Outbound(message.text, buttons, variety, message.answer_key or "", template=message.template)
