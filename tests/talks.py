"""Conversations for the console's tests, stored as the app stores them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.log import add_sent, note_received
from bot.db.models import Contact, Identity, Message


async def meet(db: Database, *, channel: str = "telegram", variety: str = "fr", name: str = "Salma") -> int:
    """A new person; the contact's id."""
    async with db.write() as session:
        contact = Contact(variety=variety)
        session.add(contact)
        await session.flush()
        address = f"{channel}-{contact.id}"
        session.add(Identity(contact_id=contact.id, channel=channel, address=address, profile={"name": name}))
        return contact.id


async def hear(db: Database, contact_id: int, text: str = "bonjour", at: datetime | None = None, **values: Any) -> int:
    """A message of a person, answered by nobody; its id. `values` are columns of the message."""
    async with db.write() as session:
        identity = (await session.scalars(select(Identity).where(Identity.contact_id == contact_id))).first()
        assert identity is not None
        columns = {
            "channel": identity.channel, "state": "answered", "variety": "fr", "intent": "greet", "confidence": 0.9,
        }  # fmt: skip
        message = Message(
            contact_id=contact_id, identity_id=identity.id, direction="in", text=text, created_at=at or utc_now(),
            **{**columns, **values},
        )  # fmt: skip
        session.add(message)
        await session.flush()
        await note_received(session, contact_id, message.id, text, message.created_at)
        return message.id


async def tell(db: Database, contact_id: int, text: str, *, is_staff: bool = False, **values: Any) -> int:
    """A message to a person; its id."""
    async with db.write() as session:
        identity = (await session.scalars(select(Identity).where(Identity.contact_id == contact_id))).first()
        assert identity is not None
        columns = {"channel": identity.channel, "state": "sent", "answer_key": None if is_staff else "utter_greet"}
        message = Message(
            contact_id=contact_id, identity_id=identity.id, direction="out", text=text, **{**columns, **values}
        )
        await add_sent(session, [message], is_staff=is_staff)
        return message.id


async def contact_of(db: Database, contact_id: int) -> Contact:
    """The contact as it is now."""
    async with db.read() as session:
        return await session.get_one(Contact, contact_id)
