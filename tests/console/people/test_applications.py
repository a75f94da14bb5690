"""The pages of applications: the list, one of them, and what a change of state does and says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from people.filed import add_application, add_person, apply
from sqlalchemy import select
from staffed import Console

from bot.clock import utc_now
from bot.db.models import Application, ApplicationChange, Consent, Contact, Message, Notice, StaffRequest


async def test_filters_combine_and_live_in_the_address(any_console: Console) -> None:
    """State, town, and text in any spelling narrow the list together; the counts follow all but the state."""
    db = any_console.db
    first = await apply(db, full_name="Élodie Bennani")
    async with db.write() as session:
        contact = await add_person(session)
        second = await add_application(
            session, contact, full_name="يوسف العلمي", city_slug="oujda", state="checking", phone="+212612345678"
        )
    client = await any_console.sign_in("adviser")

    async def list_found(**query: str) -> set[str]:
        page = (await client.get("/applications", params=query)).text
        return {each.reference for each in (first, second) if each.reference in page}

    assert await list_found() == {first.reference, second.reference}
    assert await list_found(state="checking") == {second.reference}
    assert await list_found(city="rabat") == {first.reference}
    assert await list_found(city="rabat", state="checking") == set()
    assert await list_found(since="2000-01-01", until="2000-01-02") == set()
    assert await list_found(until="not-a-day") == {first.reference, second.reference}
    assert await list_found(text="elodie BENNANI") == {first.reference}
    assert await list_found(text="يُوسف") == {second.reference}
    for spelling in ("0612345678", "06 12 34 56 78", "+212 612-345678", "00212612345678", "345678"):
        assert await list_found(text=spelling) == {second.reference}, spelling
    assert await list_found(text=first.email.upper()) == {first.reference}
    assert await list_found(text=second.reference.lower().replace("-", "")) == {second.reference}
    assert await list_found(text="%") == set()


async def test_lists_page_by_key(console: Console) -> None:
    """Fifty a page; each is on exactly one."""
    async with console.db.write() as session:
        for _ in range(53):
            await add_application(session, await add_person(session))
    client = await console.sign_in("administrator")
    page = (await client.get("/applications")).text
    older = re.search(r'href="/console(/applications\?[^"]*before=\d+)" rel="next"', page)
    assert older is not None
    following = (await client.get(older[1].replace("&amp;", "&"))).text
    pages = [re.findall(r'name="pick" value="(\d+)\.', text) for text in (page, following)]
    assert [len(ids) for ids in pages] == [50, 3]
    assert len({*pages[0], *pages[1]}) == 53


async def test_analysts_see_dots_until_they_ask(console: Console) -> None:
    """Names, numbers and addresses are masked; showing them once stands in the log; they can't be looked for."""
    application = await apply(console.db, full_name="Karima Tazi")
    client = await console.sign_in("analyst")
    path = f"/applications/{application.id}"
    for page in ((await client.get("/applications")).text, (await client.get(path)).text):
        assert "Karima" not in page and application.phone not in page and application.email not in page
        assert application.reference in page
    assert application.reference in (await client.get("/applications", params={"text": "karima"})).text  # no filter
    assert "Karima Tazi" in (await client.post(f"{path}/reveal")).text
    assert client.member is not None
    assert (client.member.id, "person_revealed", f"application:{application.id}") in await console.audited()
    assert "Karima" not in (await client.get(path)).text
    assert (await client.post("/applications/move", {"pick": f"{application.id}.received"})).status_code == 403


async def test_one_change_is_previewed_then_told(any_console: Console) -> None:
    """Nothing happens on the preview; the confirmation changes the state, tells the person, and stands in the log."""
    application = await apply(any_console.db, variety="ar")
    client = await any_console.sign_in("adviser")
    form = {
        "pick": f"{application.id}.received",
        "state": "invited",
        "note": "<b>Mardi</b>\r\nà 10 h",
        "back": "/console/applications",
    }
    page = await client.post("/applications/move", form)
    assert page.status_code == 200
    assert "استدعاء" in page.text and "&lt;b&gt;Mardi&lt;/b&gt;\nà 10 h" in page.text and "<b>Mardi" not in page.text
    async with any_console.db.read() as session:
        assert (await session.get_one(Application, application.id)).state == "received"
        assert (await session.scalars(select(Notice))).all() == []
    answer = await client.post("/applications/move/confirm", form)
    assert answer.headers["location"] == "/console/applications?done=application_moved"
    async with any_console.db.read() as session:
        assert (await session.get_one(Application, application.id)).state == "invited"
        change = (await session.scalars(select(ApplicationChange).order_by(ApplicationChange.id.desc()))).first()
        notice = (await session.scalars(select(Notice))).one()
    assert client.member is not None and change is not None
    assert (change.state, change.changed_by) == ("invited", client.member.name)
    data = {"reference": application.reference, "state": "invited", "note": "<b>Mardi</b>\nà 10 h"}
    assert notice.answer["data"] == data
    assert (client.member.id, "application_moved", f"application:{application.id}") in await any_console.audited()
    await any_console.app.state.assistant.schedule.run_due()
    async with any_console.db.read() as session:
        told = (await session.scalars(select(Message))).one()
    assert told.channel == "web" and "<b>Mardi</b>" in told.text and application.reference in told.text


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({"agrees": None}, "on ne lui a jamais demandé"),
        ({"agrees": False}, "elle n&#39;a pas accepté"),
        ({"unsubscribed_at": "now"}, "elle a demandé à ne plus recevoir"),
        ({"channel": "telegram"}, "aucun canal"),
    ],
)
async def test_who_is_not_told_is_said_with_the_reason(console: Console, person: dict[str, Any], reason: str) -> None:
    """No consent, a refusal, a STOP and no way to them are told apart; the state changes all the same."""
    application = await apply(console.db, **{key: value for key, value in person.items() if key != "unsubscribed_at"})
    if "unsubscribed_at" in person:
        async with console.db.write() as session:
            contact = await session.get_one(Contact, application.contact_id)
            contact.unsubscribed_at = utc_now()
    client = await console.sign_in("adviser")
    form = {"pick": f"{application.id}.received", "state": "accepted"}
    page = (await client.post("/applications/move", form)).text
    assert reason in page and "Personne ne recevra de message" in page
    assert reason in (await client.get(f"/applications/{application.id}")).text
    assert (await client.post("/applications/move/confirm", form)).status_code == 303
    await console.app.state.assistant.schedule.run_due()
    async with console.db.read() as session:
        assert (await session.get_one(Application, application.id)).state == "accepted"
        assert (await session.scalars(select(Message))).all() == []


async def test_many_are_changed_together_or_not_at_all(any_console: Console) -> None:
    """The preview counts who is told; what changed in between stops all of it, and nothing is lost of the form."""
    db = any_console.db
    applications = [await apply(db), await apply(db, variety="en"), await apply(db, agrees=False)]
    client = await any_console.sign_in("administrator")
    picks = [f"{each.id}.received" for each in applications]
    data = {
        "csrf": client.csrf,
        "pick": picks,
        "state": "checking",
        "note": "À bientôt",
        "back": "https://evil.example",
    }
    headers = {"Origin": "http://console.test", "Sec-Fetch-Site": "same-origin"}
    page = await client.http.post("/console/applications/move", data=data, headers=headers)
    assert "<strong>3</strong> à changer" in page.text and "<strong>2</strong> prévenues" in page.text
    assert "evil.example" not in page.text
    async with db.write() as session:
        (await session.get_one(Application, applications[1].id)).state = "incomplete"
    page = await client.http.post("/console/applications/move/confirm", data=data, headers=headers)
    assert page.status_code == 422 and "Son état a changé" in page.text and "À bientôt" in page.text
    async with db.read() as session:
        assert (await session.get_one(Application, applications[0].id)).state == "received"
    data["pick"] = [picks[0], f"{applications[1].id}.incomplete", picks[2]]
    answer = await client.http.post("/console/applications/move/confirm", data=data, headers=headers)
    assert answer.headers["location"] == "/console/applications?done=applications_moved"
    async with db.read() as session:
        assert {each.state for each in await session.scalars(select(Application))} == {"checking"}
        assert len((await session.scalars(select(Notice))).all()) == 2


async def test_what_can_not_be_is_refused_with_what_would_be_right(console: Console) -> None:
    """Nothing ticked, no state, a long sentence, a second live application, the state that it has."""
    application = await apply(console.db)
    async with console.db.write() as session:
        contact = await session.get_one(Contact, application.contact_id)
        old = await add_application(session, contact, state="refused")
    client = await console.sign_in("adviser")
    pick = {"pick": f"{application.id}.received"}
    for form, words in (
        ({"state": "checking"}, "cochez-en au moins une"),
        (pick, "Choisissez un état de la liste"),
        ({**pick, "state": "nonsense"}, "Choisissez un état de la liste"),
        ({**pick, "state": "checking", "note": "x" * 401}, "400 caractères au plus"),
    ):
        for path in ("/applications/move", "/applications/move/confirm"):
            answer = await client.post(path, form)
            assert answer.status_code == 422 and words in answer.text, (path, form)
    page = (await client.post("/applications/move", {"pick": f"{old.id}.refused", "state": "checking"})).text
    assert "une autre candidature en cours" in page and "move/confirm" not in page
    page = (await client.post("/applications/move", {**pick, "state": "received"})).text
    assert "Déjà dans cet état" in page
    assert (await client.post("/applications/move/confirm", {**pick, "state": "received"})).status_code == 200
    async with console.db.read() as session:
        assert (await session.scalars(select(Notice))).all() == []


async def test_one_application_shows_what_stands_beside_it(console: Console) -> None:
    """History in words, consents with their wording, the same number elsewhere, papers, and the conversation."""
    application = await apply(console.db)
    async with console.db.write() as session:
        twin = await add_application(session, await add_person(session), phone=application.phone, full_name="Autre Nom")
        details = {"application": twin.reference, "other": application.reference}
        session.add(StaffRequest(contact_id=twin.contact_id, kind="duplicate", details=details))
    client = await console.sign_in("adviser")
    page = (await client.get(f"/applications/{application.id}")).text
    for shown in (
        "Bac+2", "La question sur « contact »", "Autre Nom", "Les comparer côte à côte", "Historique",
        f"/console/conversations/{application.contact_id}",
    ):  # fmt: skip
        assert shown in page, shown
    answer = await client.post(f"/applications/{application.id}/note", {"note": "à rappeler lundi <script>"})
    assert answer.status_code == 303
    page = (await client.get(f"/applications/{application.id}")).text
    assert "à rappeler lundi &lt;script&gt;" in page
    answer = await client.post(f"/applications/{application.id}/note", {"note": "y" * 4_001})
    assert answer.status_code == 422 and "y" * 4_001 in answer.text and "4000 caractères au plus" in answer.text
    async with console.db.read() as session:
        assert len((await session.scalars(select(Consent).where(Consent.contact_id == application.contact_id))).all())
