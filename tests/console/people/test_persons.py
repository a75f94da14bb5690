"""The search over all people, one person's page, and what the law lets them ask for."""

from __future__ import annotations

import json
from typing import Any

from people.filed import add_application, add_event, add_person, add_place, add_request
from sqlalchemy import func, select
from staffed import Console

from bot.clock import utc_now
from bot.db.models import Application, City, Consent, Contact, Erasure, Message, Rating, StaffRequest, Subscription


async def test_people_are_found_in_any_spelling(any_console: Console) -> None:
    """By reference of any kind, phone, name, address and town; also whoever never applied."""
    async with any_console.db.write() as session:
        session.add(City(slug="rabat", name="Rabat", region="Rabat-Salé-Kénitra", latitude=34.0, longitude=-6.8))
        applied = await add_person(session)
        application = await add_application(
            session, applied, full_name="Élodie Bennani", phone="+212612345678", email="elodie@example.org"
        )
        writer = await add_person(session, channel="whatsapp", address="whatsapp:+212655443322", name="Hicham")
        asked = await add_person(session)
        request = await add_request(session, asked, "support", organisation="Coopérative Argane", email="c@argane.ma")
        event = await add_event(session)
        place = await add_place(session, event, "سعيد")
    client = await any_console.sign_in("adviser")

    async def find(text: str) -> set[int]:
        page = (await client.get("/people", params={"text": text})).text
        ids = (applied.id, writer.id, asked.id, place.contact_id)
        return {each for each in ids if f'"/console/people/{each}"' in page}

    for text in (application.reference, "0612345678", "+212 6 12 34 56 78", "00212612345678", "bennani elodie", "rabat",
                 "Élodie", "ELODIE@example.org"):  # fmt: skip
        assert await find(text) == {applied.id}, text
    for text in ("06 55 44 33 22", "hicham"):
        assert await find(text) == {writer.id}, text
    for text in (str(request.reference), "argane.ma", "c@argane.ma", "coopérative arg"):
        assert await find(text) == ({asked.id} if text != "argane.ma" else set()), text
    assert await find(place.reference) == await find("سعيد") == {place.contact_id}
    for text in ("", "%", "_", "0", "zzz", "\x00"):
        assert await find(text) == set(), text
    analyst = await any_console.sign_in("analyst")
    refused = (await analyst.get("/people", params={"text": "Élodie"})).text
    assert "Votre rôle cherche par référence" in refused
    assert f"/console/people/{applied.id}" in (await analyst.get(f"/people?text={application.reference}")).text


async def _fill(console: Console) -> tuple[Contact, Application]:
    async with console.db.write() as session:
        contact = await add_person(session, channel="whatsapp", name="<b>Nom</b>", address="whatsapp:+212612345678")
        application = await add_application(session, contact, full_name="Karima Tazi")
        await add_request(session, contact, "support", organisation="Atlas")
        session.add(Subscription(contact_id=contact.id, topic="events", wishes=[{"city": "rabat"}]))
        session.add(
            Rating(contact_id=contact.id, answer_key="request_sent", value="down", comment="<i>trop</i> long",
                   rated_at=utc_now())
        )  # fmt: skip
    return contact, application


async def test_one_person_shows_all_that_is_theirs(console: Console) -> None:
    """Channels, consents, files, subscriptions and ratings; what they wrote is inert; analysts see dots."""
    contact, application = await _fill(console)
    page = (await (await console.sign_in("adviser")).get(f"/people/{contact.id}")).text
    for shown in ("WhatsApp", "+212 6 12 34 56 78", application.reference, "Accompagnement", "Événements", "Pas aidée",
                  "&lt;i&gt;trop&lt;/i&gt; long", "La question sur"):  # fmt: skip
        assert shown in page, shown
    assert "<i>trop" not in page
    analyst = await console.sign_in("analyst")
    masked = (await analyst.get(f"/people/{contact.id}")).text
    assert "Karima" not in masked and "12 34 56" not in masked and "Effacer" not in masked
    assert "Karima" in (await analyst.post(f"/people/{contact.id}/reveal")).text
    assert (await analyst.post(f"/people/{contact.id}/export.json")).status_code == 403


async def test_a_copy_of_their_data(console: Console) -> None:
    """JSON and PDF as the assistant makes them, notes of the team included; both stand in the log."""
    contact, application = await _fill(console)
    client = await console.sign_in("adviser")
    await client.post(f"/applications/{application.id}/note", {"note": "à rappeler"})
    held: dict[str, Any] = json.loads((await client.post(f"/people/{contact.id}/export.json")).text)
    assert held["applications"][0]["full_name"] == "Karima Tazi"
    assert held["applications"][0]["note"] == "à rappeler"
    answer = await client.post(f"/people/{contact.id}/export.pdf")
    assert answer.content.startswith(b"%PDF") and answer.headers["cache-control"] == "no-store"
    actions = [action for _, action, subject in await console.audited() if subject == f"contact:{contact.id}"]
    assert actions == ["person_exported", "person_exported"]


async def test_no_more_messages(any_console: Console) -> None:
    """What STOP does, at their request."""
    contact, _ = await _fill(any_console)
    client = await any_console.sign_in("adviser")
    assert (await client.post(f"/people/{contact.id}/unsubscribe")).status_code == 303
    async with any_console.db.read() as session:
        assert (await session.get_one(Contact, contact.id)).unsubscribed_at is not None
        assert (await session.scalars(select(Subscription))).one().ended_at is not None
    assert "Plus de messages depuis" in (await client.get(f"/people/{contact.id}")).text


async def test_erased_only_with_the_reference_and_with_a_receipt(any_console: Console) -> None:
    """A wrong reference erases nothing; the right one all, and what stays is a receipt without a name."""
    contact, application = await _fill(any_console)
    async with any_console.db.write() as session:
        other = await add_application(session, await add_person(session))
    client = await any_console.sign_in("adviser")
    wrong = await client.post(f"/people/{contact.id}/erase", {"reference": other.reference})
    assert wrong.status_code == 422 and "Rien n&#39;a été effacé" in wrong.text and other.reference in wrong.text
    answer = await client.post(f"/people/{contact.id}/erase", {"reference": f" {application.reference.lower()} "})
    async with any_console.db.read() as session:
        receipt = (await session.scalars(select(Erasure))).one()
        for model in (Application, Consent, StaffRequest, Message):
            mine = select(func.count()).select_from(model).where(model.contact_id == contact.id)
            assert await session.scalar(mine) == 0, model
        assert await session.scalar(select(func.count()).select_from(Application)) == 1
    assert answer.headers["location"] == f"/console/erasures/{receipt.reference}"
    page = (await client.get(f"/erasures/{receipt.reference}")).text
    assert receipt.reference in page and "Karima" not in page and "Candidatures" in page
    again = await client.post(f"/people/{contact.id}/erase", {"reference": "x"})
    assert again.headers["location"] == answer.headers["location"]
    person = (await client.get(f"/people/{contact.id}")).text
    assert "ont été effacées" in person and f"/console/erasures/{receipt.reference}" in person
    assert client.member is not None
    assert (client.member.id, "person_erased", f"contact:{contact.id}") in await any_console.audited()
    assert "Karima" not in str(await any_console.audited())
