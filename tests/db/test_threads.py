"""One conversation: pages both ways, what stands behind each message, tags, notes, and what is unread."""

from __future__ import annotations

import pytest
from talks import contact_of, hear, meet, tell

from bot.db.engine import Database
from bot.db.models import Interaction
from bot.db.threads import (
    NOTE_LIMIT_CHARS,
    Thread,
    add_note,
    add_tag,
    find_contact,
    list_notes,
    list_tags,
    mark_read,
    read_thread,
    remove_tag,
)


async def read(db: Database, contact_id: int, **place: int | None) -> Thread:
    async with db.read() as session:
        return await read_thread(session, contact_id, **place)  # type: ignore[arg-type]


def ids(thread: Thread) -> list[int]:
    return [message.id for message in thread.messages]


async def fill(db: Database, count: int = 10) -> tuple[int, list[int]]:
    """A person with so many messages, between those of another."""
    contact_id, other = await meet(db), await meet(db)
    own = []
    for number in range(count):
        own.append(await (hear if number % 2 == 0 else tell)(db, contact_id, f"message {number}"))
        await hear(db, other)
    return contact_id, own


async def test_a_thread_opens_at_its_end(db: Database) -> None:
    contact_id, own = await fill(db)
    thread = await read(db, contact_id, limit=4)
    assert (ids(thread), thread.before, thread.after) == (own[-4:], own[-4], None)
    whole = await read(db, contact_id)
    assert (ids(whole), whole.before, whole.after) == (own, None, None)


async def test_a_thread_pages_both_ways(db: Database) -> None:
    """Back to the first message and forth to the last, each message once, whatever comes in meanwhile."""
    contact_id, own = await fill(db)
    thread = await read(db, contact_id, limit=3)
    back = ids(thread)
    while thread.before is not None:
        thread = await read(db, contact_id, before=thread.before, limit=3)
        back = ids(thread) + back
    assert back == own
    own.append(await hear(db, contact_id, "encore"))
    forth = ids(thread)
    while thread.after is not None:
        thread = await read(db, contact_id, after=thread.after, limit=3)
        forth += ids(thread)
    assert forth == own


@pytest.mark.parametrize(
    ("position", "shown", "is_more_before", "is_more_after"),
    [(0, slice(0, 2), False, True), (5, slice(3, 7), True, True), (9, slice(7, 10), True, False)],
)
async def test_a_permalink_shows_what_is_around(
    db: Database, position: int, shown: slice, is_more_before: bool, is_more_after: bool
) -> None:
    contact_id, own = await fill(db)
    thread = await read(db, contact_id, around=own[position], limit=4)
    assert ids(thread) == own[shown]
    assert (thread.before is not None, thread.after is not None) == (is_more_before, is_more_after)
    async with db.read() as session:
        assert await find_contact(session, own[position]) == contact_id
        assert await find_contact(session, 10_000) is None


async def test_a_message_of_somebody_else_is_not_there(db: Database) -> None:
    contact_id, own = await fill(db, 2)
    with pytest.raises(LookupError, match="not in the conversation"):
        await read(db, contact_id, around=own[0] + 1)
    with pytest.raises(ValueError, match="one message"):
        await read(db, contact_id, around=own[0], before=own[1])
    assert await read(db, 999) == Thread((), None, None)


async def test_a_message_is_shown_with_what_is_behind_it(db: Database) -> None:
    """What was understood, what was looked up, what became of the reply, and who wrote it."""
    contact_id = await meet(db)
    entity = {"entity": "city", "value": "rabat", "start": 12, "end": 17}
    asked = await hear(
        db, contact_id, "formation a rabat", ranking=[{"intent": "greet", "confidence": 0.9}], entities=[entity],
        timings={"total": 40.5},
    )  # fmt: skip
    async with db.write() as session:
        session.add(
            Interaction(
                contact_id=contact_id, message_id=asked, action="action_find_cohorts", lookup={"city": "rabat"},
                rows_found=2, outcome="cohorts_list", duration_ms=3.5,
            )
        )  # fmt: skip
    button = {"title": "Oui", "payload": "/affirm"}
    await tell(db, contact_id, "Voici", reply_to_id=asked, buttons=[button], state="failed", error="30003: parti")
    await tell(db, contact_id, "Ici Salma", is_staff=True)
    question, answer, staff = (await read(db, contact_id)).messages
    assert (question.intent, question.confidence, question.entities) == ("greet", 0.9, [entity])
    (look_up,) = question.look_ups
    assert (look_up.action, look_up.lookup, look_up.rows_found) == ("action_find_cohorts", {"city": "rabat"}, 2)
    assert (look_up.outcome, look_up.duration_ms, question.timings) == ("cohorts_list", 3.5, {"total": 40.5})
    assert (answer.reply_to_id, answer.buttons, answer.state, answer.error) == (
        asked, [button], "failed", "30003: parti",
    )  # fmt: skip
    assert (question.is_staff, answer.is_staff, staff.is_staff) == (False, False, True)


async def test_what_is_read_is_what_was_shown(db: Database) -> None:
    """A message that came while staff read the page stays unread."""
    contact_id = await meet(db)
    shown = [await hear(db, contact_id) for _ in range(3)][-1]
    await hear(db, contact_id)
    async with db.write() as session:
        await mark_read(session, contact_id, shown)
    contact = await contact_of(db, contact_id)
    assert (contact.unread, contact.read_by_staff_at is not None) == (1, True)
    async with db.write() as session:
        await mark_read(session, contact_id)
    assert (await contact_of(db, contact_id)).unread == 0


async def test_tags_come_and_go(db: Database) -> None:
    """A tag is made by its first use, is there once, and goes with its last."""
    one, other = await meet(db), await meet(db)
    async with db.write() as session:
        assert await add_tag(session, one, "  à   rappeler ")
        assert not await add_tag(session, one, "à rappeler")
        assert await add_tag(session, other, "à rappeler")
        assert await add_tag(session, one, "bourse")
        assert set(await list_tags(session, one)) == {"bourse", "à rappeler"}
        assert not await remove_tag(session, other, "bourse")
        assert not await remove_tag(session, other, "gone")
        assert await remove_tag(session, one, "bourse")
        assert await remove_tag(session, one, "à rappeler")
        assert await list_tags(session) == ["à rappeler"]
    for name in ("", "  ", "x" * 49, "a\u2028b\x00"):
        async with db.write() as session:
            with pytest.raises(ValueError, match=r"^tag: "):
                await add_tag(session, one, name)


async def test_notes_are_kept_with_who_wrote_them(db: Database) -> None:
    contact_id = await meet(db)
    async with db.write() as session:
        await add_note(session, contact_id, " À rappeler lundi ", "Amal", 7)
        await add_note(session, contact_id, "Rappelé", "Omar")
    async with db.read() as session:
        notes = await list_notes(session, contact_id)
    assert [(note.text, note.author, note.staff_id) for note in notes] == [
        ("Rappelé", "Omar", None),
        ("À rappeler lundi", "Amal", 7),
    ]
    for text in ("", " \n", "x" * (NOTE_LIMIT_CHARS + 1)):
        async with db.write() as session:
            with pytest.raises(ValueError, match=r"^note: "):
                await add_note(session, contact_id, text, "Amal")
