"""A message that was not understood: name the likeliest topics, or say so and offer a person and the menu."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.messages import Answer

#: What Rasa calls a message whose best intent is too improbable (FallbackClassifier), and what is not ours to answer.
MISSES = frozenset({"nlu_fallback", "out_of_scope"})
#: What nobody would choose as a topic.
NOT_TOPICS = MISSES | {"greet", "goodbye", "thank", "affirm", "deny", "inform", "bot_challenge", "cancel"}


class Clarify(DatabaseAction):
    """Asks "did you mean" where two or three topics are likely; the second miss in a row offers a person at once."""

    action_name = "action_clarify"

    #: From this probability on a topic is worth naming.
    likely_from: ClassVar[float] = 0.08
    most_topics: ClassVar[int] = 3

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `clarify_again`, `did_you_mean` or `not_understood`."""
        if request.earlier and request.earlier[0][0] in MISSES:
            return Finding(Answer("clarify_again"))
        likely = [
            intent
            for intent, probability in request.ranking
            if probability >= self.likely_from and intent not in NOT_TOPICS
        ][: self.most_topics]
        if not likely:
            return Finding(Answer("not_understood"))
        return Finding(
            Answer("did_you_mean", {}, tuple((payload(intent), None) for intent in likely)), {"topics": likely}
        )
