"""Turns: what was received is answered once, in order, in the right variety, whatever fails on the way.

Rasa is a script behind real HTTP here (tests/scripted.py); the real one answers in the end-to-end tests.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from scripted import (
    ScriptedChannel,
    ScriptedRasa,
    all_messages,
    eventually,
    inbound,
    running_assistant,
    said,
    when_answered,
)
from sqlalchemy import func, select, text, update

from bot import conversation, lanes, outbox
from bot.app import Assistant
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import City, Contact, Message, Session
from bot.inbox import Inbox
from bot.messages import Attachment, Inbound, Variety
from bot.varieties import clear_variety

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL_ONLY = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

#: Makes every commit fail that stores a reply, until `there` has a row 1: a deferred foreign key is checked at the end.
_TRAP = (
    "CREATE TABLE there (id INTEGER PRIMARY KEY)",
    "CREATE TABLE trap (id INTEGER REFERENCES there (id) DEFERRABLE INITIALLY DEFERRED)",
)
BREAK_COMMITS = {
    "sqlite": (
        *_TRAP,
        "CREATE TRIGGER spring AFTER INSERT ON messages WHEN NEW.direction = 'out' "
        "BEGIN INSERT INTO trap VALUES (1); END",
    ),
    "postgresql": (
        *_TRAP,
        "CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO trap VALUES (1); RETURN NULL; END $$",
        "CREATE TRIGGER spring AFTER INSERT ON messages FOR EACH ROW WHEN (NEW.direction = 'out') "
        "EXECUTE FUNCTION spring()",
    ),
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once; that they have a pause at all is tested by the row's `next_attempt_at`."""
    monkeypatch.setattr(conversation, "RETRY_PAUSE_S", 0.05)
    monkeypatch.setattr(lanes, "ERROR_PAUSE_S", 0.05)


async def replies_to(db: Database, message: Message) -> list[Message]:
    return await all_messages(db, "out", reply_to_id=message.id)


async def talk(assistant: Assistant, *messages: Inbound) -> list[Message]:
    """Send messages one after the other, each after the answer to the one before; the log's inbound half."""
    log: list[Message] = []
    for number, message in enumerate(messages, start=1):
        await assistant.accept([message])
        log = await when_answered(assistant.db, number)
    return log


class TestTurn:
    async def test_replies_are_stored_with_what_was_understood(self, db: Database, database_url: str) -> None:
        """The log has the parse, the session, the timings and the rendered reply with its buttons and key."""
        with ScriptedRasa(lambda body: (200, said("utter_thank", intent="thank", variety="en"))) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                (message,) = await talk(assistant, inbound("thank you very much"))
        assert (message.state, message.intent, message.confidence, message.variety) == ("answered", "thank", 0.9, "en")
        assert message.ranking == [{"intent": "thank", "confidence": 0.9}]
        assert (message.error, message.attempts) == (None, 1)
        assert set(message.timings) == {"wait", "rasa", "total"}
        assert all(value >= 0 for value in message.timings.values())
        assert message.finished_at is not None
        (reply,) = await replies_to(db, message)
        assert (reply.answer_key, reply.variety, reply.state) == ("utter_thank", "en", "sent")
        assert reply.buttons == [{"title": "See the menu", "payload": "/ask_capabilities"}]
        assert reply.session_id == message.session_id is not None
        assert rasa.calls == [
            {
                "sender": f"{message.contact_id}.1",
                "text": "thank you very much",
                "metadata": {"message_id": message.id},
            }
        ]

    async def test_several_answers_keep_their_order(self, db: Database, database_url: str) -> None:
        """Rasa may say more than one thing; each is a message of its own, in Rasa's order."""
        with ScriptedRasa(lambda body: (200, said("utter_thank", "utter_goodbye", "utter_greet"))) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                (message,) = await talk(assistant, inbound())
        keys = [reply.answer_key for reply in await replies_to(db, message)]
        assert keys == ["utter_thank", "utter_goodbye", "utter_greet"]

    async def test_a_button_is_asked_as_a_payload(self, db: Database, database_url: str) -> None:
        """A pressed button reaches Rasa as a payload, never as typed text, and typed slashes stay text."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                await talk(assistant, inbound("", payload="/jobintech_cost"), inbound("/jobintech_cost", number=2))
        assert [(call.get("payload"), call.get("text")) for call in rasa.calls] == [
            ("/jobintech_cost", None),
            (None, "/jobintech_cost"),
        ]

    async def test_fifty_messages_of_five_people_keep_their_order(self, db: Database, database_url: str) -> None:
        """Ten messages each of five people, all at once: nobody is asked for twice at once, everybody in order."""
        people = [f"p{number}" for number in range(5)]
        # Long enough for two turns to meet on a slow machine.
        with ScriptedRasa(takes_s=0.05) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:

                async def write(person: str) -> None:
                    for number in range(10):
                        await assistant.accept([inbound(f"{person} {number}", sender=person, number=number)])

                await asyncio.gather(*(write(person) for person in people))
                messages = await when_answered(db, 50, timeout_s=60)
        assert rasa.overlaps == []
        assert rasa.most_at_once > 1
        assert len(rasa.calls) == 50
        for contact_id in {message.contact_id for message in messages}:
            heard = [message.text for message in messages if message.contact_id == contact_id]
            assert heard == [f"{heard[0].split()[0]} {number}" for number in range(10)]
            assert rasa.texts(f"{contact_id}.1") == heard
        out = await all_messages(db, "out")
        assert Counter(reply.reply_to_id for reply in out) == {message.id: 1 for message in messages}
        for contact_id in {reply.contact_id for reply in out}:
            answered = [reply.reply_to_id for reply in out if reply.contact_id == contact_id]
            assert answered == sorted(answered, key=lambda number: number or 0)

    @POSTGRESQL_ONLY
    async def test_two_processes_share_the_work(
        self, db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two apps on one PostgreSQL, both woken for everything: each message is answered once, in order."""
        monkeypatch.setattr(conversation, "CLAIMED_ELSEWHERE_S", 0.02)
        monkeypatch.setattr(outbox, "CLAIMED_ELSEWHERE_S", 0.02)
        channel, other_channel = ScriptedChannel(), ScriptedChannel()
        with ScriptedRasa(takes_s=0.02) as rasa:
            async with (
                running_assistant(database_url, rasa.url, {"telegram": channel}) as one,
                running_assistant(database_url, rasa.url, {"telegram": other_channel}) as other,
            ):
                for number in range(6):
                    for person in ("a", "b", "c"):
                        taker = (one, other)[number % 2]
                        await taker.accept(
                            [inbound(f"message {number}", sender=person, number=number, channel="telegram")]
                        )
                    await one.sweep()
                    await other.sweep()
                messages = await when_answered(db, 18, timeout_s=30)

                async def all_sent() -> bool:
                    return len(await all_messages(db, "out", state="sent")) == 18

                await eventually(all_sent)
        assert rasa.overlaps == []
        assert len(rasa.calls) == 18
        for contact_id in {message.contact_id for message in messages}:
            assert rasa.texts(f"{contact_id}.1") == [f"message {number}" for number in range(6)]
        assert len(channel.sent) + len(other_channel.sent) == 18

    @POSTGRESQL_ONLY
    async def test_the_most_turns_at_once_find_connections_enough(self, db: Database, database_url: str) -> None:
        """With the largest allowed number of concurrent turns, a rush of people is answered, not starved."""
        with ScriptedRasa(takes_s=0.2) as rasa:
            async with running_assistant(database_url, rasa.url, concurrent_turns=16) as assistant:
                await assistant.accept(inbound(sender=f"p{number}") for number in range(80))
                messages = await when_answered(db, 80, timeout_s=25)
        assert {message.state for message in messages} == {"answered"}
        assert len(rasa.calls) == 80


class TestFailure:
    async def test_a_failed_commit_leaves_nothing_half(
        self,
        db: Database,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """When the commit of the replies fails, there is no reply, no session, no closing; then all of it at once."""
        monkeypatch.setattr(lanes, "ERROR_PAUSE_S", 60.0)
        async with db.write() as session:
            for statement in BREAK_COMMITS["sqlite" if db.is_sqlite else "postgresql"]:
                await session.execute(text(statement))
        with ScriptedRasa(lambda _: (200, said("utter_thank", "utter_greet"))) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                await assistant.accept([inbound()])

                async def has_failed() -> bool:
                    return "IntegrityError" in caplog.text

                await eventually(has_failed)
                (message,) = await all_messages(db, "in")
                assert (message.state, message.session_id, message.intent) == ("received", None, None)
                assert await all_messages(db, "out") == []
                async with db.read() as session:
                    assert await session.scalar(select(func.count()).select_from(Session)) == 0
                async with db.write() as session:
                    await session.execute(text("INSERT INTO there VALUES (1)"))

                async def woken() -> list[Message]:
                    # The lane may still be leaving its failed attempt: a wake-up then comes after it.
                    assistant.conversation.lanes.wake(message.contact_id)
                    return await all_messages(db, "in", state="answered")

                (message,) = await eventually(woken)
        assert [reply.answer_key for reply in await replies_to(db, message)] == ["utter_thank", "utter_greet"]
        async with db.read() as session:
            assert (await session.scalars(select(Session.turns))).all() == [1]

    async def test_unfinished_work_is_taken_up_at_the_start(self, db: Database, database_url: str) -> None:
        """What a crash left received is answered, and what it left queued is sent, without anybody writing again."""
        inbox = Inbox(db)
        await inbox.accept(inbound("un", channel="telegram"))
        await inbox.accept(inbound("deux", number=2, channel="telegram"))
        stored = await inbox.accept(inbound("trois", sender="omar", channel="telegram"))
        assert stored is not None
        async with db.write() as session:
            done = await session.get_one(Message, stored[1])
            done.state = "answered"
            session.add(
                Message(
                    contact_id=done.contact_id,
                    identity_id=done.identity_id,
                    reply_to_id=done.id,
                    direction="out",
                    channel="telegram",
                    state="queued",
                    text="reste",
                )
            )
        channel = ScriptedChannel()
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url, {"telegram": channel}):
                await when_answered(db, 3)

                async def all_sent() -> bool:
                    return len(channel.sent) == 3

                await eventually(all_sent)
        assert rasa.texts() == ["un", "deux"]
        assert [message.text for address, message in channel.sent if address == "omar"] == ["reste"]

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (500, {"error": "ActionError"}, "RasaError: Rasa answered 500"),
            (422, {"error": "text must be"}, "RasaError: Rasa answered 422"),
            (200, said(), "RasaError: Rasa said nothing to intent 'greet'"),
            (200, [], "RasaError: Rasa's answer can't be read"),
            (200, b"", "RasaError: Rasa's answer can't be read"),
            (200, b"<html>", "RasaError: Rasa's answer can't be read"),
            (200, {"parse": None, "messages": []}, "RasaError: Rasa's answer can't be read"),
            (200, said({"text": "no answer key"}), "RasaError: Rasa said nothing"),
            (200, said({"answer": "utter_greet", "choices": [["/greet"]]}), "RasaError: Rasa's answer can't be read"),
            (200, said({"answer": "utter_greet", "data": "x"}), "RasaError: Rasa's answer can't be read"),
            (200, said({"answer": "utter_greet", "choices": 3}), "RasaError: Rasa's answer can't be read"),
        ],
        ids=[
            "500",
            "422",
            "nothing",
            "list",
            "empty",
            "html",
            "null",
            "no-key",
            "half-choice",
            "text-data",
            "no-choices",
        ],
    )
    @SQLITE_ONLY
    async def test_a_turn_that_fails_is_tried_once_more_and_then_apologised_for(
        self, db: Database, database_url: str, status: int, body: Any, error: str
    ) -> None:
        """Two attempts, then an apology that offers a person, and the log says what was wrong."""
        with ScriptedRasa(lambda _: (status, body)) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                (message,) = await talk(assistant, inbound())
        assert len(rasa.calls) == 2
        assert (message.state, message.attempts) == ("failed", 2)
        assert message.error is not None and message.error.startswith(error)
        (reply,) = await replies_to(db, message)
        assert reply.answer_key == "apology"
        assert [button["payload"] for button in reply.buttons] == ["/request_human"]

    async def test_a_turn_that_succeeds_at_the_second_attempt_is_answered(
        self, db: Database, database_url: str
    ) -> None:
        """The person sees one reply and no apology, and the log no error."""
        with ScriptedRasa() as rasa:
            rasa.script = lambda _: (200, said("utter_greet")) if len(rasa.calls) > 1 else (500, {})
            async with running_assistant(database_url, rasa.url) as assistant:
                (message,) = await talk(assistant, inbound())
        assert (message.state, message.attempts, message.error) == ("answered", 2, None)
        assert [reply.answer_key for reply in await replies_to(db, message)] == ["utter_greet"]

    async def test_the_second_attempt_has_its_time(
        self, db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the attempts the message is not due, and it keeps its place before later ones of the person."""
        monkeypatch.setattr(conversation, "RETRY_PAUSE_S", 600.0)
        with ScriptedRasa(lambda _: (500, {})) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                await assistant.accept([inbound("un"), inbound("deux", number=2)])

                async def put_off() -> Message | None:
                    message = (await all_messages(db, "in"))[0]
                    return message if message.attempts else None

                message = await eventually(put_off)
                assert message.next_attempt_at is not None
                assert 590 < (message.next_attempt_at - utc_now()).total_seconds() <= 600
                rasa.script = lambda _: (200, said("utter_greet"))
                async with db.write() as session:
                    await session.execute(
                        update(Message).where(Message.id == message.id).values(next_attempt_at=utc_now())
                    )
                await assistant.sweep()
                await when_answered(db, 2)
        assert rasa.texts() == ["un", "un", "deux"]

    async def test_rasa_away_is_apologised_for(self, db: Database, database_url: str) -> None:
        """With nothing at Rasa's address the person hears of it, and the next message works again."""
        with ScriptedRasa() as rasa:
            url = rasa.url
        async with running_assistant(database_url, url) as assistant:
            (message,) = await talk(assistant, inbound())
        assert message.error is not None and message.error.startswith("RasaUnreachable")
        assert [reply.answer_key for reply in await replies_to(db, message)] == ["apology"]

    @SQLITE_ONLY
    async def test_rasa_too_slow_is_apologised_for(self, db: Database, database_url: str) -> None:
        """An answer that does not come in time is a failed turn."""
        with ScriptedRasa(takes_s=0.5) as rasa:
            async with running_assistant(database_url, rasa.url, rasa_timeout_s=0.1) as assistant:
                (message,) = await talk(assistant, inbound())
        assert message.state == "failed"
        assert message.error is not None and message.error.startswith("RasaUnreachable")

    @SQLITE_ONLY
    @pytest.mark.parametrize(
        "answer",
        [
            {"answer": "no_such_answer"},
            {"answer": "inform_city", "data": {}},
            {"answer": "inform_noted", "choices": [["/no_such_intent", None]]},
            {"answer": "inform_noted", "choices": [["/incubator_search{broken", None]]},
            {"answer": "inform_noted", "choices": [["/x" * 40, "too long a payload"]]},
            {"answer": "inform_noted", "choices": [["/greet", " "]]},
            {"answer": "utter_mnc_about"},
        ],
        ids=["key", "data", "intent", "payload", "long", "title", "fact"],
    )
    async def test_an_answer_that_can_not_be_written_becomes_the_apology(
        self, db: Database, database_url: str, answer: dict[str, Any]
    ) -> None:
        """Whatever is wrong with an answer, the person gets the apology at once, and the next message is served."""
        with ScriptedRasa() as rasa:
            rasa.script = lambda body: (200, said(answer if body["text"] == "bad" else "utter_greet"))
            async with running_assistant(database_url, rasa.url) as assistant:
                bad, good = await talk(assistant, inbound("bad"), inbound("good", number=2))
        assert bad.state == "failed"
        assert bad.error is not None and bad.error.startswith("RenderError")
        assert [reply.answer_key for reply in await replies_to(db, bad)] == ["apology"]
        assert good.state == "answered"


class TestSessions:
    async def test_a_new_session_starts_after_the_turn_limit(self, db: Database, database_url: str) -> None:
        """Rasa's sender id is `<contact>.<n>`; `n` grows after the set number of turns."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url, session_turn_limit=2) as assistant:
                log = await talk(assistant, *(inbound(str(number), number=number) for number in range(5)))
        contact_id = log[0].contact_id
        assert [call["sender"] for call in rasa.calls] == [f"{contact_id}.{n}" for n in (1, 1, 2, 2, 3)]
        async with db.read() as session:
            rows = (await session.execute(select(Session.number, Session.turns).order_by(Session.number))).all()
        assert [tuple(row) for row in rows] == [(1, 2), (2, 2), (3, 1)]

    async def test_a_new_session_starts_after_idle_time(self, db: Database, database_url: str) -> None:
        """A person who comes back after the idle time begins anew; one who comes back before goes on."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url, session_idle_minutes=30) as assistant:
                await talk(assistant, inbound(number=0))
                for minutes in (29, 31):
                    async with db.write() as session:
                        moved = utc_now() - timedelta(minutes=minutes)
                        await session.execute(update(Session).values(last_turn_at=moved))
                    await assistant.accept([inbound(number=minutes)])
                    await when_answered(db, 2 if minutes == 29 else 3)
        assert [call["sender"].partition(".")[2] for call in rasa.calls] == ["1", "1", "2"]

    async def test_a_failed_attempt_does_not_use_up_a_session(self, db: Database, database_url: str) -> None:
        """The retry goes to the same session, and the failed turn is counted once."""
        with ScriptedRasa(lambda _: (500, {})) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                await talk(assistant, inbound())
        assert len({call["sender"] for call in rasa.calls}) == 1
        async with db.read() as session:
            assert (await session.scalars(select(Session.turns))).all() == [1]


class TestVariety:
    @pytest.mark.parametrize(
        ("variety", "sure", "text", "before", "is_first", "chosen"),
        [
            ("en", 0.95, "how much", "fr", False, "en"),
            ("en", 0.5, "ok", "fr", False, "fr"),
            ("en", 0.5, "ok", "ary-Latn", False, "ary-Latn"),
            ("ary-Latn", 0.4, "wach kayn chi haja", "fr", False, "ary-Latn"),
            ("ary-Latn", 0.65, "salam", "fr", True, "ary-Latn"),
            ("ary-Latn", 0.65, "salam", "fr", False, "fr"),
            ("ary-Latn", 0.4, "salam", "fr", True, "fr"),
            ("ary-Arab", 0.4, "واخا", "fr", False, "ary-Arab"),
            ("ary-Arab", 0.4, "واخا", "ar", False, "ar"),
            ("fr", 0.4, "ok", "ar", False, "fr"),
            ("fr", 0.0, "👍", "ar", False, "ar"),
            ("fr", 0.0, "1234", "ary-Arab", True, "ary-Arab"),
        ],
    )
    def test_short_messages_take_the_last_variety(
        self, variety: Variety, sure: float, text: str, before: Variety, is_first: bool, chosen: str
    ) -> None:
        """A clear or first message says its variety; a doubtful one keeps the last, except when the script differs."""
        assert clear_variety(variety, sure, text, before, is_first) == chosen

    async def test_replies_follow_the_person(self, db: Database, database_url: str) -> None:
        """The variety of a clear message holds for short ones and for buttons, until another clear one."""
        parses = {
            "شكرا بزاف خويا": ("ary-Arab", 0.9),
            "ok": ("en", 0.3),
            "واخا": ("ar", 0.3),
            "thank you so much": ("en", 0.9),
            "chokran": ("ary-Latn", 0.5),
        }
        with ScriptedRasa() as rasa:

            def answer(body: dict[str, Any]) -> tuple[int, Any]:
                variety, sure = parses.get(body.get("text", ""), ("fr", 0.0))
                return 200, said("utter_thank", variety=variety, sure=sure)

            rasa.script = answer
            async with running_assistant(database_url, rasa.url) as assistant:
                log = await talk(
                    assistant,
                    inbound("شكرا بزاف خويا", number=1),
                    inbound("", payload="/thank", number=2),
                    inbound("واخا", number=3),
                    inbound("ok", number=4),
                    inbound("👍", number=5),
                    inbound("thank you so much", number=6),
                    inbound("chokran", number=7),
                )
        varieties = [(await replies_to(db, message))[0].variety for message in log]
        assert varieties == ["ary-Arab", "ary-Arab", "ary-Arab", "en", "en", "en", "en"]

    async def test_what_had_no_words_does_not_count_as_the_first_message(self, db: Database, database_url: str) -> None:
        """ "…" says nothing of the variety: the first words after it are still heard as the person's first."""
        with ScriptedRasa(lambda _: (200, said("utter_greet", variety="ary-Latn", sure=0.65))) as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                log = await talk(assistant, inbound("..."), inbound("salam", number=2))
        assert [(await replies_to(db, message))[0].variety for message in log] == ["fr", "ary-Latn"]

    async def test_the_chosen_language_wins_until_auto(self, db: Database, database_url: str) -> None:
        """A chosen variety is used whatever is written, from the very reply that confirms it; "auto" ends it."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:

                async def choose(variety: str | None) -> None:
                    async with db.write() as session:
                        await session.execute(update(Contact).values(chosen_variety=variety))

                loop = asyncio.get_running_loop()

                def answer(body: dict[str, Any]) -> tuple[int, Any]:
                    language = json.loads(body.get("payload", "{}").removeprefix("/change_language")).get("language")
                    if language:
                        # As the real action does, while the turn runs.
                        chosen = None if language == "auto" else language
                        asyncio.run_coroutine_threadsafe(choose(chosen), loop).result(timeout=10)
                        return 200, said({"answer": "language_changed", "data": {"automatic": language == "auto"}})
                    return 200, said("utter_thank", variety="fr")

                rasa.script = answer
                log = await talk(
                    assistant,
                    inbound("merci beaucoup à vous", number=1),
                    inbound("", payload='/change_language{"language": "ar"}', number=2),
                    inbound("merci beaucoup à vous", number=3),
                    inbound("", payload='/change_language{"language": "auto"}', number=4),
                    inbound("merci beaucoup à vous", number=5),
                )
        varieties = [(await replies_to(db, message))[0].variety for message in log]
        assert varieties == ["fr", "ar", "ar", "fr", "fr"]
        # The log keeps what the person wrote in, not what we answered in.
        assert [message.variety for message in log if message.text] == ["fr", "fr", "fr"]


class TestChoices:
    @pytest.mark.parametrize(
        ("typed", "payload"), [("2", "/b"), ("٢", "/b"), ("deux", "/b"), ("3", None), ("autre", None)]
    )
    @SQLITE_ONLY
    async def test_a_typed_choice_is_the_button(
        self, db: Database, database_url: str, typed: str, payload: str | None
    ) -> None:
        """On WhatsApp a number in any digits, or the option's words, choose from the last list that was shown."""
        answer = {"answer": "inform_noted", "choices": [["/a", "Un"], ["/b", "Deux"]]}
        channel = ScriptedChannel("whatsapp")
        channel.shows_buttons = False
        with ScriptedRasa(lambda body: (200, said(answer))) as rasa:
            async with running_assistant(database_url, rasa.url, {"whatsapp": channel}) as assistant:
                # inform_noted has two follow-ups of its own after these two: "3" is one of them, so ask for "9".
                typed = "9" if typed == "3" else typed
                await talk(
                    assistant,
                    inbound("que proposez-vous", number=1, channel="whatsapp"),
                    inbound(typed, number=2, channel="whatsapp"),
                )
        assert rasa.calls[1].get("payload") == payload
        assert rasa.calls[1].get("text") == (None if payload else typed)

    @SQLITE_ONLY
    async def test_a_number_is_a_text_where_buttons_were_shown(self, db: Database, database_url: str) -> None:
        """On a channel with real buttons nobody saw numbers: "2" is left to Rasa, and the option's words choose."""
        answer = {"answer": "inform_noted", "choices": [["/a", "Un"], ["/b", "Deux"]]}
        with ScriptedRasa(lambda body: (200, said(answer))) as rasa:
            async with running_assistant(database_url, rasa.url, {"telegram": ScriptedChannel()}) as assistant:
                await talk(
                    assistant,
                    inbound("que proposez-vous", number=1, channel="telegram"),
                    inbound("2", number=2, channel="telegram"),
                    inbound("deux", number=3, channel="telegram"),
                )
        assert [(call.get("text"), call.get("payload")) for call in rasa.calls[1:]] == [("2", None), (None, "/b")]

    @SQLITE_ONLY
    async def test_only_the_last_message_offers_choices(self, db: Database, database_url: str) -> None:
        """A number after an answer without buttons chooses nothing from an older one."""
        answers = iter([{"answer": "inform_noted", "choices": [["/a", "Un"]]}, "utter_goodbye", "utter_goodbye"])
        channel = ScriptedChannel("whatsapp")
        channel.shows_buttons = False
        with ScriptedRasa(lambda body: (200, said(next(answers)))) as rasa:
            async with running_assistant(database_url, rasa.url, {"whatsapp": channel}) as assistant:
                await talk(assistant, *(inbound(text, number=text, channel="whatsapp") for text in ("x", "y", "1")))
        assert [call.get("text") for call in rasa.calls] == ["x", "y", "1"]


class TestWithoutWords:
    async def test_a_location_is_its_city(self, db: Database, database_url: str) -> None:
        """A shared place becomes the nearest town that we know; one far from all gets a friendly answer."""
        async with db.write() as session:
            session.add(City(slug="rabat", name="Rabat", region="Rabat-Salé-Kénitra", latitude=34.02, longitude=-6.84))
            session.add(City(slug="fes", name="Fès", region="Fès-Meknès", latitude=34.03, longitude=-5.0))
        near = Attachment("location", {"latitude": 34.0, "longitude": -6.7})
        paris = Attachment("location", {"latitude": 48.86, "longitude": 2.35})
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                log = await talk(
                    assistant, inbound("", number=1, attachments=(near,)), inbound("", number=2, attachments=(paris,))
                )
        assert [call["payload"] for call in rasa.calls] == ['/inform{"city": "rabat"}']
        assert [reply.answer_key for reply in await replies_to(db, log[1])] == ["location_far"]

    @pytest.mark.parametrize(
        ("values", "key"),
        [
            ({"payload": "/start"}, "welcome"),
            ({"text": "... ?!"}, "no_text"),
            ({}, "no_text"),
            ({"attachments": (Attachment("contact", {"phone": "+212600000000"}),)}, "contact_shared"),
            ({"attachments": (Attachment("voice"),)}, "unsupported"),
            ({"attachments": (Attachment("hologram"),)}, "unsupported"),
        ],
        ids=["start", "marks", "nothing", "contact", "voice", "other"],
    )
    @SQLITE_ONLY
    async def test_what_needs_no_understanding_is_answered_without_rasa(
        self, db: Database, database_url: str, values: dict[str, Any], key: str
    ) -> None:
        """Rasa is not asked about things that hold no words."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                (message,) = await talk(assistant, inbound(values.pop("text", ""), **values))
        assert rasa.calls == []
        assert message.state == "answered"
        assert [reply.answer_key for reply in await replies_to(db, message)] == [key]

    @SQLITE_ONLY
    async def test_a_caption_is_what_counts(self, db: Database, database_url: str) -> None:
        """A photo with a text is answered by its text."""
        with ScriptedRasa() as rasa:
            async with running_assistant(database_url, rasa.url) as assistant:
                await talk(assistant, inbound("et ça coûte combien au juste ?", attachments=(Attachment("photo"),)))
        assert rasa.texts() == ["et ça coûte combien au juste ?"]


async def test_waiting_ends_with_the_answer_or_the_time(db: Database, database_url: str) -> None:
    """Who waits for a message hears of its answer at once, also when another process gave it, or gives up in time."""
    stored = await Inbox(db).accept(inbound())
    assert stored is not None
    with ScriptedRasa() as rasa:
        assistant_of = running_assistant(database_url, rasa.url)
        rasa.script = lambda _: (200, said("utter_greet"))
        async with assistant_of as assistant:
            assert await assistant.conversation.wait_for(stored[1], 20.0)
            waiters = [assistant.conversation.wait_for(stored[1], 20.0) for _ in range(3)]
            assert await asyncio.gather(*waiters) == [True] * 3
            other = await Inbox(db).accept(inbound(number=2))
            assert other is not None
            assert not await assistant.conversation.wait_for(other[1], 0.05)
