"""One message as a thread shows it: a bubble, who spoke, how it was delivered, and what the machine understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.clock import MOROCCO
from bot.console.conversations.privacy import Sight
from bot.console.conversations.wording import describe_textless, find_direction, name_topic
from bot.console.words import Language
from bot.db.threads import LookUp, ThreadMessage
from bot.messages import LANGUAGE_NAMES

#: Topics of a ranking that are shown.
RANKED = 5
#: What is shown of an attachment beside its kind, where there is something.
_SHOWN_OF_ATTACHMENT = ("file_name", "phone", "latitude", "longitude")


def show_messages(
    language: Language,
    messages: Sequence[ThreadMessage],
    sight: Sight,
    staff: Mapping[int, str],
    day: date | None = None,
) -> list[dict[str, Any]]:
    """Messages as bubbles, oldest first; the first of a day says so (`day` is that of the message before them)."""
    shown = []
    for message in messages:
        own = message.created_at.astimezone(MOROCCO).date()
        shown.append(_show(language, message, sight, staff) | {"begins_day": own != day})
        day = own
    return shown


def show_delivery(message: ThreadMessage, sight: Sight) -> dict[str, Any]:
    """How far a message to the person came, with the time of each step, and what went wrong."""
    steps = [
        ("taken", message.finished_at),
        ("delivered", message.delivered_at),
        ("read", message.read_at),
    ]
    return {
        "id": message.id,
        "state": message.state,
        "steps": [(name, at) for name, at in steps if at is not None],
        "error": sight.text(message.error) if message.error else "",
        "attempts": message.attempts,
    }


def list_writers(messages: Iterable[ThreadMessage]) -> set[int]:
    """The accounts of staff who wrote some of the messages."""
    return {message.staff_id for message in messages if message.staff_id is not None}


def _show(language: Language, message: ThreadMessage, sight: Sight, staff: Mapping[int, str]) -> dict[str, Any]:
    is_person = message.direction == "in"
    speaker = "person" if is_person else "staff" if message.is_staff else "bot"
    kinds = [str(item.get("kind", "other")) for item in message.attachments]
    # What was not looked at by the machine has the variety of what was before it, and staff write as they like.
    is_known = message.variety is not None and not message.is_staff and not (is_person and message.intent is None)
    return {
        "id": message.id,
        "speaker": speaker,
        "author": staff.get(message.staff_id, "") if message.staff_id is not None else "",
        "at": message.created_at,
        "channel": message.channel,
        "text": sight.text(message.text, message.entities),
        "textless": "" if message.text else describe_textless(language, message.payload, ()),
        "attachments": [
            {"kind": describe_textless(language, None, [kind]), "details": describe_attachment(item, sight)}
            for kind, item in zip(kinds, message.attachments, strict=True)
        ],
        "direction": find_direction(message.variety if is_known else None),
        "lang": message.variety if is_known else "",
        "buttons": [_show_button(button, sight) for button in message.buttons],
        "delivery": None if is_person else show_delivery(message, sight),
        "is_failed": is_person and message.state == "failed",
        "is_open": is_person and message.state == "received",
        "error": sight.text(message.error) if is_person and message.error else "",
        "understood": _show_understood(language, message, sight) if is_person else None,
        "answer_key": message.answer_key,
        "template": message.template,
        "campaign_id": message.campaign_id,
    }


def _show_understood(language: Language, message: ThreadMessage, sight: Sight) -> dict[str, Any]:
    """What stands behind a message of the person."""
    ranking = [
        {"topic": name_topic(language, str(each["intent"])), "share": float(each.get("confidence") or 0)}
        for each in message.ranking[:RANKED]
        if each.get("intent")
    ]
    return {
        "intent": message.intent,
        "topic": name_topic(language, message.intent) if message.intent else "",
        "confidence": message.confidence,
        "variety": LANGUAGE_NAMES.get(message.variety, "") if message.variety else "",  # type: ignore[call-overload]
        "payload": sight.text(message.payload) if message.payload else "",
        "ranking": ranking,
        "entities": [
            {"name": str(entity.get("entity")), "value": str(entity.get("value")), "text": str(entity.get("text", ""))}
            for entity in sight.entities(message.entities)
        ],
        "look_ups": [_show_look_up(each, sight) for each in message.look_ups],
        "timings": {name: float(ms) for name, ms in message.timings.items() if isinstance(ms, int | float)},
        "finished_at": message.finished_at,
    }


def _show_look_up(look_up: LookUp, sight: Sight) -> dict[str, Any]:
    asked = ", ".join(f"{name}: {_flatten(value)}" for name, value in look_up.lookup.items() if value)
    return {
        "action": look_up.action,
        "asked": sight.text(asked),
        "rows_found": look_up.rows_found,
        "outcome": look_up.outcome,
        "error": sight.text(look_up.error) if look_up.error else "",
        "duration_ms": look_up.duration_ms,
    }


def _flatten(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show_button(button: Mapping[str, Any], sight: Sight) -> dict[str, str]:
    """A button as it stood under a message; a link only where it leads to a page."""
    url = str(button.get("url") or "")
    return {
        "title": sight.text(str(button.get("title", ""))),
        "url": url if urlsplit(url).scheme in ("http", "https") else "",
    }


def describe_attachment(item: Mapping[str, Any], sight: Sight) -> str:
    """What identifies something that came with a message, hidden like the texts; places are numbers, so all hidden."""
    parts = []
    for name in _SHOWN_OF_ATTACHMENT:
        value = item.get(name)
        if value in (None, ""):
            continue
        if name == "phone":
            parts.append(sight.phone(str(value)))
        elif name in ("latitude", "longitude"):
            parts.append(str(value) if sight.is_open else "••")
        else:
            parts.append(sight.text(str(value)))
    return ", ".join(parts)


def begin_of(at: datetime) -> str:
    """The day of a time in Morocco, as it goes into an address."""
    return at.astimezone(MOROCCO).date().isoformat()
