"""A small app for the browser tests: the real page, and its two routes, which answer from a script."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bot import page

WELCOME = "Bonjour et bienvenue. Je suis l'assistant de Maroc Numeric Cluster.\nQu'est-ce qui vous intéresse ?"
FREE = "Oui, c'est gratuit.\n• aucun frais d'inscription\nSource : https://jobintech-uca.ma/faq?x=1&y=2."
ARABIC = "نعم، التكوين مجاني.\nيمكنك التسجيل عبر الموقع https://jobintech-uca.ma."
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> [x](javascript:window.hacked=1)'
LONG = "a" * 600 + " https://example.org/" + "b" * 600

_WELCOME_BUTTONS = [
    {"title": "C'est gratuit ?", "payload": "/jobintech_cost"},
    {"title": "Les formations", "payload": "/jobintech_tracks"},
    {"title": "Le site", "url": "https://jobintech-uca.ma/"},
]
_HOSTILE_BUTTONS = [
    {"title": "<b onclick=alert(1)>x</b>", "payload": "/greet"},
    {"title": "bad link", "url": "javascript:window.hacked=1"},
]
_SCRIPT: dict[str, tuple[str, list[dict[str, str]], str]] = {
    "/start": (WELCOME, _WELCOME_BUTTONS, "fr"),
    "/jobintech_cost": (FREE, [{"title": "Comment postuler ?", "payload": "/jobintech_how_to_apply"}], "fr"),
    '/change_language{"language":"ar"}': ("حسنًا، سأجيبك بالعربية.", [], "ar"),
    '/change_language{"language":"en"}': ("All right, I will answer in English.", [], "en"),
    "واش فابور؟": (ARABIC, [{"title": "كيف أسجل؟", "payload": "/jobintech_how_to_apply"}], "ar"),
    "hostile": (HOSTILE, _HOSTILE_BUTTONS, "fr"),
    "long": (LONG, [{"title": "c" * 200, "payload": "/greet"}], "fr"),
}


class Message(BaseModel):
    """What the page posts."""

    sender: str
    text: str | None = None
    payload: str | None = None


class Known(BaseModel):
    """What the page posts to hear what is new."""

    sender: str
    after: int


class ScriptedApp:
    """The app on a free loopback port.

    Attributes:
        received: every message that came, oldest first.
        asked: every question for what is new, oldest first.
        failures: the statuses of the next answers; the script answers when it is empty.
        update_failures: the same for the questions for what is new.
        delay_s: how long each answer takes.
        is_held: whether staff have the conversation, so that messages get no reply.
    """

    def __init__(self) -> None:
        """Build the app; `start` serves it."""
        self.received: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.update_failures: list[int] = []
        self.delay_s = 0.0
        self.is_held = False
        self._ids = itertools.count(1)
        self._unasked: list[tuple[str, dict[str, Any]]] = []
        app = FastAPI()
        app.include_router(page.router())
        app.add_api_route("/web/messages", self._answer, methods=["POST"], response_model=None)
        app.add_api_route("/web/updates", self._update, methods=["POST"], response_model=None)
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, name="scripted-app", daemon=True)

    def start(self) -> None:
        """Serve in a thread; return when it answers.

        Raises:
            TimeoutError: it did not start within ten seconds.
        """
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the scripted app did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def reset(self) -> None:
        """Forget what the last test did."""
        self.received.clear()
        self.asked.clear()
        self.failures.clear()
        self.update_failures.clear()
        self.delay_s = 0.0
        self.is_held = False
        self._unasked.clear()

    @property
    def url(self) -> str:
        """Where it answers."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def said(self) -> list[str]:
        """The texts and payloads that came, oldest first."""
        return [message["payload"] or message["text"] for message in self.received]

    def write(self, text: str, variety: str = "fr", buttons: list[dict[str, str]] | None = None) -> None:
        """Write to whoever wrote last, without being asked."""
        message = {"id": next(self._ids), "text": text, "buttons": buttons or [], "variety": variety}
        self._unasked.append((self.received[-1]["sender"], message))

    def _update(self, known: Known) -> JSONResponse:
        self.asked.append(known.model_dump())
        if self.update_failures:
            return JSONResponse({"detail": "scripted failure"}, status_code=self.update_failures.pop(0))
        new = [message for sender, message in self._unasked if sender == known.sender and message["id"] > known.after]
        return JSONResponse({"messages": new[:50]})

    def _answer(self, message: Message) -> JSONResponse:
        self.received.append(message.model_dump())
        time.sleep(self.delay_s)
        if self.failures:
            return JSONResponse({"detail": "scripted failure"}, status_code=self.failures.pop(0))
        if self.is_held:
            return JSONResponse({"replies": [], "intent": None, "confidence": None, "variety": "fr"})
        said = message.payload or message.text or ""
        text, buttons, variety = _SCRIPT.get(said, (f"Vous avez dit : {said}", [], "fr"))
        reply = {"id": next(self._ids), "text": text, "buttons": buttons, "variety": variety}
        return JSONResponse({"replies": [reply], "intent": "greet", "confidence": 0.9, "variety": variety})
