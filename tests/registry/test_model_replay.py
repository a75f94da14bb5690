"""Which messages are replayed, and what counts as a change of their answer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.erasure import erase_contact
from bot.db.models import Contact, Identity, Message, ModelJob, ModelVersion, ReplayedMessage
from bot.registry.replay import KEPT, find_change, forget_old, keep, list_groups, list_typed, load_rules, put_beside

READ = [{"intent": "greet", "confidence": 0.9}, {"intent": "thank", "confidence": 0.1}]


def parse(*topics: str, entities: Any = ()) -> dict[str, Any]:
    return {"topics": list(topics), "confidence": 0.9, "entities": [list(entity) for entity in entities]}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (parse("greet"), parse("greet"), None),
        (parse("greet"), parse("thank"), "topic"),
        (parse("greet"), parse("greet", "thank"), "topic"),
        (parse("a"), parse("b"), "same_answer"),
        (parse("greet", entities=[("city", "fes")]), parse("greet"), "entities"),
        (parse("greet", entities=[("city", "fes")]), parse("greet", entities=[("city", "rabat")]), "entities"),
        (parse("unknown"), parse("nlu_fallback"), "topic"),
    ],
)
def test_change(before: dict[str, Any], after: dict[str, Any], change: str | None) -> None:
    """Other topics are another answer unless a rule gives both the same one; other details are told apart."""
    rules = {"greet": "utter_greet", "thank": "utter_thank", "a": "utter_same", "b": "utter_same"}
    assert find_change(before, after, rules) == change


def test_rules() -> None:
    """The product's rules: what follows an intent by itself."""
    rules = load_rules()
    assert rules["jobintech_cost"] == "utter_jobintech_cost"
    assert rules["jobintech_tracks"] == "action_find_tracks"
    assert len(rules) >= 50


async def add_messages(db: Database, texts: list[str], **values: Any) -> tuple[int, list[int]]:
    """Messages of one new person: the contact and their ids."""
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        identity = Identity(contact_id=contact.id, channel="web", address=f"p{contact.id}")
        session.add(identity)
        await session.flush()
        made = {"direction": "in", "channel": "web", "state": "answered", "intent": "greet", "confidence": 0.9}
        rows = [
            Message(contact_id=contact.id, identity_id=identity.id, text=text, **(made | {"ranking": READ} | values))
            for text in texts
        ]
        session.add_all(rows)
    return contact.id, [row.id for row in rows]


async def test_what_is_replayed(db: Database) -> None:
    """What a model read, the newest first; no button, no words of one, no reply, nothing that nobody understood."""
    _, first = await add_messages(db, ["bonjour", "merci"])
    await add_messages(db, ["Oui"], payload="/affirm")
    await add_messages(db, ["C'est gratuit ?"] * 30, ranking=READ[:1], confidence=1.0)
    await add_messages(db, ["je suis pris par l'équipe"], confidence=None, intent=None)
    await add_messages(db, ["réponse"], direction="out", state="sent")
    await add_messages(db, [""])
    _, sure = await add_messages(db, ["salam"], confidence=1.0)
    async with db.read() as session:
        assert [row[0] for row in await list_typed(session, 10)] == [*sure, *reversed(first)]
        assert [row[2] for row in await list_typed(session, 2)] == ["salam", "merci"]


async def test_what_is_kept(db: Database) -> None:
    """The next replay of a model takes the place of the one before; an erased person's message is not kept."""
    async with db.write() as session:
        version = ModelVersion(digest="a" * 16, frame="f", origin="start", trained_at=utc_now())
        session.add(version)
        await session.flush()
        jobs = [ModelJob(kind="replay", state="done", version_id=version.id) for _ in range(2)]
        session.add_all(jobs)
    stays, ids = await add_messages(db, ["bonjour", "merci"])
    goes, erased = await add_messages(db, ["salut"])
    messages = [(ids[0], stays, "bonjour"), (ids[1], stays, "merci"), (erased[0], goes, "salut")]
    for job in jobs:
        rows, counts = put_beside(
            messages, [parse("greet")] * 3, [parse("thank"), parse("greet"), parse("thank")], job.id
        )
        assert counts == {"read": 3, "unreadable": 0, "same": 1, "topic": 2, "same_answer": 0, "entities": 0}
        if job is jobs[1]:
            async with db.write() as session:
                await erase_contact(session, goes, None, "x" * 16)
        async with db.write() as session:
            await keep(session, version.id, rows)
    async with db.read() as session:
        (row,) = await session.scalars(select(ReplayedMessage))
        assert (row.job_id, row.message_id, row.contact_id) == (jobs[1].id, ids[0], stays)
        assert await list_groups(session, jobs[0].id) == []
        assert await list_groups(session, jobs[1].id) == [("topic", "greet", "thank", 1)]
    async with db.write() as session:
        (await session.get_one(ReplayedMessage, row.id)).created_at = utc_now() - KEPT * 2
    async with db.write() as session:
        await forget_old(session)
        assert list(await session.scalars(select(ReplayedMessage))) == []


def test_unreadable() -> None:
    """What the channel would refuse is counted, not compared."""
    rows, counts = put_beside([(1, 1, "/")], [{"id": 1, "error": "x"}], [{"id": 1, "error": "x"}], 1)
    assert rows == [] and counts["unreadable"] == 1 and counts["read"] == 0
