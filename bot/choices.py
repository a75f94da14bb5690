"""Recognise a typed choice: "2", "٢", "le deuxième" or its own words stand for a button of the last message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.ordinals import find_only_ordinal
from bot.plain import plain_words

_NUMBER = re.compile(r"[\s(\[]*(\d{1,2})[\s.)\]\-:ـ]*")


def find_choice(text: str, buttons: Sequence[Mapping[str, Any]], *, numbered: bool) -> str | None:
    """The payload of the button that a typed text names, or None.

    Args:
        text: what was typed; digits of any script count ("٢" is 2).
        buttons: the buttons of the last message to this person, as the log keeps them (title and payload or url).
        numbered: whether the person saw them as a numbered list, so that a bare number means one of them.
    """
    choices = [button for button in buttons if button.get("payload")]
    match = _NUMBER.fullmatch(text)
    if match is not None:
        position = int(match[1])
        return str(choices[position - 1]["payload"]) if numbered and 1 <= position <= len(choices) else None
    listed = [button for button in choices if _is_listed(str(button["payload"]))]
    place = find_only_ordinal(text, len(listed))
    if place is not None and len(listed) > 1:
        return str(listed[place - 1]["payload"])
    typed = _bare(text)
    for button in choices:
        if typed and typed == _bare(str(button["title"])):
            return str(button["payload"])
    return None


def _is_listed(payload: str) -> bool:
    """Whether a button stands for one of a list: it has a value of its own, and is not the one for more."""
    return "{" in payload and not payload.startswith("/more{")


def _bare(text: str) -> str:
    """Letters and digits only, so that "quels documents" names "Quels documents ?"."""
    return plain_words(text).replace(" ", "").replace("_", "")
