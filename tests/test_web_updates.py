"""What the web page hears without having said something: what staff write, reminders and other notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from postgres import PostgresServer, find_postgres
from running import make_settings
from scripted import ScriptedRasa, all_messages, inbound, running_app
from sqlalchemy import event, select

from bot import staff
from bot.clock import running_on
from bot.db.engine import Database
from bot.db.migrate import migrate
from bot.db.models import Contact, Identity, Message
from bot.inbox import Inbox

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
async def client(db: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app."""
    with ScriptedRasa() as rasa:
        async with running_app(database_url, rasa.url) as app, make_client(app) as client:
            yield client


def make_client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://app", timeout=30
    )


async def new_person(db: Database, sender: str = "ana", channel: str = "web") -> Identity:
    """Somebody who wrote once, and was answered."""
    stored = await Inbox(db).accept(inbound(sender=sender, channel=channel))
    assert stored is not None
    contact_id, message_id = stored
    async with db.write() as session:
        (await session.get_one(Message, message_id)).state = "answered"
        identity = await session.scalar(select(Identity).where(Identity.contact_id == contact_id))
    assert identity is not None
    return identity


async def write_to(db: Database, identity: Identity, text: str, **values: Any) -> int:
    """A message of our own accord to an address; its id."""
    values = {"direction": "out", "channel": identity.channel, "state": "sent", "variety": "fr", **values}
    async with db.write() as session:
        message = Message(contact_id=identity.contact_id, identity_id=identity.id, text=text, **values)
        session.add(message)
        await session.flush()
        return message.id


async def updates(client: httpx.AsyncClient, sender: str = "ana", after: int = 0) -> list[dict[str, Any]]:
    """What is new to a sender."""
    response = await client.post("/web/updates", json={"sender": sender, "after": after})
    assert response.status_code == 200, response.text
    return list(response.json()["messages"])


async def test_nothing_is_new_to_a_stranger(client: httpx.AsyncClient, db: Database) -> None:
    """A sender who never wrote, and one to whom nothing was written, get an empty list."""
    await new_person(db)
    assert await updates(client, "nobody") == []
    assert await updates(client, "ana") == []


async def test_what_is_new_comes_in_order(client: httpx.AsyncClient, db: Database) -> None:
    """The messages after the last known one, oldest first, with their buttons but those that share a number."""
    ana = await new_person(db)
    buttons = [{"title": "Oui", "payload": "/affirm"}, {"title": "Mon numéro", "share": "phone"}]
    ids = [
        await write_to(db, ana, "un"),
        await write_to(db, ana, "deux", buttons=buttons),
        await write_to(db, ana, "ثلاثة", variety="ar"),
    ]
    messages = await updates(client)
    assert [(message["id"], message["text"]) for message in messages] == list(
        zip(ids, ["un", "deux", "ثلاثة"], strict=True)
    )
    assert messages[1]["buttons"] == [{"title": "Oui", "payload": "/affirm", "url": None}]
    assert [message["variety"] for message in messages] == ["fr", "fr", "ar"]
    assert await updates(client, after=ids[0]) == messages[1:]
    assert await updates(client, after=ids[2]) == []


async def test_many_come_in_parts(client: httpx.AsyncClient, db: Database) -> None:
    """Of more than fifty messages the oldest fifty come, and the others after them."""
    ana = await new_person(db)
    ids = [await write_to(db, ana, f"n {number}") for number in range(52)]
    first = await updates(client)
    assert [message["id"] for message in first] == ids[:50]
    assert [message["id"] for message in await updates(client, after=first[-1]["id"])] == ids[50:]


async def test_what_was_fetched_is_delivered(client: httpx.AsyncClient, db: Database) -> None:
    """The first fetch marks a message as delivered, with the time; a second one gives it again and changes nothing."""
    ana = await new_person(db)
    fetched = await write_to(db, ana, "un")
    with running_on(lambda: NOON):
        messages = await updates(client)
    assert await updates(client) == messages
    await write_to(db, ana, "deux")
    rows = await all_messages(db, "out")
    assert [(row.state, row.delivered_at) for row in rows] == [("delivered", NOON), ("sent", None)]
    assert messages[0]["id"] == fetched


@SQLITE_ONLY
async def test_asking_for_nothing_is_one_read(db: Database, database_url: str) -> None:
    """Pages ask every few seconds: without news that is one look-up by indexes, and nothing is written."""
    ana = await new_person(db)
    last = await write_to(db, ana, "un")
    statements: list[tuple[str, Any]] = []
    with ScriptedRasa() as rasa:
        async with running_app(database_url, rasa.url) as app, make_client(app) as client:
            await updates(client)
            engine = app.state.assistant.db.engine

            def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
                statements.append((statement, values))

            event.listen(engine.sync_engine, "before_cursor_execute", note)
            assert await updates(client, after=last) == []
            event.remove(engine.sync_engine, "before_cursor_execute", note)
            # The app's own sweep may have come between.
            (query,) = [each for each in statements if "identities.address" in each[0]]
            assert not [each for each in statements if each[0].startswith("UPDATE messages")]
            async with engine.connect() as connection:
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query[0]}", query[1])
                steps = " ".join(str(row[-1]) for row in plan)
    assert "ix_messages_contact_facets (contact_id=? AND id>?)" in steps
    assert "SCAN" not in steps


async def test_only_ones_own_messages_come(client: httpx.AsyncClient, db: Database) -> None:
    """Not what others got, nor what the same person got on another channel or another page, nor answers."""
    ana, omar = await new_person(db), await new_person(db, "omar")
    await write_to(db, omar, "à Omar")
    async with db.write() as session:
        others = [
            Identity(contact_id=ana.contact_id, channel="web", address="ana's phone"),
            # Nobody's page may read a Telegram conversation by naming its address.
            Identity(contact_id=ana.contact_id, channel="telegram", address="4711"),
        ]
        session.add_all(others)
    for other in others:
        await write_to(db, other, f"à {other.address}")
    (asked,) = await all_messages(db, "in", contact_id=ana.contact_id)
    await write_to(db, ana, "une réponse", reply_to_id=asked.id)
    own = await write_to(db, ana, "à Ana")
    assert [message["id"] for message in await updates(client)] == [own]
    assert [message["text"] for message in await updates(client, "ana's phone")] == ["à ana's phone"]
    assert await updates(client, "4711") == []
    states = {row.text: row.state for row in await all_messages(db, "out")}
    assert states["à Omar"] == states["à 4711"] == states["une réponse"] == "sent"


async def test_staff_are_heard(client: httpx.AsyncClient, db: Database, database_url: str) -> None:
    """While staff have the conversation, a message gets no reply of the bot, and their words come as news."""
    greeting = (await client.post("/web/messages", json={"sender": "ana", "text": "bonjour"})).json()
    contact_id = (await all_messages(db, "in"))[0].contact_id
    settings = make_settings(database_url=database_url)
    await staff.take(settings, contact_id, "Salma", 2)
    silence = (await client.post("/web/messages", json={"sender": "ana", "text": "vous êtes là ?"})).json()
    assert silence["replies"] == []
    await staff.say(settings, contact_id, "Bonjour, ici Salma.")
    (message,) = await updates(client, after=greeting["replies"][-1]["id"])
    assert (message["text"], message["buttons"], message["variety"]) == ("Bonjour, ici Salma.", [], "fr")


async def test_who_was_erased_gets_nothing_old(client: httpx.AsyncClient, db: Database) -> None:
    """An address that became somebody new has nothing of the person before."""
    ana = await new_person(db)
    await write_to(db, ana, "à l'ancienne")
    async with db.write() as session:
        new = Contact(variety="fr")
        session.add(new)
        await session.flush()
        (await session.get_one(Identity, ana.id)).contact_id = new.id
    assert await updates(client) == []


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"after": 0}, "sender"),
        ({"sender": "a"}, "after"),
        ({"sender": "", "after": 0}, "sender"),
        ({"sender": "a" * 129, "after": 0}, "sender"),
        ({"sender": "a\x00", "after": 0}, "sender"),
        ({"sender": 7, "after": 0}, "sender"),
        ({"sender": "a", "after": -1}, "after"),
        ({"sender": "a", "after": 2**31}, "after"),
        ({"sender": "a", "after": 10**30}, "after"),
        ({"sender": "a", "after": "x"}, "after"),
        ({"sender": "a", "after": 1.5}, "after"),
        ({"sender": "a", "after": None}, "after"),
        ({"sender": "a", "after": 0, "limit": 1000}, "limit"),
        ([], "dictionary"),
    ],
)
async def test_bad_input_is_named(client: httpx.AsyncClient, body: Any, said: str) -> None:
    """What is wrong is refused with 422 and a text that names it."""
    response = await client.post("/web/updates", json=body)
    assert response.status_code == 422
    assert said in response.text


async def test_the_largest_id_is_no_error(client: httpx.AsyncClient, db: Database) -> None:
    """The largest id that may be asked for is one that both databases can compare."""
    await new_person(db)
    assert await updates(client, after=2**31 - 1) == []


@SQLITE_ONLY
async def test_the_sender_never_stands_in_an_address(client: httpx.AsyncClient) -> None:
    """There is no GET: a sender is a secret, and addresses are logged."""
    assert (await client.get("/web/updates?sender=ana&after=0")).status_code == 405


async def test_without_the_database_the_page_is_told_to_come_again(postgres: PostgresServer) -> None:
    """With PostgreSQL away the answer is 503."""
    binaries = find_postgres()
    assert binaries is not None
    server = PostgresServer(binaries)
    server.start()
    stopped = False
    try:
        url = server.create_database()
        await asyncio.to_thread(migrate, url)
        with ScriptedRasa() as rasa:
            async with running_app(url, rasa.url) as app, make_client(app) as client:
                assert await updates(client) == []
                await asyncio.to_thread(server.stop)
                stopped = True
                response = await client.post("/web/updates", json={"sender": "ana", "after": 0})
                assert response.status_code == 503
                assert response.json() == {"detail": "try again later"}
    finally:
        if not stopped:
            server.stop()
