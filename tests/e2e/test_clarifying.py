"""Several questions in one message, and messages that cannot be understood, through the running product."""

from __future__ import annotations

from uuid import uuid4

import pytest
from running import RunningApp

from e2e.log import Log


@pytest.mark.parametrize(
    "asked",
    [
        "c'est gratuit ? et ça dure combien de temps ?",
        "wach had takwin fabor? w ch7al kaydoum?",
        "واش هاد التكوين فابور؟ وشحال كيدوم؟",
        "هل التكوين مجاني؟ وكم مدة التكوين؟",
        "is the training free? and how long does it last?",
    ],
)
def test_both_questions_are_answered(app: RunningApp, log: Log, asked: str) -> None:
    """One message, two answers, in the order of the questions."""
    sender = f"several-{uuid4().hex}"
    answer = app.ask(sender, asked)
    said = [row["answer_key"] for row in log.list_messages(sender, "out")]
    assert said == ["utter_jobintech_cost", "utter_jobintech_duration"]
    assert answer["intent"] == "jobintech_cost"
    assert len(answer["replies"]) == 2


#: Of such messages the model is sure of nothing; which of them, depends on what it was trained with.
UNCLEAR = ("le numéro trois s'il reste", "moi aussi comme mon cousin", "la grande à côté de l'autre", "avec ou sans")


def test_two_misses_in_a_row_offer_a_person(app: RunningApp, log: Log) -> None:
    """The first time the likeliest topics or the menu, the second time somebody of the team."""
    for asked in UNCLEAR:
        sender = f"unclear-{uuid4().hex}"
        for _ in range(2):
            app.ask(sender, asked)
        first, second = log.list_messages(sender, "out")
        if first["answer_key"] in ("did_you_mean", "not_understood"):
            break
    assert first["answer_key"] in ("did_you_mean", "not_understood")
    assert second["answer_key"] == "clarify_again"
    assert "/request_human" in str(second["buttons"])
