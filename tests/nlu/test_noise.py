"""The misspellings that the encoder learns from."""

from __future__ import annotations

import random

import pytest

from nlu.components.examples import list_examples
from nlu.finetuning.noise import misspell, to_arabic, to_latin


def test_every_message_stays_a_message() -> None:
    """Nothing that is misspelt is empty, and about half of the French messages come back as they were."""
    chance = random.Random(0)
    examples = list_examples()
    noisy = [misspell(example.text, example.variety, chance) for example in examples]
    assert all(text.strip() for text in noisy)
    same = [text == example.text for text, example in zip(noisy, examples, strict=True) if example.variety == "fr"]
    assert 0.45 < sum(same) / len(same) < 0.75


def test_the_same_seed_gives_the_same_noise() -> None:
    """So that an encoder can be made again."""
    texts = [misspell("شحال كاتبقى هاد الفورماسيون", "ary-Arab", random.Random(3)) for _ in range(2)]
    assert texts[0] == texts[1]


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
