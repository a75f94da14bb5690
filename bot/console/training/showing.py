"""What a group of messages looks like on a page: its example with what is marked, its topics, its conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.annotation.examples import list_intents
from bot.annotation.marks import Mark, from_json, list_kinds, list_words
from bot.console.conversations.bubbles import show_messages
from bot.console.conversations.privacy import Sight
from bot.console.conversations.wording import find_direction, name_topic
from bot.console.training import PATH
from bot.console.words import Language, translate
from bot.db.annotation_queue import Look, Member, QueueRow
from bot.db.annotations import FOREIGN
from bot.db.models import Message
from bot.db.threads import Thread
from bot.messages import LANGUAGE_NAMES

#: Topics that the machine held for likely and that are offered first.
RANKED = 5


def show_row(language: Language, row: QueueRow) -> dict[str, Any]:
    """A group in a list."""
    return {
        "id": row.group.id,
        "path": f"{PATH}/groups/{row.group.id}",
        "text": row.text,
        "direction": find_direction(row.variety),
        "variety": row.variety,
        "variety_name": name_variety(row.variety),
        "size": row.group.size,
        "weight": row.group.weight,
        "state": row.group.state,
        "heard": name_topic(language, row.heard) if row.heard else "",
        "is_fallback": row.heard == "nlu_fallback",
        "confidence": row.confidence,
        "label": name_topic(language, row.label) if row.label else "",
        "exported_at": row.group.exported_at,
        "exported_file": row.group.exported_file,
        "exported_line": row.group.exported_line,
    }


def name_variety(variety: str) -> str:
    """A variety under its own name."""
    return str(LANGUAGE_NAMES.get(variety, variety))  # type: ignore[call-overload]  # any text is asked


def list_topic_groups(language: Language) -> list[tuple[str, list[tuple[str, str]]]]:
    """All intents that people type, with their titles, under the titles of their topics."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for intent, topic in list_intents().items():
        if intent != FOREIGN:
            groups.setdefault(topic, []).append((intent, name_topic(language, intent)))
    return [
        (translate(language, f"training.topics.{topic}"), sorted(intents, key=lambda each: each[1].casefold()))
        for topic, intents in groups.items()
    ]


def list_likely(language: Language, message: Message | None, chosen: str | None) -> list[dict[str, Any]]:
    """The topics to offer first: what the person then chose, and the machine's ranking."""
    known = list_intents().keys() - {FOREIGN}
    shares: dict[str, float | None] = {} if chosen is None or chosen not in known else {chosen: None}
    for each in message.ranking if message is not None else ():
        intent, share = str(each.get("intent")), each.get("confidence")
        if intent in known and len(shares) < RANKED:
            shares[intent] = float(share) if isinstance(share, int | float) else shares.get(intent)
    return [
        {"intent": intent, "topic": name_topic(language, intent), "share": share, "is_chosen": intent == chosen}
        for intent, share in shares.items()
    ]


def show_text(language: Language, text: str, marks: Iterable[Mark]) -> list[dict[str, Any]]:
    """An example in pieces: words that can be chosen, what stands between them, and marked stretches as a whole."""
    marked = sorted(marks)
    pieces: list[dict[str, Any]] = []
    at = 0
    words = [
        span for span in list_words(text) if not any(span[0] < mark.end and mark.start < span[1] for mark in marked)
    ]
    spans: list[tuple[int, int, Mark | None]] = [(*span, None) for span in words]
    spans += [(mark.start, mark.end, mark) for mark in marked]
    for start, end, mark in sorted(spans, key=lambda span: span[0]):
        pieces.append({"kind": "between", "text": text[at:start]})
        if mark is None:
            pieces.append({"kind": "word", "text": text[start:end], "start": start})
        else:
            pieces.append(
                {
                    "kind": "mark",
                    "text": text[start:end],
                    "entity": mark.entity,
                    "name": translate(language, f"training.kinds.{mark.entity}"),
                    "is_personal": mark.is_personal,
                    "value": f"{mark.start}-{mark.end}:{mark.entity}",
                }
            )
        at = end
    return [piece for piece in (*pieces, {"kind": "between", "text": text[at:]}) if piece["text"]]


def list_kind_choices(language: Language) -> list[tuple[str, str]]:
    """The kinds of entities with their words."""
    return [(kind, translate(language, f"training.kinds.{kind}")) for kind in list_kinds()]


def show_looks(language: Language, looks: Sequence[Look], agreed_id: int | None) -> list[dict[str, Any]]:
    """Who said what of a group, and when; what does not count any more as such."""
    return [
        {
            "author": look.author,
            "at": look.annotation.created_at,
            "topic": name_topic(language, look.annotation.intent) if look.annotation.intent else "",
            "marks": [
                (look.annotation.text[mark.start : mark.end], translate(language, f"training.kinds.{mark.entity}"))
                for mark in from_json(look.annotation.text, look.annotation.marks)
            ],
            "variety": name_variety(look.annotation.variety),
            "settles": look.annotation.settles,
            "is_over": look.annotation.ended_at is not None,
            "counts": look.annotation.id == agreed_id,
        }
        for look in looks
    ]


def show_members(
    language: Language, members: Sequence[Member], sights: Mapping[int, Sight], lead_id: int | None
) -> list[dict[str, Any]]:
    """The messages of a group, each as it was written but for what is personal."""
    return [
        {
            "id": member.message.id,
            "text": sights[member.message.contact_id].text(member.message.text, member.message.entities),
            "direction": find_direction(member.message.variety),
            "at": member.message.created_at,
            "reasons": list(member.candidate.reasons),
            "variety_name": name_variety(member.message.variety or ""),
            "is_lead": member.message.id == lead_id,
            "path": f"/console/messages/{member.message.id}",
        }
        for member in members
    ]


def show_context(language: Language, thread: Thread, sight: Sight, lead_id: int) -> list[dict[str, Any]]:
    """What was said around a message."""
    return [
        {**bubble, "is_lead": bubble["id"] == lead_id} for bubble in show_messages(language, thread.messages, sight, {})
    ]


def find_choice_after(thread: Thread, lead_id: int) -> str | None:
    """What the person chose when the bot asked what they meant by a message: the intent of the button."""
    was_asked = False
    for message in thread.messages:
        if message.reply_to_id == lead_id and message.answer_key == "did_you_mean":
            was_asked = True
        elif was_asked and message.direction == "in":
            return (message.payload or "").lstrip("/").partition("{")[0] or None
    return None
