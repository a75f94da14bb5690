"""What leaves for WhatsApp: every request goes through Twilio's official client and is checked against its specs."""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from bot.channels.base import Channel
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp_templates import ChoiceWords, create_templates, decode_payload
from bot.errors import SendError
from bot.messages import Button, Inbound, Outbound
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN, TwilioApi, open_twilio, refusal

ADDRESS = "whatsapp:+212600000001"
WORDS = {
    "fr": ChoiceWords("Répondez par le numéro de votre choix.", "Que voulez-vous faire ?", "Voir les choix"),
    "ar": ChoiceWords("أجب برقم اختيارك.", "ماذا تريد؟", "الخيارات"),
    "en": ChoiceWords("Reply with the number of your choice."),
}
LINK = Button("Candidater", url="https://example.org/apply?a=1&b=2")


def _choices(count: int, length: int = 8) -> tuple[Button, ...]:
    titles = [f"Choix {number}".ljust(length, "x") for number in range(1, count + 1)]
    return tuple(
        Button(title, payload=f'/choose{{"option": "{number}"}}') for number, title in enumerate(titles, start=1)
    )


@pytest.fixture
def twilio() -> TwilioApi:
    """A Twilio with an empty account."""
    return open_twilio()


def _open(twilio: TwilioApi, templates: dict[str, str] | None = None) -> WhatsAppChannel:
    return WhatsAppChannel(
        ACCOUNT_SID,
        AUTH_TOKEN,
        "whatsapp:+14155238886",
        "https://bot.example.ma/",
        WORDS,
        templates=templates,
        http_client=twilio.http_client(),
    )


@pytest.fixture
def plain(twilio: TwilioApi) -> WhatsAppChannel:
    """WhatsApp without templates."""
    return _open(twilio)


@pytest.fixture
def rich(twilio: TwilioApi) -> WhatsAppChannel:
    """WhatsApp with the templates that `create_templates` makes."""
    client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=twilio.http_client())
    return _open(twilio, create_templates(client, WORDS))


def _bodies(twilio: TwilioApi) -> list[str]:
    return [message["Body"] for message in twilio.messages]


async def test_text(twilio: TwilioApi, plain: Channel) -> None:
    """A text leaves as one message from our number, with the callback and the account's credentials."""
    sid = await plain.send(ADDRESS, Outbound("C'est *gratuit* : 100 % + 0 & rien ; « oui » 🙏\nبخير"))
    assert sid == f"SM{1:032x}"
    assert twilio.messages == [
        {
            "To": ADDRESS,
            "From": "whatsapp:+14155238886",
            "Body": "C'est *gratuit* : 100 % + 0 & rien ; « oui » 🙏\nبخير",
            "StatusCallback": "https://bot.example.ma/webhooks/whatsapp",
        }
    ]
    credentials = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    assert twilio.requests[0].headers["Authorization"] == f"Basic {credentials}"


async def test_long_text(twilio: TwilioApi, plain: Channel) -> None:
    """A long text leaves in pieces of at most 1,600 characters, in order, cut between paragraphs; no word is lost."""
    text = "\n\n".join(f"{number}. " + "mot " * 150 for number in range(8))
    sids = await plain.send(ADDRESS, Outbound(text))
    bodies = _bodies(twilio)
    assert len(bodies) > 2
    assert sids.split(",") == [f"SM{number:032x}" for number in range(1, len(bodies) + 1)]
    assert " ".join(bodies).split() == text.split()
    assert all(body[0].isdigit() for body in bodies)


@pytest.mark.parametrize("length", [1600, 1601])
async def test_text_at_the_limit(twilio: TwilioApi, plain: Channel, length: int) -> None:
    """A text of exactly 1,600 characters is one message, one more makes two."""
    await plain.send(ADDRESS, Outbound("x" * length))
    assert [len(body) for body in _bodies(twilio)] == [1600] + [1] * (length - 1600)


async def test_numbered_list(twilio: TwilioApi, plain: Channel) -> None:
    """Without templates, choices are a numbered list under the text with the hint in its variety, then the links."""
    await plain.send(ADDRESS, Outbound("اختر:", (*_choices(2), LINK), variety="ar"))
    assert _bodies(twilio) == [
        "اختر:\n\n1. Choix 1x\n2. Choix 2x\nأجب برقم اختيارك.\nCandidater : https://example.org/apply?a=1&b=2"
    ]


async def test_numbered_list_in_a_variety_without_words(twilio: TwilioApi, plain: Channel) -> None:
    """A variety whose words are missing falls back on French."""
    await plain.send(ADDRESS, Outbound("Khtar:", _choices(2), variety="ary-Latn"))
    assert "Répondez par le numéro" in _bodies(twilio)[0]


@pytest.mark.parametrize("length", range(1400, 1640, 20))
async def test_numbered_list_stays_whole(twilio: TwilioApi, plain: Channel, length: int) -> None:
    """However long the text is, its numbered list is whole, in the last message."""
    choices = _choices(10)
    await plain.send(ADDRESS, Outbound("mot " * (length // 4), choices))
    *others, last = _bodies(twilio)
    numbered = "\n".join(f"{number}. {choice.title}" for number, choice in enumerate(choices, start=1))
    assert last.endswith(f"{numbered}\n{WORDS['fr'].numbered}")
    assert not any("Choix" in body for body in others)
    assert " ".join([*others, last]).count("mot") == length // 4


async def test_choices_that_fill_several_messages(twilio: TwilioApi, plain: Channel) -> None:
    """Choices longer than a message are cut like a text rather than refused."""
    choices = tuple(Button("y" * 100 + str(number), payload=f"/x{number}") for number in range(30))
    await plain.send(ADDRESS, Outbound("Choisissez", choices))
    assert len(twilio.messages) > 2
    assert all(choice.title in "".join(_bodies(twilio)) for choice in choices)


async def test_choices_without_text(twilio: TwilioApi, plain: Channel) -> None:
    """Choices alone are a message too."""
    await plain.send(ADDRESS, Outbound("", _choices(1)))
    assert _bodies(twilio) == [f"1. Choix 1x\n{WORDS['fr'].numbered}"]


@pytest.mark.parametrize("message", [Outbound(""), Outbound(" \n ")])
async def test_nothing(twilio: TwilioApi, plain: Channel, message: Outbound) -> None:
    """A message without content is an error for good, and nothing is sent."""
    with pytest.raises(SendError) as caught:
        await plain.send(ADDRESS, message)
    assert (caught.value.code, caught.value.retryable) == ("empty", False)
    assert twilio.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "+212600000001",
        "whatsapp:212600000001",
        "whatsapp:+",
        "whatsapp:+1 600 0001",
        "whatsapp:+212600000001,",
        "whatsapp:+2126000000010000",
    ],
)
async def test_wrong_address(twilio: TwilioApi, plain: Channel, address: str) -> None:
    """An address that is not a WhatsApp number is an error for good, and nothing is sent."""
    with pytest.raises(SendError) as caught:
        await plain.send(address, Outbound("Bonjour"))
    assert not caught.value.retryable
    assert twilio.requests == []


@pytest.mark.parametrize("count", range(1, 11))
async def test_buttons(twilio: TwilioApi, rich: Channel, count: int) -> None:
    """Up to three short choices are quick replies, more are a list; what comes back is each one's payload."""
    choices = _choices(count)
    sid = await rich.send(ADDRESS, Outbound("Où êtes-vous ?", choices))
    assert sid == f"SM{1:032x}"
    (message,) = twilio.messages
    assert "Body" not in message
    assert message["StatusCallback"] == "https://bot.example.ma/webhooks/whatsapp"
    shown = message["shown"]
    assert shown["text"] == "Où êtes-vous ?"
    assert shown["button"] == (None if count <= 3 else "Voir les choix")
    assert [(title, decode_payload(identifier)) for title, identifier in shown["choices"]] == [
        (choice.title, choice.payload) for choice in choices
    ]


async def test_titles_for_a_list_only(twilio: TwilioApi, rich: Channel) -> None:
    """Titles of 21 to 24 characters make a list even of two choices."""
    await rich.send(ADDRESS, Outbound("اختر", _choices(2, length=24), variety="ar"))
    assert twilio.messages[0]["shown"]["button"] == "الخيارات"


async def test_widest_payload(twilio: TwilioApi, rich: Channel) -> None:
    """A payload of 64 bytes, the widest there is, comes back whole."""
    payload = '/a{"city": "' + "ط" * 25 + '"}'
    assert len(payload.encode()) == 64
    await rich.send(ADDRESS, Outbound("Où ?", (Button("Tanger", payload=payload),)))
    ((_, identifier),) = twilio.messages[0]["shown"]["choices"]
    assert decode_payload(identifier) == payload


async def test_apostrophes(twilio: TwilioApi, rich: Channel) -> None:
    """Apostrophes, which Twilio is known to refuse in variables, are set as printers do."""
    await rich.send(ADDRESS, Outbound("Qu'est-ce ?", (Button("L'offre", payload="/offer"),)))
    assert twilio.messages[0]["shown"]["text"] == "Qu\N{RIGHT SINGLE QUOTATION MARK}est-ce ?"


NOT_FOR_A_VARIABLE = {
    "several lines": Outbound("JobInTech est gratuit.\nSource : MNC, 2025", _choices(3)),
    "too long": Outbound("x" * 256, _choices(3)),
    "a tab": Outbound("a\tb", _choices(3)),
    "five spaces": Outbound("a     b", _choices(3)),
    "no text": Outbound("", _choices(3)),
    "a link": Outbound("Candidatez en ligne.", (*_choices(3), LINK)),
}


@pytest.mark.parametrize("message", NOT_FOR_A_VARIABLE.values(), ids=NOT_FOR_A_VARIABLE)
async def test_text_before_buttons(twilio: TwilioApi, rich: Channel, message: Outbound) -> None:
    """What does not go into a template's variable leaves first, as text, and the buttons follow under a line."""
    sids = await rich.send(ADDRESS, message)
    *before, last = twilio.messages
    link = ["Candidater : https://example.org/apply?a=1&b=2"] if LINK in message.buttons else []
    expected = "\n\n".join(filter(None, [message.text, *link]))
    assert [body["Body"] for body in before] == ([expected] if expected else [])
    assert last["shown"]["text"] == "Que voulez-vous faire ?"
    assert len(last["shown"]["choices"]) == 3
    assert sids.count(",") == len(before)


@pytest.mark.parametrize(
    "message",
    [
        Outbound("Choose", _choices(4), variety="en"),
        Outbound("Two\nlines", _choices(2), variety="en"),
        Outbound("Choisissez", _choices(11)),
        Outbound("Choisissez", _choices(2, length=25)),
        Outbound("Choisissez", (Button("Oui", payload="/affirm"), Button("OUI ", payload="/deny"))),
        Outbound("Choisissez", (Button("Oui", payload="/affirm"), Button("Si", payload="/affirm"))),
        Outbound("Choisissez", (Button("Oui\nou non", payload="/affirm"),)),
        Outbound("Choisissez", (Button("🙏" * 13, payload="/affirm"),)),
    ],
    ids=["no word to open", "no line", "eleven", "long titles", "one title", "one payload", "two lines", "emoji"],
)
async def test_no_template_fits(twilio: TwilioApi, rich: Channel, message: Outbound) -> None:
    """Choices that no template can show are a numbered list."""
    await rich.send(ADDRESS, message)
    (body,) = _bodies(twilio)
    assert body.startswith(f"{message.text}\n\n1. {message.buttons[0].title}")


async def test_only_some_templates(twilio: TwilioApi, rich: WhatsAppChannel) -> None:
    """A number of choices for which no template is configured is a numbered list."""
    channel = _open(twilio, {"buttons_2": twilio.contents[1]["sid"]})
    await channel.send(ADDRESS, Outbound("Choisissez", _choices(3)))
    await channel.send(ADDRESS, Outbound("Choisissez", _choices(2)))
    assert ["Body" in message for message in twilio.messages] == [True, False]


@pytest.mark.parametrize("text", ["Choisissez", "Deux\nlignes"])
async def test_template_that_was_deleted(
    twilio: TwilioApi, rich: Channel, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A template that Twilio no longer knows costs neither the text nor the choices, and is logged."""
    twilio.contents.clear()
    await rich.send(ADDRESS, Outbound(text, _choices(2)))
    told = "\n\n".join(_bodies(twilio))
    assert told == f"{text}\n\n1. Choix 1x\n2. Choix 2x\n{WORDS['fr'].numbered}"
    assert "21655" in caplog.text


async def test_template_that_is_refused_for_the_person(twilio: TwilioApi, rich: Channel) -> None:
    """A refusal that is not about the template is an error, not a reason to try as text."""
    twilio.answers.append(refusal(400, 63016, "outside the window"))
    with pytest.raises(SendError) as caught:
        await rich.send(ADDRESS, Outbound("Choisissez", _choices(2)))
    assert caught.value.code == "63016"
    assert len(twilio.requests) - 14 == 1  # after 1 list and 13 creations


#: Twilio's answer, and what becomes of it: code, whether to retry, seconds to wait, whether we are blocked.
FAILURES: dict[str, tuple[Any, tuple[str, bool, float | None, bool]]] = {
    "too many requests": (refusal(429, 20429, "Too many requests", Retry_After="7"), ("20429", True, 7.0, False)),
    "too many, no wait": (refusal(429, 20429, "Too many requests"), ("20429", True, None, False)),
    "too many, odd wait": (refusal(429, 20429, "Too many requests", Retry_After="soon"), ("20429", True, None, False)),
    "full queue": (refusal(400, 21611, "Queue is full"), ("21611", True, None, False)),
    "too fast for WhatsApp": (refusal(400, 63018, "Rate limit exceeded"), ("63018", True, None, False)),
    "broken": (refusal(500, 20500, "Internal error"), ("20500", True, None, False)),
    "down": ((503, "<html>Service Unavailable</html>", {"Retry-After": "30"}), ("503", True, 30.0, False)),
    "opted out": (refusal(400, 21610, "Opted out"), ("21610", False, None, True)),
    "blocked": (refusal(400, 63014, "Blocked by user"), ("63014", False, None, True)),
    "outside the window": (refusal(400, 63016, "Outside", Retry_After="7"), ("63016", False, None, False)),
    "no such recipient": (refusal(400, 63024, "Invalid recipient"), ("63024", False, None, False)),
    "invalid number": (refusal(400, 21211, "Invalid 'To'"), ("21211", False, None, False)),
    "no mobile": (refusal(400, 21614, "Not a mobile"), ("21614", False, None, False)),
    "wrong credentials": (refusal(401, 20003, "Authenticate"), ("20003", False, None, False)),
    "unknown code": (refusal(400, 29999, "Something new"), ("29999", False, None, False)),
    "problem details": (
        (429, {"type": "about:blank", "title": "Slow down", "status": 429, "code": 20429}, {"retry-after": "3"}),
        ("20429", True, 3.0, False),
    ),
    "timeout": (requests.ReadTimeout("slow"), ("network", True, None, False)),
    "no connection": (requests.ConnectionError("refused"), ("network", True, None, False)),
    "unreadable": ((201, "<html>proxy</html>", {}), ("unreadable", True, None, False)),
}


@pytest.mark.parametrize(("answer", "expected"), FAILURES.values(), ids=FAILURES)
async def test_failure(
    twilio: TwilioApi, plain: Channel, answer: Any, expected: tuple[str, bool, float | None, bool]
) -> None:
    """Each way in which Twilio does not take a message says whether, and when, to try again."""
    twilio.answers.append(answer)
    with pytest.raises(SendError) as caught:
        await plain.send(ADDRESS, Outbound("Bonjour"))
    error = caught.value
    assert (error.code, error.retryable, error.retry_after_s, error.blocked) == expected
    assert "\x1b" not in str(error)
    assert len(twilio.requests) == 1


async def test_explanation_of_wrong_credentials(twilio: TwilioApi, plain: Channel) -> None:
    """The error for wrong credentials names the settings, and does not hold the token."""
    twilio.answers.append(refusal(401, 20003, "Authenticate"))
    with pytest.raises(SendError, match=r"TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN") as caught:
        await plain.send(ADDRESS, Outbound("Bonjour"))
    assert AUTH_TOKEN not in str(caught.value)


async def test_wait_until_a_date(twilio: TwilioApi, plain: Channel) -> None:
    """A Retry-After in the form of a date is the time until then."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    twilio.answers.append(refusal(429, 20429, "Too many requests", Retry_After=date))
    with pytest.raises(SendError) as caught:
        await plain.send(ADDRESS, Outbound("Bonjour"))
    assert caught.value.retry_after_s == pytest.approx(60, abs=3)


async def test_second_piece_is_refused(twilio: TwilioApi, plain: Channel) -> None:
    """A text of which only the first piece was taken counts as not taken, and the third is not tried."""
    twilio.answers += [(201, {"sid": "SM" + "1" * 32}, {}), refusal(500, 20500, "Internal error")]
    with pytest.raises(SendError):
        await plain.send(ADDRESS, Outbound("mot " * 1000))
    assert len(twilio.requests) == 2


class _Meeting(HttpClient):
    """A transport whose answers are read only once all requests have been answered."""

    def __init__(self, twilio: TwilioApi, count: int) -> None:
        super().__init__(logging.getLogger("tests.twilio"), False)
        self._transport = twilio.http_client()
        self._barrier = threading.Barrier(count, timeout=10)
        self._lock = threading.Lock()
        self._twilio = twilio
        self.threads: set[int] = set()

    def request(self, *args: Any, **kwargs: Any) -> Response:
        """Answer that there are too many requests, each with a wait of its own."""
        self.threads.add(threading.get_ident())
        with self._lock:
            wait_s = str(len(self._twilio.requests))
            self._twilio.answers.append(refusal(429, 20429, "Too many requests", Retry_After=wait_s))
            response = self._transport.request(*args, **kwargs)
        barrier = self._barrier

        class Unread(Response):
            @property
            def text(self) -> str:
                barrier.wait()
                return str(self.content)

        return Unread(response.status_code, response.content, response.headers)


async def test_many_at_once(twilio: TwilioApi) -> None:
    """Messages leave side by side, outside the loop's thread, and each failure keeps its own wait."""
    meeting = _Meeting(twilio, 4)
    channel = WhatsAppChannel(
        ACCOUNT_SID,
        AUTH_TOKEN,
        "whatsapp:+14155238886",
        "https://bot.example.ma",
        WORDS,
        http_client=meeting,
    )
    sent = (channel.send(ADDRESS, Outbound("Bonjour")) for _ in range(4))
    errors = await asyncio.gather(*sent, return_exceptions=True)
    waits = [error.retry_after_s for error in errors if isinstance(error, SendError)]
    assert sorted(waits, key=str) == [0.0, 1.0, 2.0, 3.0]
    assert len(meeting.threads) == 4
    assert threading.get_ident() not in meeting.threads


async def test_acknowledge(twilio: TwilioApi, plain: WhatsAppChannel) -> None:
    """Starting, acknowledging and closing call nobody."""
    inbound = Inbound("whatsapp", ADDRESS, "SM1", "Bonjour", datetime.now(UTC))
    await plain.start()
    await plain.acknowledge(inbound)
    await plain.aclose()
    assert twilio.requests == []


async def test_own_transport() -> None:
    """Without a transport of the caller's, the channel opens one with a limited wait, and closes it."""
    channel = WhatsAppChannel(ACCOUNT_SID, AUTH_TOKEN, "whatsapp:+14155238886", "https://bot.example.ma", WORDS)
    transport = channel._transport
    assert transport.timeout is not None
    assert 0 < transport.timeout <= 30
    await channel.aclose()
