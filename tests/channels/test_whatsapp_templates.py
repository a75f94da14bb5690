"""The Content templates: what `create_templates` makes, and that it makes it once."""

from __future__ import annotations

import json

import pytest
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from bot.channels.whatsapp_templates import (
    ChoiceWords,
    create_templates,
    decode_payload,
    encode_payload,
    fit_variable,
    fits_variable,
)
from bot.messages import Button
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN, TwilioApi, open_twilio, refusal

WORDS = {
    "fr": ChoiceWords("Répondez par le numéro.", "Choisissez :", "Choix"),
    "ar": ChoiceWords("أجب", "اختر", "الخيارات"),
}
NAMES = [f"buttons_{count}" for count in range(1, 4)] + [f"list_{count}" for count in range(1, 11)]


@pytest.fixture
def twilio() -> TwilioApi:
    """A Twilio with an empty account."""
    return open_twilio()


@pytest.fixture
def client(twilio: TwilioApi) -> Client:
    """The official client of that account."""
    return Client(ACCOUNT_SID, AUTH_TOKEN, http_client=twilio.http_client())


def test_first_run(twilio: TwilioApi, client: Client) -> None:
    """The first run creates one template for every number of choices and returns what WHATSAPP_TEMPLATES holds."""
    sids = create_templates(client, WORDS)
    assert list(sids) == NAMES
    assert list(sids.values()) == [content["sid"] for content in twilio.contents]
    for name, content in zip(NAMES, twilio.contents, strict=True):
        assert content["friendly_name"] == f"mnc_assistant_{name}_v1"
        ((kind, shape),) = content["types"].items()
        assert kind == {"buttons": "twilio/quick-reply", "list": "twilio/list-picker"}[name.partition("_")[0]]
        assert len(shape.get("actions") or shape["items"]) == int(name.partition("_")[2])


def test_second_run(twilio: TwilioApi, client: Client) -> None:
    """A second run creates nothing and returns the same."""
    first = create_templates(client, WORDS)
    assert create_templates(client, WORDS) == first
    assert len(twilio.contents) == len(NAMES)


def test_many_pages(twilio: TwilioApi, client: Client) -> None:
    """Templates are found again on whichever page of the list they are."""
    twilio.page_size = 4
    first = create_templates(client, WORDS)
    assert create_templates(client, WORDS) == first
    assert len(twilio.contents) == len(NAMES)


def test_unfinished_run(twilio: TwilioApi, client: Client) -> None:
    """A run after one that broke off creates what is missing, beside other people's templates."""
    create_templates(client, WORDS)
    stranger = {**twilio.contents[0], "sid": "HX" + "f" * 32, "friendly_name": "reminder"}
    kept = [stranger, *twilio.contents[:5]]
    twilio.contents[:] = kept
    sids = create_templates(client, WORDS)
    assert twilio.contents[:6] == kept
    assert len(twilio.contents) == len(NAMES) + 1
    assert stranger["sid"] not in sids.values()


def test_bare_words(twilio: TwilioApi, client: Client) -> None:
    """Words that lack the line over buttons and the word that opens a list still make valid templates."""
    create_templates(client, {"fr": ChoiceWords("Répondez par le numéro.")})
    assert len(twilio.contents) == len(NAMES)


def test_refusal(twilio: TwilioApi, client: Client) -> None:
    """A refusal of Twilio reaches the caller, and nothing is created after it."""
    twilio.answers.append(refusal(401, 20003, "Authenticate"))
    with pytest.raises(TwilioException, match="20003"):
        create_templates(client, WORDS)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize(
    "payload",
    [
        "/greet",
        '/incubator_search{"city": "Fès"}',
        '/x{"a": "100% + \\"b\\" & c\'d"}',
        '/x{"city": "' + "ط" * 25 + '"}',
    ],
)
def test_payload(payload: str) -> None:
    """A payload becomes an identifier of plain characters that a template cannot misread, and back."""
    identifier = encode_payload(Button("x", payload=payload).payload or "")
    assert identifier.isascii()
    assert not set(identifier) & set("{}\"'\\ ")
    assert len(identifier) <= 200
    assert json.dumps(identifier) == f'"{identifier}"'
    assert decode_payload(identifier) == payload


@pytest.mark.parametrize("identifier", ["", "yes", "1", "%00", "/a%0Ab", "/" + "x" * 64, "/" + "%D8%B7" * 32])
def test_identifier_of_somebody_else(identifier: str) -> None:
    """An identifier that is not one of our payloads is none."""
    assert decode_payload(identifier) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Une ligne", "Une ligne"),
        ("Rappel :\n\n• demain\n  à Rabat", "Rappel : – • demain – à Rabat"),
        # The first line and the link stay, of the rest what fits.
        (f"Titre\n{'x' * 240}\nLe360\nhttps://a.ma/1", "Titre – Le360 – https://a.ma/1"),
        # A link that leaves no room stays whole, and the title goes.
        (f"Titre\nhttps://a.ma/{'x' * 238}", f"https://a.ma/{'x' * 238}"),
        (f"{'mot ' * 80}\nsuite\nhttps://a.ma/1", f"{'mot ' * 58}mot … https://a.ma/1"),
        (
            f"Voir https://a.ma/0 et {'mot ' * 80}\nhttps://a.ma/1",
            f"Voir et {'mot ' * 53}mot … https://a.ma/0 https://a.ma/1",
        ),
        (f"Titre\nhttps://a.ma/{'x' * 238}\nhttps://a.ma/2", f"https://a.ma/{'x' * 238}"),
        ("x" * 300, f"{'x' * 253} …"),
        (f"https://a.ma/{'x' * 300}", f"https://a.ma/{'x' * 240} …"),
    ],
)
def test_a_text_of_lines_is_one_variable(text: str, line: str) -> None:
    fitted = fit_variable(text)
    assert fits_variable(fitted)
    assert fitted == line


def test_an_empty_text_is_no_variable() -> None:
    with pytest.raises(ValueError, match="needs a text"):
        fit_variable("\n \n")
