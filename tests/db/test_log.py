"""What lists show stays in step with the log, by whatever way a message is stored, moved or erased."""

from __future__ import annotations

from datetime import timedelta

from running import make_settings
from scripted import ScriptedChannel, ScriptedRasa, all_messages, eventually, inbound, running_assistant, said
from sqlalchemy import func, select, text
from talks import contact_of, hear, meet, tell

from bot import staff
from bot.clock import utc_now
from bot.db.conversations import list_conversations
from bot.db.engine import Database
from bot.db.erasure import erase_contact, purge_contact
from bot.db.filters import Filters
from bot.db.held import collect
from bot.db.linking import merge_contacts
from bot.db.log import note_received
from bot.db.models import Contact, ContactTag, Message, MessageTerms, Note
from bot.db.notices import plan_notice
from bot.db.people import open_request
from bot.db.threads import add_note, add_tag, list_notes, list_tags
from bot.messages import Answer
from bot.spelling import list_terms


async def assert_in_step(db: Database) -> None:
    """Every contact points to its last messages, and every message is found by its words."""
    async with db.read() as session:
        for contact in await session.scalars(select(Contact)):
            own = list(await session.scalars(select(Message).where(Message.contact_id == contact.id)))
            last = max(own, key=lambda each: each.id, default=None)
            assert contact.last_message_id == (last.id if last else None)
            assert contact.last_message_at == (last.created_at if last else None)
            heard = [each.id for each in own if each.direction == "in"]
            assert contact.last_inbound_id == max(heard, default=None)
        messages = list(await session.scalars(select(Message)))
        found = set(await session.scalars(select(MessageTerms.message_id)))
    assert found == {message.id for message in messages if list_terms(message.text)}
    if db.is_sqlite:
        async with db.write() as session:
            await session.execute(text("INSERT INTO message_search (message_search) VALUES ('integrity-check')"))


async def find(db: Database, query: str) -> list[int]:
    async with db.read() as session:
        return [row.contact_id for row in (await list_conversations(session, Filters(text=query))).rows]


async def test_the_whole_way_of_a_conversation(db: Database, database_url: str) -> None:
    """A message taken in and answered, one sent, a request, staff who take, write and give back, and a notice."""
    channel = ScriptedChannel()
    settings = make_settings(database_url=database_url)
    with ScriptedRasa(lambda body: (200, said("utter_thank", "utter_greet", intent="thank"))) as rasa:
        async with running_assistant(database_url, rasa.url, {"telegram": channel}) as assistant:

            async def write(number: int, words: str) -> Contact:
                await assistant.accept([inbound(words, number=number, channel="telegram")])

                async def settled() -> bool:
                    return not await all_messages(db, "in", state="received")

                await eventually(settled)
                await assert_in_step(db)
                return await contact_of(db, (await all_messages(db, "in"))[0].contact_id)

            contact = await write(1, "ch7al l formation")
            assert (contact.unread, contact.waiting_since) == (1, None)
            assert contact.last_message_id == (await all_messages(db, "out"))[-1].id
            assert await find(db, "شحال") == [contact.id]

            async def all_sent() -> bool:
                return len(await all_messages(db, "out", state="sent")) == 2

            await eventually(all_sent)
            await assistant.accept([inbound("ch7al l formation", number=1, channel="telegram")])  # delivered twice
            assert (await contact_of(db, contact.id)).unread == 1

            async with db.write() as session:
                assert await open_request(session, contact.id, "human", None)
            asked_at = (await contact_of(db, contact.id)).waiting_since
            assert asked_at is not None
            contact = await write(2, "il y a quelqu'un ?")
            assert (contact.unread, contact.waiting_since) == (2, asked_at)

            await staff.take(settings, contact.id, "Amal", 2)
            assert (await contact_of(db, contact.id)).waiting_since == asked_at
            await staff.say(settings, contact.id, "Bonjour, ici Amal")
            contact = await contact_of(db, contact.id)
            assert (contact.unread, contact.waiting_since, contact.read_by_staff_at is None) == (0, None, False)
            assert await find(db, "amal") == [contact.id]
            await assert_in_step(db)

            contact = await write(3, "merci")
            assert contact.waiting_since == contact.last_message_at  # nobody but Amal answers
            await staff.give_back(settings, contact.id)
            assert (await contact_of(db, contact.id)).waiting_since is None
            await assistant.schedule.run_due()
            assert (await all_messages(db, "out"))[-1].answer_key == "bot_is_back"
            await assert_in_step(db)

            async with db.write() as session:
                plan_notice(session, contact.id, Answer("bot_is_back"), asked_at=utc_now())
            await assistant.schedule.run_due()
            await assert_in_step(db)


async def test_erasure_leaves_nothing_to_find(db: Database) -> None:
    """Words, notes and tags of an erased person are gone; others' stay; the row goes with the last trace."""
    erased, other = await meet(db), await meet(db)
    for contact_id in (erased, other):
        await hear(db, contact_id, "je cherche une formation")
        await tell(db, contact_id, "Voici la formation")
        async with db.write() as session:
            await open_request(session, contact_id, "human", None)
            await add_tag(session, contact_id, "bourse")
            await add_note(session, contact_id, "à rappeler", "Amal")
    last = await hear(db, erased, "effacez la formation", state="received")
    async with db.write() as session:
        receipt = await erase_contact(session, erased, last, "x" * 16)
    assert (receipt.counts["notes"], receipt.counts["contact_tags"]) == (1, 1)
    await assert_in_step(db)
    assert await find(db, "formation") == [other]
    contact = await contact_of(db, erased)
    assert (contact.last_message_id, contact.unread, contact.waiting_since) == (last, 0, None)
    async with db.write() as session:
        await purge_contact(session, erased)
    await assert_in_step(db)
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Note)) == 1
        assert await session.scalar(select(func.count()).select_from(ContactTag)) == 1


async def test_two_channels_become_one_conversation(db: Database) -> None:
    """Messages, notes and tags of both are there once; who waited longer, waits; what was unread of both, is."""
    kept, merged = await meet(db), await meet(db, channel="whatsapp")
    await hear(db, merged, "premier")
    await hear(db, kept, "bonjour")
    newest = await hear(db, merged, "dernier message")
    async with db.write() as session:
        await open_request(session, merged, "human", None)
        for contact_id, names in ((kept, ("bourse",)), (merged, ("bourse", "presse"))):
            await add_note(session, contact_id, f"note {contact_id}", "Amal")
            for name in names:
                await add_tag(session, contact_id, name)
    waiting_since = (await contact_of(db, merged)).waiting_since
    async with db.write() as session:
        await merge_contacts(session, kept, merged)
    await assert_in_step(db)
    contact = await contact_of(db, kept)
    assert (contact.last_message_id, contact.last_inbound_id, contact.unread) == (newest, newest, 3)
    assert contact.waiting_since == waiting_since is not None
    assert await find(db, "dernier") == [kept]
    async with db.read() as session:
        assert await list_tags(session, kept) == ["bourse", "presse"]
        assert {note.text for note in await list_notes(session, kept)} == {f"note {kept}", f"note {merged}"}


async def test_one_s_data_have_what_staff_noted(db: Database) -> None:
    """Notes and tags are the person's; who wrote them is not."""
    contact_id = await meet(db)
    async with db.write() as session:
        await add_note(session, contact_id, "à rappeler", "Amal", 3)
        await add_tag(session, contact_id, "bourse")
    async with db.read() as session:
        held = await collect(session, contact_id)
    assert [(note["text"], set(note)) for note in held["notes"]] == [("à rappeler", {"text", "created_at"})]
    assert [tag["name"] for tag in held["tags"]] == ["bourse"]


async def test_late_commits_do_not_take_a_conversation_back(db: Database) -> None:
    """Of two processes the one with the smaller id may commit last: the last message stays the last."""
    contact_id = await meet(db)
    await hear(db, contact_id, "un")
    last = await hear(db, contact_id, "deux")
    async with db.write() as session:
        await note_received(session, contact_id, last - 1, "", utc_now() - timedelta(hours=1))
    contact = await contact_of(db, contact_id)
    assert (contact.last_message_id, contact.last_inbound_id) == (last, last)
