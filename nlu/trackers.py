"""Rasa's memory, bounded: the sessions of the last people who wrote.

What must survive is in the app's database; Rasa's trackers only carry a running session. Its in-memory store keeps
every session for ever, so the oldest are dropped here.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain

#: About 40 KiB each at the turn limit: 200 MiB at most.
SESSIONS_KEPT = 5_000


class RecentTrackerStore(InMemoryTrackerStore):
    """An in-memory store that forgets the session that was quiet for longest."""

    def __init__(self, domain: Domain, event_broker: Optional[EventBroker] = None, **kwargs: Any) -> None:
        """Start empty; `kwargs` are Rasa's own (host and the like)."""
        super().__init__(domain, event_broker, **kwargs)
        self.store: "OrderedDict[str, str]" = OrderedDict()

    def forget(self, contact: str) -> int:
        """Drop every session of a contact; how many there were."""
        own = [sender for sender in self.store if sender.partition(".")[0] == contact]
        for sender in own:
            del self.store[sender]
        return len(own)

    async def save(self, tracker: Any) -> None:
        """Keep a session, and drop the oldest beyond the limit."""
        await super().save(tracker)
        self.store.move_to_end(tracker.sender_id)
        while len(self.store) > SESSIONS_KEPT:
            self.store.popitem(last=False)
