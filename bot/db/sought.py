"""What staff type to find somebody: a reference, a phone in any spelling, an e-mail address, or words of a name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Application, City, Contact, Identity, Registration, StaffRequest
from bot.spelling import split_words

#: Longer ones are cut: nobody is called so.
LIMIT_CHARS = 120
#: Numbers without a country's code are Moroccan.
_REGION = "MA"
_REFERENCE = re.compile(r"(JIT|EVT|MNC)[- ]?([0-9A-Z]{6})", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d\s().\-/]+")
#: Fewer digits are in too many numbers.
_LEAST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Sought:
    """A text as it is searched: at most one of the first three is set, else its words are looked for in names.

    Attributes:
        reference: ``JIT-7F3K9Q``.
        digits: of a phone number as E.164 has them, without the plus; a part of them where it is not whole.
        email: an address or a part of it with its @, in lower case.
        words: normal forms; empty finds nobody.
    """

    reference: str = ""
    digits: str = ""
    email: str = ""
    words: tuple[str, ...] = ()


def read_sought(text: str) -> Sought:
    """What a text asks for: ``0612…``, ``+212 6 12…`` and ``00212612…`` ask for the same."""
    text = text.strip()[:LIMIT_CHARS]
    if found := _REFERENCE.fullmatch(text):
        return Sought(reference=f"{found[1]}-{found[2]}".upper())
    if _NUMBER.fullmatch(text):
        digits = _read_digits(text)
        return Sought(digits=digits) if len(digits) >= _LEAST_DIGITS else Sought()
    if "@" in text and " " not in text:
        return Sought(email=text.lower())
    return Sought(words=tuple(split_words(text)))


def _read_digits(text: str) -> str:
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    digits = re.sub(r"\D", "", text)
    # A part of a number: what stands for the country or the trunk is not in E.164.
    return digits.removeprefix("00") if digits.startswith("00") else digits.removeprefix("0")


def match_applications(sought: Sought) -> ColumnElement[bool]:
    """Applications that a text finds."""
    if sought.reference:
        return Application.reference == sought.reference
    if sought.digits:
        return Application.phone.contains(sought.digits, autoescape=True)
    if sought.email:
        return func.lower(Application.email).contains(sought.email, autoescape=True)
    if not sought.words:
        return Application.id < 0
    return and_(*(Application.name_words.contains(word, autoescape=True) for word in sought.words))


async def list_contacts(session: AsyncSession, text: str, *, before: int | None, limit: int) -> list[Contact]:
    """People whom a text finds, the newest first; those who were erased are not among them.

    Args:
        session: a session.
        text: a reference, a phone, a name, an e-mail address or the name of a town.
        before: the id of the last one of the page before, or None.
        limit: how many at most.
    """
    sought = read_sought(text)
    matches: list[ColumnElement[bool]] = [
        Contact.id.in_(select(Application.contact_id).where(match_applications(sought)))
    ]
    if sought.reference:
        for model in (Registration, StaffRequest):
            matches.append(Contact.id.in_(select(model.contact_id).where(model.reference == sought.reference)))
    elif sought.digits:
        known = Identity.address.contains(sought.digits, autoescape=True) & (Identity.channel == "whatsapp")
        matches.append(Contact.id.in_(select(Identity.contact_id).where(known)))
    elif sought.email:
        given = func.lower(StaffRequest.details["email"].as_string())
        asked = select(StaffRequest.contact_id).where(given.contains(sought.email, autoescape=True))
        matches.append(Contact.id.in_(asked))
    elif sought.words:
        matches += await _match_names(session, text, sought.words)
    query = select(Contact).where(or_(*matches), Contact.erased_at.is_(None))
    if before is not None:
        query = query.where(Contact.id < before)
    return list(await session.scalars(query.order_by(Contact.id.desc()).limit(limit)))


async def _match_names(session: AsyncSession, text: str, words: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """By the name that a channel or a request gives, and by town. Those names are kept as they were written."""
    pattern = text.strip()[:LIMIT_CHARS].lower()
    matches: list[ColumnElement[bool]] = []
    for column in ("name", "username"):
        given = func.lower(Identity.profile[column].as_string())
        matches.append(Contact.id.in_(select(Identity.contact_id).where(given.contains(pattern, autoescape=True))))
    for field in ("full_name", "organisation"):
        said = func.lower(StaffRequest.details[field].as_string())
        matches.append(Contact.id.in_(select(StaffRequest.contact_id).where(said.contains(pattern, autoescape=True))))
    cities = await session.execute(select(City.slug, City.name))
    slugs = [slug for slug, name in cities if tuple(split_words(name)) == words]
    if slugs:
        matches.append(Contact.id.in_(select(Application.contact_id).where(Application.city_slug.in_(slugs))))
    return matches
