"""`python -m bot run`: the one command that starts everything, says what to open, and leaves nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import free_port, sqlite_url, wait_until

from bot.settings import ROOT
from e2e.programs import Program, is_alive, list_descendants
from e2e.telegram import TelegramServer

pytestmark = pytest.mark.skipif((ROOT / ".env").exists(), reason="the developer's .env would be read: move it away")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    """Settings without any account, on ports of their own."""
    return {
        "PORT": free_port(),
        "RASA_URL": f"http://127.0.0.1:{free_port()}",
        "DATABASE_URL": sqlite_url(tmp_path),
    }


def test_run(settings: dict[str, object]) -> None:
    """It prints what to open, answers there, and Ctrl-C stops it with nothing left: no process, no port."""
    with Program("run", **settings) as program:
        line = program.wait_for_line("Ready.")
        url = f"http://127.0.0.1:{settings['PORT']}"
        assert url in line
        link = program.wait_for_line(f"{url}/console/invitation/")
        assert "premier administrateur" in httpx.get(link.strip()).text
        assert "<html" in httpx.get(url).text
        question = {"sender": "somebody", "text": "il y a un incubateur pour ma startup sur Rabat ?"}
        answer = httpx.post(f"{url}/web/messages", json=question, timeout=30).json()
        assert answer["intent"] == "incubator_search"
        assert "StartGate Rabat" in answer["replies"][0]["text"]

        others = list_descendants(program.pid)
        assert others
        program.interrupt()
        assert program.wait(30) in (0, 130)
    assert program.err == []
    wait_until(lambda: not any(is_alive(pid) for pid in others), 5, "the end of every process")
    for address in (f"127.0.0.1:{settings['PORT']}", str(settings["RASA_URL"]).removeprefix("http://")):
        host, _, port = address.partition(":")
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) != 0, f"somebody still listens at {address}"


ALL_OF_WHATSAPP = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0" * 32,
    "WHATSAPP_FROM": "+14155238886",
    "PUBLIC_URL": "https://bot.example.ma",
}
BAD_SETTINGS = {
    "WhatsApp without a token": (
        {name: value for name, value in ALL_OF_WHATSAPP.items() if name != "TWILIO_AUTH_TOKEN"},
        "TWILIO_AUTH_TOKEN",
    ),
    "WhatsApp with nothing but a number": ({"WHATSAPP_FROM": "+14155238886"}, "TWILIO_ACCOUNT_SID"),
    "WhatsApp without an address": ({**ALL_OF_WHATSAPP, "PUBLIC_URL": ""}, "PUBLIC_URL"),
    "a number that is none": ({**ALL_OF_WHATSAPP, "WHATSAPP_FROM": "whatsapp"}, "WHATSAPP_FROM"),
    "a token that is none": ({"TELEGRAM_TOKEN": "nonsense"}, "TELEGRAM_TOKEN"),
    "an address without encryption": ({"PUBLIC_URL": "http://bot.example.ma"}, "PUBLIC_URL"),
    "a port that is none": ({"PORT": "eighty"}, "PORT"),
    "a short secret": ({"RASA_SECRET": "short"}, "RASA_SECRET"),
    "a database of no known kind": ({"DATABASE_URL": "oracle://somewhere"}, "DATABASE_URL"),
    "a level that is none": ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
}


def check_refusal(program: Program, name: str) -> None:
    """The program ended with status 1 and exactly one line, which names the setting."""
    assert program.wait(60) == 1
    (line,) = program.err
    assert name in line
    assert not any(line.startswith("Ready.") for line in program.out)


@pytest.mark.parametrize(("bad", "name"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_bad_setting(settings: dict[str, object], bad: dict[str, str], name: str) -> None:
    """A bad or half set of settings stops the start with one line on stderr that names the setting."""
    with Program("run", **{**settings, **bad}) as program:
        check_refusal(program, name)


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """The Bot API server, which knows another token."""
    with TelegramServer() as server:
        yield server


def test_unknown_token(settings: dict[str, object], telegram: TelegramServer) -> None:
    """A token that Telegram does not know stops the start with one line that names the setting, and not the token."""
    token = "424242:a-token-that-nobody-has-given"
    with Program("run", **settings, TELEGRAM_TOKEN=token, TELEGRAM_API_URL=telegram.url) as program:
        check_refusal(program, "TELEGRAM_TOKEN")
        assert list_descendants(program.pid) == set()
    assert not any(token in line for line in program.out + program.err)


@pytest.mark.parametrize("setting", ["PORT", "RASA_URL"])
def test_taken_port(settings: dict[str, object], setting: str) -> None:
    """A port that somebody uses stops the start with one line that names the port and the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        value = port if setting == "PORT" else f"http://127.0.0.1:{port}"
        with Program("run", **{**settings, setting: value}) as program:
            check_refusal(program, setting)
        assert str(port) in program.err[0]
