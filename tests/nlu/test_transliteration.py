"""Darija in the script that it is not written in."""

from __future__ import annotations

import random

import pytest

from nlu.components.transliteration import to_arabic, to_latin, to_other_script


@pytest.mark.parametrize(
    ("arabic", "latin"),
    [("شحال", "ch7al"), ("واش كاين", "wach kayn"), ("السلام", "lslam"), ("بغيت 2 ديال", "bghit 2 dial")],
)
def test_darija_in_latin_letters(arabic: str, latin: str) -> None:
    """Some writer spells it as people do; nobody leaves an Arabic letter."""
    spellings = {to_latin(arabic, random.Random(seed)) for seed in range(300)}
    assert latin in spellings
    assert len(spellings) > 1
    assert not any("\u0600" <= letter <= "\u06ff" for spelling in spellings for letter in spelling)


@pytest.mark.parametrize(("latin", "arabic"), [("ch7al", "شحال"), ("wach kayn", "واش كاين"), ("bghit", "بغيت")])
def test_darija_in_arabic_letters(latin: str, arabic: str) -> None:
    """Some writer spells it as people do; nobody leaves a Latin letter."""
    spellings = {to_arabic(latin, random.Random(seed)) for seed in range(100)}
    assert arabic in spellings
    assert not any(letter.isascii() and letter.isalpha() for spelling in spellings for letter in spelling)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("bghit nt9yed", "بغيت نتقيد"),
        ("bghit 2 d lblays, 24 3am", "بغيت 2 د لبليس، 24 عام"),
        ("2026", "2026"),
        ("", ""),
        ("👍", "👍"),
    ],
)
def test_the_other_script_is_always_the_same(text: str, other: str) -> None:
    """A message is written over once and for all; what has no letters stays as it is."""
    assert to_other_script(text) == to_other_script(text) == other


def test_arabic_letters_become_latin_ones() -> None:
    """The script of a message says which way it goes; names in the other script stay."""
    written = to_other_script("بغيت نتقيد ف JobInTech")
    assert "JobInTech" in written
    assert written.isascii()
