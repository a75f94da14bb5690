"""What people settle about themselves: language, subscriptions, their data."""

from __future__ import annotations

from actions.base import DatabaseAction, Finding, Request, payload
from bot.clock import MOROCCO
from bot.db.people import choose_variety, count_held, open_request, subscribe, unsubscribe
from bot.messages import VARIETIES, Answer

TOPICS = ("cohorts", "events", "publications")


class ChangeLanguage(DatabaseAction):
    """Answers in the language that the person names from now on, or as they write again."""

    action_name = "action_change_language"

    async def find(self, request: Request) -> Finding:
        """Answers `language_changed`, or `language_menu` when no known language was named."""
        language = request.entities.get("language")
        if language not in (*VARIETIES, "auto") or request.contact_id is None:
            choices = tuple((payload("change_language", language=name), None) for name in (*VARIETIES, "auto"))
            return Finding(Answer("language_menu", {}, choices), {"language": language} if language else {})
        async with self.db.write() as session:
            await choose_variety(session, request.contact_id, None if language == "auto" else language)
        return Finding(Answer("language_changed", {"automatic": language == "auto"}), {"language": language})


class Subscribe(DatabaseAction):
    """Notes what the person wants to hear of."""

    action_name = "action_subscribe"

    async def find(self, request: Request) -> Finding:
        """Answers `subscribed`, or `subscribe_choose` when the topic is not clear."""
        topic = request.entities.get("topic")
        if topic not in TOPICS or request.contact_id is None:
            choices = tuple((payload("subscribe_updates", topic=name), None) for name in TOPICS)
            return Finding(Answer("subscribe_choose", {}, choices))
        async with self.db.write() as session:
            is_new = await subscribe(session, request.contact_id, topic)
        return Finding(Answer("subscribed", {"topic": topic, "already": not is_new}), {"topic": topic})


class Unsubscribe(DatabaseAction):
    """Stops every message of our own accord."""

    action_name = "action_unsubscribe"

    async def find(self, request: Request) -> Finding:
        """Answers `unsubscribed`."""
        ended = 0
        if request.contact_id is not None:
            async with self.db.write() as session:
                ended = await unsubscribe(session, request.contact_id)
        return Finding(Answer("unsubscribed"), {}, ended)


class ShowMyData(DatabaseAction):
    """Says what is held about the person, and offers to have it erased."""

    action_name = "action_show_my_data"

    async def find(self, request: Request) -> Finding:
        """Answers `my_data`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
        async with self.db.read() as session:
            held = await count_held(session, request.contact_id)
        data = {
            "since": held.since.astimezone(MOROCCO).date().isoformat(),
            "messages": held.messages,
            "channels": held.channels,
            "chosen_variety": held.chosen_variety,
            "subscriptions": held.subscriptions,
            "open_requests": held.open_requests,
        }
        return Finding(Answer("my_data", data, (("/request_erasure", None),)), {}, held.messages)


class RequestErasure(DatabaseAction):
    """Notes for the team that the person wants their data copied, corrected or erased (law 09-08, articles 7 to 9)."""

    action_name = "action_request_erasure"

    async def find(self, request: Request) -> Finding:
        """Answers `personal_data_requested`."""
        is_new = False
        if request.contact_id is not None:
            async with self.db.write() as session:
                is_new = await open_request(session, request.contact_id, "personal_data", request.message_id)
        return Finding(Answer("personal_data_requested", {"already": not is_new}), {"kind": "personal_data"})
