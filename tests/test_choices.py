"""Typed choices."""

from __future__ import annotations

import pytest

from bot.choices import find_choice

BUTTONS = [
    {"title": "Quels documents ?", "payload": "/jobintech_documents"},
    {"title": "jobintech.ma", "url": "https://jobintech.ma"},
    {"title": "التكوينات", "payload": "/jobintech_tracks"},
    {"title": "Événements", "payload": "/event_search"},
]


@pytest.mark.parametrize(
    ("typed", "payload"),
    [
        ("1", "/jobintech_documents"),
        ("2", "/jobintech_tracks"),
        ("٢", "/jobintech_tracks"),
        ("۲", "/jobintech_tracks"),
        ("3", "/event_search"),
        (" 2. ", "/jobintech_tracks"),
        ("(2)", "/jobintech_tracks"),
        ("2)", "/jobintech_tracks"),
        ("0", None),
        ("4", None),
        ("22", None),
        ("123", None),
        ("2 questions", None),
        ("2026", None),
        ("", None),
        ("?", None),
        ("quels documents", "/jobintech_documents"),
        ("QUELS  DOCUMENTS ??", "/jobintech_documents"),
        ("evenements", "/event_search"),
        ("التكوينات", "/jobintech_tracks"),
        ("jobintech.ma", None),
        ("quels documents faut-il", None),
    ],
)
def test_finds_the_button_that_was_meant(typed: str, payload: str | None) -> None:
    """A number in any script counts the buttons without links; a title counts whatever its case and accents."""
    assert find_choice(typed, BUTTONS, numbered=True) == payload


def test_a_number_means_nothing_where_no_numbers_were_shown() -> None:
    """Where the person saw real buttons, "2" is a text like any other, and an option's words still choose it."""
    assert find_choice("2", BUTTONS, numbered=False) is None
    assert find_choice("quels documents", BUTTONS, numbered=False) == "/jobintech_documents"


def test_without_buttons_there_is_no_choice() -> None:
    """Nothing was offered, so nothing is chosen."""
    assert find_choice("1", [], numbered=True) is None


LISTED = [
    {"title": "Technopark", "payload": '/incubator_details{"programme": "technopark"}'},
    {"title": "212 Founders", "payload": '/incubator_details{"programme": "212-founders"}'},
    {"title": "Comparer", "payload": "/compare_programmes"},
]


@pytest.mark.parametrize(
    ("typed", "payload"),
    [
        ("le premier", '/incubator_details{"programme": "technopark"}'),
        ("the second one please", '/incubator_details{"programme": "212-founders"}'),
        ("اللول عافاك", '/incubator_details{"programme": "technopark"}'),
        ("le dernier", '/incubator_details{"programme": "212-founders"}'),
        ("le troisième", None),
        ("les deux premiers", None),
        ("le premier jour", None),
    ],
)
def test_a_place_in_a_list_is_a_choice(typed: str, payload: str | None) -> None:
    """Only what is listed counts, not the buttons that do something with the list."""
    assert find_choice(typed, LISTED, numbered=False) == payload


def test_a_place_means_nothing_where_nothing_is_listed() -> None:
    """Buttons that lead elsewhere are no list."""
    assert find_choice("le premier", BUTTONS, numbered=False) is None
