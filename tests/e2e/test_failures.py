"""What people get when a part fails: an apology or, a little later, their answer; never silence and never two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import RunningApp, free_port, make_settings, wait_until

from e2e.databases import new_database
from e2e.gate import RasaGate
from e2e.log import Log
from e2e.programs import Program
from e2e.telegram import Person, TelegramServer
from e2e.varieties import guess_variety

FREE = "bonsoir, faut payer combien pour JobInTech ?"
GRANT = "on reçoit une bourse pendant la formation ou pas ?"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A database with nobody in it."""
    return new_database(tmp_path)


@pytest.fixture
def log(database_url: str) -> Log:
    """What the app wrote down."""
    return Log(database_url)


@pytest.fixture
def gate(rasa_url: str) -> Iterator[RasaGate]:
    """A gate in front of Rasa, open."""
    with RasaGate(rasa_url) as gate:
        yield gate


@pytest.fixture
def app(gate: RasaGate, database_url: str) -> Iterator[RunningApp]:
    """The app behind the gate; only fixed answers, since Rasa calls actions at another app's port."""
    with RunningApp(make_settings(port=free_port(), rasa_url=gate.url, database_url=database_url)) as running:
        yield running


def check_apology(log: Log, sender: str) -> None:
    """The last message of a person failed, with the error, and was answered by one apology."""
    inbound = log.list_messages(sender, "in")[-1]
    assert (inbound["state"], inbound["attempts"]) == ("failed", 2)
    assert inbound["error"]
    assert [row["answer_key"] for row in log.list_replies(inbound["id"])] == ["apology"]


def test_rasa_is_down(database_url: str, log: Log) -> None:
    """With nothing at Rasa's address the person gets an apology and the offer of a human, and the log has the error."""
    settings = make_settings(port=free_port(), rasa_url=f"http://127.0.0.1:{free_port()}", database_url=database_url)
    with RunningApp(settings) as app:
        answer = app.ask("someone", FREE)
        assert httpx.get(f"{app.base_url}/readyz").status_code == 503
    (reply,) = answer["replies"]
    assert guess_variety(reply["text"]) == "fr"
    assert "/request_human" in [button["payload"] for button in reply["buttons"]]
    check_apology(log, "someone")


def test_human_while_rasa_is_down(database_url: str, log: Log) -> None:
    """The human that the apology offers can be had without Rasa: pressing the button leaves a request for the team."""
    settings = make_settings(port=free_port(), rasa_url=f"http://127.0.0.1:{free_port()}", database_url=database_url)
    with RunningApp(settings) as app:
        app.ask("someone", FREE)
        app.ask("someone", payload="/request_human")
    assert [row["kind"] for row in log.rows("SELECT kind FROM staff_requests")] == ["human"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param((500, b'{"error": "broken"}'), id="500"),
        pytest.param((503, b"<html>"), id="503"),
        pytest.param((200, b"[]"), id="empty"),
        pytest.param((200, b"{}"), id="no messages"),
        pytest.param((200, b"\xff<"), id="garbage"),
    ],
)
def test_apology_then_answer(app: RunningApp, gate: RasaGate, log: Log, fault: tuple[int, bytes]) -> None:
    """A turn that fails twice is apologised for in the person's variety; one that fails once is simply answered."""
    gate.faults += [fault, fault]
    (reply,) = app.ask("someone", FREE)["replies"]
    check_apology(log, "someone")
    assert gate.turns == 2
    assert guess_variety(reply["text"]) == "fr"

    gate.faults.append(fault)
    (reply,) = app.ask("someone", FREE)["replies"]
    assert gate.turns == 4
    assert "Le360" in reply["text"]
    inbound = log.list_messages("someone", "in")[-1]
    assert (inbound["state"], inbound["intent"]) == ("answered", "jobintech_cost")
    assert len(log.list_replies(inbound["id"])) == 1


def test_apology_in_the_persons_variety(app: RunningApp, gate: RasaGate) -> None:
    """Somebody whose variety is known gets the apology in it."""
    app.ask("someone", "do students get any grant during the training?")
    gate.faults += [(500, b"{}")] * 2
    (reply,) = app.ask("someone", "hi, do I have to pay anything for the training or is it free?")["replies"]
    assert (reply["variety"], guess_variety(reply["text"])) == ("en", "en")


def test_rasa_comes_back(app: RunningApp, gate: RasaGate, log: Log) -> None:
    """After a failed turn the next message is answered as ever."""
    gate.faults += [(500, b"{}")] * 2
    app.ask("someone", FREE)
    (reply,) = app.ask("someone", GRANT)["replies"]
    assert "bourse" in reply["text"]
    assert [row["state"] for row in log.list_messages("someone", "in")] == ["failed", "answered"]


# --- a crash ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """The Bot API server."""
    with TelegramServer() as server:
        yield server
        assert server.emulator.problems == []


def serve(gate: RasaGate, telegram: TelegramServer, database_url: str) -> Program:
    """The app as a process of its own, polling Telegram."""
    return Program(
        "serve",
        PORT=free_port(),
        RASA_URL=gate.url,
        DATABASE_URL=database_url,
        TELEGRAM_TOKEN=telegram.token,
        TELEGRAM_API_URL=telegram.url,
    )


def test_crash_before_the_answer(gate: RasaGate, telegram: TelegramServer, database_url: str, log: Log) -> None:
    """Messages that were accepted when the process was killed are answered after the restart, once and in order."""
    person = Person(telegram)
    gate.close()
    with serve(gate, telegram, database_url) as program:
        telegram.deliver(person.compose("text", text=FREE), person.compose("text", text=GRANT))
        wait_until(lambda: gate.turns and not telegram.emulator.list_pending(), what="the turn, and Telegram's leave")
        assert [row["state"] for row in log.list_messages(person.address, "in")] == ["received"] * 2
        program.kill()
    assert person.sent() == []
    gate.open()
    with serve(gate, telegram, database_url):
        first, second = person.wait_for(2)
        inbound = log.wait_for_answers(person.address, 2)
    assert "Le360" in first["text"]
    assert "bourse" in second["text"]
    assert [row["state"] for row in inbound] == ["answered"] * 2
    assert [len(log.list_replies(row["id"])) for row in inbound] == [1, 1]
    assert len(person.sent()) == 2


def test_crash_before_the_delivery(gate: RasaGate, telegram: TelegramServer, database_url: str, log: Log) -> None:
    """A reply that was stored but not taken by Telegram when the process was killed is sent after the restart."""
    person = Person(telegram)
    telegram.emulator.refuse_next("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
    with serve(gate, telegram, database_url) as program:
        person.write(FREE)
        person.wait_for(1)
        wait_until(
            lambda: log.list_messages(person.address, "out")[0]["next_attempt_at"], what="the note of the refusal"
        )
        program.kill()
    turns = gate.turns
    (outbound,) = log.list_messages(person.address, "out")
    assert outbound["state"] == "queued"
    with serve(gate, telegram, database_url):
        assert "Le360" in person.wait_for(2)[1]["text"]
        log.wait_for_answers(person.address, 1)
    assert gate.turns == turns
    assert [row["state"] for row in log.list_messages(person.address, "out")] == ["sent"]
