"""Telegram end to end: the emulator's Bot API, the real channel, app and Rasa; once polling and once by webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from running import RunningApp, make_settings, wait_until

from e2e.databases import new_database
from e2e.log import Log
from e2e.telegram import PUBLIC_URL, Person, TelegramServer, list_keys
from e2e.varieties import guess_variety


@pytest.fixture(scope="module")
def telegram(ports: tuple[int, int]) -> Iterator[TelegramServer]:
    """The Bot API server."""
    with TelegramServer(f"http://127.0.0.1:{ports[0]}") as server:
        yield server


@pytest.fixture(scope="module", params=["polling", "webhook"])
def app(
    request: pytest.FixtureRequest,
    ports: tuple[int, int],
    rasa_url: str,
    telegram: TelegramServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApp]:
    """The app with a Telegram bot, as its settings make it."""
    settings = make_settings(
        port=ports[0],
        rasa_url=rasa_url,
        database_url=new_database(tmp_path_factory.mktemp("telegram")),
        telegram_token=telegram.token,
        telegram_api_url=telegram.url,
        public_url=PUBLIC_URL if request.param == "webhook" else None,
    )
    before = len(telegram.emulator.calls)
    with RunningApp(settings) as running:
        started = "setWebhook" if request.param == "webhook" else "getUpdates"
        wait_until(lambda: started in [call.method for call in telegram.emulator.calls[before:]], what=started)
        yield running


@pytest.fixture
def person(app: RunningApp, telegram: TelegramServer) -> Iterator[Person]:
    """Somebody new; every request to Telegram that followed must have been right."""
    yield Person(telegram)
    assert telegram.emulator.problems == []


def test_text(person: Person, log: Log) -> None:
    """A question gets its answer with buttons, after typing was shown, and the log has both with Telegram's ids."""
    update = person.write("bonsoir, faut payer combien pour JobInTech ?")
    (message,) = person.wait_for(1)
    assert "gratuit" in message["text"]
    assert "Le360" in message["text"]
    assert all(key.get("callback_data", "").startswith("/") or key["url"] for key in list_keys(message))
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert (inbound["state"], inbound["intent"], inbound["channel"]) == ("answered", "jobintech_cost", "telegram")
    assert str(update["update_id"]) in inbound["external_id"]
    (outbound,) = log.list_replies(inbound["id"])
    assert (outbound["state"], outbound["answer_key"]) == ("sent", "utter_jobintech_cost")
    assert outbound["external_id"].isdigit()
    assert outbound["text"] == message["text"]


def test_typing(person: Person, telegram: TelegramServer) -> None:
    """While an answer is made, the person sees that we are typing."""
    person.write("salut")
    person.wait_for(1)
    typing = [
        fields for fields in telegram.emulator.list_calls("sendChatAction") if fields["chat_id"] == person.address
    ]
    assert [fields["action"] for fields in typing] == ["typing"]


def test_button(person: Person, telegram: TelegramServer, log: Log) -> None:
    """A pressed button is answered like its question, and its spinner ends."""
    person.write("il y a un incubateur pour ma startup sur Rabat ?")
    (message,) = person.wait_for(1)
    key = next(key for key in list_keys(message) if key["text"] == "StartGate Rabat")
    update = person.press(key["callback_data"])
    answer = person.wait_for(2)[1]
    assert "StartGate Rabat" in answer["text"]
    ended = [fields["callback_query_id"] for fields in telegram.emulator.list_calls("answerCallbackQuery")]
    assert ended.count(update["callback_query"]["id"]) == 1
    inbound = log.wait_for_answers(person.address, 2)[1]
    assert (inbound["payload"], inbound["state"]) == (key["callback_data"], "answered")
    (interaction,) = log.list_interactions(inbound["id"])
    assert (interaction["outcome"], interaction["rows_found"]) == ("programme_details", 1)


@pytest.mark.parametrize(
    ("command", "answer_key"),
    [
        ("start", "welcome"),
        ("start_deep_link", "welcome"),
        ("help_with_bot_name", "utter_ask_capabilities"),
        ("langue", "language_menu"),
        ("stop", "unsubscribed"),
        ("mesdonnees", "my_data"),
    ],
)
def test_command(person: Person, log: Log, command: str, answer_key: str) -> None:
    """Each command of the menu has its own answer, in French to somebody who is new and writes from a French phone."""
    text = {"langue": "/langue"}.get(command)
    person.send(command, **({"text": text} if text else {}))
    (message,) = person.wait_for(1)
    (inbound,) = log.wait_for_answers(person.address, 1)
    (outbound,) = log.list_replies(inbound["id"])
    assert (inbound["state"], outbound["answer_key"], outbound["variety"]) == ("answered", answer_key, "fr")
    assert guess_variety(message["text"]) == "fr"


def test_stop_is_kept(person: Person, log: Log) -> None:
    """After /stop the person is marked, and questions are answered all the same."""
    person.send("stop")
    person.wait_for(1)
    log.wait_for_answers(person.address, 1)
    assert log.find_contact(person.address)["unsubscribed_at"] is not None
    person.write("c'est quoi les prochains événements tech svp")
    assert "événements à venir" in person.wait_for(2)[1]["text"]


def test_language(person: Person) -> None:
    """The language that is picked from the menu of /langue is the one of the next answers."""
    person.send("langue", text="/langue")
    (menu,) = person.wait_for(1)
    english = next(key for key in list_keys(menu) if key["text"] == "English")
    person.press(english["callback_data"])
    assert guess_variety(person.wait_for(2)[1]["text"]) == "en"
    person.write("bonsoir, faut payer combien pour JobInTech ?")
    answer = person.wait_for(3)[2]["text"]
    assert guess_variety(answer) == "en"
    assert "free" in answer


def test_location(person: Person, log: Log) -> None:
    """A shared location a few kilometres from Fès is understood as Fès, and what is near is offered."""
    person.send("location", location={"latitude": 34.06, "longitude": -4.97})
    (message,) = person.wait_for(1)
    assert "Fès" in message["text"]
    offered = [key["callback_data"] for key in list_keys(message)]
    assert any(re.search(r"f[eè]s", data, re.IGNORECASE) for data in offered)
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert inbound["attachments"][0]["kind"] == "location"
    city = next(data for data in offered if data.startswith("/jobintech_locations"))
    person.press(city)
    assert "Fès" in person.wait_for(2)[1]["text"]


@pytest.mark.parametrize("kind", ["photo", "photo_album", "voice", "sticker"])
def test_what_is_no_text(person: Person, log: Log, kind: str) -> None:
    """A photo, a voice message or a sticker gets a friendly answer that asks for text."""
    person.send(kind, **({"caption": ""} if kind == "photo" else {}))
    (message,) = person.wait_for(1)
    assert re.search(r"écri|texte", message["text"])
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert log.list_replies(inbound["id"])[0]["answer_key"] == "unsupported"


def test_edited_message(person: Person, log: Log) -> None:
    """A message that was corrected is answered again."""
    first = person.write("c'est quoi les prochains événements tech svp")
    person.wait_for(1)
    edited = {
        **first["message"],
        "edit_date": first["message"]["date"] + 60,
        "text": "parle-moi un peu de 212 Founders",
    }
    update = person.compose("text")
    person._server.deliver({"update_id": update["update_id"], "edited_message": edited})
    assert "212 Founders" in person.wait_for(2)[1]["text"]
    assert [row["text"] for row in log.wait_for_answers(person.address, 2)] == [
        first["message"]["text"],
        edited["text"],
    ]


def test_blocked(person: Person, telegram: TelegramServer, log: Log) -> None:
    """Somebody who blocked the bot is marked and not tried again; the mark goes when they write again."""
    telegram.emulator.refuse_next("sendMessage", 403, "Forbidden: bot was blocked by the user")
    person.write("bonsoir, faut payer combien pour JobInTech ?")
    person.wait_for(1)
    (inbound,) = log.wait_for_answers(person.address, 1)
    (outbound,) = log.list_replies(inbound["id"])
    assert (inbound["state"], outbound["state"]) == ("answered", "undeliverable")
    assert outbound["next_attempt_at"] is None
    assert log.find_identity(person.address)["blocked_at"] is not None
    person.write("c'est quoi les prochains événements tech svp")
    first, second = person.wait_for(2)
    assert "gratuit" in first["text"]
    assert "événements à venir" in second["text"]
    log.wait_for_answers(person.address, 2)
    assert log.find_identity(person.address)["blocked_at"] is None


def test_too_many_requests(person: Person, telegram: TelegramServer, log: Log) -> None:
    """After a 429 the same message goes out again, no sooner than Telegram asked, and once."""
    telegram.emulator.refuse_next("sendMessage", 429, "Too Many Requests: retry after 2", retry_after=2)
    before = len(telegram.emulator.called_at)
    person.write("bonsoir, faut payer combien pour JobInTech ?")
    first, second = person.wait_for(2)
    assert first == second
    times = [at for method, at in telegram.emulator.called_at[before:] if method == "sendMessage"]
    assert times[1] - times[0] >= 2
    (inbound,) = log.wait_for_answers(person.address, 1)
    assert [row["state"] for row in log.list_replies(inbound["id"])] == ["sent"]
    person.write("c'est quoi les prochains événements tech svp")
    assert len(person.wait_for(3)) == 3


def test_redelivery(person: Person, telegram: TelegramServer, log: Log) -> None:
    """The same update, twice at once and again after its answer, is answered once."""
    update = person.compose("text", text="bonsoir, faut payer combien pour JobInTech ?")
    telegram.deliver(update, update)
    person.wait_for(1)
    telegram.deliver(update)
    person.write("c'est quoi les prochains événements tech svp")
    wait_until(lambda: "événements à venir" in person.sent()[-1]["text"], what="the answer to the next message")
    assert len(log.wait_for_answers(person.address, 2)) == 2
    assert len(person.sent()) == 2


def test_order(person: Person, telegram: TelegramServer, log: Log) -> None:
    """Five messages that come at once are answered in their order."""
    texts = [
        "bonsoir, faut payer combien pour JobInTech ?",
        "il y a un incubateur pour ma startup sur Rabat ?",
        "parle-moi un peu de 212 Founders",
        "on reçoit une bourse pendant la formation ou pas ?",
        "c'est quoi les prochains événements tech svp",
    ]
    keys = [
        "utter_jobintech_cost",
        "programmes_found",
        "programme_details",
        "utter_jobintech_allowance",
        "events_upcoming",
    ]
    telegram.deliver(*(person.compose("text", text=text) for text in texts))
    sent = person.wait_for(5)
    inbound = log.wait_for_answers(person.address, 5)
    outbound = log.list_messages(person.address, "out")
    assert [row["text"] for row in inbound] == texts
    assert [row["answer_key"] for row in outbound] == keys
    assert [row["reply_to_id"] for row in outbound] == [row["id"] for row in inbound]
    assert [message["text"] for message in sent] == [row["text"] for row in outbound]


def test_many_people(app: RunningApp, telegram: TelegramServer, log: Log) -> None:
    """Ten people who write at once are all answered, each with their own answer."""
    people = [Person(telegram) for _ in range(10)]
    questions = {
        "on reçoit une bourse pendant la formation ou pas ?": "bourse",
        "parle-moi un peu de 212 Founders": "212",
    }
    texts = [list(questions)[number % 2] for number in range(10)]
    telegram.deliver(*(person.compose("text", text=text) for person, text in zip(people, texts, strict=True)))
    for person, text in zip(people, texts, strict=True):
        assert questions[text] in person.wait_for(1)[0]["text"]
        log.wait_for_answers(person.address, 1)
        assert len(person.sent()) == 1
    assert telegram.emulator.problems == []


def test_group(person: Person, telegram: TelegramServer, log: Log) -> None:
    """What is said in a group is not for us: nothing is kept and nothing is answered."""
    rows = len(log.rows("SELECT id FROM messages"))
    calls = len(telegram.emulator.list_calls("sendMessage"))
    person.send("group_message")
    person.write("salut")
    person.wait_for(1)
    log.wait_for_answers(person.address, 1)
    assert len(log.rows("SELECT id FROM messages")) == rows + 2
    assert len(telegram.emulator.list_calls("sendMessage")) == calls + 1
