"""What is worth a look and why; what says the same; how examples are marked, made up, and agreed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from bot.annotation.agreement import measure, unite
from bot.annotation.examples import write_example
from bot.annotation.grouping import find_key
from bot.annotation.marks import Mark, MarkError, add_mark, from_json, list_kinds, list_words, read_marks, write_marks
from bot.annotation.placeholders import hide_marked, prepare
from bot.annotation.reasons import UNSURE_BELOW, WEIGHTS, Said, find_reasons, weigh
from bot.masking import find_personal, mask_text

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def talk(*turns: dict[str, Any]) -> list[Said]:
    """Messages a minute apart, or `after` minutes; ids from 1."""
    said, at = [], NOON
    for number, turn in enumerate(turns, start=1):
        at += timedelta(minutes=turn.pop("after", 1))
        columns: dict[str, Any] = {
            "id": number, "contact_id": 1, "direction": "in", "text": "", "payload": None, "state": "answered",
            "intent": None, "confidence": None, "answer_key": None, "reply_to_id": None, "created_at": at,
        }  # fmt: skip
        said.append(Said(**columns | turn))
    return said


def ask(
    text: str = "c'est combien la formation", intent: str | None = "jobintech_cost", **values: Any
) -> dict[str, Any]:
    return {"text": text, "intent": intent, "confidence": 0.9} | values


def answer(to: int, key: str = "utter_jobintech_cost") -> dict[str, Any]:
    return {"direction": "out", "state": "sent", "text": "…", "answer_key": key, "reply_to_id": to}


STAFF = {"direction": "out", "state": "sent", "text": "Bonjour, je suis là."}


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        ([ask(), answer(1)], {}),
        ([ask(intent="nlu_fallback", confidence=0.2), answer(1, "not_understood")], {1: {"not_understood"}}),
        ([ask(intent="nlu_fallback"), answer(1, "did_you_mean")], {1: {"not_understood", "clarified"}}),
        ([ask(intent="out_of_scope", confidence=0.2)], {1: {"foreign"}}),
        ([ask(confidence=UNSURE_BELOW - 0.01)], {1: {"unsure"}}),
        ([ask(confidence=UNSURE_BELOW)], {}),
        ([ask(intent=None, confidence=None, state="failed")], {1: {"failed"}}),
        ([ask(intent=None)], {}),  # a colleague had the conversation
        # The person's own signs.
        ([ask(), answer(1), {"intent": "rate_down", "payload": "/rate_down"}], {1: {"thumb_down"}}),
        ([ask(), answer(1), {"intent": "rate_down", "after": 60 * 25}], {}),
        ([ask(), answer(1), ask("C'est combien, la formation ???")], {1: {"asked_again"}}),
        ([ask(), answer(1), ask("la formation c'est combien svp")], {1: {"asked_again"}}),
        ([ask(), answer(1), ask("il y a des frais cachés ?")], {1: {"asked_alike"}}),
        ([ask(), answer(1), ask("il y a des frais cachés ?", after=6)], {}),
        ([ask(), answer(1), ask(after=11)], {}),
        ([ask(), ask()], {}),  # nothing was answered yet
        ([ask("bonjour", "greet"), answer(1), ask("bonjour", "greet")], {}),
        ([ask("abc def", "nlu_fallback"), answer(1), ask("ghi jkl", "nlu_fallback")],
         {1: {"not_understood"}, 3: {"not_understood"}}),
        # A colleague.
        ([ask(), answer(1), STAFF], {1: {"taken_over"}}),
        ([ask(), answer(1), STAFF, STAFF], {1: {"taken_over"}}),
        ([ask(), answer(1), STAFF | {"after": 20}], {}),
        ([ask("un humain svp", "request_human"), answer(1, "human_requested"), STAFF], {}),
        ([ask(), STAFF], {}),  # the bot was silent
        # Answers to a journey's question are whatever people say.
        ([answer(0, "ask_full_name"), ask("Salma", "nlu_fallback", confidence=0.1)], {}),
        ([answer(0, "ask_full_name"), ask("Salma", None, state="failed")], {2: {"failed"}}),
        # What can't be an example.
        ([ask("x" * 301, "nlu_fallback")], {}),
        ([ask("/start", "nlu_fallback")], {}),
        ([ask("👍 12", "nlu_fallback")], {}),
        ([ask("", "nlu_fallback", payload="/x")], {}),
    ],
)  # fmt: skip
def test_reasons(turns: list[dict[str, Any]], found: dict[int, set[str]]) -> None:
    assert find_reasons(talk(*(dict(turn) for turn in turns)), 0) == found


def test_a_message_is_flagged_by_what_came_later_alone() -> None:
    """What was looked at before is not looked at again, but what comes now says something of it."""
    said = talk(ask(intent="nlu_fallback"), answer(1), ask(intent="nlu_fallback"))
    assert find_reasons(said, 2) == {1: {"asked_again"}, 3: {"not_understood"}}
    assert find_reasons(said, 3) == {}


def test_weights_add_up() -> None:
    assert weigh(["not_understood", "asked_again"]) == WEIGHTS["not_understood"] + WEIGHTS["asked_again"]
    assert WEIGHTS["thumb_down"] > WEIGHTS["not_understood"] > WEIGHTS["foreign"]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (("C'est quoi JobInTech ?", "fr"), ("bonjour cest quoi job in tech svp", "fr"), True),
        (("شحال كتدوم الفورماسيون", "ary-Arab"), ("chhal katdom lformasyon", "ary-Latn"), True),
        (("فين كاين المركز ديالكم", "ary-Arab"), ("fin kayn lmarkaz dyalkom", "ary-Latn"), True),
        (("c'est quoi mnc", "fr"), ("c'est quoi jobintech", "fr"), False),
        (("combien", "fr"), ("combien", "en"), False),
        (("merci", "fr"), ("bonjour", "fr"), False),
    ],
)
def test_what_says_the_same_is_one_group(one: tuple[str, str], other: tuple[str, str], is_same: bool) -> None:
    assert (find_key(*one) == find_key(*other)) is is_same


def test_people_do_not_tell_groups_apart() -> None:
    """Two people with the same question and their own numbers are in one group."""
    keys = {
        find_key(prepare(f"où en est mon dossier ? mon tel {number}{end}", (), ["Salma"]).pattern, "fr")
        for number, end in (("06 12 34 56 78", " svp"), ("0699887766", ""))
    }
    assert len(keys) == 1


def test_examples_hold_made_up_values() -> None:
    """Names, numbers and addresses are made up and marked, what else was understood keeps its place."""
    text = "je m'appelle Yassine  Benali,\nde Rabat : 06 12 34 56 78, y.benali@mail.ma [x]"
    prepared = prepare(text, [{"entity": "city", "start": 33, "end": 38, "value": "rabat"}], ["Yassine Benali"])
    for part in ("Yassine", "Benali", "06 12", "benali", "\n", "  ", "["):
        assert part not in prepared.text
    marked = {mark.entity: prepared.text[mark.start : mark.end] for mark in prepared.marks}
    assert marked["city"] == "Rabat" and marked["phone"].isdigit() and marked["email"].endswith("@example.com")
    assert set(marked) == {"city", "phone", "email", "person_name"}
    assert prepare(text, (), ["Yassine Benali"]).text == prepared.text
    assert prepare("رقمي ٠٦١٢٣٤٥٦٧٨ سميتي سلمى").text.endswith(("المثالية", "التجريبي"))


def test_what_an_annotator_marks_as_a_name_is_made_up() -> None:
    """A name that no rule found; what is made up already stays, and marks behind it move."""
    text = "Zineb de Rabat"
    marks = add_mark(text, (Mark(9, 14, "city"),), "Zineb", "person_name")
    hidden = hide_marked(text, marks)
    assert "Zineb" not in hidden.text
    assert {hidden.text[mark.start : mark.end] for mark in hidden.marks if mark.entity == "city"} == {"Rabat"}
    assert hide_marked(hidden.text, hidden.marks) == hidden


def test_what_is_personal_is_found_and_masked_alike() -> None:
    text = "Kenza, 12 rue Ibn Sina, 0612345678, BK123456, k@x.ma"
    kinds = {each.kind for each in find_personal(text, ["Kenza"])}
    assert kinds == {"person_name", "street", "phone", "identity_card", "email"}
    assert mask_text(text, ["Kenza"]) == "K••••, •• rue ••• ••••, 06••••••78, BK••••••, k•@x.ma"


def test_marks() -> None:
    """A stretch is found by its letters, the free one of two; what can't be marked says why."""
    text = "de Rabat à Rabat, l'IA"
    once = add_mark(text, (), " Rabat, ", "city")
    twice = add_mark(text, once, "rabat", "city")
    assert twice == (Mark(3, 8, "city"), Mark(11, 16, "city"))
    assert add_mark(text, (), "Rabat", "city", at=11) == (Mark(11, 16, "city"),)
    assert read_marks(text, write_marks(twice)) == twice
    assert read_marks(text, "3-8:city 5-9:date 0-99:city 1-2:code x") == (Mark(3, 8, "city"),)
    assert from_json(text, [{"start": "3", "end": 8, "entity": "city"}, {"entity": "city"}]) == ()
    for letters, kind, reason in (("Fès", "city", "absent"), (" ?", "city", "empty"), ("IA", "code", "kind"),
                                  ("Rabat", "city", "overlap"), ("de Rabat", "city", "overlap")):  # fmt: skip
        with pytest.raises(MarkError) as error:
            add_mark(text, twice, letters, kind)
        assert error.value.reason == reason
    assert write_example(text, (*twice, Mark(20, 22, "topic"))) == "de [Rabat](city) à [Rabat](city), l'[IA](topic)"
    words = "l'IA, bac+2 a.b@c.ma"
    assert [words[slice(*span)] for span in list_words(words)] == ["l", "IA", "bac+2", "a.b@c.ma"]
    assert "city" in list_kinds() and "code" not in list_kinds()


def test_cohens_kappa() -> None:
    """The example of textbooks: 20 and 15 times both agree, 5 and 10 they don't: 0.7 observed, 0.5 by chance, 0.4."""
    agreement = measure({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15})
    assert agreement is not None and agreement.kappa is not None
    assert (agreement.count, agreement.share, round(agreement.kappa, 9)) == (50, 0.7, 0.4)
    assert measure({}) is None
    constant = measure({("a", "a"): 3})
    assert constant is not None and constant.share == 1 and constant.kappa is None
    opposite = measure({("a", "b"): 1, ("b", "a"): 1})
    assert opposite is not None and opposite.kappa == -1
    assert unite([{("a", "a"): 3}, {("a", "b"): 1}]) == (4, 0.75) and unite([]) is None


def test_an_example_holds_only_what_its_file_can() -> None:
    """No sign that YAML has no place for: one would keep all examples from being read, and no model be trained."""
    text = "prix\u2028de\ufffe la formation\uffff à Rabat ?"
    start = text.index("Rabat")
    prepared = prepare(text, [{"entity": "city", "start": start, "end": start + 5}])
    assert prepared.text == "prix de la formation à Rabat ?"
    assert [prepared.text[mark.start : mark.end] for mark in prepared.marks] == ["Rabat"]
    assert yaml.safe_load(f"examples: |\n    - {prepared.text}\n")
