"""A message that is tried again after its action ran: what was done is not done again, and its answer is not lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted import ScriptedRasa, inbound, running_assistant, said, when_answered
from sqlalchemy import select

from bot import conversation
from bot.app import Assistant
from bot.db.engine import Database
from bot.db.linking import make_code
from bot.db.models import Application, ApplicationDocument, Contact, DocumentTick, Draft, Identity, Interaction, Message
from bot.db.seed import seed


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "RETRY_PAUSE_S", 0.05)


class LosingRasa:
    """Runs an action by the app, as Rasa does, and then breaks down before it answers; so often."""

    def __init__(self, action: str, intent: str, entities: dict[str, str], times: int = 1) -> None:
        self.assistant: Assistant | None = None
        self._loop = asyncio.get_running_loop()
        self._call = (action, intent, entities)
        self._times = times

    def __call__(self, body: dict[str, Any]) -> tuple[int, Any]:
        """The script of a `ScriptedRasa`."""
        asyncio.run_coroutine_threadsafe(self._run(body), self._loop).result(20)
        self._times -= 1
        return (500, {}) if self._times >= 0 else (200, said("utter_greet"))

    async def _run(self, body: dict[str, Any]) -> None:
        action, intent, entities = self._call
        found = [{"entity": name, "value": value} for name, value in entities.items()]
        latest = {"intent": {"name": intent}, "text": body.get("payload") or body["text"], "entities": found}
        event = {"event": "user", "parse_data": latest, "metadata": body["metadata"]}
        tracker = {"sender_id": body["sender"], "latest_message": latest, "events": [event]}
        assert self.assistant is not None
        await self.assistant.executor.run({"next_action": action, "tracker": tracker, "domain": {}})


async def go_through(
    db: Database, database_url: str, script: LosingRasa, *messages: Any
) -> tuple[list[Message], list[Message], ScriptedRasa]:
    """Send messages through an app whose Rasa follows a script; the log's two halves."""
    async with db.write() as session:
        await seed(session)
    with ScriptedRasa(script) as rasa:
        async with running_assistant(database_url, rasa.url) as assistant:
            script.assistant = assistant
            for number, message in enumerate(messages, start=1):
                await assistant.accept([message])
                log = await when_answered(assistant.db, number)
    async with db.read() as session:
        replies = list(await session.scalars(select(Message).where(Message.direction == "out").order_by(Message.id)))
    return log, replies, rasa


async def test_a_tick_is_not_taken_back(db: Database, database_url: str) -> None:
    """The button is worked off once, the answer of then is given, and the log says what was asked."""
    script = LosingRasa("action_show_checklist", "show_checklist", {"document": await first_document(db)})
    log, replies, rasa = await go_through(db, database_url, script, inbound("", payload="/show_checklist"))
    assert len(rasa.calls) == 1
    assert (log[0].state, log[0].attempts, log[0].intent) == ("answered", 2, "show_checklist")
    assert [reply.answer_key for reply in replies] == ["checklist"]
    async with db.read() as session:
        assert len(list(await session.scalars(select(DocumentTick)))) == 1
        assert len(list(await session.scalars(select(Interaction)))) == 1


async def first_document(db: Database) -> str:

    async with db.write() as session:
        await seed(session)
        return (
            await session.scalars(select(ApplicationDocument.slug).order_by(ApplicationDocument.rank))
        ).first() or ""


async def test_a_look_up_is_asked_again(db: Database, database_url: str) -> None:
    """What changes nothing may be looked up twice; then Rasa's own answer counts."""
    script = LosingRasa("action_find_tracks", "jobintech_tracks", {})
    _, replies, rasa = await go_through(db, database_url, script, inbound("quelles formations"))
    assert len(rasa.calls) == 2
    assert [reply.answer_key for reply in replies] == ["utter_greet"]


async def test_a_finished_journey_says_so_again(db: Database, database_url: str) -> None:
    """The last "yes" of a pre-registration, whose reply was lost: one application, and its reference is told."""
    async with db.write() as session:
        await seed(session)
        contact = Contact()
        session.add(contact)
        await session.flush()
        session.add(Identity(contact_id=contact.id, channel="web", address="ana"))
        answers = {
            "consent_application": "yes", "consent_contact": "yes", "full_name": "Sara Démo",
            "phone": "+212661234567", "email": "sara@exemple.ma", "city": "rabat", "diploma": "bac+2",
            "situation": "jobseeker", "track": "data",
        }  # fmt: skip
        session.add(Draft(contact_id=contact.id, journey="preregistration", asking="review", answers=answers))
    script = LosingRasa("validate_preregistration_form", "affirm", {})
    log, replies, rasa = await go_through(db, database_url, script, inbound("oui", sender="ana"))
    assert len(rasa.calls) == 1
    async with db.read() as session:
        (application,) = await session.scalars(select(Application))
    (reply,) = replies
    assert reply.answer_key == "application_received" and application.reference in reply.text
    assert log[0].intent == "affirm"


async def test_a_link_that_worked_is_not_called_wrong(db: Database, database_url: str) -> None:
    """The code is used up and both are one person; the reply was lost, and is given when the message is tried again."""
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        session.add(Identity(contact_id=contact.id, channel="telegram", address="1"))
        code = await make_code(session, contact.id)
    script = LosingRasa("action_find_tracks", "jobintech_tracks", {}, times=0)
    with ScriptedRasa(script) as rasa:
        async with running_assistant(database_url, rasa.url) as assistant:
            broken = iter([True])
            store = assistant.conversation._store

            async def lose_once(*arguments: Any) -> None:
                if next(broken, False):
                    raise RuntimeError("the reply is lost")
                await store(*arguments)

            assistant.conversation._store = lose_once  # type: ignore[method-assign]
            await assistant.accept([inbound("", payload=f'/confirm_link{{"code": "{code}"}}', sender="page")])
            await when_answered(assistant.db, 1)
    async with db.read() as session:
        (reply,) = await session.scalars(select(Message).where(Message.direction == "out"))
        (inbound_row,) = await session.scalars(select(Message).where(Message.direction == "in"))
        assert len(list(await session.scalars(select(Contact)))) == 1
    assert reply.answer_key == "linked"
    assert (inbound_row.attempts, inbound_row.state, inbound_row.contact_id) == (2, "answered", contact.id)


async def test_what_is_still_at_work_is_not_done_twice(db: Database, database_url: str) -> None:
    """Rasa took too long, the message is tried again, and both runs of the action come: one tick, the same answer."""
    script = LosingRasa("action_show_checklist", "show_checklist", {"document": await first_document(db)}, times=0)
    with ScriptedRasa(script) as rasa:
        async with running_assistant(database_url, rasa.url) as assistant:
            script.assistant = assistant
            async with db.write() as session:
                contact = Contact()
                session.add(contact)
                await session.flush()
                identity = Identity(contact_id=contact.id, channel="telegram", address="1")
                session.add(identity)
                await session.flush()
                state = {"direction": "in", "channel": "telegram", "state": "received"}
                message = Message(contact_id=contact.id, identity_id=identity.id, payload="/show_checklist", **state)
                session.add(message)
            body = {
                "sender": f"{contact.id}.1", "payload": "/show_checklist", "metadata": {"message_id": message.id},
            }  # fmt: skip
            await asyncio.gather(*(script._run(body) for _ in range(3)))
    async with db.read() as session:
        assert len(list(await session.scalars(select(DocumentTick)))) == 1
        assert len(list(await session.scalars(select(Interaction)))) == 1


async def test_the_other_half_of_a_message_is_not_lost(db: Database, database_url: str) -> None:
    """Of two questions one was worked off when Rasa broke down: Rasa is asked again, the first is not done twice."""
    async with db.write() as session:
        await seed(session)

    class HalfDone(LosingRasa):
        async def _run(self, body: dict[str, Any]) -> None:
            await super()._run({**body, "text": "préviens-moi des événements."})

    script = HalfDone("action_subscribe", "subscribe_updates", {"topic": "events"})
    log, replies, rasa = await go_through(
        db, database_url, script, inbound("préviens-moi des événements. et c'est gratuit ?")
    )
    assert len(rasa.calls) == 2
    assert [reply.answer_key for reply in replies] == ["utter_greet"]
    async with db.read() as session:
        (row,) = await session.scalars(select(Interaction))
    assert (row.outcome, log[0].state) == ("subscribed", "answered")
    # Once the message is closed nothing of its answers is kept beside the replies.
    assert row.answer is None


async def test_a_form_is_told_the_same_again(db: Database, database_url: str) -> None:
    """Rasa's events of what was done come with its answer, or its form would take the message for no answer."""
    async with db.write() as session:
        await seed(session)
        contact = Contact()
        session.add(contact)
        await session.flush()
        identity = Identity(contact_id=contact.id, channel="telegram", address="1")
        session.add(identity)
        await session.flush()
        state = {"direction": "in", "channel": "telegram", "state": "received", "text": "je veux m'inscrire"}
        message = Message(contact_id=contact.id, identity_id=identity.id, **state)
        session.add(message)
    latest = {"intent": {"name": "application_start"}, "text": "je veux m'inscrire", "entities": []}
    user = {"event": "user", "parse_data": latest, "metadata": {"message_id": message.id}}
    opened = {"event": "active_loop", "name": "preregistration_form"}
    tracker = {"sender_id": f"{contact.id}.1", "latest_message": latest, "events": [user, opened]}
    call = {"next_action": "validate_preregistration_form", "tracker": tracker, "domain": {}}
    with ScriptedRasa() as rasa:
        async with running_assistant(database_url, rasa.url) as assistant:
            first, again = [await assistant.executor.run(call) for _ in range(2)]
            async with db.write() as session:
                row = await session.get_one(Message, message.id)
                row.state = "answered"
            late = await assistant.executor.run(call)
    assert first is not None and again is not None and late is not None
    assert first.events and first.events == again.events
    assert first.responses == again.responses
    # Its person has their reply: nothing is done or said any more.
    assert (late.events, late.responses) == ([], [])
