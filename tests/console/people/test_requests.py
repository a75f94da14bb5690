"""The pages of requests: what waits, who takes it, and what comes of it."""

from __future__ import annotations

from datetime import timedelta

from people.filed import add_application, add_person, add_request
from staffed import Console

from bot.clock import utc_now
from bot.db.models import StaffRequest


async def test_the_oldest_comes_first_and_kinds_are_counted(any_console: Console) -> None:
    """The list is in the order of waiting, narrowed by kind, with who has each."""
    async with any_console.db.write() as session:
        contact = await add_person(session, name="Nadia")
        human = await add_request(session, contact)
        human.opened_at = utc_now() - timedelta(days=2)
        support = await add_request(session, contact, "support", organisation="Atlas", city="rabat", email="a@b.ma")
    client = await any_console.sign_in("adviser")
    page = (await client.get("/requests")).text
    assert page.index(f"/console/requests/{human.id}") < page.index(f"/console/requests/{support.id}")
    assert "il y a 2 jours" in page
    page = (await client.get("/requests?kind=support")).text
    assert f"/console/requests/{support.id}" in page and f"/console/requests/{human.id}" not in page
    assert "2 demande(s) à prendre" in (await client.get("/requests/waiting")).text
    page = (await client.get(f"/requests/{support.id}")).text
    assert "Atlas" in page and "a@b.ma" in page and "Je voudrais parler à quelqu&#39;un." in page


async def test_taken_noted_closed_and_opened_again(any_console: Console) -> None:
    """Each step shows, and stands in the log; nobody takes from a colleague unknowingly."""
    async with any_console.db.write() as session:
        request = await add_request(session, await add_person(session))
    first, second = await any_console.sign_in("adviser"), await any_console.sign_in("adviser")
    path = f"/requests/{request.id}"
    assert (await first.post(f"{path}/take", {"seen": ""})).status_code == 303
    late = await second.post(f"{path}/take", {"seen": ""})
    assert late.status_code == 422 and "entre-temps" in late.text
    assert first.member is not None and second.member is not None
    assert first.member.name in (await second.get("/requests")).text
    assert f"/console{path}" not in (await second.get("/requests?view=mine")).text
    assert (await second.post(f"{path}/take", {"seen": str(first.member.id)})).status_code == 303
    assert (await second.post(f"{path}/note", {"note": "appelé deux fois"})).status_code == 303
    wrong = await second.post(f"{path}/close", {"outcome": "nonsense"})
    assert wrong.status_code == 422 and "Choisissez le résultat" in wrong.text
    assert (await second.post(f"{path}/close", {"outcome": "unreachable"})).status_code == 303
    assert f"/console{path}" not in (await second.get("/requests")).text
    assert "Injoignable" in (await second.get("/requests?view=closed")).text
    assert (await second.post(f"{path}/reopen")).status_code == 303
    assert (await second.post(f"{path}/release")).status_code == 303
    async with any_console.db.read() as session:
        request = await session.get_one(StaffRequest, request.id)
    assert (request.closed_at, request.outcome, request.taken_by_id, request.note) == (
        None, None, None, "appelé deux fois",
    )  # fmt: skip
    actions = [action for _, action, subject in await any_console.audited() if subject == f"request:{request.id}"]
    assert actions == [
        "request_taken", "request_taken", "note_changed", "request_closed", "request_reopened", "request_released",
    ]  # fmt: skip


async def test_two_applications_stand_side_by_side(any_console: Console) -> None:
    """What is equal is marked, the outcome is whether they are of one person, and an erased one is said to be."""
    async with any_console.db.write() as session:
        one = await add_application(session, await add_person(session), full_name="Samir Un")
        two = await add_application(session, await add_person(session), full_name="Samir Deux", phone=one.phone)
        contact = await add_person(session)
        both = await add_request(session, contact, "duplicate", application=two.reference, other=one.reference)
        gone = await add_request(session, contact, "duplicate", application=two.reference, other="JIT-000000")
    client = await any_console.sign_in("adviser")
    page = (await client.get(f"/requests/{both.id}")).text
    assert "Samir Un" in page and "Samir Deux" in page and page.count('class="same"') >= 5
    assert "(effacée)" in (await client.get(f"/requests/{gone.id}")).text
    assert (await client.post(f"/requests/{both.id}/close", {"outcome": "answered"})).status_code == 422
    assert (await client.post(f"/requests/{both.id}/close", {"outcome": "different"})).status_code == 303
    analyst = await any_console.sign_in("analyst")
    page = (await analyst.get(f"/requests/{both.id}")).text
    assert "Samir" not in page and one.phone not in page
    assert "Samir Un" in (await analyst.post(f"/requests/{both.id}/reveal")).text
