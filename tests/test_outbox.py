"""The outbox: what is queued is sent once, in order, with patience, and never to somebody who blocked us."""

from __future__ import annotations

from typing import Any

import pytest
from scripted import ScriptedChannel, ScriptedRasa, all_messages, eventually, inbound, running_assistant
from sqlalchemy import func, select

from bot import lanes, outbox
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Identity, Message
from bot.errors import SendError
from bot.inbox import Inbox

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOT_YET = SendError("busy", code="503", retryable=True)


async def queue(db: Database, *texts: str, sender: str = "ana", channel: str = "telegram", **values: Any) -> None:
    """Replies to a person, as a turn leaves them."""
    async with db.read() as session:
        count = await session.scalar(select(func.count()).select_from(Message))
    stored = await Inbox(db).accept(inbound(sender=sender, number=f"q{count}", channel=channel))
    assert stored is not None
    async with db.write() as session:
        question = await session.get_one(Message, stored[1])
        question.state = "answered"
        for text in texts:
            session.add(
                Message(
                    contact_id=question.contact_id,
                    identity_id=question.identity_id,
                    direction="out",
                    channel=channel,
                    state="queued",
                    text=text,
                    **values,
                )
            )


async def when_closed(db: Database, timeout_s: float = 20.0) -> list[Message]:
    """All outbound messages once none is queued."""

    async def closed() -> list[Message] | None:
        messages = await all_messages(db, "out")
        return messages if all(message.state != "queued" for message in messages) else None

    return await eventually(closed, timeout_s, "the end of the queue")


async def when_put_off(db: Database) -> Message:
    """The first outbound message once an attempt at it has failed."""

    async def put_off() -> Message | None:
        message = (await all_messages(db, "out"))[0]
        return message if message.attempts else None

    return await eventually(put_off)


@pytest.fixture
def rasa_url() -> str:
    """Nobody is asked anything here."""
    with ScriptedRasa() as rasa:
        return rasa.url


async def test_a_message_is_sent_as_it_was_written(db: Database, database_url: str, rasa_url: str) -> None:
    """The provider gets text, buttons, variety and key; the log gets its id and the time."""
    buttons = [{"title": "Oui", "payload": "/affirm"}, {"title": "site", "url": "https://example.ma"}]
    await queue(db, "نعم", buttons=buttons, variety="ar", answer_key="utter_affirm")
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        (message,) = await when_closed(db)
    assert (message.state, message.external_id, message.error) == ("sent", "telegram-1", None)
    assert message.finished_at is not None
    ((address, outbound),) = channel.sent
    assert (address, outbound.text, outbound.variety, outbound.answer_key) == ("ana", "نعم", "ar", "utter_affirm")
    assert [button.as_json() for button in outbound.buttons] == buttons


async def test_replies_are_sent_in_order(db: Database, database_url: str, rasa_url: str) -> None:
    """What follows a message that the provider did not take waits for it."""
    await queue(db, "un", "deux", "trois")
    await queue(db, "autre", sender="omar")
    channel = ScriptedChannel(errors=[NOT_YET])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        await when_closed(db)
    assert [outbound.text for address, outbound in channel.sent if address == "ana"] == ["un", "deux", "trois"]
    assert len(channel.sent) == 4


async def test_the_first_pause_is_a_second(db: Database, database_url: str, rasa_url: str) -> None:
    """After the first failure the message waits for the shortest pause, and the log says what was wrong."""
    await queue(db, "un")
    async with running_assistant(database_url, rasa_url, {"telegram": ScriptedChannel(errors=[NOT_YET])}):
        message = await when_put_off(db)
        assert message.next_attempt_at is not None
        assert 0 < (message.next_attempt_at - utc_now()).total_seconds() <= outbox.BACKOFF_S[0]
        assert (message.state, message.error) == ("queued", "503: busy")
        (message,) = await when_closed(db)
    assert (message.state, message.attempts) == ("sent", 1)


async def test_the_providers_wait_is_respected(db: Database, database_url: str, rasa_url: str) -> None:
    """A provider that names a pause (429 with retry_after) gets it, when it is longer than ours."""
    await queue(db, "un")
    error = SendError("slow down", code="429", retryable=True, retry_after_s=90.0)
    channel = ScriptedChannel(errors=[error])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}) as assistant:
        message = await when_put_off(db)
        assert message.next_attempt_at is not None
        assert 85 < (message.next_attempt_at - utc_now()).total_seconds() <= 90
        assert await assistant.outbox.list_due() == []
    assert channel.attempts == 1


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    """The pauses grow, and all together are long enough for an outage and short enough for a conversation."""
    assert list(outbox.BACKOFF_S) == sorted(outbox.BACKOFF_S)
    assert 10 * 60 <= sum(outbox.BACKOFF_S) <= 20 * 60


async def test_after_the_last_attempt_a_message_is_failed(
    db: Database, database_url: str, rasa_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once and once after every pause; then it is failed, and the next one is sent."""
    monkeypatch.setattr(outbox, "BACKOFF_S", (0.01,) * 6)
    await queue(db, "un", "deux")
    channel = ScriptedChannel(errors=[NOT_YET] * 7)
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        failed, sent = await when_closed(db)
    assert (failed.state, failed.attempts, failed.error) == ("failed", 7, "503: busy")
    assert (sent.state, channel.attempts) == ("sent", 8)


async def test_what_can_not_succeed_is_not_tried_again(db: Database, database_url: str, rasa_url: str) -> None:
    """An error for good fails the message at once."""
    await queue(db, "un", "deux")
    channel = ScriptedChannel(errors=[SendError("chat not found", code="400", retryable=False)])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        failed, sent = await when_closed(db)
    assert (failed.state, failed.attempts, failed.error) == ("failed", 1, "400: chat not found")
    assert sent.state == "sent"


@SQLITE_ONLY
async def test_an_error_that_no_channel_announced_ends_too(
    db: Database, database_url: str, rasa_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in a channel is retried like an outage and then given up: it never blocks a person for ever."""
    monkeypatch.setattr(outbox, "BACKOFF_S", (0.01,) * 6)
    monkeypatch.setattr(lanes, "ERROR_PAUSE_S", 0.01)
    await queue(db, "un", "deux")
    channel = ScriptedChannel(errors=[KeyError("sid") for _ in range(7)])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        failed, sent = await when_closed(db, timeout_s=10)
    assert failed.state == "failed"
    assert failed.error is not None and "KeyError" in failed.error
    assert sent.state == "sent"


async def test_who_blocked_us_is_left_alone(db: Database, database_url: str, rasa_url: str) -> None:
    """A block is noted; what is queued for that address is undeliverable without another attempt."""
    await queue(db, "un", "deux", "trois")
    await queue(db, "autre", sender="omar")
    blocked = SendError("bot was blocked by the user", code="403", retryable=False, blocked=True)
    channel = ScriptedChannel(errors=[blocked])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}):
        messages = await when_closed(db)
    by_text = {message.text: message for message in messages}
    async with db.read() as session:
        blocked_ones = list(await session.scalars(select(Identity).where(Identity.blocked_at.is_not(None))))
    assert len(blocked_ones) == 1
    if blocked_ones[0].address == "ana":
        assert [by_text[text].state for text in ("un", "deux", "trois")] == ["undeliverable"] * 3
        assert (by_text["un"].attempts, by_text["deux"].attempts) == (1, 0)
        assert by_text["autre"].state == "sent"
    else:
        assert by_text["autre"].state == "undeliverable"
        assert [by_text[text].state for text in ("un", "deux", "trois")] == ["sent"] * 3


@SQLITE_ONLY
async def test_a_channel_that_is_gone_takes_nothing(db: Database, database_url: str, rasa_url: str) -> None:
    """After a channel was taken out of the settings, what is queued for it is closed with the reason."""
    await queue(db, "un", channel="whatsapp")
    async with running_assistant(database_url, rasa_url, {"telegram": ScriptedChannel()}):
        (message,) = await when_closed(db)
    assert (message.state, message.error) == ("undeliverable", "channel whatsapp is not configured")


async def test_a_report_that_came_first_stands(db: Database, database_url: str, rasa_url: str) -> None:
    """A message that is already delivered by its report is not taken back to sent."""
    await queue(db, "un", external_id="telegram-1")
    taken = await all_messages(db, "out")

    class Quick(ScriptedChannel):
        async def send(self, address: str, message: Any) -> str:
            async with db.write() as session:
                row = await session.get_one(Message, taken[0].id)
                row.state = "delivered"
            return await super().send(address, message)

    async with running_assistant(database_url, rasa_url, {"telegram": Quick()}):
        (message,) = await when_closed(db)
    assert message.state == "delivered"
