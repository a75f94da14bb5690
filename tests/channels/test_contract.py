"""What every channel promises, whatever its provider (bot/channels/base.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from running import RunningApp, free_port, make_settings, sqlite_url

from bot.app import make_channels
from bot.errors import MalformedInbound, NotAuthentic, SendError
from bot.messages import TEXT_LIMIT_CHARS, Attachment, Button, Inbound, Outbound
from tests.channels.contract import CHANNELS, Terms

PAYLOAD = '/incubator_search{"city": "Rabat"}'
CHOICES = (Button("Rabat", payload=PAYLOAD), Button("Fès", payload="/greet"), Button("Agadir", payload="/goodbye"))
LINK = Button("Candidater", url="https://example.org/apply?a=1&b=2")

#: The same thing said on every channel, and what it means.
MEANINGS = {
    "text": (("text", "واش كاين incubateur f Rabat ? 🙏\nsalam"), {"text": "واش كاين incubateur f Rabat ? 🙏\nsalam"}),
    "press": (("press", PAYLOAD), {"payload": PAYLOAD}),
    "location": (
        ("location", (34.06, -4.97)),
        {"text": "", "attachments": [("location", {"latitude": 34.06, "longitude": -4.97})]},
    ),
    "photo": (("photo",), {"text": "", "attachments": [("photo", None)]}),
    "looks like a payload": (("text", " /etc/passwd?"), {"payload": None}),
    "far too long": (("text", "a" * 4000), {"text": "a" * TEXT_LIMIT_CHARS}),
    "control characters": (("text", "a\x00b\x1bc\td\ne"), {"text": "abc\td\ne"}),
}


@pytest.fixture(params=CHANNELS)
async def terms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terms]:
    """Each channel in turn; every request of the test must have been right for its provider."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with CHANNELS[request.param]() as terms:
        yield terms
        assert terms.list_problems() == []


def parse(terms: Terms, body: bytes) -> Inbound:
    """The one message in a genuine call."""
    request = terms.sign(body)
    terms.channel.authenticate(request)
    (inbound,) = terms.channel.parse(request)
    assert isinstance(inbound, Inbound)
    return inbound


def test_every_channel_has_its_row() -> None:
    """Every channel that the settings can make is held to the contract."""
    settings = make_settings(
        telegram_token="424242:a-token-of-the-right-length",
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token="0" * 32,
        whatsapp_from="+14155238886",
        public_url="https://bot.example.ma",
    )
    assert set(make_channels(settings)) == set(CHANNELS)


# --- in ---------------------------------------------------------------------------------------------------------------


async def test_genuine(terms: Terms) -> None:
    """A call of the provider's is let in."""
    terms.channel.authenticate(terms.sign(terms.compose("text", "Où êtes-vous + 1 & 2 ?")))


async def test_forged(terms: Terms) -> None:
    """A call of anybody else's is not."""
    forgeries = terms.forge(terms.compose("text", "bonjour"))
    assert len(forgeries) >= 3
    for what, request in forgeries.items():
        with pytest.raises(NotAuthentic):
            terms.channel.authenticate(request)
            pytest.fail(f"{what} was let in")


@pytest.mark.parametrize(("said", "meant"), MEANINGS.values(), ids=MEANINGS)
async def test_meaning(terms: Terms, said: tuple[str, object], meant: dict[str, object]) -> None:
    """The same thing means the same on every channel."""
    inbound = parse(terms, terms.compose(*said))
    assert (inbound.channel, inbound.sender) == (terms.channel.name, terms.address)
    assert inbound.external_id
    assert timedelta(0) <= datetime.now(UTC) - inbound.received_at < timedelta(minutes=1)
    assert inbound.profile["name"] == "Salma"
    for name in ("text", "payload"):
        if name in meant:
            assert getattr(inbound, name) == meant[name]
    for attachment, (kind, data) in zip(inbound.attachments, meant.get("attachments", []), strict=True):
        assert isinstance(attachment, Attachment)
        assert attachment.kind == kind
        assert data is None or attachment.data == data


@pytest.mark.parametrize("said", [said for said, _ in MEANINGS.values()], ids=MEANINGS)
async def test_unknown_fields(terms: Terms, said: tuple[str, object]) -> None:
    """A field that a provider adds one day changes nothing."""
    body = terms.compose(*said)
    plain, extended = parse(terms, body), parse(terms, terms.extend(body))
    for name in ("sender", "external_id", "text", "payload", "attachments", "profile"):
        assert getattr(extended, name) == getattr(plain, name)


async def test_external_id(terms: Terms) -> None:
    """A message that comes again has the same id."""
    body = terms.compose("text", "bonjour")
    assert parse(terms, body).external_id == parse(terms, body).external_id


async def test_malformed(terms: Terms) -> None:
    """A body that the provider never sends is malformed, and nothing else is raised."""
    for body in terms.malformed:
        with pytest.raises(MalformedInbound):
            terms.channel.parse(terms.sign(body))
            pytest.fail(f"{body!r} was read")


# --- out --------------------------------------------------------------------------------------------------------------


async def test_send(terms: Terms) -> None:
    """A text arrives as it is, and the provider's id comes back."""
    text = "C'est *gratuit* : 100 % <b>& rien</b> d'_autre_ 🙏\nبخير"
    assert await terms.channel.send(terms.address, Outbound(text))
    assert terms.list_texts() == [text]


@pytest.mark.parametrize("unit", ["mot ", "كلمة ", "🙏🙏 ", "x" * 700 + " "])
async def test_long_text(terms: Terms, unit: str) -> None:
    """A long text leaves in pieces within the limit, in order, an id for each, and nothing is lost."""
    limit = terms.channel.text_limit_chars
    text = "\n\n".join(unit * (limit // len(unit) // 2) + str(number) for number in range(5))
    identifiers = await terms.channel.send(terms.address, Outbound(text))
    pieces = terms.list_texts()
    assert len(pieces) > 1
    assert max(len(piece) for piece in pieces) <= limit
    assert " ".join(pieces).split() == text.split()
    assert len(set(identifiers.split(","))) == len(pieces)


async def test_long_word(terms: Terms) -> None:
    """A text without any place to cut is cut all the same, and nothing is lost."""
    limit = terms.channel.text_limit_chars
    text = "".join(chr(ord("a") + number % 26) for number in range(2 * limit + 5))
    await terms.channel.send(terms.address, Outbound(text))
    assert "".join(terms.list_texts()) == text


@pytest.mark.parametrize("length", [20, 20_000])
async def test_choices(terms: Terms, length: int) -> None:
    """Choices are shown with the last piece, as buttons or as a numbered list; a link keeps its address."""
    text = "mot " * (length // 4)
    await terms.channel.send(terms.address, Outbound(text, (*CHOICES, LINK)))
    shown = terms.list_choices()
    assert [title for title in shown if title != LINK.title] == [choice.title for choice in CHOICES]
    if not terms.channel.shows_buttons:
        assert LINK.url in terms.list_texts()[-1]
    assert " ".join(terms.list_texts()).split().count("mot") == length // 4


async def test_blocked(terms: Terms) -> None:
    """Somebody who takes no messages of ours is told apart from every other failure, for good."""
    terms.refuse("blocked")
    with pytest.raises(SendError) as raised:
        await terms.channel.send(terms.address, Outbound("bonjour"))
    assert (raised.value.blocked, raised.value.retryable) == (True, False)
    assert raised.value.code


async def test_busy(terms: Terms) -> None:
    """A provider that is busy says when to come back, and then the same message is taken."""
    terms.refuse("busy", wait_s=7)
    with pytest.raises(SendError) as raised:
        await terms.channel.send(terms.address, Outbound("bonjour"))
    error = raised.value
    assert (error.blocked, error.retryable, error.retry_after_s) == (False, True, 7.0)
    before = len(terms.list_texts())
    await terms.channel.send(terms.address, Outbound("bonjour"))
    assert terms.list_texts()[before:] == ["bonjour"]


# --- the web page, which has no provider: the same meanings over its JSON -------------------------------------------


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app without a Rasa: what comes in is kept all the same."""
    url = sqlite_url(tmp_path_factory.mktemp("web"))
    settings = make_settings(port=free_port(), rasa_url=f"http://127.0.0.1:{free_port()}", database_url=url)
    with RunningApp(settings) as app:
        yield app


@pytest.mark.parametrize("name", ["text", "press", "far too long", "control characters"])
def test_meaning_on_the_web(web: RunningApp, name: str) -> None:
    """What the web page sends is kept with the meaning that it has on every channel."""
    (kind, value), meant = MEANINGS[name]
    body = {"sender": name, "payload" if kind == "press" else "text": value}
    assert httpx.post(f"{web.base_url}/web/messages", json=body, timeout=60).status_code == 200
    query = (
        "SELECT messages.* FROM messages JOIN identities ON identities.id = messages.identity_id "
        "WHERE direction = 'in' AND address = ? "
    )
    (row,) = web.rows(query, name)
    assert (row["channel"], row["direction"]) == ("web", "in")
    assert {field: row[field] for field in meant} == meant


def test_looks_like_a_payload_on_the_web(web: RunningApp) -> None:
    """A typed text that looks like a payload is a text."""
    web.ask("typist", text="/greet")
    (row,) = web.rows("SELECT payload, text FROM messages WHERE direction = 'in' AND text = '/greet'")
    assert row["payload"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"sender": "a"}',
        b'{"sender": "a", "text": 1}',
        b'{"sender": "a", "payload": "greet"}',
    ],
)
def test_malformed_on_the_web(web: RunningApp, body: bytes) -> None:
    """A body that is no message is refused as malformed and leaves no row."""
    before = web.rows("SELECT count(*) AS messages FROM messages")
    headers = {"Content-Type": "application/json"}
    assert httpx.post(f"{web.base_url}/web/messages", content=body, headers=headers).status_code == 422
    assert web.rows("SELECT count(*) AS messages FROM messages") == before
