"""Whether people can be told something, by which way, and how it will look: before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from bot.answers import Answers
from bot.db.models import Consent, Contact, Identity
from bot.messages import RIGHT_TO_LEFT, Answer, Variety
from bot.reach import Reach, Route


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will become of a notice, as far as it can be known now.

    Attributes:
        channel: by which it goes; empty when it does not.
        reason: why it does not: ``unasked``, ``refused``, ``stopped``, ``erased``, ``blocked``, ``window``, ``no_way``.
        is_template: whether WhatsApp takes it as an approved template only.
    """

    channel: str = ""
    reason: str = ""
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as one person will get it."""

    channel: str
    variety: Variety
    text: str
    buttons: tuple[str, ...]

    @property
    def direction(self) -> str:
        """How it is written."""
        return "rtl" if self.variety in RIGHT_TO_LEFT else "ltr"


def foresee(reach: Reach, contact: Contact, identities: Sequence[Identity], asked_at: datetime | None) -> Outlook:
    """What the schedule would do now with a notice that was asked for at a time, and that makes sense later too."""
    if contact.erased_at is not None:
        return Outlook(reason="erased")
    stopped_at = contact.unsubscribed_at
    if stopped_at is not None and (asked_at is None or asked_at < stopped_at):
        return Outlook(reason="stopped")
    route = reach.choose_route(identities, find_variety(contact), waits=True)
    if isinstance(route, Route):
        return Outlook(route.identity.channel, is_template=route.template is not None)
    if any(identity.blocked_at is not None for identity in identities):
        return Outlook(reason="blocked")
    return Outlook(reason="window" if "whatsapp: outside" in route else "no_way")


def foresee_agreed(
    reach: Reach, contact: Contact, identities: Sequence[Identity], agreement: Consent | None
) -> Outlook:
    """The same of what a person is told only if they agreed to be written to about their application."""
    if agreement is None:
        return Outlook(reason="unasked")
    if not agreement.is_given:
        return Outlook(reason="refused")
    return foresee(reach, contact, identities, agreement.given_at)


def find_variety(contact: Contact) -> Variety:
    """How a person is written to."""
    return cast(Variety, contact.chosen_variety or contact.variety)


async def preview(answers: Answers, answer: Answer, channel: str, variety: Variety) -> Preview:
    """A message before it is sent.

    Raises:
        RenderError: it can't be written.
    """
    outbound = await answers.render(answer, variety)
    return Preview(channel, variety, outbound.text, tuple(button.title for button in outbound.buttons))
