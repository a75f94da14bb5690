"""The routes when something is wrong around them: no database, forged or broken webhooks, actions that refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from postgres import PostgresServer, find_postgres
from rasa_sdk import Action
from rasa_sdk.interfaces import ActionExecutionRejection
from running import SECRET
from scripted import ScriptedChannel, ScriptedRasa, all_messages, eventually, running_app, when_answered

from bot.db.engine import Database
from bot.db.migrate import migrate
from bot.rasa import SECRET_HEADER
from bot.web import ACTION_LIMIT_BYTES, BODY_LIMIT_BYTES

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OPEN = {"x-word": "open"}


def make_client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://app", timeout=30
    )


@pytest.fixture
async def served(db: Database, database_url: str) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI, ScriptedChannel]]:
    """A client of the app with a scripted channel and a scripted Rasa."""
    channel = ScriptedChannel()
    with ScriptedRasa() as rasa:
        async with running_app(database_url, rasa.url, {"telegram": channel}) as app, make_client(app) as client:
            yield client, app, channel


Served = tuple[httpx.AsyncClient, FastAPI, ScriptedChannel]


class TestWebhook:
    async def test_what_is_acknowledged_is_stored(self, served: Served, db: Database) -> None:
        """After the 200 the messages are in the log, and they are answered without anything else."""
        client, _, channel = served
        items = json.dumps([["ana", "1", "un"], ["omar", "2", "deux"], ["ana", "1", "un"]])
        response = await client.post("/webhooks/telegram", content=items, headers=OPEN)
        assert response.status_code == 200
        assert [message.text for message in await all_messages(db, "in")] == ["un", "deux"]
        await when_answered(db, 2)

        async def sent() -> bool:
            return len(channel.sent) == 2

        await eventually(sent)

    @SQLITE_ONLY
    async def test_a_forged_call_stores_nothing(self, served: Served, db: Database) -> None:
        """Without the provider's word: 403, whatever the body is."""
        client, _, _ = served
        for headers in ({}, {"x-word": "sesame"}):
            response = await client.post("/webhooks/telegram", content=b'[["a", "1", "b"]]', headers=headers)
            assert response.status_code == 403
        assert await all_messages(db, "in") == []

    @SQLITE_ONLY
    async def test_a_broken_call_is_422(self, served: Served) -> None:
        """The provider's mistake is named."""
        client, _, _ = served
        response = await client.post("/webhooks/telegram", content=b"{", headers=OPEN)
        assert response.status_code == 422
        assert "not a list of messages" in response.text

    @SQLITE_ONLY
    async def test_a_body_may_have_its_limit_and_no_more(self, served: Served) -> None:
        """One byte beyond the limit is refused."""
        client, _, _ = served
        body = b"[]".ljust(BODY_LIMIT_BYTES)
        assert (await client.post("/webhooks/telegram", content=body, headers=OPEN)).status_code == 200
        assert (await client.post("/webhooks/telegram", content=body + b" ", headers=OPEN)).status_code == 413


class TestChat:
    @SQLITE_ONLY
    @pytest.mark.parametrize(
        "body",
        [
            b'{"sender": "a", "text": "\\ud83d"}',
            b'{"sender": "\\udc00", "text": "salut"}',
            b'{"sender": "a\\u0000", "text": "salut"}',
            b'{"sender": "a", "text": "salut", "id": "\\n"}',
            b"not json",
            b"",
            b'"text"',
        ],
    )
    async def test_a_body_that_is_no_text_is_422(self, served: Served, body: bytes) -> None:
        """Half characters and broken JSON are the caller's mistake, never a failure of ours."""
        client, _, _ = served
        response = await client.post("/web/messages", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 422

    async def test_what_can_not_be_stored_is_cleaned(self, served: Served, db: Database) -> None:
        """NULs in a text or a payload go, and the rest is answered, on both databases."""
        client, _, _ = served
        texts = [{"text": "a\x00b"}, {"payload": "/greet\x00"}, {"text": "\x00 \x01"}, {"text": "x" * 4000}]
        for values in texts:
            response = await client.post("/web/messages", json={"sender": "a", **values})
            assert response.status_code == 200, (values, response.text)
            assert response.json()["replies"]
        assert [message.text for message in await all_messages(db, "in")] == ["ab", "", "", "x" * 1000]


class Refuse(Action):
    """An action that lets Rasa predict another one."""

    def name(self) -> str:
        return "action_refuse"

    async def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        raise ActionExecutionRejection(self.name(), "not now")


class TestActions:
    @SQLITE_ONLY
    async def test_a_rejection_is_400(self, served: Served) -> None:
        """Rasa takes 400 with the action's name for "predict another"."""
        client, app, _ = served
        app.state.assistant.executor.register_action(Refuse())
        call = {"next_action": "action_refuse", "tracker": {"sender_id": "1.1"}, "domain": {}}
        response = await client.post("/rasa/actions", json=call, headers={SECRET_HEADER: SECRET})
        assert (response.status_code, response.json()) == (
            400,
            {"error": "not now", "action_name": "action_refuse"},
        )

    @SQLITE_ONLY
    async def test_a_call_may_have_its_limit_and_no_more(self, served: Served) -> None:
        """A body of the limit is read, one beyond it is refused."""
        client, _, _ = served
        call = json.dumps({"next_action": "action_unknown", "tracker": {"sender_id": "1.1"}}).encode()
        body = call.ljust(ACTION_LIMIT_BYTES)
        headers = {SECRET_HEADER: SECRET}
        assert (await client.post("/rasa/actions", content=body, headers=headers)).status_code == 404
        assert (await client.post("/rasa/actions", content=body + b" ", headers=headers)).status_code == 413


async def test_without_the_database_providers_are_told_to_come_again(postgres: PostgresServer, tmp_path: Path) -> None:
    """With PostgreSQL away, webhooks and the chat say 503, and readiness names it."""
    binaries = find_postgres()
    assert binaries is not None
    server = PostgresServer(binaries)
    server.start()
    stopped = False
    try:
        url = server.create_database()
        await asyncio.to_thread(migrate, url)
        with ScriptedRasa() as rasa:
            async with running_app(url, rasa.url, {"telegram": ScriptedChannel()}) as app, make_client(app) as client:
                item = b'[["ana", "1", "un"]]'
                assert (await client.get("/readyz")).status_code == 200
                await asyncio.to_thread(server.stop)
                stopped = True
                assert (await client.post("/webhooks/telegram", content=item, headers=OPEN)).status_code == 503
                chat = await client.post("/web/messages", json={"sender": "ana", "text": "salut"})
                assert chat.status_code == 503
                ready = await client.get("/readyz")
                assert (ready.status_code, ready.json()) == (503, {"database": False, "rasa": True})
                assert (await client.get("/healthz")).status_code == 200
    finally:
        if not stopped:
            server.stop()
