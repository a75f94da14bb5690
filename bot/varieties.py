"""In which variety somebody writes: by this message if it is clear, else by what came before."""

from __future__ import annotations

import re

from bot.borrowed import is_shared
from bot.messages import RIGHT_TO_LEFT, Variety

#: From this probability on, or from this number of words on, a message says by itself in which variety it is.
CLEAR_VARIETY = 0.75
CLEAR_WORDS = 4
#: Of somebody's first message less is asked, since nothing came before it but a guess.
CLEAR_AT_FIRST = 0.6
#: Fewer words say nothing of a language while a question of a journey is open: "full stack", "cloud و devops".
IN_JOURNEY_WORDS = 3
#: Addresses are in Latin letters whatever language their owner speaks.
_NO_LANGUAGE = re.compile(r"\S+@\S+|https?://\S+|\bwww\.\S+", re.IGNORECASE)


#: Who writes these quotes French, from forms, signs and what we write: a title in it is no change of language.
_QUOTES_FRENCH = RIGHT_TO_LEFT | {"ary-Latn"}


def clear_variety(
    heard: Variety,
    sure: float,
    text: str,
    before: Variety,
    is_first: bool,
    words_needed: int = 0,
    *,
    is_title: bool = False,
) -> Variety:
    """The variety of a typed message, with the contact's last one deciding for what is short or doubtful ("ok").

    The script always counts: Arabic letters are never answered in French, nor Latin ones in Arabic; unless the message
    has fewer words than are needed to say anything of its language, or its few words are borrowed by the person's own
    variety ("mes données" from somebody who writes Darija; `bot.borrowed`).

    Args:
        heard: the likeliest variety.
        sure: how sure that is, 0 to 1; 0 for a text without words.
        text: what was typed.
        before: the variety of the last clear message.
        is_first: whether this is the first message that was understood.
        words_needed: so many words a message must have to count.
        is_title: whether it is the title of a button of ours.
    """
    mixes = words_needed > 0 and before in RIGHT_TO_LEFT and any("\u0600" <= letter <= "\u06ff" for letter in text)
    # Numbers are the same in every language.
    words = sum(any(letter.isalpha() for letter in word) for word in text.split())
    if words < words_needed or (mixes and heard not in RIGHT_TO_LEFT):
        return before
    if not any(letter.isalpha() for letter in _NO_LANGUAGE.sub("", text)):
        return before
    is_quoted = is_title and heard == "fr" and before in _QUOTES_FRENCH
    if not is_first and (is_quoted or (words < CLEAR_WORDS and is_shared(text, before))):
        return before
    same_script = (heard in RIGHT_TO_LEFT) == (before in RIGHT_TO_LEFT)
    needed = CLEAR_AT_FIRST if is_first else CLEAR_VARIETY
    is_clear = sure >= needed or words >= CLEAR_WORDS
    has_words = sure > 0
    return heard if has_words and (is_clear or not same_script) else before
