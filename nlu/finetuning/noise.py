"""Misspell a training message as another person might have: so that the encoder learns the word, not its spelling."""

from __future__ import annotations

import random
import re
import unicodedata

#: Share of messages that are left as they are written.
UNTOUCHED = 0.5
#: Share of the messages in Darija that are learnt in the other script.
OTHER_SCRIPT = {"ary-Arab": 0.35, "ary-Latn": 0.25}
_SHORTEST = 6
_PUNCTUATION = re.compile(r"[?!.,;:؟،؛]+")
#: Pairs that writers swap, each in both directions.
_SWAPS = (
    ("9", "q"), ("9", "k"), ("7", "h"), ("3", "a"), ("ch", "sh"), ("kh", "5"), ("ou", "o"), ("ou", "u"), ("gh", "8"),
    ("2", ""), ("w", "ou"), ("i", "y"), ("i", "e"), ("é", "e"), ("qu", "k"), ("ة", "ه"), ("أ", "ا"), ("إ", "ا"),
    ("ى", "ي"), ("ڭ", "ك"), ("گ", "ك"), ("ق", "ڭ"), ("ث", "ت"), ("ذ", "د"), ("ظ", "ض"), ("ؤ", "و"), ("ئ", "ي"),
)  # fmt: skip

#: Arabic letter → what Darija writers type for it in Latin letters; each writer keeps to one habit.
_LATIN_HABITS = {
    "ب": ("b",), "ت": ("t",), "ث": ("t",), "ج": ("j",), "ح": ("7", "h"), "خ": ("kh", "5"), "د": ("d",), "ذ": ("d",),
    "ر": ("r",), "ز": ("z",), "س": ("s",), "ش": ("ch", "ch", "sh"), "ص": ("s",), "ض": ("d",), "ط": ("t",),
    "ظ": ("d",), "ع": ("3", "3", "a"), "غ": ("gh",), "ف": ("f",), "ق": ("9", "q", "k"), "ك": ("k",), "ڭ": ("g",),
    "گ": ("g",), "ݣ": ("g",), "ل": ("l",), "م": ("m",), "ن": ("n",), "ه": ("h",), "پ": ("p",), "ڤ": ("v",),
    "و": ("o", "ou", "u"), "ي": ("i",), "ا": ("a",), "أ": ("a",), "إ": ("i",), "آ": ("a",), "ى": ("a",),
    "ة": ("a",), "ء": ("", "2"), "ؤ": ("o",), "ئ": ("2", "i"), "ـ": ("",), "؟": ("?", ""), "،": (",", ""),
}  # fmt: skip
#: What Latin letters of Darija stand for in Arabic ones, the longest first.
_ARABIC_HABITS = (
    ("ch", ("ش",)), ("sh", ("ش",)), ("kh", ("خ",)), ("gh", ("غ",)), ("ou", ("و",)), ("th", ("ت",)), ("aa", ("ا",)),
    ("5", ("خ",)), ("7", ("ح",)), ("9", ("ق",)), ("3", ("ع",)), ("2", ("ء",)), ("a", ("ا",)), ("b", ("ب",)),
    ("c", ("ك", "س")), ("d", ("د",)), ("e", ("",)), ("f", ("ف",)), ("g", ("ڭ", "گ", "ك")), ("h", ("ه",)), ("i", ("ي",)),
    ("j", ("ج",)), ("k", ("ك",)), ("l", ("ل",)), ("m", ("م",)), ("n", ("ن",)), ("o", ("و",)), ("p", ("ب", "پ")),
    ("q", ("ق",)), ("r", ("ر",)), ("s", ("س",)), ("t", ("ت",)), ("u", ("و",)), ("v", ("ف", "ڤ")), ("w", ("و",)),
    ("x", ("كس",)), ("y", ("ي",)), ("z", ("ز",)), ("?", ("؟",)), (",", ("،",)),
)  # fmt: skip
_LATIN_LETTERS = re.compile("|".join(re.escape(letters) for letters, _ in _ARABIC_HABITS))
_VOWELS = frozenset("اوىيأإآةؤئ")
_SHORT_VOWELS = ("", "", "e", "a")
_ARTICLE = re.compile(r"(?<!\w)ال(?=\w\w)")
_ARABIC_WORD = re.compile(r"[\u0621-\u06d3ݣ]+")


def misspell(text: str, variety: str, chance: random.Random) -> str:
    """A message as another might have typed it, or unchanged; never empty."""
    if chance.random() < OTHER_SCRIPT.get(variety, 0.0):
        return to_latin(text, chance) if variety == "ary-Arab" else to_arabic(text, chance)
    if chance.random() < UNTOUCHED:
        return text
    for _ in range(chance.choice((1, 1, 2))):
        text = chance.choice(_CHANGES)(text, chance) or text
    return text


def to_latin(text: str, chance: random.Random) -> str:
    """Arabic-script Darija in one writer's Latin letters: no standard, but what people's habits have in common."""
    habits = {letter: chance.choice(ways) for letter, ways in _LATIN_HABITS.items()}
    fill = chance.choice((0.15, 0.4, 0.65))

    def spell(match: re.Match[str]) -> str:
        word = match.group()
        spelt = ""
        for place, letter in enumerate(word):
            before = word[place - 1] if place else ""
            if letter in "وي" and (not before or before in _VOWELS):
                spelt += "w" if letter == "و" else "y"
                continue
            if before and letter not in _VOWELS and before not in _VOWELS and chance.random() < fill:
                spelt += chance.choice(_SHORT_VOWELS)
            spelt += habits.get(letter, letter)
        return spelt

    without_marks = "".join(letter for letter in text if not unicodedata.combining(letter))
    latin = _ARABIC_WORD.sub(spell, _ARTICLE.sub("ل", without_marks))
    return "".join(habits.get(letter, letter) for letter in latin).strip() or text


def to_arabic(text: str, chance: random.Random) -> str:
    """Latin-script Darija in Arabic letters, as somebody with an Arabic keyboard might have typed it."""
    habits = {letters: chance.choice(ways) for letters, ways in _ARABIC_HABITS}
    keeps_a = chance.choice((0.5, 0.8, 1.0))

    def spell(match: re.Match[str]) -> str:
        letters = match.group()
        is_inside = match.start() > 0 and match.string[match.start() - 1].isalnum()
        return "" if letters == "a" and is_inside and chance.random() > keeps_a else habits[letters]

    plain = _drop_marks(text.lower(), chance)
    return _LATIN_LETTERS.sub(spell, plain).strip() or text


def _drop_marks(text: str, chance: random.Random) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))


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
