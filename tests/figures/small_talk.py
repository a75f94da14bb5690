"""Small logs for figures, every number of which can be counted on paper."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.db.engine import Database
from bot.db.models import Contact, Identity, Interaction, Message

_ids = itertools.count(1)


def at(text: str) -> datetime:
    """A time in UTC: ``2026-11-10 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Log:
    """Writes people and their messages."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def person(self, *channels: str, variety: str = "fr") -> dict[str, int]:
        """Somebody with an address on each of some channels; the identities by channel, and ``contact``."""
        async with self.db.write() as session:
            contact = Contact(variety=variety)
            session.add(contact)
            await session.flush()
            made = {"contact": contact.id}
            for channel in channels:
                identity = Identity(contact_id=contact.id, channel=channel, address=f"test-{next(_ids)}")
                session.add(identity)
                await session.flush()
                made[channel] = identity.id
        return made

    async def says(
        self,
        person: dict[str, int],
        channel: str,
        when: datetime,
        *,
        key: str | None = "utter_greet",
        took_s: float | None = 2.0,
        reply_state: str = "sent",
        reply_error: str | None = None,
        **values: Any,
    ) -> int:
        """A message and its answer, `took_s` later; no answer with the key None. Its id."""
        columns = {"variety": "fr", "intent": "greet", "state": "answered"} | values
        async with self.db.write() as session:
            asked = Message(
                contact_id=person["contact"], identity_id=person[channel], direction="in", channel=channel,
                external_id=f"x{next(_ids)}", text="?", created_at=when, **columns,
            )  # fmt: skip
            session.add(asked)
            await session.flush()
            if key is not None:
                sent_at = None if took_s is None else when + timedelta(seconds=took_s)
                session.add(Message(
                    contact_id=person["contact"], identity_id=person[channel], direction="out", channel=channel,
                    state=reply_state, reply_to_id=asked.id, answer_key=key, text="!", variety="fr",
                    created_at=when + timedelta(seconds=1), finished_at=sent_at, error=reply_error,
                ))  # fmt: skip
            return asked.id

    async def looks_up(self, person: dict[str, int], when: datetime, **values: Any) -> None:
        """A run of an action."""
        columns = {"action": "action_x", "lookup": {}, "outcome": "x", "duration_ms": 1.0} | values
        await self.add(Interaction(contact_id=person["contact"], created_at=when, **columns))

    async def add(self, *rows: Any) -> None:
        """Any rows."""
        async with self.db.write() as session:
            session.add_all(rows)
