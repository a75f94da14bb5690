"""The chat in the terminal, over the same scripted app as the page."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from scripted_app import ScriptedApp

from bot.chat import chat

Typist = Callable[..., None]


@pytest.fixture
def type_lines(monkeypatch: pytest.MonkeyPatch) -> Typist:
    """A person who types the given lines and then Ctrl-D."""

    def type_lines(*lines: str) -> None:
        left = iter(lines)

        def read(prompt: str = "") -> str:
            try:
                return next(left)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", read)

    return type_lines


def test_a_number_sends_the_button(app: ScriptedApp, type_lines: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    """The welcome comes with numbered buttons, a number sends its payload, and Arabic digits count too."""
    type_lines("1", "\N{ARABIC-INDIC DIGIT ONE}", "9", "", "Bonsoir", "/quit", "never read")
    asyncio.run(chat(app.url))
    shown = capsys.readouterr().out
    assert "  1. C'est gratuit ?\n  2. Les formations\n  Le site: https://jobintech-uca.ma/\n" in shown
    assert "Vous avez dit : Bonsoir" in shown
    assert app.said() == ["/start", "/jobintech_cost", "/jobintech_how_to_apply", "9", "Bonsoir"]
    assert len({message["sender"] for message in app.received}) == 1


def test_an_app_that_does_not_run_is_named(type_lines: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the app one clear line says so, and how to start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    type_lines()
    asyncio.run(chat(url))
    assert f"The app is not running at {url}. Start it with: make run\n" in capsys.readouterr().out


@pytest.mark.parametrize("status", [422, 503])
def test_a_failed_answer_does_not_end_the_chat(
    app: ScriptedApp, type_lines: Typist, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """An error of the app is shown and the next message goes out."""
    app.failures.append(status)
    type_lines("Bonsoir")
    asyncio.run(chat(app.url))
    shown = capsys.readouterr().out
    assert f"The app answered {status}: scripted failure" in shown
    assert "Vous avez dit : Bonsoir" in shown


def test_control_characters_stay_out_of_the_terminal(
    app: ScriptedApp, type_lines: Typist, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reply cannot move the cursor or recolour the screen."""
    type_lines("\x1b[31mrouge\x07")
    asyncio.run(chat(app.url))
    assert "Vous avez dit : [31mrouge\n" in capsys.readouterr().out


def test_what_the_team_says_meanwhile_is_shown(
    app: ScriptedApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the next answer, before it, and once."""
    lines = iter(["Bonsoir", "Merci", "/quit"])

    def read(prompt: str = "") -> str:
        line = next(lines)
        if line == "Bonsoir":
            app.write("Bonjour, ici l'équipe")
        return line

    monkeypatch.setattr("builtins.input", read)
    asyncio.run(chat(app.url))
    shown = capsys.readouterr().out
    assert shown.count("Bonjour, ici l'équipe") == 1
    assert shown.index("Bonjour, ici l'équipe") < shown.index("Vous avez dit : Bonsoir")
