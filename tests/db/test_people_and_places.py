"""Places at events, linked channels and erased people, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot import clock
from bot.db.base import Base
from bot.db.engine import Database
from bot.db.erasure import erase_contact, list_purgeable, purge_contact
from bot.db.linking import CODE_HELD, find_code, make_code, merge_contacts, use_code
from bot.db.models import (
    Application,
    ApplicationChange,
    Consent,
    Contact,
    Draft,
    Erasure,
    Event,
    Identity,
    Interaction,
    Message,
    Notice,
    Rating,
    Registration,
    Session,
    StaffRequest,
    Subscription,
)
from bot.db.people import hand_back, hold, subscribe
from bot.journeys import registrations

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


async def add_contact(db: Database, address: str, channel: str = "telegram") -> int:
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        session.add(Identity(contact_id=contact.id, channel=channel, address=address))
        return contact.id


async def add_event(db: Database, capacity: int | None) -> None:
    async with db.write() as session:
        session.add(
            Event(
                slug="demo", name="Demo", status="confirmed", is_registered_here=True, capacity=capacity,
                begins_at=NOW + timedelta(days=5), is_demo=True,
            )
        )  # fmt: skip


async def take_place(db: Database, contact_id: int) -> str:
    async with db.write() as session:
        event = await session.get_one(Event, "demo")
        registration, _ = await registrations.register(session, contact_id, event)
        return registration.state


async def test_the_last_place_is_taken_once(db: Database) -> None:
    """Twelve people at the same moment for five places: five get one, seven wait, each with a number of their own."""
    with clock.running_on(lambda: NOW):
        await add_event(db, 5)
        people = [await add_contact(db, f"p{number}") for number in range(12)]
        states = await asyncio.gather(*(take_place(db, person) for person in people))
        assert sorted(states) == ["registered"] * 5 + ["waiting"] * 7
        async with db.read() as session:
            waiting = list(await session.scalars(select(Registration).where(Registration.state == "waiting")))
            positions = sorted([await registrations.find_position(session, each) for each in waiting])
        assert positions == [1, 2, 3, 4, 5, 6, 7]


async def test_a_conversation_is_handed_back_once(db: Database) -> None:
    """Two at the same moment, or a hand-back and the end of its time: the person hears once that the bot is back."""
    with clock.running_on(lambda: NOW):
        person = await add_contact(db, "p")
        async with db.write() as session:
            assert await hold(session, person, "agent", NOW + timedelta(hours=1))

        async def give_back() -> bool:
            async with db.write() as session:
                return await hand_back(session, person)

        assert sorted(await asyncio.gather(give_back(), give_back(), give_back())) == [False, False, True]
        async with db.read() as session:
            assert await session.scalar(select(func.count()).select_from(Notice)) == 1


async def test_registering_twice_is_one_place(db: Database) -> None:
    with clock.running_on(lambda: NOW):
        await add_event(db, 5)
        person = await add_contact(db, "p")
        assert [await take_place(db, person), await take_place(db, person)] == ["registered", "registered"]
        async with db.read() as session:
            assert await session.scalar(select(func.count()).select_from(Registration)) == 1


async def test_nobody_overtakes_those_who_wait(db: Database) -> None:
    """A freed place is offered to the first in line, and whoever comes then waits behind the others."""
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        await add_event(db, 1)
        first, second, third, late = [await add_contact(db, f"p{number}") for number in range(4)]
        for person in (first, second, third):
            await take_place(db, person)
        async with db.write() as session:
            event = await session.get_one(Event, "demo")
            own = await registrations.find_registration(session, first, "demo")
            assert own is not None
            await registrations.cancel(session, own, event)
        assert await take_place(db, late) == "waiting"
        async with db.read() as session:
            offered = await registrations.find_registration(session, second, "demo")
            assert offered is not None and offered.state == "offered"
            assert offered.offered_until == NOW + registrations.OFFER_HELD
        moment[0] += registrations.OFFER_HELD
        async with db.write() as session:
            await registrations.settle(session, "demo")
        async with db.read() as session:
            states = dict((await session.execute(select(Registration.contact_id, Registration.state))).all())
            told = list(await session.scalars(select(Notice).order_by(Notice.id)))
        assert states == {first: "cancelled", second: "lapsed", third: "offered", late: "waiting"}
        offers = [(notice.contact_id, notice.answer["answer"]) for notice in told if "place" in notice.answer["answer"]]
        assert offers == [(second, "place_offered"), (second, "place_lapsed"), (third, "place_offered")]


async def test_a_correction_that_something_returns_to_does_not_keep_two_people_apart(db: Database) -> None:
    """A short journey begun in the middle of a correction names it; the correction goes when they are linked."""
    with clock.running_on(lambda: NOW):
        kept, merged = await add_contact(db, "a"), await add_contact(db, "b", "web")
        async with db.write() as session:
            correction = Draft(contact_id=merged, journey="correction", state="paused", answers={})
            session.add(correction)
            await session.flush()
            done = {"contact_id": merged, "journey": "feedback", "state": "done", "answers": {}}
            session.add(Draft(**done, returns_to_id=correction.id))
        async with db.write() as session:
            await merge_contacts(session, kept, merged)
        async with db.read() as session:
            assert [row.journey for row in await session.scalars(select(Draft))] == ["feedback"]


async def test_subscriptions_of_two_people_become_one(db: Database) -> None:
    """What one wants narrowly and the other whole is wanted whole; what both narrow is wanted both ways."""
    with clock.running_on(lambda: NOW):
        kept, merged = await add_contact(db, "a"), await add_contact(db, "b", "web")
        async with db.write() as session:
            for contact_id, topic, wish in (
                (kept, "cohorts", {"city": "oujda"}),
                (merged, "cohorts", {"city": "fes"}),
                (kept, "events", {"city": "oujda"}),
                (merged, "events", {}),
                (merged, "publications", {"topic": "ai"}),
            ):
                await subscribe(session, contact_id, topic, wish)
        async with db.write() as session:
            await merge_contacts(session, kept, merged)
        async with db.read() as session:
            rows = {row.topic: (row.contact_id, row.wishes) for row in await session.scalars(select(Subscription))}
        assert rows == {
            "cohorts": (kept, [{"city": "oujda"}, {"city": "fes"}]),
            "events": (kept, []),
            "publications": (kept, [{"topic": "ai"}]),
        }


@pytest.mark.parametrize("failure", ["dropped", "undeliverable"])
async def test_a_place_goes_on_where_the_person_can_not_be_told(db: Database, failure: str) -> None:
    """Whoever can't be reached keeps their turn, and is offered the next place only after they wrote again."""
    with clock.running_on(lambda: NOW):
        await add_event(db, 1)
        first, silent, third = [await add_contact(db, f"p{number}") for number in range(3)]
        for person in (first, silent, third):
            await take_place(db, person)
        async with db.write() as session:
            event = await session.get_one(Event, "demo")
            own = await registrations.find_registration(session, first, "demo")
            assert own is not None
            await registrations.cancel(session, own, event)
        async with db.write() as session:
            notice = (await session.scalars(select(Notice).where(Notice.contact_id == silent))).one()
            notice.state = "dropped" if failure == "dropped" else "queued"
            if failure != "dropped":
                identity = (await session.scalars(select(Identity).where(Identity.contact_id == silent))).one()
                state = {"direction": "out", "channel": "telegram", "state": failure}
                message = Message(contact_id=silent, identity_id=identity.id, **state)
                session.add(message)
                await session.flush()
                notice.message_id = message.id
        async with db.write() as session:
            await registrations.settle(session, "demo")
        async with db.write() as session:
            states = dict((await session.execute(select(Registration.contact_id, Registration.state))).all())
            assert states == {first: "cancelled", silent: "waiting", third: "offered"}
            # Two more places: nobody is left who can be told, until the silent one writes; others just take them.
            (await session.get_one(Event, "demo")).capacity = 4
        late = await add_contact(db, "late")
        assert await take_place(db, late) == "registered"
        for wrote, state in ((False, "waiting"), (True, "offered")):
            async with db.write() as session:
                if wrote:
                    identity = (await session.scalars(select(Identity).where(Identity.contact_id == silent))).one()
                    identity.last_inbound_at = NOW + timedelta(minutes=1)
                    await session.flush()
                await registrations.settle(session, "demo")
            async with db.read() as session:
                own = await registrations.find_registration(session, silent, "demo")
                assert own is not None and own.state == state


async def test_who_asks_after_an_offer_ran_out_waits_again(db: Database) -> None:
    """Before the next sweep: it is no registration any more, and the place goes to the next in line."""
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        await add_event(db, 1)
        first, second, third = [await add_contact(db, f"p{number}") for number in range(3)]
        for person in (first, second, third):
            await take_place(db, person)
        async with db.write() as session:
            event = await session.get_one(Event, "demo")
            own = await registrations.find_registration(session, first, "demo")
            assert own is not None
            await registrations.cancel(session, own, event)
        moment[0] += registrations.OFFER_HELD
        assert await take_place(db, second) == "waiting"
        async with db.read() as session:
            states = [
                (row.contact_id, row.state)
                for row in await session.scalars(select(Registration).order_by(Registration.id))
            ]
        assert states == [(first, "cancelled"), (second, "lapsed"), (third, "offered"), (second, "waiting")]


async def test_an_offer_that_is_over_can_not_be_taken(db: Database) -> None:
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        await add_event(db, 1)
        first, second = await add_contact(db, "a"), await add_contact(db, "b")
        await take_place(db, first)
        await take_place(db, second)
        async with db.write() as session:
            event = await session.get_one(Event, "demo")
            own = await registrations.find_registration(session, first, "demo")
            assert own is not None
            await registrations.cancel(session, own, event)
        moment[0] += registrations.OFFER_HELD + timedelta(seconds=1)
        async with db.write() as session:
            offered = await registrations.find_registration(session, second, "demo")
            assert offered is not None
            assert not await registrations.confirm(session, offered, await session.get_one(Event, "demo"))


async def test_a_code_works_once_and_not_for_ever(db: Database) -> None:
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        person = await add_contact(db, "a")
        async with db.write() as session:
            code = await make_code(session, person)
        async with db.write() as session:
            assert await use_code(session, code) == person
            assert await use_code(session, code) is None
            old = await make_code(session, person)
        moment[0] += CODE_HELD
        async with db.write() as session:
            assert await use_code(session, old) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("LINK-7F3K9Q", "LINK-7F3K9Q"),
        ("voici : link-7f3k9q merci", "LINK-7F3K9Q"),
        ("can you send me the link please", None),
        ("LINK-PLEASE", None),
        ("LINK-7F3K9", None),
        ("linkedin-abcdef", None),
    ],
)
def test_a_code_is_found_in_a_message(text: str, code: str | None) -> None:
    assert find_code(text) == code


async def fill(db: Database, contact_id: int, name: str) -> None:
    """A row of everything that a person can have."""
    async with db.write() as session:
        identity = await session.scalar(select(Identity).where(Identity.contact_id == contact_id))
        assert identity is not None
        conversation = Session(contact_id=contact_id, number=1)
        session.add(conversation)
        await session.flush()
        inbound = Message(
            contact_id=contact_id, identity_id=identity.id, session_id=conversation.id, direction="in",
            channel="telegram", state="answered", external_id=name, text=f"my name is {name}",
        )  # fmt: skip
        session.add(inbound)
        await session.flush()
        session.add(
            Message(
                contact_id=contact_id, identity_id=identity.id, direction="out", channel="telegram", state="sent",
                reply_to_id=inbound.id, text=name,
            )
        )  # fmt: skip
        session.add_all(
            [
                Interaction(contact_id=contact_id, message_id=inbound.id, action="a", outcome="x", duration_ms=1.0),
                Consent(contact_id=contact_id, purpose="application", is_given=True, wording=name, channel="telegram"),
                Draft(contact_id=contact_id, journey="preregistration", asking="phone", answers={"full_name": name}),
                Subscription(contact_id=contact_id, topic="events"),
                StaffRequest(contact_id=contact_id, message_id=inbound.id, kind="human", details={"name": name}),
                Rating(contact_id=contact_id, answer_key="x", comment=name),
                Notice(contact_id=contact_id, answer={"answer": "x"}, due_at=NOW),
                Registration(contact_id=contact_id, event_slug="demo", reference=f"E-{name}", state="registered"),
                Application(
                    contact_id=contact_id, reference=f"J-{name}", full_name=name, phone="+212612345678", email="a@b.ma",
                    city_slug="rabat", diploma="bac", situation="student", track_slug="data",
                    history=[ApplicationChange(state="received", changed_by="person")],
                ),
            ]
        )  # fmt: skip


async def count_rows(db: Database) -> dict[str, int]:
    async with db.read() as session:
        return {
            table.name: int(await session.scalar(select(func.count()).select_from(table)) or 0)
            for table in Base.metadata.sorted_tables
        }


async def test_an_erased_person_leaves_nothing_but_a_receipt(db: Database) -> None:
    """At once, all but the message that asked and the address to answer to; a minute later, these as well."""
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        await add_event(db, None)
        empty = await count_rows(db)
        person = await add_contact(db, "secret-address")
        await fill(db, person, "Secret Name")
        async with db.write() as session:
            newest = await session.scalar(select(func.max(Message.id)).where(Message.direction == "in"))
            receipt = await erase_contact(session, person, newest, "x" * 16)
        assert receipt.counts["applications"] == receipt.counts["consents"] == receipt.counts["drafts"] == 1
        async with db.read() as session:
            (left,) = await session.scalars(select(Message))
            assert (left.text, left.contact_id) == ("", person)
            assert await list_purgeable(session) == []
        moment[0] += timedelta(minutes=2)
        async with db.read() as session:
            assert await list_purgeable(session) == [person]
        async with db.write() as session:
            await purge_contact(session, person)
        assert await count_rows(db) == {**empty, "erasures": 1}
        async with db.read() as session:
            (kept,) = await session.scalars(select(Erasure))
        assert "Secret" not in str(kept.counts) and "secret" not in kept.reference


async def test_erasing_one_person_leaves_the_others_alone(db: Database) -> None:
    with clock.running_on(lambda: NOW):
        await add_event(db, None)
        other, person = await add_contact(db, "o"), await add_contact(db, "p")
        await fill(db, other, "Other")
        before = await count_rows(db)
        await fill(db, person, "Person")
        async with db.write() as session:
            await erase_contact(session, person, None, "x" * 16)
            await purge_contact(session, person)
        after = await count_rows(db)
    assert after == {
        **before,
        "contacts": before["contacts"] - 1,
        "identities": before["identities"] - 1,
        "erasures": 1,
    }


async def test_two_people_become_one(db: Database) -> None:
    """Everything is the kept one's; what there can be once stays as the kept one has it."""
    with clock.running_on(lambda: NOW):
        await add_event(db, None)
        kept, merged = await add_contact(db, "a"), await add_contact(db, "b", "whatsapp")
        await fill(db, kept, "Kept")
        await fill(db, merged, "Merged")
        async with db.write() as session:
            await merge_contacts(session, kept, merged)
        async with db.read() as session:
            assert await session.get(Contact, merged) is None
            owners = {
                model.__tablename__: set(await session.scalars(select(model.contact_id)))  # type: ignore[attr-defined]
                for model in (Identity, Message, Session, Draft, Consent, Application, Registration, Subscription)
            }
            states = dict((await session.execute(select(Application.full_name, Application.state))).all())
            places = dict((await session.execute(select(Registration.reference, Registration.state))).all())
            drafts = sorted(await session.scalars(select(Draft.state)))
            numbers = sorted(await session.scalars(select(Session.number)))
    assert set(map(frozenset, owners.values())) == {frozenset({kept})}
    assert states == {"Kept": "received", "Merged": "withdrawn"}
    assert places == {"E-Kept": "registered", "E-Merged": "cancelled"}
    assert (drafts, numbers) == (["asking", "paused"], [1, 2])


async def test_a_place_that_became_free_in_another_way_is_offered(db: Database) -> None:
    """Somebody who was registered is erased: the next in line is asked, and whoever is asked and registers has it."""
    with clock.running_on(lambda: NOW):
        await add_event(db, 1)
        first, second = await add_contact(db, "a"), await add_contact(db, "b")
        await take_place(db, first)
        await take_place(db, second)
        async with db.write() as session:
            await erase_contact(session, first, None, "x" * 16)
        async with db.write() as session:
            await registrations.settle(session, "demo")
        async with db.write() as session:
            event = await session.get_one(Event, "demo")
            registration, _ = await registrations.register(session, second, event)
            assert registration.state == "offered"
            assert await registrations.confirm(session, registration, event)


async def test_linking_keeps_the_better_place_and_a_stop(db: Database) -> None:
    """Kept waits and merged has a place: the place stays. Merged said STOP: it holds for both."""
    with clock.running_on(lambda: NOW):
        await add_event(db, 1)
        kept, merged = await add_contact(db, "a"), await add_contact(db, "b", "whatsapp")
        assert [await take_place(db, merged), await take_place(db, kept)] == ["registered", "waiting"]
        async with db.write() as session:
            (await session.get_one(Contact, merged)).unsubscribed_at = NOW
        async with db.write() as session:
            await merge_contacts(session, kept, merged)
        async with db.read() as session:
            states = sorted(await session.scalars(select(Registration.state)))
            person = await session.get_one(Contact, kept)
        assert states == ["cancelled", "registered"] and person.unsubscribed_at == NOW
