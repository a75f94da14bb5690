"""What people settle about themselves: language, subscriptions, their data."""

from __future__ import annotations

from actions.base import LEAVE_FORM, DatabaseAction, Finding, Request, payload
from bot.clock import MOROCCO
from bot.db.engine import Database
from bot.db.erasure import describe_receipt, erase_contact
from bot.db.held import EXPORT_HELD, make_export_secret
from bot.db.linking import CODE_HELD, make_code
from bot.db.people import choose_variety, count_held, subscribe, unsubscribe
from bot.journeys.conductor import pause_drafts
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
                await pause_drafts(session, request.contact_id)
                ended = await unsubscribe(session, request.contact_id)
        return Finding(Answer("unsubscribed"), {}, ended, LEAVE_FORM)


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
            "application": held.application,
            "registrations": held.registrations,
            "consents": [
                {
                    "purpose": consent.purpose,
                    "is_given": consent.is_given,
                    "day": consent.given_at.astimezone(MOROCCO).date().isoformat(),
                }
                for consent in held.consents
            ],
        }
        choices = (("/export_my_data", None), ("/link_channel", None), ("/request_erasure", None))
        return Finding(Answer("my_data", data, choices), {}, held.messages)


class RequestErasure(DatabaseAction):
    """Asks whether everything shall really be erased, since it can't be undone."""

    action_name = "action_request_erasure"

    async def find(self, request: Request) -> Finding:
        """Answers `erasure_confirm`."""
        return Finding(Answer("erasure_confirm", {}, (("/erase_my_data", "@erase_all"), ("/deny", "@keep_all"))))


class EraseMyData(DatabaseAction):
    """Erases what is held about the person, at once, and gives a receipt (law 09-08, articles 8 and 9)."""

    action_name = "action_erase_my_data"

    async def find(self, request: Request) -> Finding:
        """Answers `data_erased`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
        async with self.db.write() as session:
            receipt = await erase_contact(session, request.contact_id, request.message_id)
        data = describe_receipt(receipt)
        return Finding(Answer("data_erased", data), {}, sum(receipt.counts.values()), LEAVE_FORM)


class LinkChannel(DatabaseAction):
    """Gives a code that, typed on another channel, makes both the same person's."""

    action_name = "action_link_channel"

    async def find(self, request: Request) -> Finding:
        """Answers `link_code`."""
        if request.contact_id is None:
            return Finding(Answer("not_understood"))
        async with self.db.write() as session:
            code = await make_code(session, request.contact_id)
        return Finding(Answer("link_code", {"code": code, "minutes": int(CODE_HELD.total_seconds() // 60)}))


class ExportMyData(DatabaseAction):
    """Gives a link to everything that is held about the person, as files (law 09-08, article 7)."""

    action_name = "action_export_my_data"

    def __init__(self, db: Database, base_url: str) -> None:
        """`base_url` is where the files are fetched."""
        super().__init__(db)
        self._base_url = base_url

    async def find(self, request: Request) -> Finding:
        """Answers `data_export`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
        async with self.db.write() as session:
            secret = await make_export_secret(session, request.contact_id)
        address = f"{self._base_url}/exports/{secret}"
        data = {"json": f"{address}.json", "pdf": f"{address}.pdf", "minutes": int(EXPORT_HELD.total_seconds() // 60)}
        return Finding(Answer("data_export", data))
