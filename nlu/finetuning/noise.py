"""Misspell a training message as another person might have: so that the encoder learns the word, not its spelling."""

from __future__ import annotations

import random
import re

from nlu.components.transliteration import drop_marks, to_arabic, to_latin

#: Share of messages that are left as they are written.
UNTOUCHED = 0.5
#: Share of the messages in Darija that are learnt in the other script.
OTHER_SCRIPT = {"ary-Arab": 0.35, "ary-Latn": 0.35}
_SHORTEST = 6
_PUNCTUATION = re.compile(r"[?!.,;:؟،؛]+")
#: Pairs that writers swap, each in both directions.
_SWAPS = (
    ("9", "q"), ("9", "k"), ("7", "h"), ("3", "a"), ("ch", "sh"), ("kh", "5"), ("ou", "o"), ("ou", "u"), ("gh", "8"),
    ("2", ""), ("w", "ou"), ("i", "y"), ("i", "e"), ("é", "e"), ("qu", "k"), ("ة", "ه"), ("أ", "ا"), ("إ", "ا"),
    ("ى", "ي"), ("ڭ", "ك"), ("گ", "ك"), ("ق", "ڭ"), ("ث", "ت"), ("ذ", "د"), ("ظ", "ض"), ("ؤ", "و"), ("ئ", "ي"),
)  # fmt: skip


def misspell(text: str, variety: str, chance: random.Random) -> str:
    """A message as another might have typed it, or unchanged; never empty."""
    if chance.random() < OTHER_SCRIPT.get(variety, 0.0):
        return to_latin(text, chance) if variety == "ary-Arab" else to_arabic(text, chance)
    if chance.random() < UNTOUCHED:
        return text
    for _ in range(chance.choice((1, 1, 2))):
        text = chance.choice(_CHANGES)(text, chance) or text
    return text


def _drop_marks(text: str, chance: random.Random) -> str:
    return drop_marks(text)


def _change_case(text: str, chance: random.Random) -> str:
    return text.lower() if chance.random() < 0.8 else text.upper()


def _drop_letter(text: str, chance: random.Random) -> str:
    if len(text) <= _SHORTEST:
        return text
    place = chance.randrange(1, len(text) - 1)
    return text[:place] + text[place + 1 :]


def _repeat_letter(text: str, chance: random.Random) -> str:
    if len(text) <= _SHORTEST:
        return text
    place = chance.randrange(1, len(text) - 1)
    return text[:place] + text[place] * chance.choice((1, 1, 3)) + text[place:]


def _exchange_letters(text: str, chance: random.Random) -> str:
    if len(text) <= _SHORTEST:
        return text
    place = chance.randrange(1, len(text) - 2)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _swap_spelling(text: str, chance: random.Random) -> str:
    # Only one that the message has: most pairs are of another script or variety.
    present = [(a, b) for pair in _SWAPS for a, b in (pair, pair[::-1]) if a and a in text]
    if not present:
        return text
    written, other = chance.choice(present)
    return text.replace(written, other) if chance.random() < 0.5 else text.replace(written, other, 1)


def _drop_punctuation(text: str, chance: random.Random) -> str:
    return _PUNCTUATION.sub("", text)


_CHANGES = (
    _drop_marks, _change_case, _drop_letter, _repeat_letter, _exchange_letters, _swap_spelling, _swap_spelling,
    _swap_spelling, _drop_punctuation,
)  # fmt: skip
