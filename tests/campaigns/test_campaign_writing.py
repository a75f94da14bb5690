"""Texts of campaigns: what may stand in them, and what comes of it on each channel."""

from __future__ import annotations

import pytest
from campaigns.crowd import TEXTS

from bot.answers import Answers, FactBook
from bot.campaigns.results import name_cause
from bot.campaigns.writing import PLACEHOLDERS, compose, find_fault, fit_template, list_undecided, read_as
from bot.channels.whatsapp_templates import fits_variable
from bot.content import phrase
from bot.db.engine import open_database
from bot.db.models import Campaign
from bot.messages import VARIETIES, Variety


@pytest.fixture
def answers() -> Answers:
    """Words of the files alone: nothing is read of the database."""
    return Answers(FactBook(open_database("sqlite+aiosqlite://")))


def test_each_message_says_how_to_stop(answers: Answers) -> None:
    """In the variety of its text, with a button for it and one back to the menu, also as the line of a template."""
    for variety in VARIETIES:
        outbound = compose(answers, "Texte. " * 60, variety, {})
        hint = phrase(variety, "campaign_stop")
        assert "STOP" in hint and outbound.text.endswith(hint)
        assert [button.payload for button in outbound.buttons] == ["/ask_capabilities", "/unsubscribe"]
        line, is_cut = fit_template(outbound)
        assert is_cut and fits_variable(line) and line.endswith(hint)
        short, is_cut = fit_template(compose(answers, "Un mot.\nDeux.", variety, {}))
        assert not is_cut and short == f"Un mot. – Deux. – {hint}"


@pytest.mark.parametrize(
    ("text", "purpose", "fault"),
    [
        ("Bonjour", "events", None),
        ("Bonjour {{ first_name }} {{reference}}", "application", None),
        ("", "events", ("empty", 0, 0)),
        ("a\nb {{ first_name }}", "events", ("not_agreed", 2, 3)),
        ("{{ phone }}", "application", ("unknown", 1, 1)),
        ("{{ }}", "application", ("unknown", 1, 1)),
        ("{{ first_name | upper }}", "application", ("unknown", 1, 1)),
        ("un\ndeux\n  {% if x %}", "application", ("mark", 3, 3)),
        ("fin }}", "application", ("mark", 1, 5)),
        ("{{ a {{ b", "application", ("mark", 1, 1)),
        ("{# note #}", "application", ("mark", 1, 1)),
        ("x" * 1_700, "events", ("long", 0, 0)),
    ],
)
def test_faults_have_a_place(answers: Answers, text: str, purpose: str, fault: tuple[str, int, int] | None) -> None:
    """Line and character of the first thing that can't be sent."""
    found = find_fault(answers, text, "fr", purpose)
    assert (found and (found.code, found.line, found.column)) == fault


def test_the_longest_text_is_one_message_everywhere(answers: Answers) -> None:
    """The limit counts what is added, and the longest values; one character more and it is refused."""
    for variety in VARIETIES:
        low, high = 1, 2_000
        while low < high:
            middle = (low + high + 1) // 2
            is_fine = find_fault(answers, "x" * middle, variety, "events") is None
            low, high = (middle, high) if is_fine else (low, middle - 1)
        assert 1_300 < low < 1_600
    assert find_fault(answers, "x" * 1_400 + "{{ track }}" * 6, "fr", "application") is not None


def test_what_people_wrote_is_put_in_as_it_is(answers: Answers) -> None:
    """A value in braces is no placeholder."""
    values = {**PLACEHOLDERS, "first_name": "{{ reference }}"}
    assert compose(answers, "{{ first_name }}", "en", values).text.startswith("{{ reference }}")


def test_who_reads_what() -> None:
    """A text of one's own, else the one that the writer chose, else nothing; what nobody decided is named."""
    campaign = Campaign(texts={"fr": "x", "ar": "y"}, fallbacks={"ary-Latn": "fr", "ary-Arab": "en", "en": "none"})
    assert read_as(campaign) == {"fr": "fr", "ar": "ar", "ary-Latn": "fr"}
    undecided: list[Variety] = list(list_undecided(campaign))
    assert undecided == ["ary-Arab"]
    assert list_undecided(Campaign(texts=TEXTS, fallbacks={})) == ["ary-Latn", "ary-Arab"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("403: Forbidden: bot was blocked by the user", "403"),
        ("63016: more than 24 hours", "63016"),
        ("the person blocked us", "blocked"),
        ("the campaign was stopped", "halted"),
        ("+212612345678 is not a number: x", "unknown"),
        ("", "unknown"),
    ],
)
def test_causes_hold_nobodys_number(error: str, code: str) -> None:
    """A provider's text is never shown."""
    assert name_cause(error) == code
