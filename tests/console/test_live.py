"""A person on the chat page and staff in the console, each in a browser of their own, on one running app."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from running import SECRET, RunningApp, free_port, make_settings, sqlite_url, wait_until
from scripted import ScriptedChannel, ScriptedRasa, said
from sqlalchemy import update
from staffed import PageAs, ServedConsole
from talks import hear, meet, tell
from test_pages import HOSTILE, check_page

from bot.clock import utc_now
from bot.db.engine import Database, open_database
from bot.db.models import Identity, Interaction
from bot.db.people import open_request
from bot.db.threads import add_note, add_tag
from bot.rasa import SECRET_HEADER


class RasaWithAction(ScriptedRasa):
    """Greets; whoever asks for the team has the app's own action run for them, called as Rasa calls it."""

    def __init__(self, app_url: str) -> None:
        super().__init__(self._reply)
        self._app_url = app_url

    def _reply(self, body: dict[str, Any]) -> tuple[int, Any]:
        if "équipe" not in str(body.get("text")) and body.get("payload") != "/request_human":
            return 200, said("utter_greet")
        latest = {"intent": {"name": "request_human"}, "entities": []}
        tracker = {
            "sender_id": body["sender"],
            "slots": {},
            "latest_message": latest,
            "events": [{"event": "user", "parse_data": latest, "metadata": body["metadata"]}],
            "paused": False,
            "followup_action": None,
            "active_loop": {},
            "latest_action_name": "action_listen",
        }
        call = {"next_action": "action_request_human", "tracker": tracker, "domain": {}, "version": "3.6.21"}
        answer = httpx.post(f"{self._app_url}/rasa/actions", json=call, headers={SECRET_HEADER: SECRET}, timeout=10)
        return 200, said(*[each["custom"] for each in answer.json()["responses"]], intent="request_human")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """The whole app, with Telegram and WhatsApp scripted, for this module."""
    port = free_port()
    with RasaWithAction(f"http://127.0.0.1:{port}") as rasa:
        settings = make_settings(
            port=port,
            rasa_url=rasa.url,
            database_url=sqlite_url(tmp_path_factory.mktemp("live")),
            whatsapp_notice_templates={"fr": "HX" + "1" * 32},
        )
        channels = {name: ScriptedChannel(name) for name in ("telegram", "whatsapp")}
        running = RunningApp(settings, channels=channels)
        served = ServedConsole(running)

        async def start() -> None:
            await asyncio.to_thread(running.start)

        served.act(start())
        yield served
        running.stop()


def in_database(served: ServedConsole, work: Any) -> Any:
    """Run `await work(db)` on the app's database, from beside."""

    async def run() -> Any:
        db = open_database(served.running.settings.database_url)
        try:
            return await work(db)
        finally:
            await db.aclose()

    job: Coroutine[Any, Any, Any] = run()
    return served.act(job)


@pytest.fixture
def chat(browser: Browser, served: ServedConsole) -> Iterator[Page]:
    """The chat page of a person, after the welcome."""
    context = browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844}, locale="fr-FR")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/")
    expect(page.get_by_text("Je suis l'assistant")).to_be_visible()
    yield page
    context.close()


def write(chat: Page, text: str) -> None:
    chat.locator("#text").fill(text)
    chat.locator("#text").press("Enter")


def test_a_person_is_answered_by_a_person(page_as: PageAs, served: ServedConsole, chat: Page) -> None:
    """From the wish for a human to the bot being back, without a reload on either side, and by keyboard alone."""
    staff = page_as("adviser", width=1280)
    staff.goto("/console/conversations?view=waiting")
    expect(staff.get_by_text("Personne n'attend.")).to_be_visible()
    write(chat, "Je veux parler à l'équipe")
    row = staff.locator(".cv-row.is-waiting")
    expect(row).to_have_count(1, timeout=10_000)
    row.locator("a").focus()
    staff.keyboard.press("Enter")
    expect(staff.locator("#said")).to_contain_text("Je veux parler à l'équipe")
    staff.locator("#composer button").focus()
    staff.keyboard.press("Enter")
    expect(staff.locator("#answer")).to_be_focused()
    staff.keyboard.type("Bonjour, ici une personne de l'équipe.")
    staff.keyboard.press("Control+Enter")
    expect(staff.locator(".cv-said.staff")).to_contain_text("Bonjour, ici une personne")
    expect(staff.locator("#answer")).to_have_value("")
    expect(chat.get_by_text("Bonjour, ici une personne de l'équipe.")).to_be_visible(timeout=20_000)
    address = staff.url
    write(chat, "Merci, quand commence la formation ?")
    expect(staff.locator("#said")).to_contain_text("quand commence la formation", timeout=10_000)
    assert staff.url == address
    expect(staff.locator(".cv-said.person").last).to_contain_text("pas lu par la machine", timeout=10_000)
    staff.locator("#hand-back").focus()
    staff.keyboard.press("Enter")
    expect(staff.locator(".notice.good")).to_contain_text("rendue au robot")
    expect(chat.get_by_text("c'est de nouveau l'assistant")).to_be_visible(timeout=30_000)


def test_two_of_staff_answer_only_knowingly(page_as: PageAs, served: ServedConsole) -> None:
    """Who types while a colleague takes over is told at once, keeps the text, and sends nothing."""

    async def come(db: Database) -> int:
        contact_id = await meet(db, channel="web")
        await hear(db, contact_id, "bonjour")
        return contact_id

    path = f"/console/conversations/{in_database(served, come)}"
    one, two = "\u2068Conseillère Une\u2069", "\u2068Conseiller Deux\u2069"  # with the marks that isolate a name
    first = page_as("adviser", member=served.add_member("adviser", name="Conseillère Une"))
    second = page_as("adviser", member=served.add_member("adviser", name="Conseiller Deux"))
    first.goto(path)
    first.locator("#composer button").click()
    first.locator("#answer").fill("Je réponds tout de suite")
    second.goto(path)
    expect(second.locator("#composer")).to_contain_text(f"{one} tient cette conversation")
    assert second.locator("#answer").count() == 0
    second.get_by_role("button", name="Reprendre la main").click()
    expect(second.locator("#answer")).to_be_focused()
    expect(first.locator("#composer")).to_contain_text(f"{two} tient cette conversation", timeout=8_000)
    # Before its next look for news, the other page still has a composer: the server refuses, and the text stays.
    second.route("**/conversations/*?last=*", lambda route: route.fulfill(status=204))
    first.get_by_role("button", name="Reprendre la main").click()
    expect(first.locator("#answer")).to_have_value("Je réponds tout de suite")
    second.locator("#answer").fill("moi aussi")
    second.locator("#answer").press("Control+Enter")
    expect(second.locator("#composer [role=alert]").first).to_contain_text(f"{one} tient maintenant")
    expect(second.locator("#kept")).to_have_value("moi aussi")
    assert served.running.rows("SELECT count(*) AS sent FROM messages WHERE text = 'moi aussi'")[0]["sent"] == 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_full_thread_is_accessible_and_inert(
    page_as: PageAs, served: ServedConsole, language: str, width: int
) -> None:
    """With hostile text in every field that a stranger or a colleague fills, in each state of the composer."""

    async def come(db: Database) -> tuple[int, int]:
        contact_id = await meet(db, channel="telegram", name=HOSTILE, variety="ary-Arab")
        number = await hear(
            db, contact_id, HOSTILE, variety="ary-Arab", attachments=[{"kind": "document", "file_name": HOSTILE}],
            ranking=[{"intent": "greet", "confidence": 0.9}, {"intent": HOSTILE, "confidence": 0.1}],
            entities=[{"entity": "city", "value": HOSTILE}], timings={"rasa": 12.0, "total": 20.0},
        )  # fmt: skip
        await tell(db, contact_id, HOSTILE, buttons=[{"title": HOSTILE, "payload": "/greet"}], state="failed",
                   error=HOSTILE, variety="ar")  # fmt: skip
        async with db.write() as session:
            session.add(
                Interaction(contact_id=contact_id, message_id=number, action="action_x", lookup={"city": HOSTILE},
                            rows_found=0, outcome="none", duration_ms=2.0)
            )  # fmt: skip
            await add_tag(session, contact_id, HOSTILE[:48])
            await add_note(session, contact_id, HOSTILE, HOSTILE[:64])
            await open_request(session, contact_id, "human", number)
        other = await meet(db, channel="whatsapp")
        await hear(db, other)
        async with db.write() as session:
            long_ago = utc_now() - timedelta(days=2)
            await session.execute(update(Identity).where(Identity.contact_id == other).values(last_inbound_at=long_ago))
        return contact_id, other

    contact_id, other = in_database(served, come)
    page = page_as("adviser", language=language, width=width)
    page.goto("/console/conversations")
    page.locator(".cv-filters summary").click()
    check_page(page)
    page.goto("/console/conversations?text=x&confidence_min=7&channel=telegram")
    check_page(page)
    page.goto(f"/console/conversations/{contact_id}")
    for summary in page.locator(".cv-behind summary").all():
        summary.click()
    check_page(page)
    page.locator("#composer button").click()
    page.locator("#composer form button[type=submit]").click()
    expect(page.locator("#answer-error")).to_be_visible()
    check_page(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img[src=x]").count() == 0 and page.locator("script:not([src])").count() == 0
    page.goto(f"/console/conversations/{other}")
    page.locator("#composer button").click()
    expect(page.locator("#template")).to_be_visible()
    check_page(page)
    page.goto("/console/conversations/ready")
    page.locator("#title").fill(HOSTILE[:60])
    page.locator("#text").fill(HOSTILE)
    page.locator("main form button").first.click()
    check_page(page)
    assert page.evaluate("window.hacked") is None


def test_the_bell_rings_when_somebody_waits(page_as: PageAs, served: ServedConsole) -> None:
    """Off at first; switched on it is remembered, and sounds for one who waits more than before."""
    page = page_as("adviser", width=1280)
    page.add_init_script(
        "window.rung = 0; const make = AudioContext.prototype.createOscillator;"
        "AudioContext.prototype.createOscillator = function () { window.rung += 1; return make.call(this); };"
    )
    page.goto("/console/conversations")
    bell = page.locator("[data-bell]")
    expect(bell).to_have_attribute("aria-pressed", "false")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: page.evaluate("window.rung") >= 2, what="the sound of the button")
    page.reload()
    expect(bell).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.rung") == 0

    async def come(db: Database) -> None:
        contact_id = await meet(db)
        await hear(db, contact_id)
        async with db.write() as session:
            await open_request(session, contact_id, "human", None)

    before = page.locator("#rows").get_attribute("data-waiting")
    in_database(served, come)
    expect(page.locator("#rows")).not_to_have_attribute("data-waiting", before or "", timeout=10_000)
    wait_until(lambda: page.evaluate("window.rung") >= 2, what="the sound for who waits")


def test_arabic_readers_see_each_side_in_its_direction(page_as: PageAs, served: ServedConsole) -> None:
    """French stays left to right in the right-to-left page, and the person's side is at its beginning."""

    async def come(db: Database) -> int:
        contact_id = await meet(db, channel="web")
        await hear(db, contact_id, "Bonjour, c'est gratuit ?")
        await tell(db, contact_id, "نعم", variety="ar")
        return contact_id

    page = page_as("adviser", language="ar", width=1280)
    page.goto(f"/console/conversations/{in_database(served, come)}")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator(".person .cv-text")).to_have_attribute("dir", "ltr")
    expect(page.locator(".bot .cv-text")).to_have_attribute("dir", "rtl")
    person, bot = page.locator(".person .cv-bubble").bounding_box(), page.locator(".bot .cv-bubble").bounding_box()
    assert person is not None and bot is not None and person["x"] > bot["x"]
