"""Whole paths in a real browser: a state with its message, many at once, the door on a phone, an erasure; and axe."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from people.filed import add_application, add_event, add_person, add_place, add_request
from playwright.sync_api import expect
from running import wait_until
from sqlalchemy.ext.asyncio import AsyncSession
from staffed import PageAs, ServedConsole
from test_pages import HOSTILE, check_page

from bot.clock import utc_now
from bot.db.engine import open_database
from bot.db.models import Rating, Subscription


def write(served: ServedConsole, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    """Do something in the database of the running app, and commit."""

    async def act() -> Any:
        db = open_database(served.running.settings.database_url)
        try:
            async with db.write() as session:
                return await work(session)
        finally:
            await db.aclose()

    return served.act(act())


def test_a_state_is_previewed_confirmed_and_read_on_the_web_page(page_as: PageAs, served: ServedConsole) -> None:
    """From the list to the person's own chat: the message that was previewed is the one that they get."""
    sender = "web-0123456789abcdef0123456789abcdef"

    async def fill(session: AsyncSession) -> str:
        contact = await add_person(session, channel="web", address=sender)
        return (await add_application(session, contact, full_name="Hiba Chemin")).reference

    reference = write(served, fill)
    page = page_as("adviser", width=1280)
    page.goto("/console/applications")
    page.get_by_text("Filtrer", exact=True).first.click()
    page.locator("#text").fill("hiba")
    page.locator("form.filters button").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Hiba Chemin").click()
    page.locator("#state").select_option("invited")
    page.get_by_label("Ajouter une phrase").fill("Mardi à 10 h, salle 2.")
    page.get_by_role("button", name="Voir l'aperçu").click()
    expect(page.locator(".bubble")).to_contain_text("Mardi à 10 h, salle 2.")
    previewed = page.locator(".bubble p").inner_text()
    check_page(page)
    page.get_by_role("button", name="Confirmer").click()
    expect(page.get_by_role("status")).to_contain_text("L'état est changé")
    expect(page.locator(".trail li").last).to_contain_text("convocation")
    rows = wait_until(
        lambda: served.running.rows(
            "SELECT m.text FROM messages m JOIN applications a ON a.contact_id = m.contact_id WHERE a.reference = ?",
            reference,
        ),
        what="the message",
    )
    assert re.sub(r"\s+", " ", rows[0]["text"]) == re.sub(r"\s+", " ", previewed)
    answer = httpx.post(f"{served.url}/web/updates", json={"sender": sender, "after": 0}, timeout=10)
    assert answer.status_code == 200 and "Mardi à 10 h, salle 2." in answer.text


def test_many_at_once_by_keyboard(page_as: PageAs, served: ServedConsole) -> None:
    """Ticked on a phone, previewed with who is told and who not, and changed together."""

    async def fill(session: AsyncSession) -> list[str]:
        people = [await add_person(session, agrees=agrees) for agrees in (True, True, False)]
        return [(await add_application(session, each, city_slug="oujda")).reference for each in people]

    references = write(served, fill)
    page = page_as("administrator")
    page.goto("/console/applications?city=oujda")
    for reference in references:
        box = page.get_by_label(f"Choisir {reference}")
        box.focus()
        page.keyboard.press("Space")
        expect(box).to_be_checked()
    page.locator(".bulk select").select_option("checking")
    page.locator(".bulk button").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".figures")).to_contain_text("2 prévenues")
    expect(page.locator("main")).to_contain_text("elle n'a pas accepté")
    check_page(page)
    page.get_by_role("button", name="Confirmer").click()
    expect(page.get_by_role("status")).to_contain_text("Les états sont changés")
    assert page.url.endswith("/console/applications?city=oujda&done=applications_moved")
    states = served.running.rows("SELECT state FROM applications WHERE city_slug = 'oujda'")
    assert {row["state"] for row in states} == {"checking"}


def test_the_door_on_a_phone(page_as: PageAs, served: ServedConsole) -> None:
    """Found by name, let in with one touch on a big button, taken back, walk-ins counted."""

    async def fill(session: AsyncSession) -> None:
        event = await add_event(session, "porte", capacity=None)
        for name in ("Nour Porte", "Ilyas Porte"):
            await add_place(session, event, name)

    write(served, fill)
    page = page_as("adviser", width=390)
    page.goto("/console/events/porte/door")
    page.get_by_label("Référence ou nom").fill("nour")
    page.keyboard.press("Enter")
    expect(page.locator(".door li")).to_have_count(1)
    button = page.get_by_role("button", name="Présent : ")
    size = button.bounding_box()
    assert size is not None and size["height"] >= 48 and size["width"] >= 96
    check_page(page)
    button.click()
    expect(page.get_by_role("status")).to_contain_text("Arrivée notée.")
    expect(page.locator(".undo")).to_contain_text("Nour Porte")
    check_page(page)
    page.locator(".undo button").click()
    expect(page.get_by_role("status")).to_contain_text("L'arrivée est annulée.")
    page.get_by_role("button", name="+ 1").click()
    expect(page.locator("#walk-ins .count")).to_have_text("1")


def test_an_erasure_from_search_to_receipt(page_as: PageAs, served: ServedConsole) -> None:
    """Found by phone, erased with the typed reference; the receipt is shown, and the person is not found any more."""

    async def fill(session: AsyncSession) -> str:
        contact = await add_person(session)
        application = await add_application(session, contact, full_name="Rim Effacer", phone="+212677889900")
        return application.reference

    reference = write(served, fill)
    page = page_as("administrator")
    page.goto("/console/people")
    page.locator("#text").fill("06 77 88 99 00")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Rim Effacer").click()
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="JSON").click()
    assert "Rim Effacer" in downloaded.value.path().read_text(encoding="utf-8")
    page.locator("#reference").fill("JIT-000000")
    page.get_by_role("button", name="Effacer définitivement").click()
    expect(page.locator("#reference-error")).to_contain_text("Rien n'a été effacé")
    page.locator("#reference").fill(reference)
    page.get_by_role("button", name="Effacer définitivement").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DEL-")
    check_page(page)
    page.goto("/console/people?text=0677889900")
    expect(page.locator("main")).to_contain_text("Personne ne correspond")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_filled_pages_are_accessible_and_inert(
    page_as: PageAs, served: ServedConsole, language: str, width: int
) -> None:
    """axe finds nothing on pages that are full of what strangers wrote, and none of it runs."""

    async def fill(session: AsyncSession) -> dict[str, Any]:
        contact = await add_person(session, channel="whatsapp", name=HOSTILE[:100])
        one = await add_application(session, contact, full_name=HOSTILE[:120], track_slug="undecided")
        two = await add_application(session, await add_person(session), phone=one.phone, full_name=HOSTILE[:120])
        asked = await add_request(session, contact, "support", organisation=HOSTILE, request=HOSTILE, email="a@b.ma")
        both = await add_request(session, contact, "duplicate", application=two.reference, other=one.reference)
        slug = f"e{one.id}"
        event = await add_event(session, slug, name=HOSTILE[:120], place=HOSTILE[:160])
        for state in ("registered", "offered", "waiting", "cancelled"):
            await add_place(session, event, HOSTILE, state)
        session.add(Subscription(contact_id=contact.id, topic="events", wishes=[{"city": HOSTILE}]))
        session.add(Rating(contact_id=contact.id, answer_key="x", value="up", comment=HOSTILE, rated_at=utc_now()))
        return {"contact": contact.id, "one": one.id, "asked": asked.id, "both": both.id, "slug": slug}

    made = write(served, fill)
    member = served.add_member("administrator", language=language)
    page = page_as("administrator", member=member, width=width)
    for path in (
        "applications", f"applications/{made['one']}", "requests", f"requests/{made['asked']}",
        f"requests/{made['both']}", "events", f"events/{made['slug']}", f"events/{made['slug']}/print",
        f"events/{made['slug']}/door", "people?text=hacked", f"people/{made['contact']}",
    ):  # fmt: skip
        page.goto(f"/console/{path}")
        check_page(page)
        assert page.locator("img[src=x]").count() == 0, path
    page.goto(f"/console/events/{made['slug']}")
    page.locator("main summary").first.click()
    check_page(page)
    analyst = page_as("analyst", member=served.add_member("analyst", language=language), width=width)
    for path in (f"applications/{made['one']}", f"people/{made['contact']}", "people?text=x"):
        analyst.goto(f"/console/{path}")
        check_page(analyst)


def test_the_navigation_says_how_many_wait(page_as: PageAs, served: ServedConsole) -> None:
    """The number stands beside the entry on every page, and is said in words to who hears the page."""

    async def fill(session: AsyncSession) -> None:
        await add_request(session, await add_person(session))

    write(served, fill)
    page = page_as("adviser", width=1280)
    page.goto("/console/account")
    expect(page.locator(".waits .count")).to_have_text(re.compile(r"^\d+$"))
    expect(page.get_by_role("link", name="Demandes")).to_contain_text("à prendre")
    check_page(page)
