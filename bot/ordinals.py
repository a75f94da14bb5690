"""Places in a list as people name them: "le deuxième", "the first two", "tani", "الثالث", "le dernier"."""

from __future__ import annotations

import re

from bot.plain import plain_words

#: Words for each place, in plain form, as pieces of regular expressions.
_PLACES = {
    1: (
        r"premiere?s?|1 ?er|1 ?ere|1st|first|l(?:ow|ouw|uw|eww?|oww|w)e?l|l(?:ow|ouw|uw|eww?|oww)l[ai]|l(?:ou|u)la|"
        r"(?:ال|ا?ل)?[او]?و?لول[هةي]?|الاول[يى]?|اول"
    ),
    2: r"deuxieme|seconde?|2 ?eme|2 ?e|2nd|second|t[ae]?ni[ay]?|lt[ae]?ni[ay]?|ett?ani[ay]?|(?:ال|ل|لل)?[تث]اني[هةا]?",
    3: r"troisieme|3 ?eme|3 ?e|3rd|third|t[ae]?l[et]?t[ae]?|lt[ae]?l[et]?t[ae]?|ttalta?|(?:ال|ل)?[تث]ال[تث][هة]?",
    4: r"quatrieme|4 ?eme|4 ?e|4th|fourth|r[ae]?b[eai]?3[ae]?|lr[ae]?b[eai]?3[ae]?|(?:ال|ل)?رابع[هة]?",
    5: r"cinquieme|5 ?eme|5 ?e|5th|fifth|kh?[ae]?ms[ae]?|lkh[ae]?m[ei]?s[ae]?|(?:ال|ل)?خامس[هة]?",
}  # fmt: skip
_LAST = r"derniere?s?|last(?: one)?|l?akh[ei]?r[aiy]*|lekh?[ei]?r[aiy]*|(?:ال|ل)?[اآ]?خير[هة]?|اللخر[هة]?"
_FIRST_TWO = (
    r"(?:les )?(?:deux|2) premier(?:e?s)?|premier(?:e?s)? (?:deux|2)|(?:the )?first (?:two|2)|"
    r"(?:b?joj|b?jouj|zouj|2) (?:l?[ou]?lo?wl?i?n|lwlin|louwlin|lawlin|lowlanin)|l?[ou]?lowlin|lewlin|"
    r"جوج (?:ال|ل)?لولين|(?:ال|ا?ل)?لولين|الاولين|اول (?:اثنين|برنامجين|حاضنتين)|(?:ال|ل)?(?:2|٢) (?:ال|ل)?لولين"
)
_BOTH = (
    r"les deux|ces deux|tous les deux|both|(?:these|those|the) (?:two|2)|bjouj|b jouj|had jouj|hado bjouj|"
    r"بجوج|ب جوج|هاد الجوج|هاد جوج|الاثنين|كليهما|كلاهما|الاثنتين|هذين|هاتين"
)
_ALL_THREE = r"(?:les |tous les )(?:trois|3)|all (?:three|3)|the (?:three|3)|btlata|b tlata|بتلاته?|الثلاثه"
_NUMBERED = re.compile(
    r"\b(?:numero|num|n|no|number|option|choix|choice|le|la|the|ra9m|nemra|رقم|نمره|خيار|الخيار) (\d)\b"
)
_AROUND = r"(?:^|\s)(?:[وبفل]|w|o)?(?:{})(?=\s|$)"


def list_ordinals(text: str, total: int) -> set[int]:
    """The places, from 1 to `total`, that a text names; empty if it names none of them."""
    said = plain_words(text)
    named: set[int] = set()
    for words, places in ((_FIRST_TWO, {1, 2}), (_BOTH, {1, 2}), (_ALL_THREE, {1, 2, 3})):
        found = re.search(_AROUND.format(words), said)
        if found:
            named |= places
            said = f"{said[: found.start()]} {said[found.end() :]}"
    for place, words in _PLACES.items():
        if re.search(_AROUND.format(words), said):
            named.add(place)
    if re.search(_AROUND.format(_LAST), said):
        named.add(total)
    named |= {int(number) for number in _NUMBERED.findall(said)}
    return {place for place in named if 1 <= place <= total}


#: In a longer message a place is not all that is said.
LONGEST_CHOICE_WORDS = 8
#: What may stand around a place when a message is nothing else.
_ONLY_AROUND = re.compile(
    r"le|la|l|the|celui|celle|one|option|numero|number|choix|choice|svp|stp|please|pls|et|and|alors|plutot|je|j|ai|"
    r"prends|veux|choisis|c|est|ok|oui|montre|moi|voir|dis|m|en|de|d|parle|details|info|infos|savoir|quoi|"
    r"tell|me|give|show|about|more|on|sur|plus|i|want|what|s|is|"
    r"dak|hadak|dik|hadik|had|dyal|3afak|w|o|bghit|nchof|n3ref|goul|gol|goli|gouli|liya|lia|kter|ktar|ktr|3la|3tini|"
    r"werini|chno|howa|hiya|"
    r"ليا|عافاك|هذا|هذه|هاد|هاداك|ديك|داك|بغيت|نعرف|اريد|من|فضلك|عطيني|قول|كثر|كتر|علي|على|عن|حدثني|اخبرني|المزيد|ما|هو|هي|شنو|ورني|"
    r"er|ere|eme|e"
)


def find_only_ordinal(text: str, total: int) -> int | None:
    """The one place that a text names if it says nothing else ("le deuxième svp"), or None."""
    words = plain_words(text).split()
    places = list_ordinals(text, total)
    if len(places) != 1 or len(words) > LONGEST_CHOICE_WORDS:
        return None
    others = (word for word in words if not word.isdigit() and not list_ordinals(word, total))
    return places.pop() if all(map(_ONLY_AROUND.fullmatch, others)) else None
