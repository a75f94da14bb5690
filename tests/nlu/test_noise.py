"""The misspellings that the encoder learns from."""

from __future__ import annotations

import random

from nlu.components.examples import list_examples
from nlu.finetuning.noise import misspell


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
