"""The Content templates that put buttons and lists under a WhatsApp message: their shape, and how they are made.

Twilio sends no interactive WhatsApp message without one: a template holds the layout, and `ContentVariables` fill in
the words at each send. Ours hold nothing but variables, so that one template per number of choices serves every answer
in every variety. That is sound inside the 24-hour window, where the bot answers; WhatsApp would not approve such
templates for messages that the bot starts
(https://www.twilio.com/docs/content/twilio-quick-reply, https://www.twilio.com/docs/content/twiliolist-picker).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList

from bot.channels.fitting import split_text
from bot.messages import DEFAULT_VARIETY, PAYLOAD_LIMIT_BYTES, Button

#: Buttons in a quick reply that was not approved beforehand, and the length of their titles.
QUICK_REPLY_LIMIT = 3
QUICK_REPLY_TITLE_CHARS = 20
#: Items in a list picker, the length of their titles, and of the word on the button that opens the list.
LIST_LIMIT = 10
LIST_TITLE_CHARS = 24
LIST_BUTTON_CHARS = 20
#: The longest value of a variable (https://www.twilio.com/docs/content/using-variables-with-content-api).
VARIABLE_LIMIT_CHARS = 255

#: Fewer characters before the links say nothing.
_FEWEST_CHARS = 20

#: Raise it with every change to a template's shape: a template is found again by its name, never looked into.
_FRIENDLY_NAME = "mnc_assistant_{}_v1"


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """What WhatsApp says around choices, in one variety.

    Attributes:
        numbered: the hint under a numbered list ("Reply with the number of your choice.").
        choose: the text over buttons whose answer went out before them ("Choose:"); without it, a text that does not
            fit a template's variable is followed by a numbered list.
        open_list: the word on the button that opens a list, at most 20 characters ("Choices"); without it, no lists.
    """

    numbered: str
    choose: str = ""
    open_list: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template that fits some choices: its SID, and its variables but for the text."""

    sid: str
    variables: dict[str, str]

    def fill(self, text: str) -> str:
        """The `ContentVariables` of one message with this text over the choices, as JSON.

        A straight apostrophe becomes a typographic one: people report error 21656 for the straight one in a value
        (https://github.com/twilio/twilio-node/issues/1082), and French is full of them.
        """
        values = {"1": text, **self.variables}
        return json.dumps(
            {number: value.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}") for number, value in values.items()}
        )


def find_template(choices: Sequence[Button], words: ChoiceWords, sids: Mapping[str, str]) -> Template | None:
    """The template that can show these choices (buttons with a payload), or None: quick reply first, then list.

    None when no SID is configured for their number, or when WhatsApp would refuse them: a title that is too long or has
    a line break, or a title or payload that occurs twice.
    """
    titles = [button.title.strip() for button in choices]
    distinct = min(len({title.casefold() for title in titles}), len({button.payload for button in choices}))
    if distinct < len(choices) or not all(map(fits_variable, titles)):
        return None
    longest = max(map(_count_chars, titles), default=0)
    count = len(choices)
    if longest <= QUICK_REPLY_TITLE_CHARS and (sid := sids.get(f"buttons_{count}")):
        return Template(sid, _number(2, choices))
    list_opens = fits_variable(words.open_list) and _count_chars(words.open_list) <= LIST_BUTTON_CHARS
    if longest <= LIST_TITLE_CHARS and list_opens and (sid := sids.get(f"list_{count}")):
        return Template(sid, {"2": words.open_list, **_number(3, choices)})
    return None


def fits_variable(text: str) -> bool:
    """Whether a text can be the value of a template's variable.

    Twilio refuses an empty value, one with a line break or a tab, one with more than four spaces in a row (error 21656,
    https://www.twilio.com/docs/api/errors/21656) and one of more than 255 characters.
    """
    return (
        bool(text.strip())
        and _count_chars(text) <= VARIABLE_LIMIT_CHARS
        and not any(letter in text for letter in "\n\r\t\v\f\x85\u2028\u2029")
        and " " * 5 not in text
    )


def fit_variable(text: str) -> str:
    """A text of several lines as the one line of a variable: the first line and the links, and of the rest what fits.

    Where not even those fit, the first line is cut, and never a link: a part of one leads nowhere.

    Raises:
        ValueError: there is no text.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("a template's variable needs a text")
    kept = {0, *(number for number, line in enumerate(lines) if "://" in line)}
    for number in range(len(lines)):
        if _count_chars(_join(lines, kept | {number})) <= VARIABLE_LIMIT_CHARS:
            kept.add(number)
    line = _join(lines, kept)
    return line if _count_chars(line) <= VARIABLE_LIMIT_CHARS else _cut_around_links(lines)


def _cut_around_links(lines: Sequence[str]) -> str:
    """As many whole links of a text as fit, in their order, and before them the beginning of its first line."""
    tail = ""
    for link in dict.fromkeys(word for word in " ".join(lines).split() if "://" in word):
        if _count_chars(f"{tail} {link}") <= VARIABLE_LIMIT_CHARS:
            tail = f"{tail} {link}".strip()
    beginning = " ".join(word for word in lines[0].split() if "://" not in word)
    room = VARIABLE_LIMIT_CHARS - _count_chars(f" … {tail}".rstrip())
    if tail and (not beginning or room < _FEWEST_CHARS):
        return tail
    return f"{split_text(beginning or lines[0], room)[0]} … {tail}".rstrip()


def _join(lines: Sequence[str], kept: Collection[int]) -> str:
    return " – ".join(line for number, line in enumerate(lines) if number in kept)


def encode_payload(payload: str) -> str:
    """A button's payload as the identifier of a choice.

    Payloads hold JSON, and nobody documents how Twilio treats quotes and braces of a variable inside a template that is
    JSON and uses braces itself; percent-encoding leaves nothing to treat. 64 bytes become 192 at the most, within the
    200 that WhatsApp allows.
    """
    return quote(payload, safe="/")


def decode_payload(identifier: str) -> str | None:
    """The payload behind the identifier that came back, or None for a choice that is not one of ours."""
    payload = unquote(identifier)
    if not payload.startswith("/") or not payload.isprintable() or len(payload.encode()) > PAYLOAD_LIMIT_BYTES:
        return None
    return payload


def create_templates(client: Client, words: Mapping[str, ChoiceWords]) -> dict[str, str]:
    """Create the templates that the account lacks, and return the SID of each by its name in WHATSAPP_TEMPLATES.

    The names are ``buttons_1`` to ``buttons_3`` and ``list_1`` to ``list_10``. A template of ours that is there already
    is reused, so a second run creates nothing. `words` by variety give the samples that Twilio wants for variables;
    those of the default variety are taken.

    Raises:
        twilio.base.exceptions.TwilioException: Twilio refused a request (https://www.twilio.com/docs/content/content-api-resources).
        OSError: Twilio could not be reached.
    """
    existing = {content.friendly_name: content.sid for content in client.content.v1.contents.list(page_size=1000)}
    sids = {}
    for name, shape in _shapes(words[DEFAULT_VARIETY]).items():
        friendly_name = _FRIENDLY_NAME.format(name)
        sid = existing.get(friendly_name)
        if sid is None:
            request = ContentList.ContentCreateRequest({"friendly_name": friendly_name, **shape})
            sid = client.content.v1.contents.create(request).sid
        sids[name] = str(sid)
    return sids


def _shapes(words: ChoiceWords) -> dict[str, dict[str, Any]]:
    text = words.choose or words.numbered
    shapes = {}
    for count in range(1, QUICK_REPLY_LIMIT + 1):
        actions = [
            {"type": "QUICK_REPLY", "title": _slot(2 * number), "id": _slot(2 * number + 1)}
            for number in range(1, count + 1)
        ]
        shapes[f"buttons_{count}"] = {
            "language": "fr",
            "variables": {"1": text, **_number(2, _samples(count))},
            "types": {"twilio/quick-reply": {"body": _slot(1), "actions": actions}},
        }
    for count in range(1, LIST_LIMIT + 1):
        items = [{"item": _slot(2 * number + 1), "id": _slot(2 * number + 2)} for number in range(1, count + 1)]
        shapes[f"list_{count}"] = {
            "language": "fr",
            "variables": {"1": text, "2": words.open_list or "…", **_number(3, _samples(count))},
            "types": {"twilio/list-picker": {"body": _slot(1), "button": _slot(2), "items": items}},
        }
    return shapes


def _slot(number: int) -> str:
    return "{{" + str(number) + "}}"


def _samples(count: int) -> list[Button]:
    return [Button(f"Option {number}", payload=f"/option_{number}") for number in range(1, count + 1)]


def _number(first: int, choices: Sequence[Button]) -> dict[str, str]:
    """Variables for the choices, title and identifier of each in turn, numbered from `first`."""
    values = [value for button in choices for value in (button.title.strip(), encode_payload(button.payload or ""))]
    return {str(number): value for number, value in enumerate(values, start=first)}


def _count_chars(text: str) -> int:
    # In UTF-16 code units, as bot.channels.fitting does: an emoji counts as two, which errs on the safe side.
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
