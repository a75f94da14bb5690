"""Which topics are asked about more than before, beyond what chance does."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bot.figures.data import RisingTopic

#: What nobody would call a topic: politeness, answers to a question of ours, and what was not understood.
NOT_TOPICS = frozenset({
    "greet", "goodbye", "thank", "affirm", "deny", "inform", "bot_challenge", "cancel", "rate_up", "rate_down",
    "correct_answer", "resume_journey", "nlu_fallback", "out_of_scope",
})  # fmt: skip
#: A topic counts as rising from so many messages on, and only where both periods have so many with a topic.
LEAST_MESSAGES, LEAST_IN_PERIOD = 10, 50
#: In standard errors. Of a hundred topics that did not move, one in seven periods would show one by chance.
LEAST_SCORE = 3.0
#: Counted on to every count, so that a topic without messages before has odds too (Haldane and Anscombe).
SMOOTHING = 0.5
MOST_SHOWN = 10


def score_topic(count: int, total: int, before: int, before_total: int) -> float:
    """How much a share rose, in standard errors: the log odds ratio, with `SMOOTHING`, over its standard error.

    Args:
        count: messages on the topic in the period, of `total` with a topic.
        before: the same in the period before, of `before_total`.
    """
    cells = [each + SMOOTHING for each in (count, total - count, before, before_total - before)]
    ratio = math.log(cells[0] / cells[1]) - math.log(cells[2] / cells[3])
    return ratio / math.sqrt(sum(1 / each for each in cells))


def find_rising(counts: Mapping[str, int], before: Mapping[str, int]) -> tuple[RisingTopic, ...]:
    """The topics that rose most surely, those first; none where there is too little to say."""
    now = {intent: count for intent, count in counts.items() if intent not in NOT_TOPICS}
    then = {intent: count for intent, count in before.items() if intent not in NOT_TOPICS}
    total, before_total = sum(now.values()), sum(then.values())
    if min(total, before_total) < LEAST_IN_PERIOD:
        return ()
    rising = []
    for intent, count in now.items():
        was = then.get(intent, 0)
        score = score_topic(count, total, was, before_total)
        if count >= LEAST_MESSAGES and score >= LEAST_SCORE:
            rising.append(RisingTopic(intent, count, was, count / total, was / before_total, score))
    return tuple(sorted(rising, key=lambda topic: (-topic.score, topic.intent))[:MOST_SHOWN])
