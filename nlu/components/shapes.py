"""Find entities by their shape: e-mails, phone numbers, dates in figures, years and ages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator

import phonenumbers

from nlu.components.normaliser import DIGITS

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
#: Where a number without a country's code is from.
PHONE_REGION = "MA"
#: Pairs of digits between slashes, which `phonenumbers` takes for a date.
_SLASHED_PHONE = re.compile(r"(?<![\d/])0\d(?:/\d\d){4}(?![\d/])")
_AGE = re.compile(
    r"(?<!\d)(\d{2})\s*(?:ans?|years?|yo|y\.o|3am|3amm|3an|sna|sana|عام|عاما|عامًا|سنة|سنه|سنوات)(?!\w)"
    # "20 ans d'expérience" says nothing of an age.
    r"(?!\W*(?:(?:de?|of|dyal|d|f|في|ف|من|ديال|د)\W+)*(?:l|ال)?(?:exp[eé]r|تجرب|خبر))"
    # One's own age or somebody else's; Arabic script glues "and" and "at" to the word.
    r"|\b(?:[وف]?(?:عمري|عمرو|عمره|عمرها)|سني|السن|3omr[io]|3mr[io]|3omrha|fi? sin|age de|âge de|my age is"
    r"|mon age est|mon âge est|قفلت|9felt|turning)\s+(\d{2})(?!\d)"
    r"|\b(?:[وف]?(?:عندي|عندو|عنده|عندها|انا|أنا)|ana|3a?ndi|3a?ndou?|3a?ndha|j ai|j['’]ai|i am|i['’]?m"
    r"|(?:he|she)(?:['’]?s|\s+is)|(?:son|daughter|brother|sister)\s+is)"
    r"\s+(\d{2})(?!\d)(?=\s*(?:$|[,.!?؟،]|(?:and|et(?!\s+(?:demi|quelques))|with|avec|not|machi|ماشي|w|و)\s))"
    r"|\b(?:السن\s+ديالي|السن\s+فهو|لاج|(?:l|mon |my )['’]?age)\W{0,3}(\d{2})(?!\d)"
    # Nothing but two digits: what somebody answers who was asked for it.
    r"|^[\s\"'«(]*(\d{2})[\s\"'»).!?؟]*$",
    re.IGNORECASE,
)
#: Years of a loan, of a stay or of a firm are no age: these words stand before such a number.
_NO_AGE_BEFORE = re.compile(
    r"\b(?:sur|depuis|pendant|lived|worked|since|last|dans|il y a|company|firm|entreprise|hadi"
    r"|شركتي عندها|منذ|هادي)\s+$",
    re.IGNORECASE,
)
AGES = range(14, 80)
#: From 2010 on: what is older is a birth or a school-leaving, not a time that anything here happens at.
_YEAR = re.compile(
    r"(?<![\w+.,@])(20[1-4]\d)(?![\d.,]*\d|\w|\s*(?:dh|dhs|mad|(?:ال)?درهم|euros?|€|\$|%|personnes|startups|mo|go)(?!\w))",
    re.IGNORECASE,
)
#: The law on personal data is no date.
_LAW_BEFORE = re.compile(
    r"\b(?:loi|law|qanoun|9anoun|9anon|qanon|القانون|قانون|la)\s*(?:n°|no?|رقم|number|ra9m|r9m)?\s*$", re.IGNORECASE
)
_LAW = frozenset({"09-08", "09.08"})
_NUMERIC_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})[/.-](\d{1,2})(?:[/.-](?:20)?\d{2})?(?![\d/.-])")


@dataclass(frozen=True)
class Found:
    """One entity in a text: kind, canonical value, and where it stands (character positions)."""

    entity: str
    value: str
    start: int
    end: int


def find_shapes(text: str) -> Iterator[Found]:
    """The e-mails, phone numbers, dates in figures and ages of a text, kind by kind."""
    for match in _EMAIL.finditer(text):
        yield Found("email", match.group().lower(), match.start(), match.end())
    text = text.translate(DIGITS)  # one character each, so that positions stay
    spaced = _SLASHED_PHONE.sub(lambda match: match.group().replace("/", " "), text)
    for match in phonenumbers.PhoneNumberMatcher(spaced, PHONE_REGION, leniency=phonenumbers.Leniency.VALID):
        value = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        yield Found("phone", value, match.start, match.end)
    for match in _NUMERIC_DATE.finditer(text):
        day, month = int(match.group(1)), int(match.group(2))
        # "2.5" and "4/6 mois" are no dates: a date written so has both numbers in two digits, or its year.
        is_law = match.group() in _LAW and _LAW_BEFORE.search(text[: match.start()])
        if 1 <= day <= 31 and 1 <= month <= 12 and len(match.group()) >= len("01/02") and not is_law:
            yield Found("date", f"day:{month:02}-{day:02}", match.start(), match.end())
    for match in _AGE.finditer(text):
        group = int(match.lastindex or 0)
        if int(match.group(group)) in AGES and not _NO_AGE_BEFORE.search(text[: match.start(group)]):
            yield Found("age", match.group(group), match.start(group), match.end(group))


def find_years(text: str) -> Iterator[Found]:
    """The years of a text from 2000 to 2049; some are part of a name ("Maroc Digital 2030")."""
    for match in _YEAR.finditer(text.translate(DIGITS)):
        yield Found("date", f"year:{match.group(1)}", match.start(1), match.end(1))
