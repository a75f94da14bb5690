"""Reduce the many ways of typing one word to one: for French, English, Arabic and Darija in both scripts.

Two views of a message are made: its normal form, and its consonant skeleton, which is the same for "chhal",
"ch7al" and "شحال", so that examples in one script help the other.
"""

from __future__ import annotations

import re
import unicodedata

_ARABIC_FOLDS = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ء": None, "ـ": None,
    # Letters that Moroccans use for g, p, v: ڭ گ ݣ are typed as ك by half of the writers.
    "ڭ": "ك", "گ": "ك", "ݣ": "ك", "ک": "ك", "پ": "ب", "ڤ": "ف", "ی": "ي",
})  # fmt: skip
#: Arabic and Persian digits to ours, one character each.
DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_ELONGATION = re.compile(r"(.)\1{2,}")
#: Pictures that people answer with: each is a word of its own, once however often it is repeated; skin tones go.
_EMOJI = r"\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
_PICTURES = re.compile(rf"([{_EMOJI}])(?:[\ufe0f\u200d\U0001f3fb-\U0001f3ff]|\1)*")
_NOT_WORD = re.compile(rf"[^\w@+.%{_EMOJI}]+")
_LOOSE_DOT = re.compile(r"\.(?!\w)|(?<!\w)\.")


def normalise(text: str) -> str:
    """Lower case, no accents, diacritics, tatweel or elongation, one form of alef, ya and ta marbuta, plain digits.

    Dots inside a word, "@", "+" and "%" stay, because "bac+2", "a.b@c.ma" and "node.js" are words; and so are emojis.
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    without_marks = "".join(letter for letter in folded if not unicodedata.combining(letter))
    folded = unicodedata.normalize("NFC", without_marks).translate(_ARABIC_FOLDS).translate(DIGITS)
    folded = _ELONGATION.sub(r"\1\1", _PICTURES.sub(r" \1 ", folded))
    return " ".join(_LOOSE_DOT.sub(" ", _NOT_WORD.sub(" ", folded)).split())


# Consonants of both scripts, brought to one letter each. Emphatic and plain consonants fall together, because Arabizi
# writes both the same way; vowels, and the letters that only carry one, go.
_ARABIC_SKELETON = str.maketrans({
    "ا": "", "و": "", "ي": "", "ه": "h", "ب": "b", "ت": "t", "ث": "t", "ج": "j", "ح": "h", "خ": "x", "د": "d", "ذ": "d",
    "ر": "r", "ز": "z", "س": "s", "ش": "c", "ص": "s", "ض": "d", "ط": "t", "ظ": "d", "ع": "", "غ": "G", "ف": "f",
    "ق": "q", "ك": "k", "ل": "l", "م": "m", "ن": "n",
})  # fmt: skip
_LATIN_GROUPS = (
    ("kh", "x"), ("gh", "G"), ("ch", "c"), ("sh", "c"), ("ph", "f"), ("th", "t"), ("dj", "j"), ("ou", ""),
    ("tch", "c"), ("qu", "k"), ("5", "x"), ("7", "h"), ("9", "q"), ("3", ""), ("2", ""), ("8", "h"), ("6", "t"),
)  # fmt: skip
_LATIN_SKELETON = str.maketrans({
    "a": "", "e": "", "i": "", "o": "", "u": "", "y": "", "w": "", "g": "k", "p": "b", "v": "f", "c": "k", "q": "q",
})  # fmt: skip
# The ta marbuta, which Arabizi writes as a vowel or as "ah": khdma, fikrah.
_ARABIC_ENDING = re.compile(r"(?<=\w\w)ه$")
_LATIN_ENDING = re.compile(r"(?<=\w[aeiou])h$")
_HAS_LETTER = re.compile(r"[^\W\d_]")
_DOUBLED = re.compile(r"(.)\1+")


def skeleton(normal: str) -> str:
    """The consonants of each word of a normal form, in one alphabet for both scripts ("shhal", "شحال" → "chl").

    A word without a letter (a number, an e-mail's digits) stays as it is.
    """
    words = []
    for word in normal.split():
        if not _HAS_LETTER.search(word):
            words.append(word)
            continue
        reduced = word
        if reduced.isascii():
            protected = _LATIN_ENDING.sub("", reduced)
            for group, letter in _LATIN_GROUPS:
                # Upper case keeps what is done from being folded again ("ch" → "c" must not become "k").
                protected = protected.replace(group, letter.upper() if letter in {"c"} else letter)
            reduced = protected.translate(_LATIN_SKELETON).replace("C", "c")
        else:
            reduced = _ARABIC_ENDING.sub("", reduced).translate(_ARABIC_SKELETON)
        reduced = _DOUBLED.sub(r"\1", reduced)
        if reduced:
            words.append(reduced)
    return " ".join(words)
