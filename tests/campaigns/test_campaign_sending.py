"""Campaigns go out once to each, at the pace of the channels, behind every answer, until they are held or ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from campaigns.crowd import TEXTS, add_application, add_campaign, add_many, add_person, list_recipients, read_campaign
from scripted import ScriptedChannel, ScriptedRasa, all_messages, eventually, inbound, running_assistant
from sqlalchemy import select, update

from bot.campaigns import changes
from bot.campaigns.results import read_results
from bot.campaigns.segments import Segment
from bot.clock import utc_now
from bot.db.campaigns import note_reply
from bot.db.engine import Database
from bot.db.linking import merge_contacts
from bot.db.models import CampaignRecipient, ChannelPause, Contact, Draft, Identity, Message
from bot.db.people import unsubscribe
from bot.errors import SendError
from bot.messages import Outbound
from bot.outbox import CAMPAIGN_WIDTH

FAST = {"campaign_telegram_per_s": 30, "campaign_whatsapp_per_s": 50}
SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def rasa_url() -> Iterator[str]:
    with ScriptedRasa() as rasa:
        yield rasa.url


async def when_in(db: Database, campaign_id: int, state: str, timeout_s: float = 40.0) -> None:
    async def reached() -> bool:
        return (await read_campaign(db, campaign_id)).state == state

    await eventually(reached, timeout_s, f"campaign {state}")


async def when_sent(channel: ScriptedChannel, count: int) -> None:
    async def sent() -> bool:
        return len(channel.sent) >= count

    await eventually(sent, 30, f"{count} messages")


async def test_everybody_gets_it_once_in_their_variety(db: Database, database_url: str, rasa_url: str) -> None:
    """With how to stop and the way back, on the channel that they wrote on last; the log has it."""
    async with db.write() as session:
        both = await add_person(session, "whatsapp", "telegram", variety="ary-Latn")
        english = await add_person(session, "telegram", variety="en")
        await add_person(session, "web")
    campaign_id = await add_campaign(db)
    channels = {name: ScriptedChannel(name) for name in ("telegram", "whatsapp")}
    async with running_assistant(database_url, rasa_url, channels, **FAST):
        await when_in(db, campaign_id, "done")
    ((_, darija),) = channels["whatsapp"].sent
    assert darija.text == f"{TEXTS['fr'].replace(' !', chr(160) + '!')}\n\nPour arrêter, écrivez STOP."
    assert [button.payload for button in darija.buttons] == ["/ask_capabilities", "/unsubscribe"]
    ((_, other),) = channels["telegram"].sent
    assert other.text == f"{TEXTS['en']}\n\nTo stop, write STOP." and other.variety == "en"
    assert {(each.contact_id, each.campaign_id) for each in await all_messages(db, "out")} == {
        (both.id, campaign_id),
        (english.id, campaign_id),
    }
    async with db.read() as session:
        results = await read_results(session, await read_campaign(db, campaign_id))
        last = await session.get_one(Contact, both.id)
    assert (results.people, results.sent, results.skipped) == (3, 2, {"page": 1})
    assert last.last_message_id is not None
    by_channel = {each.channel: each for each in results.channels}
    assert (by_channel["telegram"].delivered, by_channel["telegram"].read) == (None, None)
    assert (by_channel["whatsapp"].delivered, by_channel["whatsapp"].read) == (0, 0)


async def test_consent_is_looked_at_again_at_each_turn(db: Database, database_url: str, rasa_url: str) -> None:
    """Who says STOP after the recipients were fixed gets nothing; who is queued already neither."""
    ids = await add_many(db, 12)
    campaign_id = await add_campaign(db)
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, campaign_telegram_per_s=1):
        await when_sent(channel, 2)
        async with db.write() as session:
            for contact_id in ids[4:]:
                await unsubscribe(session, contact_id)
        await when_in(db, campaign_id, "done")
    assert 2 <= len(channel.sent) <= 4
    async with db.read() as session:
        results = await read_results(session, await read_campaign(db, campaign_id))
    assert results.sent == len(channel.sent) and results.skipped["stopped"] + results.causes.get("stopped", 0) >= 8


async def test_a_pause_holds_everything_and_a_stop_ends_it(db: Database, database_url: str, rasa_url: str) -> None:
    """After a pause nothing leaves; going on sends the rest; after a stop the rest never goes out, and is counted."""
    await add_many(db, 60)
    campaign_id = await add_campaign(db)
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, campaign_telegram_per_s=15) as app:
        await when_sent(channel, 10)
        async with db.write() as session:
            await changes.pause(session, campaign_id)
        await asyncio.sleep(0.5)
        held = len(channel.sent)
        await asyncio.sleep(1.5)
        assert len(channel.sent) == held < 60
        async with db.write() as session:
            await changes.resume(session, campaign_id)
            flying = await changes.list_in_flight(session, campaign_id)
        for contact_id in flying:
            app.outbox.campaign_lanes.wake(contact_id)
        await when_sent(channel, held + 10)
        async with db.write() as session:
            await changes.stop(session, campaign_id)
        await asyncio.sleep(0.5)
        ended = len(channel.sent)
        await app.sweep()
        await asyncio.sleep(1.0)
        assert len(channel.sent) == ended < 60
    async with db.read() as session:
        results = await read_results(session, await read_campaign(db, campaign_id))
    assert results.sent == ended and results.queued == 0
    assert results.sent + results.waiting + results.causes.get("halted", 0) == results.people == 60


async def test_two_processes_and_a_restart_send_it_once(db: Database, database_url: str, rasa_url: str) -> None:
    """Half way the first process ends; another one, or two on PostgreSQL, sends the rest, and nobody gets it twice."""
    await add_many(db, 80)
    campaign_id = await add_campaign(db)
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
        await when_sent(channel, 20)
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
        if db.is_sqlite:
            await when_in(db, campaign_id, "done")
        else:
            async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
                await when_in(db, campaign_id, "done")
    addresses = Counter(address for address, _ in channel.sent)
    assert len(addresses) == 80 and set(addresses.values()) == {1}
    assert {row.state for row in await list_recipients(db, campaign_id)} == {"queued"}


async def test_a_channel_that_has_too_much_is_left_alone(db: Database, database_url: str, rasa_url: str) -> None:
    """After a 429 nothing of the campaign goes there before the time that was asked for; another channel goes on."""
    await add_many(db, 10)
    await add_many(db, 10, "whatsapp")
    campaign_id = await add_campaign(db)
    busy = SendError("Too Many Requests: retry after 3", code="429", retryable=True, retry_after_s=3.0, busy=True)
    channels = {"telegram": ScriptedChannel(errors=[busy]), "whatsapp": ScriptedChannel("whatsapp")}
    async with running_assistant(database_url, rasa_url, channels, **FAST):

        async def asked() -> bool:
            async with db.read() as session:
                return await session.get(ChannelPause, "telegram") is not None

        await eventually(asked)
        await asyncio.sleep(0.3)
        before = channels["telegram"].attempts
        await when_sent(channels["whatsapp"], 10)
        await asyncio.sleep(1.0)
        assert channels["telegram"].attempts == before < 10
        await when_in(db, campaign_id, "done")
    assert len(channels["telegram"].sent) == 10


class Slow(ScriptedChannel):
    """A provider that takes its time, and keeps the order in which it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    async def send(self, address: str, message: Outbound) -> str:
        self.begun.append(message.answer_key)
        await asyncio.sleep(0.2)
        return await super().send(address, message)


async def test_an_answer_goes_before_all_that_is_queued(db: Database, database_url: str, rasa_url: str) -> None:
    """While a campaign fills its lanes, an answer begins at once: no message of the campaign starts before it."""
    await add_many(db, 60)
    await add_campaign(db)
    channel = Slow()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST) as app:
        await when_sent(channel, 10)
        for number in range(5):
            before = len(channel.begun)
            await app.accept([inbound(sender="live", number=number, channel="telegram")])

            async def queued(at: int = number) -> bool:
                answers = await all_messages(db, "out", answer_key="utter_greet")
                return len(answers) > at

            await eventually(queued)
            stored = len(channel.begun)

            async def begun(at: int = number) -> bool:
                return channel.begun.count("utter_greet") > at

            await eventually(begun)
            first = next(i for i in range(before, len(channel.begun)) if channel.begun[i] == "utter_greet")
            # What had passed its last look before the answer was stored can't be called back; no other may come.
            assert first - stored <= CAMPAIGN_WIDTH
            await asyncio.sleep(0.3)


async def test_held_and_asked_people_are_left_in_peace(db: Database, database_url: str, rasa_url: str) -> None:
    """Who is with a member of staff, or in the middle of a journey, gets it later."""
    async with db.write() as session:
        held = await add_person(session, held_by="Salma", held_until=utc_now() + timedelta(minutes=5))
        asked = await add_person(session)
        session.add(Draft(contact_id=asked.id, journey="preregistration", state="asking"))
        await add_person(session)
    campaign_id = await add_campaign(db)
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
        await when_sent(channel, 1)

        async def put_off() -> bool:
            return sum(row.due_at is not None for row in await list_recipients(db, campaign_id)) == 2

        await eventually(put_off)
        async with db.write() as session:
            await session.execute(update(CampaignRecipient).values(due_at=None))
            await session.execute(update(Contact).where(Contact.id == held.id).values(held_until=None, held_by=None))
            await session.execute(update(Draft).values(state="paused"))
        await when_in(db, campaign_id, "done")
    assert len(channel.sent) == 3


async def test_it_waits_for_its_time_and_for_the_morning(db: Database, database_url: str, rasa_url: str) -> None:
    """Not before it is scheduled; and in the quiet hours only if the release says so."""
    await add_many(db, 2)
    later = await add_campaign(db, starts_at=utc_now() + timedelta(hours=1))
    quiet = await add_campaign(db, ignores_quiet=False)
    channel = ScriptedChannel()
    here = utc_now().astimezone()
    span = f"{(here - timedelta(hours=3)):%H:%M}-{(here + timedelta(hours=4)):%H:%M}"
    async with running_assistant(
        database_url, rasa_url, {"telegram": channel}, campaign_quiet_hours=span, **FAST
    ) as app:
        await when_in(db, quiet, "sending")
        for _ in range(3):
            await app.sending.step()
        assert channel.sent == [] and (await read_campaign(db, later)).state == "scheduled"
        assert (await read_campaign(db, quiet)).is_gathered


async def test_whatsapp_after_its_window_takes_a_line_of_a_template(
    db: Database, database_url: str, rasa_url: str
) -> None:
    """As an approved template of the text's variety, how to stop included; without one it is not sent."""
    async with db.write() as session:
        old = utc_now() - timedelta(hours=30)
        await add_person(session, "whatsapp", variety="ary-Latn", heard_at=old)
        await add_person(session, "whatsapp", variety="en", heard_at=old)
    long = "Une très longue nouvelle. " * 20
    campaign_id = await add_campaign(db, texts={**TEXTS, "fr": long})
    channel = ScriptedChannel("whatsapp")
    async with running_assistant(
        database_url, rasa_url, {"whatsapp": channel}, whatsapp_notice_templates={"fr": "HX1"}, **FAST
    ):
        await when_in(db, campaign_id, "done")
    ((_, outbound),) = channel.sent
    assert outbound.template == "HX1" and outbound.buttons == ()
    assert len(outbound.text) <= 255 and outbound.text.endswith("… – Pour arrêter, écrivez STOP.")
    assert {row.outcome for row in await list_recipients(db, campaign_id)} == {None, "window"}


async def test_names_of_people_are_never_read_as_text(db: Database, database_url: str, rasa_url: str) -> None:
    """A campaign about applications may greet by name; what somebody gave as a name stays what it is."""
    async with db.write() as session:
        for name in ("{{reference}} x", "Ana Bel", "{% raw %}"):
            person = await add_person(session, topic=None)
            await add_application(session, person, full_name=name)
    texts = {"fr": "Bonjour {{ first_name }}, dossier {{reference}}."}
    campaign_id = await add_campaign(
        db, Segment("application"), texts, dict.fromkeys(("en", "ar", "ary-Latn", "ary-Arab"), "fr")
    )
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
        await when_in(db, campaign_id, "done")
    said = sorted(outbound.text.partition(",")[0] for _, outbound in channel.sent)
    assert said == ["Bonjour Ana", "Bonjour {%", "Bonjour {{reference}}"]


async def test_answers_and_stops_are_counted_with_the_last_campaign(
    db: Database, database_url: str, rasa_url: str
) -> None:
    """Within a week; a STOP is no answer; a campaign that the person never got has nothing to do with it."""
    ids = await add_many(db, 3)
    first = await add_campaign(db)
    channel = ScriptedChannel()
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST):
        await when_in(db, first, "done")
        second = await add_campaign(db)
        await when_in(db, second, "done")
    async with db.write() as session:
        await note_reply(session, ids[0], utc_now())
        await note_reply(session, ids[1], utc_now())
        await unsubscribe(session, ids[1])
        await note_reply(session, ids[2], utc_now() + timedelta(days=8))
    async with db.read() as session:
        before = await read_results(session, await read_campaign(db, first))
        after = await read_results(session, await read_campaign(db, second))
    assert (before.replied, before.stopped) == (0, 0)
    assert (after.replied, after.stopped) == (1, 1)


async def test_who_links_a_channel_in_between_gets_it_once(db: Database, database_url: str, rasa_url: str) -> None:
    """Two rows of one person become one, whichever was handled."""
    async with db.write() as session:
        kept = await add_person(session, "telegram")
        merged = await add_person(session, "whatsapp")
    campaign_id = await add_campaign(db)
    channels: dict[str, Any] = {name: ScriptedChannel(name) for name in ("telegram", "whatsapp")}
    async with running_assistant(database_url, rasa_url, {}, **FAST) as app:
        # Nothing is served, so that rows are made and none is handled.
        for _ in range(4):
            await app.sending._list_running(utc_now())
            async with db.read() as session:
                known = list(await session.scalars(select(CampaignRecipient.id)))
            if len(known) == 2:
                break
            await asyncio.sleep(0.5)
    async with db.write() as session:
        await session.execute(update(CampaignRecipient).values(state="waiting", outcome=None, handled_at=None))
        await changes.lock_campaign(session, campaign_id)
        (await changes.lock_campaign(session, campaign_id)).state = "sending"
        await merge_contacts(session, kept.id, merged.id)
    async with running_assistant(database_url, rasa_url, channels, **FAST):
        await when_in(db, campaign_id, "done")
    assert sum(len(channel.sent) for channel in channels.values()) == 1
    async with db.read() as session:
        assert len(list(await session.scalars(select(Message).where(Message.campaign_id == campaign_id)))) == 1


async def test_a_draft_that_is_thrown_away_leaves_nothing_queued(
    db: Database, database_url: str, rasa_url: str
) -> None:
    """A test of it that did not leave yet is closed with it, so that nothing waits for a campaign that is not there."""
    async with db.write() as session:
        person = await add_person(session)
    campaign_id = await add_campaign(db, is_released=False)
    async with db.write() as session:
        identity = (await session.scalars(select(Identity))).one()
        await changes.plan_test(session, await changes.lock_campaign(session, campaign_id), identity, "fr")
    channel = ScriptedChannel(errors=[SendError("busy", code="503", retryable=True)])
    async with running_assistant(database_url, rasa_url, {"telegram": channel}, **FAST) as app:

        async def tried() -> bool:
            return channel.attempts == 1

        await eventually(tried)
        async with db.write() as session:
            await changes.discard(session, campaign_id)
        assert await app.outbox.list_due_of_campaigns() == []
    (message,) = await all_messages(db, "out", contact_id=person.id)
    assert (message.state, channel.sent) == ("undeliverable", [])
