"""What an answer showed is kept with the look-up that led to it, for figures."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.db.engine import Database
from bot.db.interactions import log_interaction
from bot.db.models import Contact, Interaction
from bot.messages import Answer


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (
            Answer("programmes_ranked", {"programmes": [{"slug": "a"}, {"slug": "b"}], "wanted": {"city": "fes"}}),
            {"programmes": ["a", "b"], "wanted": {"city": "fes"}},
        ),
        (Answer("programme_details", {"programme": {"slug": "a"}}), {"programmes": ["a"]}),
        (Answer("events_upcoming", {"events": [{"slug": "e"}], "city": "fes"}), {"events": ["e"]}),
        (Answer("event_details", {"event": {"slug": "e", "name": "E"}}), {"events": ["e"]}),
        (Answer("events_none", {"events": []}), None),
        (Answer("ask_event", {"event": "a name"}), None),
        (None, None),
    ],
)
async def test_what_was_shown(db: Database, answer: Answer | None, shown: dict[str, object] | None) -> None:
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        log_interaction(session, "action_x", answer, contact_id=contact.id, message_id=None, duration_ms=1.0)
    async with db.read() as session:
        assert await session.scalar(select(Interaction.shown)) == shown
