"""Answers longer than a phone's screen: the first part with a button for the rest, which waits in the log."""

from __future__ import annotations

import secrets
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


@dataclass(frozen=True, slots=True)
class Paged:
    """A message that fits a screen, and what stands behind its button (None: that was all)."""

    shown: Outbound
    rest: Outbound | None


def fit_screen(outbound: Outbound, more_title: str) -> Paged:
    """Cut an answer that is longer than a screen before a line; its sources and buttons stay with both parts."""
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
    shown = replace(outbound, text=_with_sources(f"{first.rstrip()} …", outbound), buttons=(more, *outbound.buttons))
    return Paged(shown, replace(outbound, text=_with_sources(rest.strip("\n").lstrip(), outbound)))


def count_lines(text: str) -> int:
    """How many lines a text takes on a phone."""
    return sum(max(1, -(-len(line) // LINE_CHARS)) for line in text.split("\n"))


def _with_sources(text: str, outbound: Outbound) -> str:
    return f"{text}\n\n{outbound.sources}" if outbound.sources else text


def asks_for_more(payload: str) -> bool:
    """Whether a payload is that of a button for the rest of an answer."""
    return payload.startswith(_PREFIX)


def write_rest(rest: Outbound) -> dict[str, Any]:
    """A rest as the log keeps it."""
    return {"text": rest.text, "sources": rest.sources, "buttons": [button.as_json() for button in rest.buttons]}


async def find_rest(session: AsyncSession, contact_id: int, payload: str) -> Outbound | None:
    """What stands behind a button for more, if the person has been shown it lately."""
    query = select(Message).where(Message.contact_id == contact_id, Message.rest.is_not(None))
    for message in await session.scalars(query.order_by(Message.id.desc()).limit(REMEMBERED)):
        if message.rest is not None and any(button.get("payload") == payload for button in message.buttons):
            variety: Variety = message.variety or "fr"  # type: ignore[assignment]  # only varieties are ever stored
            buttons = tuple(Button(**button) for button in message.rest["buttons"])
            text, sources = message.rest["text"], message.rest["sources"]
            return Outbound(text, buttons, variety, message.answer_key or "", sources=sources)
    return None
