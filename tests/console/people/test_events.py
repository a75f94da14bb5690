"""The pages of an event: places, the waiting list, the door, and the lists that leave the house."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

from people.filed import add_event, add_person, add_place
from sqlalchemy import select
from staffed import Console

from bot.clock import utc_now
from bot.console.people.showing import PAGE_SIZE
from bot.db.models import Event, Notice, Registration
from bot.journeys.registrations import list_open_events


async def _read(console: Console, place: Registration) -> Registration:
    async with console.db.read() as session:
        return await session.get_one(Registration, place.id)


async def test_places_and_turns_are_shown(any_console: Console) -> None:
    """How many places are taken, offered and free; who waits in which turn."""
    async with any_console.db.write() as session:
        event = await add_event(session, capacity=2)
        await add_place(session, event, "Amal")
        await add_place(session, event, "Badr", "offered")
        await add_place(session, event, "Chama", "waiting")
        await add_place(session, event, "Driss", "waiting")
    client = await any_console.sign_in("adviser")
    assert "2 places prises sur 2" in (await client.get("/events")).text
    page = (await client.get("/events/atelier")).text
    assert page.index("Chama") < page.index("Driss")
    assert "n° 1 de la liste" in page and "n° 2 de la liste" in page
    assert "Amal" in (await client.get("/events/atelier/print")).text
    assert (await client.get("/events/no-such")).status_code == 404


async def test_a_long_list_is_paged_by_key(any_console: Console) -> None:
    """Everybody stands on exactly one page, in the order of the list, also when somebody changes meanwhile."""
    states = ("registered", "waiting", "cancelled", "registered", "offered")
    async with any_console.db.write() as session:
        event = await add_event(session, capacity=None)
        for number in range(PAGE_SIZE + 20):
            await add_place(session, event, f"Invité {number:03}", states[number % 5])
    client = await any_console.sign_in("adviser")
    first = (await client.get("/events/atelier")).text
    following = first.partition('rel="next"')[0].rpartition('href="/console')[2].partition('"')[0]
    second = (await client.get(following)).text
    found = [re.findall(r"Invité \d{3}(?=</bdi></a>)", page) for page in (first, second)]
    assert [len(each) for each in found] == [PAGE_SIZE, 20]
    assert len(set(found[0]) | set(found[1])) == PAGE_SIZE + 20
    assert f'<span class="count">{PAGE_SIZE + 20}</span>' in second
    assert 'rel="next"' not in second and "Revenir au début" in second
    # A form of the second page leads back to it.
    action = re.search(r'action="/console(/events/atelier/places/\d+/withdraw[^"]*)"', second)
    assert action is not None
    done = await client.post(action[1].replace("&amp;", "&"), {"note": ""})
    assert done.status_code == 303 and following.partition("?")[2] in done.headers["location"]
    again = await client.get("/events/atelier?after=nonsense")
    assert again.status_code == 200 and found[0][0] in again.text


async def test_a_place_is_given_only_where_one_is_free(any_console: Console) -> None:
    """Who waits gets a place when somebody is taken off; both are told, and the next in line is offered it."""
    async with any_console.db.write() as session:
        event = await add_event(session, capacity=1)
        holder, waiting = await add_place(session, event, "Amal"), await add_place(session, event, "Badr", "waiting")
    client = await any_console.sign_in("adviser")
    path = "/events/atelier/places"
    full = await client.post(f"{path}/{waiting.id}/give")
    assert full.status_code == 422 and "Aucune place n&#39;est libre" in full.text
    long = await client.post(f"{path}/{holder.id}/withdraw", {"note": "z" * 401})
    assert long.status_code == 422 and "z" * 401 in long.text
    assert (await client.post(f"{path}/{holder.id}/withdraw", {"note": "La salle est fermée."})).status_code == 303
    assert (await _read(any_console, holder)).state == "cancelled"
    assert (await _read(any_console, waiting)).state == "offered"
    assert (await client.post(f"{path}/{waiting.id}/give")).status_code == 303
    assert (await _read(any_console, waiting)).state == "registered"
    assert (await client.post(f"{path}/{holder.id}/give")).status_code == 303  # nothing to give any more
    assert (await _read(any_console, holder)).state == "cancelled"
    async with any_console.db.read() as session:
        notices = [(each.answer["answer"], each.state) for each in await session.scalars(select(Notice))]
    assert ("place_withdrawn", "waiting") in notices and ("place_offered", "dropped") in notices
    assert {key for key, state in notices if state == "waiting"} == {
        "place_withdrawn", "place_taken", "event_tomorrow", "event_soon",
    }  # fmt: skip
    await any_console.app.state.assistant.schedule.run_due()
    async with any_console.db.read() as session:
        query = select(Notice).where(Notice.state == "queued")
        assert {each.answer["answer"] for each in await session.scalars(query)} == {"place_withdrawn", "place_taken"}
    assert [action for _, action, _ in await any_console.audited()] == ["place_withdrawn", "place_given"]


async def test_registration_is_closed_and_opened(any_console: Console) -> None:
    """A closed event is not offered any more by the assistant."""
    async with any_console.db.write() as session:
        await add_event(session)
    client = await any_console.sign_in("administrator")
    for action, expected in (("close", []), ("open", ["atelier"])):
        assert (await client.post(f"/events/atelier/{action}")).status_code == 303
        async with any_console.db.read() as session:
            assert [event.slug for event in await list_open_events(session)] == expected


async def test_the_door(any_console: Console) -> None:
    """Found by name without accents or by the end of a reference, let in once, and taken back; walk-ins are counted."""
    async with any_console.db.write() as session:
        event = await add_event(session)
        place = await add_place(session, event, "Élodie Bennani")
        waiting = await add_place(session, event, "Zineb", "waiting")
        other = await add_event(session, "autre")
        elsewhere = await add_place(session, other, "Ailleurs")
    client = await any_console.sign_in("adviser")
    for text in ("elodie", place.reference, place.reference[-6:].lower()):
        page = (await client.get("/events/atelier/door", params={"text": text})).text
        assert "Bennani" in page and "Zineb" not in page, text
    answer = await client.post(f"/events/atelier/door/{place.id}/in")
    assert answer.headers["location"] == f"/console/events/atelier/door?last={place.id}&done=checked_in"
    came_at = (await _read(any_console, place)).came_at
    assert came_at is not None
    await client.post(f"/events/atelier/door/{place.id}/in")
    assert (await _read(any_console, place)).came_at == came_at
    await client.post(f"/events/atelier/door/{waiting.id}/in")
    assert (await _read(any_console, waiting)).came_at is None
    assert (await client.post(f"/events/atelier/door/{elsewhere.id}/in")).status_code == 404
    await client.post(f"/events/atelier/door/{place.id}/out")
    assert (await _read(any_console, place)).came_at is None
    for step in ("1", "1", "-1", "-1", "-1"):
        await client.post("/events/atelier/walk-ins", {"step": step})
    async with any_console.db.read() as session:
        assert (await session.get_one(Event, "atelier")).walk_ins == 0


async def test_the_list_is_safe_in_a_spreadsheet(console: Console) -> None:
    """Excel knows the encoding, no cell is a formula, analysts get dots, and the log knows of each download."""
    async with console.db.write() as session:
        event = await add_event(session)
        await add_place(session, event, '=HYPERLINK("http://evil.example")')
        place = await add_place(session, event, "Karima")
        contact = await add_person(session, channel="whatsapp", name="+1+1", address="whatsapp:+212612345678")
        session.add(
            Registration(reference="EVT-ABC234", contact_id=contact.id, event_slug=event.slug, state="registered")
        )
    adviser, analyst = await console.sign_in("adviser"), await console.sign_in("analyst")
    answer = await adviser.post("/events/atelier/list.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf") and "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 4 and rows[0][0] == "Référence"
    assert rows[1][1].startswith("'=HYPERLINK") and rows[3][1:3] == ["'+1+1", "'+212 6 12 34 56 78"]
    masked = (await analyst.post("/events/atelier/list.csv")).text
    assert "Karima" not in masked and place.reference in masked and "12 34 56" not in masked
    assert [subject for _, action, subject in await console.audited() if action == "list_exported"] == [
        "event:atelier", "event:atelier",
    ]  # fmt: skip


async def test_what_is_over_is_shown_too(console: Console) -> None:
    """An event that began keeps its door open; no place is given any more."""
    async with console.db.write() as session:
        event = await add_event(session, capacity=5)
        event.begins_at = utc_now() - timedelta(hours=1)
        place, waiting = await add_place(session, event, "Amal"), await add_place(session, event, "Badr", "waiting")
    client = await console.sign_in("adviser")
    assert "commencé" in (await client.get("/events")).text
    assert (await client.post(f"/events/atelier/places/{waiting.id}/give")).status_code == 422
    assert (await client.post(f"/events/atelier/door/{place.id}/in")).status_code == 303
