"""Write Darija in the other script, as somebody with another keyboard might have typed it.

There is no standard: each letter has the ways that people write it, and a writer keeps to one.  The encoder learns
messages in both scripts (`nlu.finetuning`), and the classifier reads each in both (`nlu.components.classifier`).
"""

from __future__ import annotations

import random
import re
import unicodedata

from nlu.components.script import script_of

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
_LATIN_WORD = re.compile(r"\d*[^\W\d]\w*|[?,]")
_VOWELS = frozenset("اوىيأإآةؤئ")
_SHORT_VOWELS = ("", "", "e", "a")
_ARTICLE = re.compile(r"(?<!\w)ال(?=\w\w)")
_ARABIC_WORD = re.compile(r"[\u0621-\u06d3ݣ]+")


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

    # A number is no word: "9" is a letter in "b9a", not in "9 mois".
    plain = drop_marks(text.lower())
    return _LATIN_WORD.sub(lambda word: _LATIN_LETTERS.sub(spell, word.group()), plain).strip() or text


def to_other_script(text: str) -> str:
    """A message in the script that it is not written in, always by the same writer's habits."""
    chance = random.Random(0)  # noqa: S311 - no secret: the habits of one writer
    return to_arabic(text, chance) if script_of(text) == "Latn" else to_latin(text, chance)


def drop_marks(text: str) -> str:
    """A text without accents and other combining marks."""
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))
