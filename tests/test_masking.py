"""What leads to a person is hidden, in every variety; what a conversation is about stays."""

from __future__ import annotations

import pytest

from bot.masking import leads_to_person, mask_entities, mask_text, mask_value

NAMES = ("Yassine Benali", "ياسين بنعلي")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # fr
        ("mon numéro 06 12 34 56 12", "mon numéro 06 •• •• •• 12"),
        ("0612345612", "06••••••12"),
        ("+212 6 12 34 56 12 svp", "+212 • •• •• •• 12 svp"),
        ("depuis la France +33 6 12 34 56 78", "depuis la France +33 6 •• •• •• 78"),
        ("j'habite 12 rue Ibn Sina, Rabat", "j'habite •• rue ••• ••••, Rabat"),
        ("je m'appelle Omar Alaoui et je cherche", "je m'appelle O••• A••••• et je cherche"),
        ("ma CIN est BK123456", "ma CIN est BK••••••"),
        # ary-Latn
        ("ra9mi 06.12.34.56.12", "ra9mi 06.••.••.••.12"),
        ("smiti Salma w bghit ntsejjel", "smiti S•••• w bghit ntsejjel"),
        ("ana yassine dyal lbare7", "ana y•••••• dyal lbare7"),
        # ary-Arab
        ("سميتي سلمى و بغيت نتسجل", "سميتي س••• و بغيت نتسجل"),
        ("رقمي ٠٦١٢٣٤٥٦١٢", "رقمي ٠٦••••••١٢"),
        ("ساكن ف 33 زنقة النور", "ساكن ف •• زنقة •••••"),
        # ar
        ("اسمي ياسين بنعلي", "اسمي ي•••• ب••••"),
        ("بريدي salma@example.com شكرا", "بريدي s••••@example.com شكرا"),
        # en
        ("my name is Omar, call 00212612345612", "my name is O•••, call 00••••••••••12"),
        ("write to s.alami+job@mail.example.ma.", "write to s••••••••••@mail.example.ma."),
        ("YASSINE BENALI here", "Y•••••• B••••• here"),
    ],
)
def test_what_leads_to_a_person_is_hidden(text: str, shown: str) -> None:
    assert mask_text(text, NAMES) == shown


@pytest.mark.parametrize(
    "text",
    [
        "une formation de 3 à 6 mois en 2025 ou 2026",
        "le 06/12/2025 à 10:30, puis le 2026-01-15",
        "un budget de 1 500 000 dh, de 50000 dh ou de 200 000 DH",
        "bac+2 f casa, 25 ans",
        "شحال ديال الوقت؟ من 2024 حتى 2026",
        "hay hassani fin jat",
        "the event at the Technopark",
        "https://jobintech.ma/inscription",
    ],
)
def test_what_it_is_about_stays(text: str) -> None:
    assert mask_text(text, NAMES) == text


def test_understood_names_are_hidden_where_they_stand() -> None:
    """What the machine took for a name is one, even where nothing introduces it; other pieces stay."""
    text = "Kenza, de Rabat"
    entities = [
        {"entity": "person_name", "value": "Kenza", "start": 0, "end": 5},
        {"entity": "city", "value": "rabat", "start": 10, "end": 15},
        {"entity": "person_name", "value": "?", "start": 90, "end": 95},
    ]
    assert mask_text(text, (), entities) == "K••••, de Rabat"
    assert [each["value"] for each in mask_entities(entities)] == ["K••••", "rabat", "?"]


def test_entities_keep_everything_else() -> None:
    entities = [{"entity": "phone", "value": "+212612345612", "text": "06 12 34 56 12", "start": 3, "confidence": 1.0}]
    shown = [{"entity": "phone", "value": "+212•••••••12", "text": "06 •• •• •• 12", "start": 3, "confidence": 1.0}]
    assert mask_entities(entities) == shown
    assert entities[0]["value"] == "+212612345612"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "a@b.ma", "a•@b.ma"),
        ("phone", "1234", "••••"),
        ("name", "Salma El Amrani", "S•••• E• A•••••"),
        ("email", "none", "n•••"),
    ],
)
def test_a_known_value_is_hidden(kind: str, value: str, shown: str) -> None:
    assert mask_value(kind, value) == shown


def test_masking_is_fast_on_hostile_texts() -> None:
    """No pattern goes back over the text again and again."""
    for text in ("0 " * 500, "a" * 1000, "1 rue " * 160, "a@" * 500, "je m'appelle " * 80, "+2" * 500, "12" * 500):
        mask_text(text, NAMES)


@pytest.mark.parametrize(
    "query", ["0612345678", "06 12 34", "061 23", "+212-6-12", "٠٦١٢٣٤", "salma@example.com", "salma.id", "a 06123"]
)
def test_what_could_tell_who_somebody_is(query: str) -> None:
    """A number or an address, or enough of one to recognise it."""
    assert leads_to_person(query)


@pytest.mark.parametrize(
    "query", ["formation", "bac+2", "2025 2026", "ch7al kayn 3", "uca.ma", "10 000 dh", "8h30", '"chhal d\'mois"', ""]
)
def test_what_could_not(query: str) -> None:
    """Words, years, amounts, sites and Darija's digits."""
    assert not leads_to_person(query)
