"""What stands in conversations in the words of whoever reads: topics, directions, what came without a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.clock import utc_now
from bot.console.words import Language, load_words, translate
from bot.content import load_words as load_content
from bot.messages import RIGHT_TO_LEFT


def name_topic(language: Language, intent: str) -> str:
    """A topic as a title: the words of the console, else of the button that leads there, else its own name."""
    own = load_words(language).get(f"conversations.topics.{intent}")
    return own or load_content()[language].buttons.get(intent) or intent.replace("_", " ")


def list_topics(language: Language) -> list[tuple[str, str]]:
    """Every topic that can be asked for, with its title, by title."""
    prefix = "conversations.topics."
    known = {key.removeprefix(prefix) for key in load_words(language) if key.startswith(prefix)}
    names = known | set(load_content()["fr"].buttons)
    return sorted(((name, name_topic(language, name)) for name in names), key=lambda topic: topic[1].casefold())


def find_direction(variety: str | None) -> str:
    """The direction of a text in a variety; that of its first letter where the variety is not known."""
    return "auto" if variety is None else "rtl" if variety in RIGHT_TO_LEFT else "ltr"


def describe_textless(language: Language, payload: str | None, attachments: Sequence[str]) -> str:
    """What a message without a text was: a button, or what was attached."""
    if payload:
        return name_topic(language, payload.lstrip("/").partition("{")[0])
    words = load_words(language)
    kinds = [
        words.get(f"conversations.attachments.{kind}", words["conversations.attachments.other"]) for kind in attachments
    ]
    return ", ".join(kinds)


def describe_duration(language: Language, seconds: float) -> str:
    """A stretch of time, as short as it is understood: ``3 min``, ``2 h 05``, ``4 j``."""
    minutes = max(0, int(seconds // 60))
    if minutes < 60:
        return translate(language, "conversations.durations.minutes", minutes=minutes)
    if minutes < 48 * 60:
        return translate(language, "conversations.durations.hours", hours=minutes // 60, minutes=f"{minutes % 60:02}")
    return translate(language, "conversations.durations.days", days=minutes // (24 * 60))


def describe_left(language: Language, until: datetime) -> str:
    """How long it is until a time; what is left of a minute counts as one."""
    return describe_duration(language, (until - utc_now()).total_seconds() + 59)
