"""The words of a text as the search finds them: however they are spelt, and in whichever script.

Each word is known by its normal form and by its consonants, the same for "ch7al", "chhal" and "شحال". Both come from
the modules by which the language model reads, so that the search and the model agree on what is the same word. They
need nothing but Python, unlike the rest of `nlu`, and this is the only place where the app takes something from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.components.normaliser import normalise, skeleton
from nlu.components.script import script_of

#: Marks consonants. Normal forms never hold it.
_MARK = "="
#: Fewer consonants say nothing ("m": moi, ami, mai).
_LEAST_CONSONANTS = 2
#: So many tell words apart; two ("dt": date, doit, dette) do only between the scripts ("fin", "فين").
_TELLING_CONSONANTS = 3
#: So many tell whole texts apart.
_FOLDED_CONSONANTS = 6
#: The article, with what is written together with it: التكوين, فالتكوين, والتكوين, للتكوين.
_ARTICLE = re.compile(r"^(?:[وفبك]?ال|لل)(?=\w{3})")
#: The same in Latin letters: lformation, ljob, l3am, flformation. Only before a consonant or a digit that stands for
#: one: no French or English word begins like that, while "liste" and "langue" do with a vowel.
_LATIN_ARTICLE = re.compile(r"^[fbwdk]?l(?=[bcdfghjkmnpqrstvwxz235789]\w{2})(?!\d+$)")
_PARTS = re.compile(r"[@.+%_]+")


def list_terms(text: str) -> list[str]:
    """What a text is found by: its words in normal form and in their order, then other forms of each.

    Raises nothing; a text without words has no terms.
    """
    words = normalise(text).split()
    others = (form for word in words for form in (*_bare_forms(word), *_written_consonants(word)))
    return [*words, *dict.fromkeys(others)]


def list_spellings(word: str) -> list[str]:
    """The terms of which any one means that a text has this word; `word` is a normal form."""
    spellings = [word, *_without_article(word)]
    for form in tuple(spellings):
        for consonants, script in _consonants(form):
            if len(consonants) >= _TELLING_CONSONANTS:
                spellings.append(f"{_MARK}{consonants}")
            else:
                spellings.append(f"{'a' if script == 'l' else 'l'}{_MARK}{consonants}")
    return list(dict.fromkeys(spellings))


def split_words(text: str) -> list[str]:
    """The normal forms of a text's words, in order."""
    return normalise(text).split()


def fold(text: str, *, across_scripts: bool) -> str:
    """What is the same for texts that are the same but for spelling, spaces and signs.

    `across_scripts`: also the same for Arabizi and Arabic script, by its consonants where those tell enough.
    """
    normal = normalise(text)
    consonants = skeleton(normal).replace(" ", "")
    if across_scripts and len(consonants) >= _FOLDED_CONSONANTS:
        return f"{_MARK}{consonants}"
    return normal.replace(" ", "")


def find_script(text: str) -> str:
    """``Arab``, ``Latn`` or ``none``: the script that a text is written in, as the language model sees it."""
    return script_of(text)


def _bare_forms(word: str) -> Iterator[str]:
    """A word without its article, or the parts of an address ("a.b@c.ma")."""
    yield from _without_article(word)
    parts = _PARTS.split(word)
    if len(parts) > 1:
        yield from (part for part in parts if len(part) > 1)


def _without_article(word: str) -> Iterator[str]:
    """The word itself, where an article is written together with it."""
    if word.isalnum():
        bare = (_LATIN_ARTICLE if word.isascii() else _ARTICLE).sub("", word)
        if bare != word and not bare.isdigit():
            yield bare


def _written_consonants(word: str) -> Iterator[str]:
    """The terms for the consonants of a word, with the script where there are only two."""
    for form in (word, *_without_article(word)):
        for consonants, script in _consonants(form):
            is_telling = len(consonants) >= _TELLING_CONSONANTS
            yield f"{_MARK if is_telling else script + _MARK}{consonants}"


def _consonants(word: str) -> Iterator[tuple[str, str]]:
    """The consonants of a word and its script (``l``, ``a``); nothing for numbers, addresses, words of vowels."""
    if not word.isalnum() or word.isdigit():
        return
    consonants = skeleton(word)
    if len(consonants) >= _LEAST_CONSONANTS:
        yield consonants, "l" if word.isascii() else "a"
