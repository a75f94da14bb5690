"""Fit texts and choices to what a channel can show."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages import Button

_BREAKS = ("\n\n", "\n", ". ", " ")


def split_text(text: str, limit: int) -> list[str]:
    """Cut a text into pieces of at most `limit` characters, at the end of a paragraph, else a line, sentence or word.

    Characters are UTF-16 code units, as Telegram counts them, so an emoji counts as two. Nothing but white space at
    the cuts is lost.
    """
    pieces = []
    rest = text.strip()
    while _length(rest) > limit:
        cut = _longest_prefix(rest, limit)
        for separator in _BREAKS:
            end = rest.rfind(separator, 0, cut + 1)
            # A cut in the first third would leave a stump; look for the next kind of break instead.
            if end > cut // 3:
                cut = end + (1 if separator == ". " else 0)
                break
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _longest_prefix(text: str, limit: int) -> int:
    units = 0
    for position, letter in enumerate(text):
        units += 2 if ord(letter) > 0xFFFF else 1
        if units > limit:
            return position
    return len(text)


def numbered_list(buttons: Sequence[Button], hint: str) -> str:
    """Choices as text, for where there are no buttons: numbered payloads, the hint, then links."""
    choices = [button for button in buttons if button.payload is not None]
    lines = [f"{number}. {button.title}" for number, button in enumerate(choices, start=1)]
    if lines and hint:
        lines.append(hint)
    links = [f"{button.title} : {button.url}" for button in buttons if button.url is not None]
    return "\n".join([*lines, *links])
