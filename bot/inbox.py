"""Take messages in: once each, committed before the provider hears that we have them."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.channels.base import DeliveryReport
from bot.db.campaigns import note_reply
from bot.db.engine import Database
from bot.db.erasure import is_erased
from bot.db.log import note_received
from bot.db.models import Contact, Identity, Message
from bot.db.touched import touch_days
from bot.messages import DEFAULT_VARIETY, TEXT_LIMIT_CHARS, Inbound, Variety

logger = logging.getLogger(__name__)

#: How many of the latest messages a report may be about when its id is a part of a longer one.
REPORTED_WITHIN = 10_000
#: How far a message has come; a late or repeated report never takes it back.
_PROGRESS = {"queued": 0, "sent": 1, "delivered": 2, "read": 3}


def clean_text(text: str) -> str:
    """What of a typed text is kept: no control characters but line ends and tabs, at most `TEXT_LIMIT_CHARS`.

    Control characters have no meaning in a chat, PostgreSQL refuses NUL, and lone surrogates are no text at all.
    """
    return _printable(text).strip()[:TEXT_LIMIT_CHARS].rstrip()


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs"))


def _printable_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _printable(value) if isinstance(value, str) else value for key, value in values.items()}


class Inbox:
    """Stores what channels receive; the message log is the queue that the conversation works through."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def accept(self, inbound: Inbound) -> tuple[int, int] | None:
        """Store a message and commit; its contact's id and its own id, or None for a second delivery of the same.

        Only after this returned may the provider be told that the message arrived.
        """
        try:
            return await self._store(inbound)
        except IntegrityError:
            # Two first messages of one new person at once, from two processes: the second finds the contact made.
            return await self._store(inbound)

    async def _store(self, inbound: Inbound) -> tuple[int, int] | None:
        async with self._db.write() as session:
            identity = await self._identity_of(session, inbound)
            insert = insert_on_sqlite if self._db.is_sqlite else insert_on_postgresql
            values = {
                "contact_id": identity.contact_id,
                "identity_id": identity.id,
                "direction": "in",
                "channel": inbound.channel,
                "state": "received",
                "external_id": inbound.external_id,
                "text": clean_text(inbound.text),
                "payload": None if inbound.payload is None else _printable(inbound.payload),
                "attachments": [{"kind": item.kind, **_printable_values(item.data)} for item in inbound.attachments],
                "created_at": inbound.received_at,
            }
            statement = insert(Message).values(**values).on_conflict_do_nothing().returning(Message.id)
            message_id = (await session.execute(statement)).scalar_one_or_none()
            if message_id is not None:
                _note_sender(identity, inbound)
                await note_received(session, identity.contact_id, message_id, str(values["text"]), inbound.received_at)
                await note_reply(session, identity.contact_id, inbound.received_at)
        return None if message_id is None else (identity.contact_id, message_id)

    async def _identity_of(self, session: AsyncSession, inbound: Inbound) -> Identity:
        """The sender's identity, made with its contact at their first message."""
        query = select(Identity).where(Identity.channel == inbound.channel, Identity.address == inbound.sender)
        identity = await session.scalar(query)
        if identity is not None and await is_erased(session, identity.contact_id):
            # Who was erased and writes again is somebody new.
            identity.contact = Contact(variety=_guess_variety(inbound.profile.get("language_code", "")))
            await session.flush()
        if identity is None:
            contact = Contact(variety=_guess_variety(inbound.profile.get("language_code", "")))
            identity = Identity(channel=inbound.channel, address=inbound.sender, contact=contact, profile={})
            session.add(identity)
            await session.flush()
        return identity

    async def record(self, report: DeliveryReport) -> bool:
        """Note what a provider says of a message that it took; False when we know no such message."""
        async with self._db.write() as session:
            # Locked: two reports at once would both start from the same state, and the last would win.
            sent = select(Message).where(Message.direction == "out").with_for_update()
            message = await session.scalar(sent.where(Message.external_id == report.external_id))
            if message is None:
                # A long text went out as several provider messages; the report names one of them. Only the latest
                # messages are searched, so that reports on unknown ids cannot make us read the whole log.
                part = Message.external_id.contains(report.external_id, autoescape=True)
                newest = select(func.max(Message.id)).scalar_subquery()
                message = await session.scalar(sent.where(part, Message.id > newest - REPORTED_WITHIN))
            if message is None:
                logger.info("a delivery report for an unknown message was ignored")
                return False
            await session.execute(
                update(Message).where(Message.id == message.id).values(**_change_by(message, report, report.at))
            )
            await touch_days(session, [message.created_at])
            if report.blocked:
                blocked = update(Identity).where(Identity.id == message.identity_id).values(blocked_at=report.at)
                await session.execute(blocked)
        return True


def _note_sender(identity: Identity, inbound: Inbound) -> None:
    """Keep what a new message says of its sender: that they read us again, and the names that the provider shows."""
    shown = {key: value for key, value in inbound.profile.items() if key in ("name", "username", "language_code")}
    if shown:
        identity.profile = _printable_values(shown)
    identity.last_inbound_at = inbound.received_at
    identity.blocked_at = None


def _guess_variety(language_code: str) -> Variety:
    """The variety of somebody who has not written yet, from the language of their app (IETF tag), else French."""
    language = language_code.partition("-")[0].lower()
    return {"ar": "ar", "ary": "ary-Arab", "en": "en"}.get(language, DEFAULT_VARIETY)  # type: ignore[return-value]


def _change_by(message: Message, report: DeliveryReport, at: datetime) -> dict[str, object]:
    if report.state == "failed":
        return (
            {"state": "failed", "error": report.error or "failed"}
            if message.state in _PROGRESS
            else {"error": report.error}
        )
    further = _PROGRESS[report.state] > _PROGRESS.get(message.state, 3)
    change: dict[str, object] = {"state": report.state} if further else {"state": message.state}
    if report.state in ("delivered", "read") and message.delivered_at is None:
        change["delivered_at"] = at
    if report.state == "read" and message.read_at is None:
        change["read_at"] = at
    return change
