"""Which script a message is written in."""

from __future__ import annotations

import re

#: Whoever types Arabic letters at all writes Arabic or Darija, and what is in Latin letters is names and loan words.
LATIN_LETTERS_PER_ARABIC = 8
#: What is written in either script.
DARIJA = frozenset({"ary-Latn", "ary-Arab"})
#: The variety of shorter messages ("ok", "Casablanca") is taken from the conversation, not from the message.
VARIETY_WORDS = 3
_ARABIC_LETTER = re.compile(r"[\u0600-\u06ff\u0750-\u077f]")
_LATIN_LETTER = re.compile(r"[A-Za-zÀ-ÿ]")


def script_of(text: str) -> str:
    """``Arab``, ``Latn`` or ``none``: the script that the person writes in.

    A name in Latin letters does not make "ما هو Maroc Numeric Cluster" French: a few Arabic letters decide.
    """
    arabic, latin = len(_ARABIC_LETTER.findall(text)), len(_LATIN_LETTER.findall(text))
    if arabic == latin == 0:
        return "none"
    return "Arab" if arabic * LATIN_LETTERS_PER_ARABIC >= latin else "Latn"
