"""Words that two varieties share: French ones that Moroccans say in Darija too, technical ones that everybody says.

No list of them is kept: our own texts in a variety use the words of it, borrowed ones among them. A short message of
nothing but such words ("formation data", "mes données") may be French, and may as well be what somebody says who speaks
Darija, so it says nothing against the variety that they wrote before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from bot.content import load_words
from bot.messages import RIGHT_TO_LEFT, Variety
from bot.plain import plain_words

_CODE = re.compile(r"\{%.*?%\}|\{\{(.*?)\}\}", re.DOTALL)
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")


def is_shared(text: str, own: Variety) -> bool:
    """Whether every word of a text is one that people who write a variety use in it as well.

    In a variety of Arabic letters those of Latin letters are meant: French words that Darija in Latin letters has too.
    """
    words = [word for word in plain_words(text).split() if any(letter.isalpha() for letter in word)]
    return bool(words) and all(word in _shared_with(own) for word in words)


@cache
def _shared_with(own: Variety) -> frozenset[str]:
    if own not in RIGHT_TO_LEFT:
        return _vocabulary(own)
    return _vocabulary(own) | (_vocabulary("ary-Latn") & _vocabulary("fr"))


@cache
def _vocabulary(variety: Variety) -> frozenset[str]:
    """The words of our shipped texts in a variety, as `plain_words` writes them; of code only what it may show."""
    words = load_words()[variety]
    written = (words.answers, words.buttons, words.choices, words.names, words.phrases)
    return frozenset(word for part in written for text in _list_texts(part) for word in plain_words(text).split())


def _list_texts(part: object) -> Iterable[str]:
    if isinstance(part, str):
        yield _CODE.sub(_show_code, part)
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from _list_texts(each)


def _show_code(code: re.Match[str]) -> str:
    shown = " ".join("".join(quoted) for quoted in _QUOTED.findall(code[1] or ""))
    return f" {shown} "
