"""Answers longer than a phone's screen and lists longer than what is shown: a button for the rest, kept in the log.

Of a long text its rest waits as it was written. Of a list what was asked for waits, and the next ones are looked up.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.channels.fitting import split_text
from bot.db.models import Message
from bot.messages import Button, Outbound, Variety

#: What a phone shows at once: so many lines of so many characters (measured on the chat page at 390 × 844 pixels, which
#: has room for 27 of them; messengers set their text smaller).
SCREEN_LINES = 24
LINE_CHARS = 32
#: A rest of fewer lines is not worth a tap.
FEWEST_LINES = 4
#: Among so many of somebody's latest long messages a button finds the rest that it belongs to.
REMEMBERED = 20
_PREFIX = '/more{"of": "'
_LIST_PREFIX = '/more{"list": "'


@dataclass(frozen=True, slots=True)
class Paged:
    """A message that fits a screen, and what stands behind its button (None: that was all)."""

    shown: Outbound
    rest: Outbound | None


def fit_screen(outbound: Outbound, more_title: str) -> Paged:
    """Cut an answer that is longer than a screen before a line; its sources and buttons stay with both parts.

    The next ones of a list are offered under its end alone: one button for more at a time.
    """
    lines = outbound.text.removesuffix(outbound.sources).rstrip().split("\n")
    room = SCREEN_LINES - (count_lines(outbound.sources) + 1 if outbound.sources else 0)
    cut, shown_lines = 0, 0
    while cut < len(lines) and shown_lines + count_lines(lines[cut]) <= room:
        shown_lines += count_lines(lines[cut])
        cut += 1
    if sum(count_lines(line) for line in lines[cut:]) < FEWEST_LINES:
        return Paged(outbound, None)
    # What is set in belongs to the line before it; a heading may stand last, since it says what comes.
    while cut > 1 and lines[cut].startswith(" "):
        cut -= 1
    first, rest = "\n".join(lines[:cut]), "\n".join(lines[cut:])
    if cut == 0:
        # One line is longer than the screen: a sentence of it.
        first = split_text(rest, room * LINE_CHARS)[0]
        rest = rest[len(first) :]
    more = Button(more_title, payload=f'{_PREFIX}{secrets.token_hex(4)}"}}')
    kept = tuple(button for button in outbound.buttons if not (button.payload or "").startswith(_LIST_PREFIX))
    text = _with_sources(f"{first.rstrip()} …", outbound)
    shown = replace(outbound, text=text, buttons=(more, *kept), further=None)
    return Paged(shown, replace(outbound, text=_with_sources(rest.strip("\n").lstrip(), outbound)))


def count_lines(text: str) -> int:
    """How many lines a text takes on a phone."""
    return sum(max(1, -(-len(line) // LINE_CHARS)) for line in text.split("\n"))


def _with_sources(text: str, outbound: Outbound) -> str:
    return f"{text}\n\n{outbound.sources}" if outbound.sources else text


def make_list_payload(further: Mapping[str, Any]) -> str:
    """The payload of the button for the next ones of a list: the same for the same ones."""
    written = json.dumps(further, sort_keys=True).encode()
    return f'{_LIST_PREFIX}{hashlib.sha256(written).hexdigest()[:8]}"}}'


def asks_for_more(payload: str) -> bool:
    """Whether a payload is that of a button for the rest of an answer, or for the next ones of its list."""
    return payload.startswith((_PREFIX, _LIST_PREFIX))


def write_rest(page: Paged) -> dict[str, Any] | None:
    """What the log keeps for the buttons for more: the rest of the text, and how its list goes on; None: neither."""
    rest: dict[str, Any] = {}
    if page.rest is not None:
        buttons = [button.as_json() for button in page.rest.buttons]
        rest = {"text": page.rest.text, "sources": page.rest.sources, "buttons": buttons}
    further = (page.rest or page.shown).further
    if further is not None:
        rest["further"] = dict(further)
    return rest or None


async def find_rest(session: AsyncSession, contact_id: int, payload: str) -> Outbound | Mapping[str, Any] | None:
    """What stands behind a button for more, if the person has been shown it lately: a text, or how a list goes on."""
    query = select(Message).where(Message.contact_id == contact_id, Message.rest.is_not(None))
    for message in await session.scalars(query.order_by(Message.id.desc()).limit(REMEMBERED)):
        if message.rest is None or all(button.get("payload") != payload for button in message.buttons):
            continue
        further: Mapping[str, Any] | None = message.rest.get("further")
        if payload.startswith(_LIST_PREFIX):
            return further
        variety: Variety = message.variety or "fr"  # type: ignore[assignment]  # only varieties are ever stored
        buttons = tuple(Button(**button) for button in message.rest["buttons"])
        text, sources = message.rest["text"], message.rest["sources"]
        return Outbound(text, buttons, variety, message.answer_key or "", sources=sources, further=further)
    return None
