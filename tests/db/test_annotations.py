"""Candidates, what members say of them, and what follows: on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from staffed import add_member
from talks import contact_of, hear, meet, tell

from bot.annotation import gathering
from bot.annotation.gathering import BEGIN_WITH, gather, gather_all, own_key, pick
from bot.clock import utc_now
from bot.db.annotation_queue import (
    count_groups,
    count_pairs,
    find_labelled,
    find_next,
    list_groups,
    list_members,
    read_group,
)
from bot.db.annotations import ExportedError, Label, annotate, take_out, undo_last, wants_second_look
from bot.db.conversations import list_conversations
from bot.db.engine import Database
from bot.db.erasure import erase_contact, purge_contact
from bot.db.filters import Filters
from bot.db.held import collect
from bot.db.models import Annotation, Candidate, CandidateGroup, Gathering, Message
from bot.schedule import Schedule

AGO = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether every group wants a second look; none does unless a test says so."""
    asked = {"second": False}
    monkeypatch.setattr("bot.db.annotations.wants_second_look", lambda _key: asked["second"])
    return asked


async def miss(db: Database, text: str, contact_id: int | None = None, **values: Any) -> int:
    """A message that was not understood, five minutes ago."""
    contact_id = contact_id or await meet(db)
    columns: dict[str, Any] = {"intent": "nlu_fallback", "confidence": 0.2} | values
    return await hear(db, contact_id, text, utc_now() - AGO, **columns)


async def groups_of(db: Database) -> list[CandidateGroup]:
    async with db.read() as session:
        return list(await session.scalars(select(CandidateGroup).order_by(CandidateGroup.id)))


async def say(db: Database, group_id: int, staff_id: int, intent: str | None, **values: Any) -> str:
    """Annotate; the state that follows."""
    settles = values.pop("settles", False)
    async with db.write() as session:
        group = await annotate(session, group_id, staff_id, Label(intent, "un texte", **values), settles=settles)
        return group.state


async def test_the_log_is_looked_through_once(db: Database) -> None:
    """Equal messages of two people are a group; what comes later is added; nothing is looked at twice."""
    first = await miss(db, "C'est quoi le prix ??")
    contact_id = await meet(db, name="Kenza")
    second = await miss(db, "bonjour c'est quoi le prix", contact_id)
    await miss(db, "tout autre chose, Kenza", contact_id, intent="greet", confidence=0.9)
    assert await gather(db) == 3 and await gather(db) == 0
    (group,) = await groups_of(db)
    assert (group.size, group.weight, group.lead_id, group.state) == (2, 6, first, "open")
    await tell(db, contact_id, "…", reply_to_id=second, created_at=utc_now() - AGO)
    await hear(db, contact_id, "", utc_now() - AGO, intent="rate_down", payload="/rate_down")
    await gather_all(db)
    async with db.read() as session:
        reasons = {each.message_id: each.reasons for each in await session.scalars(select(Candidate))}
    assert reasons[first] == ["not_understood"] and "thumb_down" in str(reasons)


async def test_what_is_open_young_or_old_waits_or_is_left(db: Database) -> None:
    """Nothing behind a message that is still to be answered, nothing of the last seconds, nothing from long ago."""
    contact_id = await meet(db)
    await hear(db, contact_id, "il y a longtemps", utc_now() - BEGIN_WITH - AGO, intent="nlu_fallback")
    await miss(db, "c'est assez jeune")
    waiting = await hear(db, contact_id, "encore à répondre", utc_now() - AGO, state="received", intent=None)
    await miss(db, "derrière elle")
    await gather_all(db)
    assert [each.lead_id for each in await groups_of(db)] == [waiting - 1]
    async with db.write() as session:
        message = await session.get_one(Message, waiting)
        message.state, message.intent = "answered", "nlu_fallback"
    await hear(db, contact_id, "à l'instant", intent="nlu_fallback")
    await gather_all(db)
    assert [each.lead_id for each in await groups_of(db)] == [waiting - 1, waiting, waiting + 1]


async def test_steps_see_over_their_edges(db: Database) -> None:
    """A question and what repeats it in the next step are still seen together."""
    contact_id = await meet(db)
    number = await miss(db, "combien de places restent", contact_id, intent="jobintech_dates", confidence=0.9)
    await tell(db, contact_id, "…", reply_to_id=number, created_at=utc_now() - AGO)
    await miss(db, "combien de places restent ?", contact_id, intent="jobintech_dates", confidence=0.9)
    while await gather(db, 1):
        pass
    async with db.read() as session:
        assert [(each.message_id, each.reasons) for each in await session.scalars(select(Candidate))] == [
            (number, ["asked_again"])
        ]


async def test_personal_data_are_not_kept(db: Database) -> None:
    """A candidate's text has made-up values; profile names count, as masks do."""
    contact_id = await meet(db, name="Kenza Alaoui")
    await miss(db, "Kenza Alaoui, 06 12 34 56 78, rappelez kenza.alaoui@mail.ma svp", contact_id)
    await gather_all(db)
    async with db.read() as session:
        (candidate,) = await session.scalars(select(Candidate))
    assert not any(part in candidate.text for part in ("Kenza", "Alaoui", "06 12", "kenza"))
    assert {mark["entity"] for mark in candidate.marks} == {"person_name", "phone", "email"}


async def test_one_label_two_labels_and_a_judge(db: Database, looks: dict[str, bool]) -> None:
    """One look is enough, or two equal ones where a second is wanted; different ones wait for who settles them."""
    one, two, judge = [(await add_member(db)).id for _ in range(3)]
    for text in ("premier message", "deuxième message", "troisième message"):
        await miss(db, text)
    await gather_all(db)
    first, second, third = [group.id for group in await groups_of(db)]
    assert await say(db, first, one, "greet") == "agreed"
    looks["second"] = True
    assert await say(db, second, one, "greet", marks=[{"start": 0, "end": 2, "entity": "city"}]) == "second"
    assert await say(db, second, two, "greet", marks=[{"start": 0, "end": 2, "entity": "city"}]) == "agreed"
    assert await say(db, third, one, "greet") == "second"
    assert await say(db, third, two, "greet", marks=[{"start": 0, "end": 2, "entity": "city"}]) == "disputed"
    assert await say(db, third, two, "thank") == "disputed"
    assert await say(db, third, judge, "thank", settles=True) == "agreed"
    async with db.read() as session:
        assert (await read_group(session, third)).label == "thank"
        assert await count_pairs(session) == {(one, two): {("greet", "greet"): 1, ("greet", "thank"): 1}}
        assert await count_groups(session) == {"open": 0, "second": 0, "disputed": 0, "agreed": 3, "exported": 0}
    assert await say(db, first, one, None) == "open"
    async with db.write() as session:
        assert await undo_last(session, judge) == third
    assert (await groups_of(db))[2].state == "disputed"


async def test_each_has_their_own_queue(db: Database, looks: dict[str, bool]) -> None:
    """Heaviest first, page by page; what one labelled or skipped is not asked again, of colleagues it is."""
    looks["second"] = True
    one, two = [(await add_member(db)).id for _ in range(2)]
    for number in range(5):
        for _ in range(number + 1):
            await miss(db, f"question {'abcde'[number] * 5}")
    await gather_all(db)
    async with db.read() as session:
        page, after = await list_groups(session, "open", one, None, 2)
        rest, end = await list_groups(session, "open", one, after, 4)
        assert [row.group.size for row in (*page, *rest)] == [5, 4, 3, 2, 1] and end is None
        with pytest.raises(ValueError, match="no place in this list"):
            await list_groups(session, "open", one, "x")
    heaviest, next_one = page[0].group.id, page[1].group.id
    await say(db, heaviest, one, "greet")
    await say(db, next_one, one, None)
    async with db.read() as session:
        assert await find_next(session, "open", one) == rest[0].group.id
        assert await find_next(session, "open", two) == next_one
        assert await find_next(session, "second", one) is None
        assert await find_next(session, "second", two) == heaviest
        assert await find_next(session, "skipped", one) == next_one
        assert await find_next(session, "skipped", two) is None


async def test_a_message_is_taken_out(db: Database) -> None:
    """It leads a group of its own; its old group has a new lead; alone it stays."""
    numbers = [await miss(db, "le même message") for _ in range(3)]
    await gather_all(db)
    async with db.write() as session:
        alone = await take_out(session, numbers[0], own_key(numbers[0]))
    group, other = await groups_of(db)
    assert (group.size, group.weight, group.lead_id) == (2, 6, numbers[2])
    assert (other.id, other.size, other.lead_id, other.state) == (alone, 1, numbers[0], "open")
    async with db.write() as session:
        with pytest.raises(ValueError, match="alone"):
            await take_out(session, numbers[0], own_key(numbers[0]))
    await miss(db, "le même message")
    await gather_all(db)
    assert [each.size for each in await groups_of(db)] == [3, 1]


async def test_staff_pick_a_message(db: Database) -> None:
    """Any typed message, once; no button, none of ours, none that is not there."""
    contact_id = await meet(db)
    number = await hear(db, contact_id, "un message bien compris")
    pressed = await hear(db, contact_id, "", payload="/greet")
    told = await tell(db, contact_id, "bonjour")
    async with db.write() as session:
        group_id = await pick(session, number)
        assert group_id is not None and await pick(session, number) == group_id
        assert [await pick(session, each) for each in (pressed, told, 2**31 - 1)] == [None, None, None]
        assert [each.candidate.reasons for each in await list_members(session, group_id, 9)] == [["picked"]]


async def test_an_erased_person_disappears(db: Database) -> None:
    """Candidates, groups and labels of their texts go; a colleague's message keeps the group; what was exported stays
    without its message."""
    member = (await add_member(db)).id
    contact_id, other_id = await meet(db), await meet(db, name="Omar")
    lone = await miss(db, "seul au monde", contact_id)
    shared = await miss(db, "dit par deux", contact_id)
    kept = await miss(db, "dit par deux", other_id)
    done = await miss(db, "déjà exporté", contact_id)
    await gather_all(db)
    by_lead = {group.lead_id: group.id for group in await groups_of(db)}
    for number in (lone, shared, done):
        await say(db, by_lead[number], member, "greet")
    async with db.write() as session:
        (await session.get_one(CandidateGroup, by_lead[done])).state = "exported"
    async with db.read() as session:
        held = await collect(session, contact_id)
    assert [each["text"] for each in held["messages_worth_a_look"]] == ["seul au monde", "dit par deux", "déjà exporté"]
    async with db.write() as session:
        receipt = await erase_contact(session, contact_id, None, "x" * 16)
        assert receipt.counts["candidates"] == 5  # three messages, two labels
    states = {group.id: (group.state, group.size, group.lead_id) for group in await groups_of(db)}
    assert states == {by_lead[shared]: ("open", 1, kept), by_lead[done]: ("exported", 0, None)}
    async with db.read() as session:
        assert [each.message_id for each in await session.scalars(select(Annotation))] == [None]
        assert (await read_group(session, by_lead[done])).text == "un texte"
    async with db.write() as session:
        await purge_contact(session, contact_id)
    with pytest.raises(ExportedError):
        await say(db, by_lead[done], member, "greet")


async def test_conversations_are_found_by_their_labels(db: Database) -> None:
    """The filter finds who wrote what was labelled, also through a group; what was skipped or undone is none."""
    member = (await add_member(db)).id
    contact_id, other_id = await meet(db), await meet(db)
    number = await miss(db, "le même message", contact_id)
    await miss(db, "le même message", other_id)
    await miss(db, "un autre encore")
    await gather_all(db)

    async def find() -> set[int]:
        async with db.read() as session:
            return {row.contact_id for row in (await list_conversations(session, Filters(annotated=True))).rows}

    group_id = (await groups_of(db))[0].id
    assert await find() == set()
    await say(db, group_id, member, None)
    assert await find() == set()
    await say(db, group_id, member, "greet")
    assert await find() == {contact_id, other_id}
    async with db.read() as session:
        assert {key: row.group.id for key, row in (await find_labelled(session, [number, number + 9])).items()} == {
            number: group_id
        }
    async with db.write() as session:
        await undo_last(session, member)
        assert await undo_last(session, member) is None
    assert await find() == set()
    assert (await contact_of(db, contact_id)).id == contact_id


async def test_the_schedule_looks_and_outlives_a_defect(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep gathers; a defect in it is logged and holds nothing else up."""
    await miss(db, "pas compris du tout")
    schedule = Schedule(db, None, None, None)  # type: ignore[arg-type]  # nothing is told
    await schedule.run_due()
    assert len(await groups_of(db)) == 1

    async def fail(_db: Database) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr("bot.schedule.gather", fail)
    await schedule.run_due()


async def test_two_processes_look_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes second finds that the log was looked through meanwhile, and adds nothing."""
    await miss(db, "pas compris du tout")
    begin = gathering._find_begin
    await gather_all(db)
    async with db.read() as session:
        last = await session.scalar(select(Gathering.last_message_id))

    async def stale(session: Any) -> int:
        return await begin(session) - 1

    monkeypatch.setattr(gathering, "_find_begin", stale)
    assert await gather(db) == 0
    async with db.read() as session:
        assert await session.scalar(select(Gathering.last_message_id)) == last
        assert await session.scalar(select(func.count()).select_from(Candidate)) == 1


def test_a_share_gets_a_second_look() -> None:
    """About one of five."""
    share = sum(wants_second_look(own_key(number)) for number in range(5_000)) / 5_000
    assert 0.18 < share < 0.22
