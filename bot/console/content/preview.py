"""How people will see an answer: laid out by the code of the channels themselves, and drawn by the page's template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup

from bot.answers import RenderError
from bot.channels import telegram
from bot.channels.whatsapp_layout import lay_out, whatsapp_words
from bot.console.content.texts import Desk, Problem, as_problem
from bot.content import phrase
from bot.messages import RIGHT_TO_LEFT, Button, Outbound, Variety
from bot.paging import fit_screen

#: A web address, without the sign that ends a sentence (as the chat page finds them).
_ADDRESS = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?…،؛؟*_)\]}]")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as a messenger shows it: its text, and the rows of buttons under it."""

    text: str
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """An answer on each channel, and what there is to say of its length."""

    variety: Variety
    telegram: tuple[Shown, ...]
    whatsapp: tuple[Shown, ...]
    #: The text in parts, each with whether it is a link, and the titles of the choices under it.
    web: tuple[tuple[str, bool], ...]
    web_choices: tuple[Button, ...]
    warnings: tuple[tuple[str, str], ...]
    chars: int

    @property
    def direction(self) -> str:
        """In which direction the variety is written."""
        return "rtl" if self.variety in RIGHT_TO_LEFT else "ltr"


def make_preview(desk: Desk, key: str, variety: Variety, text: str, example: int) -> Preview | Problem:
    """An answer with a text that is being written, filled with one of its samples; or why it can't be said."""
    samples = desk.list_samples(key)
    try:
        outbound = desk.answers.write(samples[example % len(samples)], variety, text)
    except RenderError as error:
        return as_problem(error)
    shown = outbound
    if not key.startswith("ask_"):
        shown = fit_screen(outbound, phrase(variety, "more")).shown
    return show_outbound(shown, desk.templates, tuple(desk.measure(outbound)), len(outbound.text))


def show_outbound(
    outbound: Outbound,
    templates: Mapping[str, str],
    warnings: tuple[tuple[str, str], ...] = (),
    chars: int | None = None,
) -> Preview:
    """A message on each channel; `templates` are those of WhatsApp's buttons and lists, as the channel has them."""
    return Preview(
        outbound.variety,
        tuple(_on_telegram(outbound)),
        tuple(_on_whatsapp(templates, outbound)),
        tuple(_split_links(outbound.text)),
        tuple(button for button in outbound.buttons if button.share is None),
        warnings,
        len(outbound.text) if chars is None else chars,
    )


def _on_telegram(outbound: Outbound) -> Sequence[Shown]:
    shown = []
    for piece, keyboard in telegram.lay_out(outbound):
        rows: tuple[tuple[str, ...], ...] = ()
        if isinstance(keyboard, InlineKeyboardMarkup):
            rows = tuple(tuple(key.text for key in row) for row in keyboard.inline_keyboard)
        elif isinstance(keyboard, ReplyKeyboardMarkup):
            rows = tuple(tuple(key.text for key in row) for row in keyboard.keyboard)
        shown.append(Shown(piece, rows))
    return shown


def _on_whatsapp(templates: Mapping[str, str], outbound: Outbound) -> Sequence[Shown]:
    layout = lay_out(outbound, whatsapp_words()[outbound.variety], templates)
    shown = [Shown(piece) for piece in layout.pieces]
    if layout.template is not None:
        titles = [button.title for button in outbound.buttons if button.payload is not None]
        shown.append(Shown(layout.over, tuple((title,) for title in titles)))
    return shown


def _split_links(text: str) -> Sequence[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        parts += [(text[end : match.start()], False), (match.group(), True)]
        end = match.end()
    return [part for part in [*parts, (text[end:], False)] if part[0]]
