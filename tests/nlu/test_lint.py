"""The linter of the messages: each kind of defect is found where it stands, and ours have none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from nlu.lint import (
    FEWEST,
    Entry,
    domain_names,
    find_defects,
    find_near_pairs,
    main,
    read_evaluation,
    read_examples,
)

INTENTS, KINDS = domain_names()


def entry(text: str, intent: str = "greet", variety: str = "fr", place: str = "a.fr.yml:1", kinds: tuple = ()) -> Entry:
    return Entry(place, variety, (intent,), text, kinds)


def defects_of(training: list[Entry], evaluation: list[Entry], tuning: Sequence[Entry] = ()) -> list[str]:
    found = find_defects(training, evaluation, tuning, INTENTS, KINDS)
    return [defect for defect in found if "fewer than" not in defect]


def test_our_messages_have_no_defect(capsys: pytest.CaptureFixture[str]) -> None:
    """What `make check` runs on the project's own messages ends with none, over all of them."""
    assert main() == 0
    told = capsys.readouterr().out
    assert f"{len(read_examples())} training, {len(read_evaluation())} evaluation and " in told
    assert len(INTENTS) == 57
    assert len(read_examples()) > 57 * 5 * FEWEST


@pytest.mark.parametrize(
    ("message", "part"),
    [
        (entry("!?..."), "nothing is left"),
        (entry("à [Rabat(city)"), "left over"),
        (entry("à Rabat](city)"), "left over"),
        (entry("bonjour", intent="hello"), "no intent 'hello'"),
        (entry("Rabat", kinds=("town",)), "no entity 'town'"),
        (entry("hola", variety="es"), "'es' is not one of fr, ary-Latn"),
        (entry("مرحبا بكم"), "another script"),
        (entry("marhaba bikom", variety="ar"), "another script"),
    ],
)
def test_one_bad_message(message: Entry, part: str) -> None:
    """A message that is wrong by itself is told with the reason."""
    assert any(part in defect for defect in defects_of([message], []))


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("combien coûte la formation", "Combien coute la formation ?", True),
        ("combien coûte la formation", "combien coûtent les formations", False),
        ("je veux m'inscrire à la formation svp", "je veux m'inscrire à la formation", True),
        ("شحال الثمن ديال التكوين", "شحال الثمن ديال التكوين؟؟", True),
        ("شحال الثمن ديال التكوين", "التكوين بشحال", False),
    ],
)
def test_near_duplicates(first: str, second: str, near: bool) -> None:
    """Two messages in the same words are a pair; two ways of asking one thing are not."""
    variety = "fr" if first.isascii() or "û" in first or "à" in first else "ary-Arab"
    pair = [entry(first, variety=variety), entry(second, variety=variety, place="a.fr.yml:2")]
    assert bool(list(find_near_pairs(pair, pair))) is near
    assert any("nearly a.fr.yml:1" in defect for defect in defects_of(pair, [])) is near


def test_a_text_under_two_intents() -> None:
    """One text with two labels is told with both, also across varieties."""
    found = defects_of([entry("ok", "affirm"), entry("OK !", "thank", variety="en", place="b.en.yml:9")], [])
    assert found == ["b.en.yml:9: 'OK !' is thank here and affirm in a.fr.yml:1"]


def test_an_evaluation_message_is_not_trained() -> None:
    """A question of the evaluation that is nearly a training message is told; a formula of two words is not."""
    seen = entry("combien coûte la formation", "jobintech_cost", place="heldout/fr.tsv:3")
    assert defects_of([entry("combien coute la formation ??", "jobintech_cost")], [seen]) == [
        "a.fr.yml:1: nearly the evaluation message heldout/fr.tsv:3 (1.00): 'combien coute la formation ??'"
    ]
    assert defects_of([entry("bonjour")], [entry("Bonjour !", place="fr.tsv:1")]) == []


def test_a_tuning_message_is_neither_trained_nor_measured() -> None:
    """The tuning set is apart from both other sets."""
    tuning = entry("combien coûte la formation ?", "jobintech_cost", place="tuning/fr.tsv:3")
    same = entry("combien coute la formation", "jobintech_cost")
    assert "nearly the tuning message tuning/fr.tsv:3" in defects_of([same], [], [tuning])[0]
    assert "nearly the evaluation message a.fr.yml:1" in defects_of([], [same], [tuning])[0]


def test_an_intent_with_too_few_messages() -> None:
    """Every intent needs messages in every variety."""
    found = find_defects([entry("bonjour")], [], [], INTENTS, KINDS)
    assert f"greet has 1 messages in fr, fewer than {FEWEST}" in found
    assert f"goodbye has 0 messages in ary-Arab, fewer than {FEWEST}" in found
    assert len(found) == 57 * 5


def test_an_intent_that_outweighs_the_others() -> None:
    """An intent with over three times the median of its variety is told, unless it may be anything."""

    def write(intent: str, count: int) -> list[Entry]:
        texts = [hashlib.sha256(f"{intent}{number}".encode()).hexdigest() for number in range(count)]
        return [entry(text, intent, place=f"{intent}:{number}") for number, text in enumerate(texts)]

    sizes = {intent: FEWEST for intent in INTENTS} | {"greet": 3 * FEWEST + 1, "out_of_scope": 5 * FEWEST}
    training = [message for intent, count in sizes.items() for message in write(intent, count)]
    found = [defect for defect in find_defects(training, [], [], INTENTS, KINDS) if " in fr" in defect]
    assert found == [f"greet has {3 * FEWEST + 1} messages in fr, more than 3 times their median"]


@pytest.mark.parametrize("line", ["greet bonjour", "\tbonjour", "greet\t", "greet"])
def test_a_malformed_evaluation_line_is_told(tmp_path: Path, line: str) -> None:
    """A line without its tab, intent or text stops the reading with its place."""
    (tmp_path / "fr.tsv").write_text(f"greet\tbonjour\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fr\.tsv:2: expected intent<TAB>text"):
        read_evaluation(tmp_path)
