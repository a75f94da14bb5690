"""What becomes of each kind of update that Telegram sends."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.channels.telegram_updates import read_update
from bot.errors import MalformedInbound
from bot.messages import TEXT_LIMIT_CHARS, Attachment, Inbound
from tests.channels.telegram_spec import BotApiSpec
from tests.specs import spec_path

FIXTURES = Path(__file__).with_name("telegram_updates")
BOT_ID = "424242"
PROFILE = {"name": "Salma Idrissi", "username": "salma_idr", "language_code": "fr"}

#: For each fixture, the fields of its Inbound that are not the usual ones; None when it is not for us.
EXPECTED: dict[str, dict[str, Any] | None] = {
    "text": {"text": "Bonjour, la formation est payante ?"},
    "text_arabic": {"text": "واش التكوين فابور؟ 🙏\n\nشكرا"},
    "text_link": {"text": "vu sur https://example.org/jobintech"},
    "text_forwarded": {"text": "Session ouverte à Rabat"},
    "start": {"payload": "/start"},
    "start_deep_link": {"payload": "/start", "profile": {**PROFILE, "start_parameter": "affiche_gitex-26"}},
    "help_with_bot_name": {"payload": "/ask_capabilities"},
    "langue": {"payload": "/change_language", "text": "en"},
    "stop": {"payload": "/unsubscribe"},
    "mesdonnees": {"payload": "/delete_my_data"},
    "command_unknown": {"text": "incubateur Rabat"},
    "callback_query": {
        "payload": '/incubator_search{"city": "Rabat"}',
        "profile": {**PROFILE, "callback_query_id": "4382bfdwdsb323b2d9"},
    },
    "callback_query_old": {"payload": "/greet", "profile": {**PROFILE, "callback_query_id": "4382bfdwdsb323b2e0"}},
    "callback_query_group": None,
    "contact_own": {
        "attachments": (Attachment("contact", {"phone": "+212600000001", "name": "Salma Idrissi", "own": True}),)
    },
    "contact_other": {"attachments": (Attachment("contact", {"phone": "0600000002", "name": "Omar", "own": False}),)},
    "location": {"attachments": (Attachment("location", {"latitude": 34.020882, "longitude": -6.84165}),)},
    "location_live": {"attachments": (Attachment("location", {"latitude": 34.020882, "longitude": -6.84165}),)},
    "location_live_moved": None,
    "venue": {"attachments": (Attachment("location", {"latitude": 33.5731, "longitude": -7.5898}),)},
    "edited_message": {
        "text": "Bonjour, la formation est-elle gratuite ?",
        "external_id": "424242:811000120:1790000060",
    },
    "photo": {
        "text": "C'est bien ce document ?",
        "attachments": (Attachment("photo", {"file_id": "AgACAgQAAxkBAA-photo-l"}),),
    },
    "photo_album": {
        "attachments": (Attachment("photo", {"file_id": "AgACAgQAAxkBAA-album-l", "album": "13579246801"}),)
    },
    "voice": {"attachments": (Attachment("voice", {"file_id": "AgACAgQAAxkBAA-voice"}),)},
    "audio": {
        "attachments": (Attachment("audio", {"file_id": "AgACAgQAAxkBAA-audio", "file_name": "presentation.mp3"}),)
    },
    "video": {"attachments": (Attachment("video", {"file_id": "AgACAgQAAxkBAA-video", "file_name": "visite.mp4"}),)},
    "video_note": {"attachments": (Attachment("video", {"file_id": "AgACAgQAAxkBAA-note"}),)},
    "animation": {"attachments": (Attachment("video", {"file_id": "AgACAgQAAxkBAA-gif", "file_name": "bravo.mp4"}),)},
    "document": {
        "text": "Mon CV",
        "attachments": (Attachment("document", {"file_id": "AgACAgQAAxkBAA-cv", "file_name": "CV Salma Idrissi.pdf"}),),
    },
    "sticker": {"attachments": (Attachment("sticker", {"file_id": "AgACAgQAAxkBAA-sticker", "emoji": "👍"}),)},
    "dice": {"attachments": (Attachment("other"),)},
    "poll": {"attachments": (Attachment("other"),)},
    "blocked": None,
    "unblocked": None,
    "group_message": None,
    "channel_post": None,
    "bot_message": None,
    "service_pinned": None,
    "service_auto_delete": None,
}


def load(name: str) -> dict[str, Any]:
    """One fixture, decoded."""
    data: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return data


def _text_update(text: str) -> dict[str, Any]:
    data = load("text")
    data["message"]["text"] = text
    return data


def _read_text(text: str) -> Inbound:
    (inbound,) = read_update(_text_update(text), BOT_ID)
    return inbound


def test_every_fixture_is_expected() -> None:
    """Every fixture has its row, and every row its fixture."""
    assert {path.stem for path in FIXTURES.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_fixtures_are_real(name: str) -> None:
    """A fixture is an Update as the Bot API describes it."""
    assert BotApiSpec(spec_path("telegram-bot-api.json")).list_object_problems("Update", load(name)) == []


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_read_update(name: str, expected: dict[str, Any] | None) -> None:
    """An update becomes the expected Inbound, or nothing."""
    data = load(name)
    inbounds = read_update(data, BOT_ID)
    if expected is None:
        assert inbounds == []
        return
    (inbound,) = inbounds
    usual = {
        "channel": "telegram",
        "sender": "5550001",
        "external_id": f"424242:{data['update_id']}",
        "text": "",
        "payload": None,
        "attachments": (),
        "profile": PROFILE,
        "received_at": inbound.received_at,
    }
    assert inbound == Inbound(**(usual | expected))
    assert timedelta(0) <= datetime.now(UTC) - inbound.received_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("typed", "text", "payload"),
    [
        ("/help", "", "/ask_capabilities"),
        ("/HELP", "", "/ask_capabilities"),
        ("/language", "", "/change_language"),
        ("/lang", "", "/change_language"),
        ("/mydata", "", "/delete_my_data"),
        ("/mesdonnées", "", "/delete_my_data"),
        ("/help\ncomment faire ?", "comment faire ?", "/ask_capabilities"),
        ("/stop@mnc_assistant_bot", "", "/unsubscribe"),
        ("/greet", "greet", None),
        ('/delete_my_data{"sure": "yes"}', 'delete_my_data{"sure": "yes"}', None),
        ('/start{"a": 1}', 'start{"a": 1}', None),
        ("//help", "help", None),
        ("/ help", "help", None),
        ("/", "/", None),
        ("et/ou", "et/ou", None),
        ("aide /help", "aide /help", None),
    ],
)
def test_commands(typed: str, text: str, payload: str | None) -> None:
    """A known command is a payload, and nothing else that is typed can become one."""
    inbound = _read_text(typed)
    assert (inbound.text, inbound.payload) == (text, payload)


@pytest.mark.parametrize("parameter", ["a b", "é", "x" * 65, '{"intent": 1}'])
def test_start_parameter_is_checked(parameter: str) -> None:
    """A deep-link parameter that Telegram would not allow is dropped; the start remains."""
    inbound = _read_text(f"/start {parameter}")
    assert inbound.payload == "/start"
    assert "start_parameter" not in inbound.profile


def test_text_is_capped() -> None:
    """A text is cut at the limit that every channel shares."""
    assert _read_text("a" * 4096).text == "a" * TEXT_LIMIT_CHARS


def test_text_is_cleaned() -> None:
    """Control characters and half surrogates go; line breaks, tabs and joined emojis stay."""
    assert _read_text("a\x00b\x1b[31m\r\nc\td \ud83d👩‍💻\x85 ").text == "ab[31m\nc\td 👩‍💻"


def test_caption_is_no_command() -> None:
    """A caption loses its leading slash and is never a command."""
    data = load("photo")
    data["message"]["caption"] = "/stop"
    (inbound,) = read_update(data, BOT_ID)
    assert (inbound.text, inbound.payload) == ("stop", None)


def test_profile_without_names() -> None:
    """A sender with only a first name has only a name."""
    data = load("text")
    data["message"]["from"] = {"id": 5550001, "is_bot": False, "first_name": "Sal\x00ma"}
    (inbound,) = read_update(data, BOT_ID)
    assert inbound.profile == {"name": "Salma"}


def test_edits_have_ids_of_their_own() -> None:
    """Two edits of one message are two deliveries, also beside its first sending."""
    first = load("edited_message")
    second = copy.deepcopy(first)
    second["edited_message"]["edit_date"] += 30
    ids = {read_update(data, BOT_ID)[0].external_id for data in (load("text"), first, second)}
    assert len(ids) == 3


def test_ids_differ_between_bots() -> None:
    """The same update id of two bots gives two external ids."""
    assert read_update(load("text"), "1")[0].external_id != read_update(load("text"), "2")[0].external_id


@pytest.mark.parametrize("data", ["x" * 65, "é" * 33, "\x00", ""])
def test_forged_callback_data(data: str) -> None:
    """A press whose data we cannot have sent is ignored."""
    update = load("callback_query")
    update["callback_query"]["data"] = data
    assert read_update(update, BOT_ID) == []


def test_unknown_kinds() -> None:
    """An update kind that is newer than this program gives nothing; a new kind of message is `other`."""
    assert read_update({"update_id": 1, "telepathy": {"from": 1}}, BOT_ID) == []
    data = load("text")
    del data["message"]["text"]
    data["message"]["hologram"] = {"file_id": "x"}
    (inbound,) = read_update(data, BOT_ID)
    assert inbound.attachments == (Attachment("other"),)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "update",
        {},
        {"update_id": "1"},
        {"update_id": True},
        {"update_id": 1, "message": {"text": "x"}},
        {"update_id": 1, "message": "x"},
        {"update_id": 1, "callback_query": {"id": "1"}},
    ],
)
def test_malformed_updates(data: object) -> None:
    """What is not an update is refused as malformed, whatever is wrong with it."""
    with pytest.raises(MalformedInbound):
        read_update(data, BOT_ID)
