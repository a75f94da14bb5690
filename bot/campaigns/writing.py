"""What a campaign says: a text in each variety, what may stand in it, and the message that comes of it.

A text is plain but for a few names in double braces, ``{{ first_name }}``, which only campaigns about applications may
use: their people gave these data for that, and agreed to be written to about it. Nothing in a text is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.answers import Answers
from bot.channels.fitting import split_text
from bot.channels.whatsapp_layout import lay_out, whatsapp_words
from bot.channels.whatsapp_templates import VARIABLE_LIMIT_CHARS, fits_variable
from bot.content import phrase
from bot.db.models import Application, Campaign
from bot.messages import VARIETIES, Button, Outbound, Variety
from bot.wording import typeset

#: What a text about applications may show, with an example of the longest kind.
PLACEHOLDERS: Mapping[str, str] = {
    "first_name": "Abderrahmane",
    "reference": "JIT-7K3MPQ",
    "city": "Casablanca",
    "track": "Développement web full stack",
}
#: The answer's name in the log.
ANSWER_KEY = "campaign"
#: Nothing is sent to the people of a variety.
NOBODY = "none"
#: Buttons under every campaign: the way back to all that the assistant does, and out.
_BUTTONS = ("/ask_capabilities", "/unsubscribe")
_PLACEHOLDER = re.compile(r"\{\{ *([^{}\n]*?) *\}\}")
_MARKS = ("{{", "}}", "{%", "%}", "{#", "#}")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text, and where.

    Attributes:
        code: ``empty``, ``unknown`` (a name that nobody knows), ``not_agreed`` (a name that needs another purpose),
            ``mark`` (braces that are no name), or ``long`` (more than one message of WhatsApp).
        line: from 1; 0: the whole text.
        column: from 1.
        detail: what stands there, or how much too long it is.
    """

    code: str
    line: int = 0
    column: int = 0
    detail: str = ""


def list_placeholders(purpose: str) -> tuple[str, ...]:
    """The names that a text may use."""
    return tuple(PLACEHOLDERS) if purpose == "application" else ()


def list_forbidden(texts: Iterable[str], purpose: str) -> list[str]:
    """The names in some texts that people did not agree to for a purpose."""
    found = {match[1] for text in texts for match in _PLACEHOLDER.finditer(text)}
    return sorted(found.difference(list_placeholders(purpose)))


def find_fault(answers: Answers, text: str, variety: Variety, purpose: str) -> Fault | None:
    """The first thing that keeps a text from being sent; None: it can be."""
    if not text.strip():
        return Fault("empty")
    allowed = list_placeholders(purpose)
    for match in _PLACEHOLDER.finditer(text):
        if match[1] not in allowed:
            code = "not_agreed" if match[1] in PLACEHOLDERS else "unknown"
            return _place(code, text, match.start(), match[1] or match[0])
    # Blanked rather than taken out, so that places stay where they are.
    bare = _PLACEHOLDER.sub(lambda match: " " * len(match[0]), text)
    marks = [(bare.find(mark), mark) for mark in _MARKS if mark in bare]
    if marks:
        at, mark = min(marks)
        return _place("mark", text, at, mark)
    said = compose(answers, text, variety, PLACEHOLDERS)
    pieces = lay_out(said, whatsapp_words()[variety], {}).pieces
    if len(pieces) > 1:
        return Fault("long", detail=str(sum(map(len, pieces[1:]))))
    return None


def _place(code: str, text: str, at: int, detail: str) -> Fault:
    before = text[:at]
    return Fault(code, before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1, detail[:40])


def compose(answers: Answers, text: str, variety: Variety, values: Mapping[str, str]) -> Outbound:
    """The message of a campaign: the text with its values, how to stop, and the buttons.

    Values are put in as they are: what people wrote is never read as a text of ours. A name without a value stays in
    its braces: `find_fault` keeps such a text from being sent, but its preview can be looked at.
    """
    said = typeset(_PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text).strip(), variety)
    buttons = tuple(Button(answers.title(payload, variety), payload=payload) for payload in _BUTTONS)
    return Outbound(f"{said}\n\n{phrase(variety, 'campaign_stop')}", buttons, variety, ANSWER_KEY)


def fit_template(outbound: Outbound) -> tuple[str, bool]:
    """The one line that an approved template of WhatsApp takes, how to stop included, and whether something is cut."""
    hint = phrase(outbound.variety, "campaign_stop")
    line = " – ".join(" ".join(part.split()) for part in outbound.text.removesuffix(hint).splitlines() if part.strip())
    whole = f"{line} – {hint}"
    if fits_variable(whole):
        return whole, False
    room = VARIABLE_LIMIT_CHARS - len(hint) - 5
    return f"{split_text(line, room)[0]} … – {hint}", True


def name_values(application: Application | None, answers: Answers, variety: Variety) -> Mapping[str, str]:
    """What the placeholders stand for of a person; nothing of who has no application."""
    if application is None:
        return {}
    track = application.track_slug
    return {
        "first_name": application.full_name.split()[0],
        "reference": application.reference,
        "city": answers.name("city", application.city_slug, variety),
        "track": answers.name("track", track, variety),
    }


def read_as(campaign: Campaign) -> dict[str, str]:
    """The variety of the text that people of each variety get; empty: nothing is said yet; `NOBODY` is left out."""
    chosen: dict[str, str] = {}
    for variety in VARIETIES:
        if campaign.texts.get(variety):
            chosen[variety] = variety
        elif (instead := campaign.fallbacks.get(variety)) and campaign.texts.get(instead):
            chosen[variety] = instead
    return chosen


def list_undecided(campaign: Campaign) -> Sequence[Variety]:
    """The varieties without a text for which nobody said what their people get."""
    decided = read_as(campaign)
    return [each for each in VARIETIES if each not in decided and campaign.fallbacks.get(each) != NOBODY]
