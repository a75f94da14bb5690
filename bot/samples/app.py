"""Answers that the app sends by itself, and those that no row of the shipped data leads to."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from actions.clarify import NOT_TOPICS
from bot.content import load_words
from bot.messages import Answer
from bot.settings import ROOT


def _list_topics() -> Iterator[tuple[tuple[str, None], ...]]:
    """Every intent that "did you mean" may name, three at a time."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    names = [str(next(iter(item)) if isinstance(item, dict) else item) for item in domain["intents"]]
    # From this one on only buttons carry them.
    typed = names[: names.index("request_erasure")]
    topics = [f"/{name}" for name in typed if name not in NOT_TOPICS]
    for start in range(0, len(topics), 3):
        yield tuple((topic, None) for topic in topics[start : start + 3])


_CLASS = {
    "title": "Data", "operator": None, "city": None, "starts_on": None, "ends_on": None, "enrolment": None,
    "enrol_until": None,
}  # fmt: skip
#: Answers that the app sends by itself, and those that no row of the shipped data leads to.
SENT_BY_THE_APP: tuple[Answer, ...] = (
    *(Answer(key) for key in ("welcome", "apology", "contact_shared", "location_far", "no_text", "not_understood")),
    Answer("clarify_again"),
    Answer("utter_contact_info", {"contacts": [
        {"kind": "phone", "value": "+212 5 00 00 00 00"}, {"kind": "email", "value": "contact@example.org"},
        {"kind": "address", "value": "1, rue de l'Exemple, Rabat"},
    ]}),
    *(Answer("did_you_mean", {}, topics) for topics in _list_topics()),
    *(Answer("unsupported", {"kind": kind}) for kind in load_words()["fr"].names["attachment"]),
    Answer(
        "cohorts_upcoming",
        {
            "city": "rabat",
            "track": "data",
            "cohorts": [
                {**_CLASS, "operator": "UIR", "city": "rabat", "starts_on": "2027-02"},
                {**_CLASS, "starts_on": "2027-03-01", "ends_on": "2027-07-01"},
            ],
        },
    ),
)  # fmt: skip
