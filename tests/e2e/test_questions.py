"""What people ask, in each variety, over the web channel: the answer's facts, its language, and what the log keeps."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import RunningApp

from bot.messages import RIGHT_TO_LEFT, VARIETIES
from bot.settings import ROOT
from e2e.log import Log
from e2e.varieties import guess_variety, is_arabic

QUESTIONS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("questions.yml").read_text(encoding="utf-8"))
CASES = [
    pytest.param(question, variety, id=f"{question['topic'].replace(' ', '-')}-{variety}")
    for question in QUESTIONS
    for variety in VARIETIES
]
TITLES: dict[str, dict[str, str]] = {
    variety: yaml.safe_load((ROOT / "bot" / "content" / f"{variety}.yml").read_text(encoding="utf-8"))["buttons"]
    for variety in VARIETIES
}
#: "We have no official information", as each variety may put it.
NOT_KNOWN = {
    "fr": r"(pas|aucune) d?['’ ]?(information|source|donnée) officielle",
    "ary-Latn": r"ma 3ndna\w*\b.{0,80}\bofficiel",
    "ary-Arab": r"ماعندنا\w*\b.{0,60}رسمي",
    "ar": r"(ليست|لا توجد|ليس)\b.{0,30}(معلومة|معلومات|مصدر)\b.{0,10}رسمي",
    "en": r"no official (information|source)",
}
_senders = itertools.count()


def new_sender() -> str:
    """Somebody whom the app has never met."""
    return f"person-{next(_senders)}"


def check_buttons(reply: dict[str, Any], variety: str) -> None:
    """Every choice has a title, and one that is not a name has the title of its variety."""
    for button in reply["buttons"]:
        assert button["title"].strip()
        payload = button["payload"]
        if payload is None:
            assert button["url"].startswith("https://")
        elif "{" not in payload:
            intent = payload.removeprefix("/")
            assert button["title"] == TITLES[variety].get(intent, button["title"])
            words = re.sub("JobInTech|MNC|👍|👎", "", button["title"])
            assert not words or is_arabic(words, share=0.9) == (variety in RIGHT_TO_LEFT)


@pytest.mark.parametrize(("question", "variety"), CASES)
def test_answer(app: RunningApp, log: Log, question: dict[str, Any], variety: str) -> None:
    """A question is understood and gets its facts in its own variety, and the log keeps how."""
    sender, asked = new_sender(), question["asked"][variety]
    answer = app.ask(sender, asked)
    assert (answer["intent"], answer["variety"]) == (question["intent"], variety)
    (reply,) = answer["replies"]
    text = reply["text"]
    assert (reply["variety"], guess_variety(text)) == (variety, variety)
    check_buttons(reply, variety)

    for fact in question.get("shows", ()):
        assert fact in text or any(fact in button["title"] for button in reply["buttons"])
    if "words" in question:
        assert re.search(question["words"][variety], text)
    if "links" in question:
        assert any(question["links"] in (button["url"] or "") for button in reply["buttons"])
    if "never" in question:
        assert not re.search(question["never"], text)
    if question.get("gap"):
        assert re.search(NOT_KNOWN[variety], text, re.DOTALL | re.IGNORECASE)
        assert "/request_human" in [button["payload"] for button in reply["buttons"]]

    (inbound,) = log.list_messages(sender, "in")
    assert (inbound["state"], inbound["text"], inbound["intent"]) == ("answered", asked, question["intent"])
    assert (inbound["variety"], inbound["confidence"]) == (variety, answer["confidence"])
    assert inbound["ranking"][0]["intent"] == question["intent"]
    assert inbound["finished_at"] is not None
    assert 0 < inbound["timings"]["rasa"] <= inbound["timings"]["total"]
    assert inbound["timings"]["wait"] >= 0
    (outbound,) = log.list_replies(inbound["id"])
    assert outbound == log.list_messages(sender, "out")[0]
    assert (outbound["answer_key"], outbound["variety"], outbound["text"]) == (question["answer"], variety, text)
    assert outbound["state"] == "sent"
    assert [button["title"] for button in outbound["buttons"]] == [button["title"] for button in reply["buttons"]]
    check_interactions(log.list_interactions(inbound["id"]), question, inbound)


def check_interactions(interactions: list[dict[str, Any]], question: dict[str, Any], inbound: dict[str, Any]) -> None:
    """A computed answer has one interaction that says what was looked up and found; a fixed one has none."""
    if "action" not in question:
        assert interactions == []
        return
    (interaction,) = interactions
    assert (interaction["action"], interaction["outcome"]) == (question["action"], question["answer"])
    assert (interaction["intent"], interaction["contact_id"]) == (question["intent"], inbound["contact_id"])
    assert question.get("lookup", {}).items() <= interaction["lookup"].items()
    rows = interaction["rows_found"]
    match question.get("found"):
        case "some":
            assert rows > 0
        case "none":
            assert rows == 0
        case _:
            assert rows is None or rows >= 0
    assert interaction["duration_ms"] > 0
    assert interaction["error"] is None


@pytest.mark.parametrize("variety", VARIETIES)
def test_every_button_has_an_answer(app: RunningApp, log: Log, variety: str) -> None:
    """Whatever button is pressed, and then under its answer, an answer comes in the person's variety."""
    sender = new_sender()
    pressed: dict[str, str] = {}
    waiting = [
        button for reply in app.ask(sender, QUESTIONS[0]["asked"][variety])["replies"] for button in reply["buttons"]
    ]
    waiting.append({"payload": "/greet", "title": "start"})
    while waiting:
        payload = waiting.pop()["payload"]
        # Another language would end the walk through this one.
        if payload is None or payload in pressed or payload.startswith("/change_language{"):
            continue
        # Nor is there anything left to look at once everything about the person is erased.
        if payload == "/erase_my_data":
            continue
        # In the middle of a journey its question comes after the answer.
        for reply in app.ask(sender, payload=payload)["replies"]:
            pressed[payload] = reply["text"]
            assert reply["variety"] == variety, payload
            check_buttons(reply, variety)
            waiting += reply["buttons"]
    assert len(pressed) > 40
    keys = {row["answer_key"] for row in log.list_messages(sender, "out")}
    assert keys.isdisjoint(
        {"apology", "not_understood", "no_text", "programme_unknown", "event_unknown", "track_unknown"}
    )
    assert {row["state"] for row in log.list_messages(sender, "in")} == {"answered"}


def test_language_of_ones_choice(app: RunningApp) -> None:
    """A language that was chosen by button holds for what is written in another one, until the choice is taken back."""
    sender, french = new_sender(), QUESTIONS[0]["asked"]["fr"]
    (menu,) = app.ask(sender, QUESTIONS[13]["asked"]["fr"])["replies"]
    english = next(button for button in menu["buttons"] if button["title"] == "English")
    automatic = next(
        button
        for button in menu["buttons"]
        if button["title"] not in ("English", "Français") and "auto" in button["payload"]
    )
    (chosen,) = app.ask(sender, payload=english["payload"])["replies"]
    assert guess_variety(chosen["text"]) == "en"
    (reply,) = app.ask(sender, french)["replies"]
    assert (reply["variety"], guess_variety(reply["text"])) == ("en", "en")
    app.ask(sender, payload=automatic["payload"])
    (reply,) = app.ask(sender, french)["replies"]
    assert guess_variety(reply["text"]) == "fr"


def test_variety_is_followed_from_message_to_message(app: RunningApp) -> None:
    """Somebody who changes variety gets each answer in the variety of its question."""
    sender = new_sender()
    for question, variety in zip(QUESTIONS, [*VARIETIES, *reversed(VARIETIES)], strict=False):
        (reply,) = app.ask(sender, question["asked"][variety])["replies"]
        assert guess_variety(reply["text"]) == variety


def test_questions_are_fresh() -> None:
    """No question here is one that the model has learnt by heart."""
    learnt = set()
    for path in (ROOT / "nlu" / "examples").glob("*.yml"):
        plain = re.sub(r"\[([^\]]+)\](\([^)]*\)|\{[^}]*\})", r"\1", path.read_text(encoding="utf-8"))
        learnt |= {normalise(line.lstrip("- ")) for line in plain.splitlines()}
    assert len(learnt) > 1000
    asked = {text for question in QUESTIONS for text in question["asked"].values()}
    assert {text for text in asked if normalise(text) in learnt} == set()
    assert len(asked) == len(QUESTIONS) * len(VARIETIES)


def normalise(text: str) -> str:
    """A text without case and punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))
