"""What staff type into the search field, read: several words, the beginning of the last, phrases in quotes."""

from __future__ import annotations

import re

from bot.db.terms import Search
from bot.spelling import list_spellings, split_words

#: More than anybody types, and little enough for both databases.
QUERY_LIMIT_CHARS = 200
MOST_WORDS = 12
#: A word shorter than this is not taken for the beginning of a longer one: half of the messages would have one.
_LEAST_BEGINNING_CHARS = 3
_PHRASE = re.compile(r'["“”«»„]([^"“”«»„]*)["“”«»„]')


def read_search(query: str) -> Search:
    """What somebody typed into the search field. Signs mean nothing in it but quotes around a phrase.

    Words are found in every spelling, phrases only as they are written, case, accents and diacritics apart.

    Raises:
        ValueError: there is no word in it, or too many; the text says so.
    """
    if len(query) > QUERY_LIMIT_CHARS:
        raise ValueError(f"text: at most {QUERY_LIMIT_CHARS} characters can be searched for")
    phrases = [tuple(split_words(phrase)) for phrase in _PHRASE.findall(query)]
    loose = split_words(_PHRASE.sub(" ", query))
    phrases = [phrase for phrase in phrases if phrase]
    if not loose and not phrases:
        raise ValueError("text: there is no word to search for")
    if len(loose) + sum(map(len, phrases)) > MOST_WORDS:
        raise ValueError(f"text: at most {MOST_WORDS} words can be searched for")
    is_open = bool(loose) and len(loose[-1]) >= _LEAST_BEGINNING_CHARS
    return Search(tuple(tuple(list_spellings(word)) for word in loose), tuple(phrases), is_open)
