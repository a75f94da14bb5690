"""A chat in the terminal, over the same API as the web page (`make chat`)."""

from __future__ import annotations

import signal
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

#: Longer than the app itself waits before it answers 503.
TIMEOUT_S = 75.0

_PROMPT = "> "


class ChatError(Exception):
    """A message got no answer; the text says why, for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered button: what is shown, and the payload that its number sends."""

    title: str
    payload: str


async def chat(base_url: str) -> None:
    """Talk with the assistant until /quit, Ctrl-D or Ctrl-C.

    Args:
        base_url: where the app answers, for example ``http://127.0.0.1:8000``.
    """
    sender = str(uuid4())
    # A proxy in the environment is for the outside; it could not reach an app on loopback.
    async with httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT_S, trust_env=False) as client:
        print("/quit or Ctrl-D ends.\n")
        choices: list[Choice] = []
        said: dict[str, str] | None = {"payload": "/start"}
        seen = 0
        while said is not None:
            try:
                replies = (await _post(client, "/web/messages", {"sender": sender, **said}))["replies"]
                # What the team or the assistant said meanwhile, of their own accord.
                told = (await _post(client, "/web/updates", {"sender": sender, "after": seen}))["messages"]
                shown = sorted([*told, *replies], key=lambda message: int(message["id"]))
                seen = max([seen, *(int(message["id"]) for message in shown)])
                choices = _show(shown)
            except ChatError as error:
                print(f"{error}\n")
            said = _listen(choices)


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The app's answer to one call.

    Raises:
        ChatError: the app does not run, is too slow, or refuses what was sent.
    """
    try:
        response = await client.post(path, json=body)
    except httpx.ConnectError:
        raise ChatError(f"The app is not running at {client.base_url}. Start it with: make run") from None
    except httpx.TimeoutException:
        raise ChatError(f"No answer within {TIMEOUT_S:.0f} s. Try again.") from None
    except httpx.HTTPError as error:
        raise ChatError(f"The connection broke ({type(error).__name__}). Try again.") from None
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    if response.status_code != httpx.codes.OK or not answer.keys() & {"replies", "messages"}:
        raise ChatError(f"The app answered {response.status_code}: {answer.get('detail', 'not a chat answer')}")
    return dict(answer)


def _show(messages: list[dict[str, Any]]) -> list[Choice]:
    """Print messages; return their buttons in the order of their numbers."""
    choices: list[Choice] = []
    for reply in messages:
        print(_printable(reply["text"]))
        for button in reply.get("buttons", ()):
            title = _printable(button["title"])
            if button.get("payload"):
                choices.append(Choice(title, button["payload"]))
                print(f"  {len(choices)}. {title}")
            else:
                print(f"  {title}: {_printable(button['url'])}")
        print()
    return choices


def _listen(choices: list[Choice]) -> dict[str, str] | None:
    """What the person says next, as the API takes it, or None at the end."""
    while True:
        try:
            with _interruptible():
                text = input(_PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return None
        if text == "/quit":
            return None
        # int() reads ٢ as well as 2, and a number that no button has is a text like any other.
        if text.isdecimal() and 1 <= int(text) <= len(choices):
            chosen = choices[int(text) - 1]
            print(f"  {chosen.title}\n")
            return {"payload": chosen.payload}
        if text:
            print()
            return {"text": text}


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end `input()`: asyncio's own handler only cancels the task, which a blocking read does not notice."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _printable(text: str) -> str:
    """The text without control characters, which could move the cursor or recolour the terminal; line ends stay."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
