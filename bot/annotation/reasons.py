"""Why a message is worth a look by staff, and how much: rules over what was said before and after it.

Each rule looks back from the newest of what it needs, so that the log is read once, in its order, and nothing has to be
waited for: a second question flags the first, a thumb down or an answer by staff flags the question before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.annotation.grouping import fold_message
from bot.spelling import split_words

#: What each reason weighs; a message weighs the sum of its reasons, a group the sum of its messages. People's own
#: signs of a bad answer weigh more than the machine's doubts, which are often right all the same.
WEIGHTS: Final[Mapping[str, int]] = {
    "thumb_down": 5,  # the person said so
    "taken_over": 5,  # a colleague had to answer in the bot's place
    "asked_again": 4,  # nearly the same words again: the answer was none
    "picked": 3,  # staff wanted to label it
    "not_understood": 3,  # the machine said so
    "asked_alike": 2,  # another question of the same kind: the answer was not quite it
    "failed": 2,  # the turn failed
    "unsure": 2,  # answered, but hardly sure
    "clarified": 1,  # "did you mean": what the person then chose is a hint for the label
    "foreign": 1,  # understood as not for us, which is mostly right
}
#: Below this the machine is hardly sure (it gives up below 0.3, `config.yml`).
UNSURE_BELOW: Final = 0.5
#: How soon somebody asks again because of an answer, and not because they come back.
AGAIN_WITHIN: Final = timedelta(minutes=10)
ALIKE_WITHIN: Final = timedelta(minutes=5)
#: How soon a colleague's answer is about the bot's.
TAKEN_OVER_WITHIN: Final = timedelta(minutes=15)
#: How far back a thumb down reaches; also how much of a conversation the rules need to see.
LOOKED_BACK: Final = timedelta(hours=24)
#: Two messages share so many of their words (Jaccard index) when one repeats the other.
NEARLY_SAME: Final = 0.6
#: Longer texts are no examples: they say several things.
LONGEST_CHARS: Final = 300
#: Said again and again without anything being wrong.
_SMALL_TALK = frozenset({"greet", "goodbye", "thank", "affirm", "deny", "inform", "bot_challenge", "cancel"})
_MISSES = frozenset({"nlu_fallback", "out_of_scope"})


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation, as far as the rules look at it; see `bot.db.models.Message`."""

    id: int
    contact_id: int
    direction: str
    text: str
    payload: str | None
    state: str
    intent: str | None
    confidence: float | None
    answer_key: str | None
    reply_to_id: int | None
    created_at: datetime

    @property
    def is_question(self) -> bool:
        """Whether a person typed it, and it can be an example."""
        return (
            self.direction == "in"
            and self.payload is None
            and len(self.text) <= LONGEST_CHARS
            and not self.text.startswith("/")
            and any(letter.isalpha() for letter in self.text)
        )

    @property
    def is_staff(self) -> bool:
        """Whether a member of staff wrote it: what the bot says has the key of its answer."""
        return self.direction == "out" and self.answer_key is None


def find_reasons(conversation: Sequence[Said], since: int) -> dict[int, set[str]]:
    """Reasons by message id, found in what came after the message `since`.

    Args:
        conversation: messages of one person in their order, with those of `LOOKED_BACK` before `since`.
        since: the last id that was looked at before; what comes after it can flag messages before it, too.
    """
    found: dict[int, set[str]] = {}
    question: Said | None = None
    #: Whether a journey asked something that the next message answers; whether the bot answered the last question.
    is_asked = is_answered = False
    for said in conversation:
        is_new = said.id > since
        flagged: list[tuple[Said, str]] = []
        if said.is_staff:
            is_near = question is not None and said.created_at - question.created_at <= TAKEN_OVER_WITHIN
            # Who asked for a person got the right answer.
            if question is not None and is_answered and is_near and question.intent != "request_human":
                flagged.append((question, "taken_over"))
            question, is_asked = None, False
        elif said.direction == "out":
            is_asked = (said.answer_key or "").startswith("ask_")
            is_answered = is_answered or (question is not None and said.reply_to_id == question.id)
            if said.answer_key == "did_you_mean" and question is not None and said.reply_to_id == question.id:
                flagged.append((question, "clarified"))
        elif said.intent == "rate_down":
            if question is not None and said.created_at - question.created_at <= LOOKED_BACK:
                flagged.append((question, "thumb_down"))
        elif said.is_question:
            flagged += [(said, reason) for reason in _doubts(said, is_asked)]
            if question is not None and is_answered and (repeated := _repeats(question, said)):
                flagged.append((question, repeated))
            # What answers a journey's question says nothing about the question before it, and is none itself.
            if not is_asked or flagged:
                question, is_answered = said, False
        if is_new:
            for flagged_one, reason in flagged:
                found.setdefault(flagged_one.id, set()).add(reason)
    return found


def weigh(reasons: Sequence[str]) -> int:
    """What a message with these reasons weighs."""
    return sum(WEIGHTS[reason] for reason in reasons)


def _doubts(said: Said, is_asked: bool) -> list[str]:
    """What the machine's own reading says against it; to a journey's question anything may be the answer."""
    if said.state == "failed":
        return ["failed"]
    if is_asked or said.intent is None:
        return []
    if said.intent == "nlu_fallback":
        return ["not_understood"]
    if said.intent == "out_of_scope":
        return ["foreign"]
    return ["unsure"] if said.confidence is not None and said.confidence < UNSURE_BELOW else []


def _repeats(first: Said, second: Said) -> str:
    """Whether the second message asks what the first did: a reason, or nothing."""
    apart = second.created_at - first.created_at
    if first.intent in _SMALL_TALK or apart > AGAIN_WITHIN:
        return ""
    words, others = set(split_words(first.text)), set(split_words(second.text))
    is_same = fold_message(first.text) == fold_message(second.text)
    if is_same or len(words & others) >= NEARLY_SAME * len(words | others) > 0:
        return "asked_again"
    is_alike = first.intent is not None and first.intent == second.intent and first.intent not in _MISSES
    return "asked_alike" if is_alike and apart <= ALIKE_WITHIN else ""
