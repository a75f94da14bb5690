"""Send what is queued: in order for each person, retried with backoff, never to somebody who blocked us."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.channels.base import Channel
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Identity, Message
from bot.db.touched import touch_days
from bot.errors import SendError
from bot.lanes import Lanes
from bot.messages import Button, Outbound, Variety

logger = logging.getLogger(__name__)

#: Pauses before the second, third … attempt; after the last the message is failed. About a quarter of an hour in all.
BACKOFF_S = (1.0, 5.0, 20.0, 60.0, 240.0, 600.0)
#: How long another process's claim is respected before we look again.
CLAIMED_ELSEWHERE_S = 2.0


class Outbox:
    """Delivers the outbound half of the message log."""

    def __init__(self, db: Database, channels: Mapping[str, Channel], width: int = 16) -> None:
        self._db = db
        self._channels = channels
        #: External ids of messages that a provider took and whose rows don't say so yet, by message id.
        self._taken: dict[int, str] = {}
        self.lanes = Lanes("delivery", self._deliver, width)

    async def list_due(self) -> list[int]:
        """Contacts with something queued whose time has come."""
        query = (
            select(Message.contact_id)
            .where(
                Message.state == "queued", (Message.next_attempt_at.is_(None)) | (Message.next_attempt_at <= utc_now())
            )
            .distinct()
        )
        async with self._db.read() as session:
            return list(await session.scalars(query))

    async def _deliver(self, contact_id: int) -> float | None:
        """Send the oldest queued message of a contact; what follows it waits, so that replies keep their order."""
        async with self._db.claim("delivery", contact_id) as is_ours:
            if not is_ours:
                return CLAIMED_ELSEWHERE_S
            async with self._db.read() as session:
                query = (
                    select(Message, Identity)
                    .join(Identity, Identity.id == Message.identity_id)
                    .where(Message.contact_id == contact_id, Message.state == "queued")
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
        await self._close(message, state="sent", external_id=self._taken[message.id], finished_at=utc_now())
        del self._taken[message.id]
        return 0

    async def _after_error(self, message: Message, identity: Identity, error: SendError) -> float:
        attempts = message.attempts + 1
        logger.warning(
            "message %s to %s was not taken (attempt %s): %s", message.id, message.channel, attempts, error.code
        )
        if error.blocked:
            async with self._db.write() as session:
                await session.execute(update(Identity).where(Identity.id == identity.id).values(blocked_at=utc_now()))
            await self._close(message, state="undeliverable", error=f"{error.code}: {error}", attempts=attempts)
            return 0
        if not error.retryable or attempts > len(BACKOFF_S):
            await self._close(message, state="failed", error=f"{error.code}: {error}", attempts=attempts)
            return 0
        pause_s = max(error.retry_after_s or 0.0, BACKOFF_S[attempts - 1])
        due_at: datetime = utc_now() + timedelta(seconds=pause_s)
        await self._close(message, attempts=attempts, next_attempt_at=due_at, error=f"{error.code}: {error}")
        return pause_s

    async def _close(self, message: Message, **values: object) -> None:
        async with self._db.write() as session:
            # Another process may have sent it meanwhile: only a message that is still queued is changed.
            statement = update(Message).where(Message.id == message.id, Message.state == "queued").values(**values)
            await session.execute(statement)
            await touch_days(session, [message.created_at])


def _outbound_of(message: Message) -> Outbound:
    variety: Variety = message.variety or "fr"  # type: ignore[assignment]  # only varieties are ever stored
    buttons = tuple(Button(**button) for button in message.buttons)
    return Outbound(message.text, buttons, variety, message.answer_key or "", template=message.template)
