"""The app on two databases: one full of hostile text, sent through the real doors too, and its plain twin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import hostile
import httpx
from fastapi.routing import APIRoute
from hostile import FIRST, ROWS, Writer
from routes import fill
from running import RunningApp, free_port, make_settings, sqlite_url, wait_until
from scripted import ScriptedRasa, said
from sqlalchemy import func, select
from staffed import ServedConsole
from twilio.request_validator import RequestValidator

from bot.channels.telegram import COMMANDS, TelegramChannel
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp_layout import whatsapp_words
from bot.console.content.kinds import KINDS
from bot.console.roles import Role
from bot.console.security.sessions import begin_session
from bot.content import load_shapes
from bot.db.engine import open_database
from bot.db.models import Identity, Message, StaffMember, StaffSession
from bot.messages import VARIETIES
from tests.channels.twilio_spec import ACCOUNT_SID, AUTH_TOKEN, open_twilio

PUBLIC_URL = "https://bot.example.ma"
_SECRET = "webhook_secret-of-the-tests"
_TOKEN = "424242:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
_ANSWERS = sorted(load_shapes())


@dataclass(slots=True)
class World:
    """The app on one of the databases.

    Attributes:
        served: the app.
        writer: what was written, and where.
        door_ids: the people who wrote through the doors.
    """

    served: ServedConsole
    writer: Writer
    door_ids: list[int]

    def sign_in(self, role: Role) -> tuple[str, str]:
        """A session of the member who looks, in a role: the tokens of its cookie and of its forms."""

        async def begin() -> tuple[str, str]:
            db = open_database(self.served.running.settings.database_url)
            try:
                async with db.write() as session:
                    member = await session.get_one(StaffMember, hostile.MEMBER_ID)
                    member.role = role
                    token = await begin_session(session, member, "a test", is_complete=True)
                    newest = select(StaffSession).order_by(StaffSession.id.desc()).limit(1)
                    return token, (await session.scalars(newest)).one().csrf_token
            finally:
                await db.aclose()

        return self.served.act(begin())


@contextmanager
def open_world(folder: Path, *, is_hostile: bool) -> Iterator[World]:
    """Start the app, send everything through the doors, and fill the tables."""
    telegram = TelegramChannel(
        _TOKEN,
        _SECRET,
        {language: dict.fromkeys(COMMANDS, "Aide") for language in ("fr", "ar", "en")},
        api_url=f"http://127.0.0.1:{free_port()}",
    )
    whatsapp = WhatsAppChannel(
        ACCOUNT_SID,
        AUTH_TOKEN,
        "whatsapp:+14155238886",
        PUBLIC_URL,
        whatsapp_words(),
        http_client=open_twilio().http_client(),
    )
    with ScriptedRasa(_understand) as rasa:
        settings = make_settings(port=free_port(), rasa_url=rasa.url, database_url=sqlite_url(folder))
        running = RunningApp(settings, {"telegram": telegram, "whatsapp": whatsapp})
        served = ServedConsole(running)
        served.act(asyncio.to_thread(running.start))
        try:
            writer = Writer(is_hostile=is_hostile)
            _send_through_doors(running, writer)
            served.act(_fill(settings.database_url, writer))
            ids = [row["contact_id"] for row in running.rows("SELECT DISTINCT contact_id FROM identities")]
            yield World(served, writer, sorted(number for number in ids if number < FIRST))
        finally:
            running.stop()


def _understand(body: dict[str, Any]) -> tuple[int, Any]:
    """What the machine takes out of a text is the text itself."""
    answer = said("utter_greet")
    text = str(body.get("text") or "")
    answer["parse"]["entities"] = [{"entity": "city", "value": text, "text": text, "start": 0, "end": len(text)}]
    return 200, answer


def _send_through_doors(running: RunningApp, writer: Writer) -> None:
    """What strangers can send: to the page's route, as Telegram's webhook, and as Twilio's."""
    with httpx.Client(base_url=running.base_url, timeout=30) as client:
        for n in range(ROWS):
            sender = writer.text("door.web.sender", n, 128)
            body = {"sender": sender, "text": writer.text("door.web.text", n), "id": f"w{n}"}
            assert client.post("/web/messages", json=body).status_code == 200
            pressed = {"sender": sender, "payload": "/" + writer.text("door.web.payload", n, 63), "id": f"p{n}"}
            assert client.post("/web/messages", json=pressed).status_code == 200
            update = _write_update(writer, n)
            headers = {"X-Telegram-Bot-Api-Secret-Token": _SECRET}
            assert client.post("/webhooks/telegram", json=update, headers=headers).status_code == 200
            fields = _write_form(writer, n)
            url = f"{running.base_url}/webhooks/whatsapp"
            signature = RequestValidator(AUTH_TOKEN).compute_signature(url, fields)
            headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
            assert client.post("/webhooks/whatsapp", content=urlencode(fields), headers=headers).status_code == 200
        refused = client.post("/web/messages", json={"sender": "a\x00", "text": "x"})
        assert refused.status_code == 422, "no database takes NUL in an address"
        assert client.post("/web/messages", json={"sender": "nul", "text": "a\x00b\x07"}).status_code == 200
    unanswered = "SELECT id FROM messages WHERE direction = 'in' AND state = 'received'"
    wait_until(lambda: not running.rows(unanswered), 60, "an answer to everybody")


def _write_update(writer: Writer, n: int) -> dict[str, Any]:
    """A document with a caption, from somebody whose every name is hostile."""
    person = {
        "id": 700_000 + n,
        "is_bot": False,
        "first_name": writer.text("door.telegram.first_name", n, 64),
        "last_name": writer.text("door.telegram.last_name", n, 64),
        "username": writer.text("door.telegram.username", n, 32),
        "language_code": writer.text("door.telegram.language", n, 32),
    }
    chat = {"id": person["id"], "type": "private", "first_name": person["first_name"]}
    document = {
        "file_id": f"F{n}",
        "file_unique_id": f"U{n}",
        "file_name": writer.text("door.telegram.file_name", n),
        "mime_type": writer.text("door.telegram.mime_type", n),
    }
    message = {"message_id": 5, "date": 1790000000, "from": person, "chat": chat}
    caption = writer.text("door.telegram.caption", n)
    return {"update_id": 811_000_000 + n, "message": message | {"document": document, "caption": caption}}


def _write_form(writer: Writer, n: int) -> dict[str, str]:
    return {
        "MessageSid": f"SM{n:032x}",
        "AccountSid": ACCOUNT_SID,
        "From": f"whatsapp:+2126000000{n:02}",
        "To": "whatsapp:+14155238886",
        "Body": writer.text("door.whatsapp.text", n),
        "NumMedia": "1",
        "MediaContentType0": writer.text("door.whatsapp.media_type", n),
        "MediaUrl0": writer.text("door.whatsapp.media_url", n),
        "ProfileName": writer.text("door.whatsapp.name", n),
    }


async def _fill(database_url: str, writer: Writer) -> None:
    db = open_database(database_url)
    try:
        async with db.write() as session:
            await hostile.fill(session, writer)
        async with db.read() as session:
            assert await session.scalar(select(func.count()).where(Message.id >= FIRST))
            assert await session.scalar(select(func.count()).where(Identity.channel == "telegram"))
    finally:
        await db.aclose()


def list_paths(route: APIRoute, n: int) -> list[str]:
    """The addresses of a route for the n-th row of whatever its parameters name.

    Of pages that are the same for each kind of content, the last row has them all and the others every third: each
    kind gets a third of the payloads.
    """
    path = route.path
    if "{kind_path}" in path:
        kinds = [kind for number, kind in enumerate(KINDS) if (number + n) % 3 == 0 or n == ROWS - 1]
        paths = [path.replace("{kind_path}", kind.path) for kind in kinds]
    else:
        paths = [path]
    values = {"{slug}": f"hostile-{n}", "{key}": _ANSWERS[n], "{variety}": VARIETIES[0], "{reference}": f"DEL-{n:06}"}
    filled = []
    for each in paths:
        for name, value in values.items():
            each = each.replace(name, value)
        filled.append(f"/console{fill(_number(each, n))}")
    return filled


def _number(path: str, n: int) -> str:
    """Ids of rows are the same in each table."""
    parts = [str(FIRST + n) if part.startswith("{") and part.endswith("_id}") else part for part in path.split("/")]
    return "/".join(parts)


def ask(world: World, cookie: str) -> httpx.Client:
    """A client with a session of the console."""
    return httpx.Client(
        base_url=world.served.url,
        cookies={"console": cookie},
        timeout=30,
    )
