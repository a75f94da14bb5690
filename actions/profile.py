"""What people settle about themselves: language, subscriptions, their data."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import LEAVE_FORM, DatabaseAction, Finding, Request, payload
from bot.clock import MOROCCO
from bot.db.erasure import describe_receipt, erase_contact
from bot.db.held import EXPORT_HELD, make_export_secret
from bot.db.linking import CODE_HELD, make_code
from bot.db.people import choose_variety, count_held, subscribe, unsubscribe
from bot.journeys.conductor import pause_drafts
from bot.journeys.preregistration import CORRECTABLE
from bot.journeys.words import SUBSCRIPTION_WORDS, list_named
from bot.messages import VARIETIES, Answer
from bot.news import SUBJECTS, TOPICS, narrow

#: In a button: no narrower than the topic itself.
EVERYWHERE = "all"
#: What may stand between a look-up and "préviens-moi".
_ASIDE = frozenset({"subscribe_updates", "affirm", "thank"})


class ChangeLanguage(DatabaseAction):
    """Answers in the language that the person names from now on, or as they write again."""

    action_name = "action_change_language"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `language_changed`, or `language_menu` when no known language was named."""
        language = request.entities.get("language")
        if language not in (*VARIETIES, "auto") or request.contact_id is None:
            choices = tuple((payload("change_language", language=name), None) for name in (*VARIETIES, "auto"))
            return Finding(Answer("language_menu", {}, choices), {"language": language} if language else {})
        await choose_variety(session, request.contact_id, None if language == "auto" else language)
        return Finding(Answer("language_changed", {"automatic": language == "auto"}), {"language": language})


class Subscribe(DatabaseAction):
    """Notes what the person wants to hear of: a topic, narrowed to what they just looked for."""

    action_name = "action_subscribe"
    changes = True

    #: Look-ups after which "préviens-moi" says enough, and the topic of each.
    looked_up: ClassVar[dict[str, str]] = {
        "jobintech_dates": "cohorts",
        "event_search": "events",
        "publications_search": "publications",
    }

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `subscribed`, or `subscribe_choose` when the topic is not clear."""
        asked = await self._read(session, request)
        if asked is None or request.contact_id is None:
            choices = tuple((payload("subscribe_updates", topic=name), None) for name in TOPICS)
            return Finding(Answer("subscribe_choose", {}, choices), is_done=False)
        topic, wish = asked
        is_new = await subscribe(session, request.contact_id, topic, wish)
        promise = await self.context.reach.promise(session, request.contact_id)
        data = {"topic": topic, "already": not is_new, "wish": wish, "promise": promise}
        wider = ((payload("subscribe_updates", topic=topic, city=EVERYWHERE), "@everything"),) if wish else ()
        return Finding(Answer("subscribed", data, wider), {"topic": topic, **wish})

    async def _read(self, session: AsyncSession, request: Request) -> tuple[str, dict[str, str]] | None:
        """The topic and what narrows it: of this message, else of what was looked up before it; None: not clear."""
        last, before = _find_last(request)
        looked_up = self.looked_up.get(last)
        kinds = [name for name in request.list_values("topic") if name in TOPICS]
        if not kinds and not request.text.startswith("/"):
            kinds = list_named(SUBSCRIPTION_WORDS, request.text)
        if len(kinds) > 1 or not (kinds or looked_up):
            return None
        topic = kinds[0] if kinds else str(looked_up)
        if request.entities.get("city") == EVERYWHERE:
            return topic, {}
        said = {**request.entities}
        said["topic"] = next((name for name in request.list_values("topic") if name in SUBJECTS.get(topic, ())), "")
        wish = await narrow(session, topic, said)
        if not wish and looked_up == topic:
            wish = await narrow(session, topic, before)
        return topic, wish


def _find_last(request: Request) -> tuple[str, dict[str, str]]:
    """The intent of the last look-up and what it was about, with what was added since: "à Rabat", then "Casablanca"."""
    added: dict[str, str] = {}
    for intent, entities in request.earlier:
        if intent == "inform":
            added = {**entities, **added}
        elif intent not in _ASIDE:
            return intent, {**entities, **added}
    return "", added


class Unsubscribe(DatabaseAction):
    """Stops every message of our own accord."""

    action_name = "action_unsubscribe"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `unsubscribed`."""
        ended = 0
        if request.contact_id is not None:
            await pause_drafts(session, request.contact_id)
            ended = await unsubscribe(session, request.contact_id)
        return Finding(Answer("unsubscribed"), {}, ended, LEAVE_FORM)


class ShowMyData(DatabaseAction):
    """Says what is held about the person, and offers to have it erased."""

    action_name = "action_show_my_data"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `my_data`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
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
        can_correct = held.application_state in CORRECTABLE
        choices = (
            ("/export_my_data", None),
            *((("/correct_application", None),) if can_correct else ()),
            ("/link_channel", None),
            ("/request_erasure", None),
        )
        return Finding(Answer("my_data", data, choices), {}, held.messages)


class RequestErasure(DatabaseAction):
    """Asks whether everything shall really be erased, since it can't be undone."""

    action_name = "action_request_erasure"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `erasure_confirm`."""
        return Finding(Answer("erasure_confirm", {}, (("/erase_my_data", "@erase_all"), ("/keep_data", "@keep_all"))))


class EraseMyData(DatabaseAction):
    """Erases what is held about the person, at once, and gives a receipt (law 09-08, articles 8 and 9)."""

    action_name = "action_erase_my_data"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `data_erased`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
        receipt = await erase_contact(session, request.contact_id, request.message_id, self.context.secret)
        data = describe_receipt(receipt)
        return Finding(Answer("data_erased", data), {}, sum(receipt.counts.values()), LEAVE_FORM)


class LinkChannel(DatabaseAction):
    """Gives a code that, typed on another channel, makes both the same person's."""

    action_name = "action_link_channel"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `link_code`."""
        if request.contact_id is None:
            return Finding(Answer("not_understood"))
        code = await make_code(session, request.contact_id)
        return Finding(Answer("link_code", {"code": code, "minutes": int(CODE_HELD.total_seconds() // 60)}))


class ExportMyData(DatabaseAction):
    """Gives a link to everything that is held about the person, as files (law 09-08, article 7)."""

    action_name = "action_export_my_data"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `data_export`."""
        if request.contact_id is None:
            return Finding(Answer("utter_privacy_question"))
        secret = await make_export_secret(session, request.contact_id)
        address = f"{self.context.base_url}/exports/{secret}"
        data = {"json": f"{address}.json", "pdf": f"{address}.pdf", "minutes": int(EXPORT_HELD.total_seconds() // 60)}
        return Finding(Answer("data_export", data))
