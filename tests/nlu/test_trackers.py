"""Rasa's memory is bounded, and what it keeps it gives back."""

from __future__ import annotations

import asyncio

import pytest
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from nlu import trackers
from nlu.trackers import RecentTrackerStore

DOMAIN = Domain.from_yaml("""
version: "3.1"
intents: [greet]
slots: {city: {type: text, mappings: [{type: custom}]}}
""")


def tracker(sender: str, text: str = "salam") -> DialogueStateTracker:
    return DialogueStateTracker.from_events(
        sender,
        [
            ActionExecuted("action_listen"),
            UserUttered(text, {"name": "greet", "confidence": 0.9}),
            SlotSet("city", "fes"),
            BotUttered("سلام", metadata={"utter_action": "utter_greet"}),
        ],
        DOMAIN.slots,
        domain=DOMAIN,
    )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> RecentTrackerStore:
    """A store of three sessions."""
    monkeypatch.setattr(trackers, "SESSIONS_KEPT", 3)
    return RecentTrackerStore(DOMAIN)


def save(store: RecentTrackerStore, *senders: str) -> list[str]:
    """Save sessions in this order, and say which ones are kept."""

    async def run() -> list[str]:
        for sender in senders:
            await store.save(tracker(sender))
        return list(await store.keys())

    return asyncio.run(run())


def retrieve(store: RecentTrackerStore, sender: str) -> DialogueStateTracker | None:
    return asyncio.run(store.retrieve(sender))


def test_a_session_comes_back_as_it_was(store: RecentTrackerStore) -> None:
    """Events, slots and texts of a saved tracker are those of the retrieved one."""
    save(store, "1.1")
    back = retrieve(store, "1.1")
    assert back is not None
    said = [(type(event), getattr(event, "text", None)) for event in back.events]
    assert said == [(type(event), getattr(event, "text", None)) for event in tracker("1.1").events]
    assert back.events[3].metadata["utter_action"] == "utter_greet"
    assert back.get_slot("city") == "fes"
    assert back.latest_message is not None
    assert back.latest_message.text == "salam"


def test_only_the_latest_sessions_are_kept(store: RecentTrackerStore) -> None:
    """The fourth session drops the first, which is then unknown."""
    assert save(store, "1.1", "2.1", "3.1") == ["1.1", "2.1", "3.1"]
    assert save(store, "4.1") == ["2.1", "3.1", "4.1"]
    assert retrieve(store, "1.1") is None
    assert retrieve(store, "2.1") is not None


def test_a_session_that_speaks_again_stays(store: RecentTrackerStore) -> None:
    """The one that was quiet for longest goes, not the one that began first."""
    assert save(store, "1.1", "2.1", "3.1", "1.1", "4.1") == ["3.1", "1.1", "4.1"]


def test_saving_one_session_often_drops_nothing(store: RecentTrackerStore) -> None:
    """A long conversation counts once, and its latest state is the one kept."""
    assert save(store, "1.1", "2.1", *["1.1"] * 20) == ["2.1", "1.1"]
    asyncio.run(store.save(tracker("1.1", "bonjour")))
    back = retrieve(store, "1.1")
    assert back is not None and back.latest_message is not None
    assert back.latest_message.text == "bonjour"


def test_the_size_is_bounded_whatever_comes(store: RecentTrackerStore) -> None:
    """Hundreds of people leave as many sessions as the limit says."""
    assert save(store, *(f"{contact}.1" for contact in range(300))) == ["297.1", "298.1", "299.1"]


def test_rasa_makes_it_from_the_name_in_endpoints_yml() -> None:
    """Rasa's own factory finds the class by the name that endpoints.yml gives, with the shipped limit."""
    made = TrackerStore.create(EndpointConfig(type="nlu.trackers.RecentTrackerStore"), DOMAIN)
    wrapped = getattr(made, "_tracker_store", made)
    assert isinstance(wrapped, RecentTrackerStore)
    assert trackers.SESSIONS_KEPT == 5_000
