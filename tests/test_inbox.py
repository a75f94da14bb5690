"""The inbox: every delivery is stored once, cleaned, and what providers report later never takes a message back."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from scripted import all_messages, inbound
from sqlalchemy import func, select

from bot.channels.base import DeliveryReport
from bot.clock import utc_now
from bot.db.engine import Database, open_database
from bot.db.models import Contact, Identity, Message
from bot.inbox import Inbox, clean_text
from bot.messages import Attachment


async def count(db: Database, model: type) -> int:
    async with db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def identity_of(db: Database, address: str) -> Identity:
    async with db.read() as session:
        return (await session.scalars(select(Identity).where(Identity.address == address))).one()


async def store_outbound(db: Database, state: str = "sent", external_id: str | None = "SM1") -> int:
    """A reply to a person, as the conversation and the outbox leave it; its id."""
    stored = await Inbox(db).accept(inbound("question", sender="client", number=str(external_id), channel="whatsapp"))
    assert stored is not None
    async with db.write() as session:
        identity = (await session.scalars(select(Identity).where(Identity.address == "client"))).one()
        message = Message(
            contact_id=identity.contact_id,
            identity_id=identity.id,
            direction="out",
            channel="whatsapp",
            state=state,
            external_id=external_id,
        )
        session.add(message)
        await session.flush()
        return message.id


async def find_message(db: Database, message_id: int) -> Message:
    async with db.read() as session:
        return await session.get_one(Message, message_id)


def report(state: str, external_id: str = "SM1", error: str | None = None) -> DeliveryReport:
    return DeliveryReport(external_id, state, error, utc_now())


class TestOnce:
    async def test_a_message_is_stored_with_everything_that_came(self, db: Database) -> None:
        """Text, payload, attachments, sender, profile and time are in the log, and the message is to be answered."""
        received_at = utc_now() - timedelta(seconds=3)
        location = Attachment("location", {"latitude": 34.02, "longitude": -6.84})
        stored = await Inbox(db).accept(
            inbound(
                " salam ",
                received_at=received_at,
                payload="/greet",
                attachments=(location,),
                profile={"name": "Ana", "language_code": "fr", "secret": "x"},
            )
        )
        assert stored is not None
        contact_id, message_id = stored
        message = await find_message(db, message_id)
        assert (message.contact_id, message.state, message.direction) == (contact_id, "received", "in")
        assert (message.text, message.payload, message.created_at) == ("salam", "/greet", received_at)
        assert message.attachments == [{"kind": "location", "latitude": 34.02, "longitude": -6.84}]
        identity = await identity_of(db, "ana")
        assert identity.profile == {"name": "Ana", "language_code": "fr"}
        assert identity.last_inbound_at == received_at

    async def test_a_second_delivery_stops_here(self, db: Database) -> None:
        """A provider that posts the same message again gets None back, and the log has it once."""
        inbox = Inbox(db)
        assert await inbox.accept(inbound("un")) is not None
        assert await inbox.accept(inbound("un")) is None
        assert [message.text for message in await all_messages(db, "in")] == ["un"]

    async def test_twenty_deliveries_at_once_store_one(self, db: Database) -> None:
        """Of 20 deliveries of one message at the same moment, also the sender's first, exactly one is taken."""
        inbox = Inbox(db)
        results = await asyncio.gather(*(inbox.accept(inbound("un")) for _ in range(20)))
        assert sum(result is not None for result in results) == 1
        assert (await count(db, Message), await count(db, Contact), await count(db, Identity)) == (1, 1, 1)

    async def test_the_same_id_on_another_channel_is_another_message(self, db: Database) -> None:
        """Ids are unique per channel, since providers number their messages by themselves."""
        inbox = Inbox(db)
        first = await inbox.accept(inbound(channel="telegram"))
        second = await inbox.accept(inbound(channel="whatsapp"))
        assert first is not None and second is not None
        assert first[0] != second[0]

    async def test_two_first_messages_at_once_make_one_contact(self, db: Database) -> None:
        """Different first messages of a new person, all at once, belong to one contact, and none is lost."""
        inbox = Inbox(db)
        results = await asyncio.gather(*(inbox.accept(inbound(str(n), number=n)) for n in range(8)))
        assert len({result[0] for result in results if result is not None}) == 1
        assert (await count(db, Message), await count(db, Contact), await count(db, Identity)) == (8, 1, 1)

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    async def test_two_processes_make_one_contact(self, db: Database, database_url: str) -> None:
        """The same from two processes on one PostgreSQL, each with its own connections."""
        other = open_database(database_url)
        try:
            inboxes = itertools.cycle([Inbox(db), Inbox(other)])
            work = [next(inboxes).accept(inbound("a", number=n // 2)) for n in range(12)]
            results = await asyncio.gather(*work)
        finally:
            await other.aclose()
        assert sum(result is not None for result in results) == 6
        assert (await count(db, Message), await count(db, Contact)) == (6, 1)

    async def test_writing_again_ends_a_block(self, db: Database) -> None:
        """A person who blocked us and writes again gets replies again."""
        inbox = Inbox(db)
        await inbox.accept(inbound(number=1))
        async with db.write() as session:
            identity = (await session.scalars(select(Identity))).one()
            identity.blocked_at = utc_now()
        await inbox.accept(inbound(number=2))
        assert (await identity_of(db, "ana")).blocked_at is None

    async def test_a_repeated_delivery_changes_nothing_about_the_person(self, db: Database) -> None:
        """A late repetition of an old message neither ends a block nor opens WhatsApp's window anew."""
        inbox = Inbox(db)
        first_at = utc_now() - timedelta(hours=30)
        await inbox.accept(inbound(number=1, received_at=first_at))
        async with db.write() as session:
            identity = (await session.scalars(select(Identity))).one()
            identity.blocked_at = utc_now()
        assert await inbox.accept(inbound(number=1)) is None
        identity = await identity_of(db, "ana")
        assert identity.last_inbound_at == first_at
        assert identity.blocked_at is not None


class TestCleaning:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("  bonjour \n", "bonjour"),
            ("a\x00b", "ab"),
            ("\x1b[31mrouge\x07", "[31mrouge"),
            ("deux\r\nlignes\tet", "deux\nlignes\tet"),
            ("a\ud83d\ude00b\udc00", "ab"),
            ("👍🏽 é 🇲🇦", "👍🏽 é 🇲🇦"),
            ("نعم\u200fلا", "نعم\u200fلا"),
            ("\x00\x01\n", ""),
            ("x" * 10_000, "x" * 1_000),
            ("😀" * 10_000, "😀" * 1_000),
            ("a" * 999 + "   " + "b", "a" * 999),
        ],
        ids=["spaces", "nul", "escape", "lines", "surrogates", "emoji", "rtl", "nothing", "long", "long-emoji", "end"],
    )
    def test_keeps_what_is_text(self, typed: str, kept: str) -> None:
        """Control characters and lone surrogates go, and at most 1,000 characters stay."""
        assert clean_text(typed) == kept

    async def test_every_text_can_be_stored(self, db: Database) -> None:
        """What is left of any character is taken by both databases, and comes back the same."""
        characters = [chr(code) for code in (*range(0x300), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010), 0x1F600)]
        typed = ["".join(characters[start : start + 400]) for start in range(0, len(characters), 400)]
        for number, text in enumerate([*typed, "😀" * 10_000]):
            stored = await Inbox(db).accept(inbound(text, number=number))
            assert stored is not None
            assert (await find_message(db, stored[1])).text == clean_text(text)

    async def test_other_parts_hold_no_nul_either(self, db: Database) -> None:
        """A NUL in a payload, a name or a file's name does not stop a message from being stored."""
        document = Attachment("document", {"file_name": "cv\x00.pdf"})
        stored = await Inbox(db).accept(
            inbound("", payload="/greet\x00", attachments=(document,), profile={"name": "A\x00na\ud800"})
        )
        assert stored is not None
        message = await find_message(db, stored[1])
        assert message.payload == "/greet"
        assert message.attachments == [{"kind": "document", "file_name": "cv.pdf"}]
        assert (await identity_of(db, "ana")).profile == {"name": "Ana"}


class TestReports:
    @pytest.mark.parametrize(
        ("reports", "state"),
        [
            (["sent", "delivered", "read"], "read"),
            (["read", "delivered", "sent"], "read"),
            (["delivered", "sent", "delivered"], "delivered"),
            (["failed", "delivered"], "failed"),
            (["sent", "failed"], "failed"),
        ],
    )
    async def test_a_message_never_goes_back(self, db: Database, reports: list[str], state: str) -> None:
        """Reports in any order leave a message in the furthest state that was reported."""
        message_id = await store_outbound(db)
        for name in reports:
            assert await Inbox(db).record(report(name)) is True
        message = await find_message(db, message_id)
        assert message.state == state
        assert (message.delivered_at is not None) == bool({"delivered", "read"} & set(reports))
        assert (message.read_at is not None) == ("read" in reports)

    async def test_a_failure_keeps_what_the_provider_said(self, db: Database) -> None:
        """The provider's error is in the log."""
        message_id = await store_outbound(db)
        await Inbox(db).record(report("failed", error="63016"))
        message = await find_message(db, message_id)
        assert (message.state, message.error) == ("failed", "63016")

    async def test_reports_at_once_leave_the_furthest(self, db: Database) -> None:
        """`read` and `delivered` that come at the same moment leave `read`, whichever is stored last."""
        inbox = Inbox(db)
        for number in range(12):
            message_id = await store_outbound(db, external_id=f"SM{number:03}")
            names = ["delivered", "read", "sent", "delivered"]
            await asyncio.gather(*(inbox.record(report(name, f"SM{number:03}")) for name in names))
            assert (await find_message(db, message_id)).state == "read"

    async def test_a_part_of_a_long_text_finds_its_message(self, db: Database) -> None:
        """A text that went out in parts has their ids joined by commas; a report names one of them."""
        message_id = await store_outbound(db, external_id="SMa,SMb")
        assert await Inbox(db).record(report("delivered", "SMb")) is True
        assert (await find_message(db, message_id)).state == "delivered"

    async def test_an_unknown_message_is_ignored(self, db: Database) -> None:
        """A report of a message that we never sent changes nothing, not even with a wildcard in its id."""
        message_id = await store_outbound(db)
        assert await Inbox(db).record(report("read", "SM%")) is False
        assert await Inbox(db).record(report("read", "SM9")) is False
        assert (await find_message(db, message_id)).state == "sent"
