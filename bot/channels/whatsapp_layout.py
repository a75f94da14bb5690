"""One answer as the messages that WhatsApp gets: what the channel sends, and what the console shows beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.channels.fitting import numbered_list, split_text
from bot.channels.whatsapp_templates import ChoiceWords, Template, find_template, fits_variable
from bot.content import phrase
from bot.messages import VARIETIES, Outbound

#: The longest text of one message (https://www.twilio.com/docs/messaging/api/message-resource, Body).
TEXT_LIMIT = 1_600


@dataclass(frozen=True, slots=True)
class Layout:
    """One answer as WhatsApp gets it.

    Attributes:
        pieces: the messages of text, in order.
        template: the buttons or the list that follow them, if a template can show the choices.
        over: the text over those choices.
        instead: the messages of text that go out if Twilio refuses the template.
    """

    pieces: tuple[str, ...]
    template: Template | None = None
    over: str = ""
    instead: tuple[str, ...] = ()


def lay_out(message: Outbound, words: ChoiceWords, templates: Mapping[str, str]) -> Layout:
    """Divide an answer into messages: choices are buttons or a list where a template fits them, else numbers."""
    choices = [button for button in message.buttons if button.payload is not None]
    links = numbered_list([button for button in message.buttons if button.url is not None], "")
    numbered = numbered_list(choices, words.numbered)
    text = message.text.strip()
    under = "\n".join(filter(None, [numbered, links]))
    template = find_template(choices, words, templates) if choices else None
    if template is not None:
        if not links and fits_variable(text):
            return Layout((), template, text, _cut(text, under))
        # A variable takes one line of 255 characters, and most answers are longer. The answer then goes first, as
        # text, and the buttons follow under a short line of their own.
        if fits_variable(words.choose):
            return Layout(_cut(text, links), template, words.choose, _cut("", numbered))
    return Layout(_cut(text, under))


def _cut(text: str, under: str) -> tuple[str, ...]:
    """The text in pieces, with what stands under it whole in the last one."""
    *pieces, last = split_text(text, TEXT_LIMIT)
    together = "\n\n".join(filter(None, [last, under]))
    if split_text(together, TEXT_LIMIT) == [together]:
        pieces.append(together)
    else:
        pieces += [last, *split_text(under, TEXT_LIMIT)]
    return tuple(piece for piece in pieces if piece)


def whatsapp_words() -> dict[str, ChoiceWords]:
    """What WhatsApp says around choices, by variety."""
    return {
        variety: ChoiceWords(phrase(variety, "numbered"), phrase(variety, "choose"), phrase(variety, "open_list"))
        for variety in VARIETIES
    }
