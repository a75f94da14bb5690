"""A whole campaign in a real browser: for whom, the texts, the word to send, what came of it; and axe on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from campaigns.crowd import add_campaign, add_person
from chromium import watch
from playwright.sync_api import Browser, Page, expect
from running import RunningApp, free_port, make_settings, sqlite_url
from scripted import ScriptedChannel, ScriptedRasa
from staffed import ServedConsole
from test_pages import check_page

from bot.db.engine import open_database

TEXT = "La session de janvier ouvre lundi."


@pytest.fixture
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedConsole, ScriptedChannel]]:
    """The whole app with a Telegram that keeps what it is given, slowly, so that a campaign can be watched."""
    channel = ScriptedChannel()
    with ScriptedRasa() as rasa:
        url = sqlite_url(tmp_path_factory.mktemp("sending"))
        settings = make_settings(
            port=free_port(), rasa_url=rasa.url, database_url=url, campaign_telegram_per_s=2, team_hours=None
        )
        running = RunningApp(settings, {"telegram": channel})
        with ThreadPoolExecutor(1) as thread:
            thread.submit(running.start).result(timeout=90)
        yield ServedConsole(running), channel
        running.stop()


async def fill(url: str) -> None:
    """Twelve subscribers, two of them reading English, and one on the web page alone."""
    db = open_database(url)
    async with db.write() as session:
        for number in range(12):
            await add_person(session, "telegram", variety="en" if number < 2 else "fr")
        await add_person(session, "web")
    await db.aclose()


def open_page(browser: Browser, served: ServedConsole, width: int, language: str = "fr") -> Page:
    """A browser with an administrator signed in."""
    context = browser.new_context(base_url=served.url, viewport={"width": width, "height": 844}, locale="fr-FR")
    token = served.open_session(served.add_member("administrator", language=language))
    context.add_cookies([{"name": "console", "value": token, "url": f"{served.url}/console/"}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    expect.set_options(timeout=20_000)
    return page


@pytest.mark.timeout(240)
def test_a_campaign_from_its_segment_to_its_results(
    browser: Browser, sending: tuple[ServedConsole, ScriptedChannel]
) -> None:
    """On a phone: the count follows the form, a wrong text is named, who reads what is decided; it pauses, goes on."""
    served, channel = sending
    served.act(fill(served.running.settings.database_url))
    page = open_page(browser, served, 390)
    problems = watch(page)
    page.goto("/console/campaigns")
    page.get_by_role("link", name="Nouvelle campagne").click()
    page.get_by_label("Nom de la campagne").fill("Session de janvier")
    page.get_by_label("Abonnés aux prochaines sessions").check()
    expect(page.locator("#count")).to_contain_text("12")
    expect(page.locator("#count")).to_contain_text("page web seulement")
    check_page(page)
    page.get_by_role("button", name="Créer et écrire le message").click()

    # A text that can't be sent is named at once, and refused when it is saved.
    page.locator("#text-fr").fill("Bonjour {{ prenom }}")
    page.locator(".cp-variety").first.get_by_text("Aperçu").click()
    expect(page.locator("#preview-fr")).to_contain_text("Ligne 1, caractère 9")
    page.get_by_role("button", name="Enregistrer les textes").click()
    expect(page.locator("#fault-fr")).to_contain_text("n'est pas connu")
    expect(page.locator("#text-fr")).to_have_value("Bonjour {{ prenom }}")
    check_page(page)
    page.locator("#text-fr").fill(TEXT)
    page.locator(".cp-variety").first.get_by_text("Aperçu").click()
    expect(page.locator("#preview-fr")).to_contain_text("Pour arrêter, écrivez STOP.")
    for variety in ("ary-Latn", "ary-Arab", "ar"):
        page.locator(f"#instead-{variety}").select_option("none")
    page.get_by_role("button", name="Enregistrer les textes").click()

    # English is still to be decided.
    expect(page.get_by_text("À décider pour")).to_contain_text("English")
    page.get_by_role("link", name="Écrire les textes").click()
    page.locator("#instead-en").select_option("fr")
    page.get_by_role("button", name="Enregistrer les textes").click()
    page.get_by_role("link", name="Vérifier et envoyer").click()
    expect(page.get_by_text("Qui lit en anglais reçoit le texte en français.")).to_be_visible()
    check_page(page)
    page.get_by_label(re.compile("Envoyer aussi entre")).check()
    page.get_by_role("button", name="Envoyer (12)").click()

    # It goes on by itself under one's eyes, pauses, goes on, and ends.
    expect(page.locator("#state progress")).to_be_visible()
    page.get_by_role("button", name="Mettre en pause").click()
    expect(page.locator("#state")).to_contain_text("En pause")
    check_page(page)
    page.get_by_role("button", name="Reprendre").click()
    expect(page.locator("#state")).to_contain_text("Terminée", timeout=60_000)
    expect(page.locator("#state")).to_contain_text("non connu")
    expect(page.get_by_role("button", name="Mettre en pause")).to_have_count(0)
    check_page(page)
    assert len(channel.sent) == 12
    assert all(outbound.text == f"{TEXT}\n\nPour arrêter, écrivez STOP." for _, outbound in channel.sent)
    assert problems == []
    page.context.close()


@pytest.mark.timeout(240)
def test_pages_of_campaigns_hold_in_arabic_and_without_a_script(
    browser: Browser, sending: tuple[ServedConsole, ScriptedChannel]
) -> None:
    """Axe finds nothing from right to left at two widths; without a script the form counts by its button."""
    served, _ = sending
    url = served.running.settings.database_url
    served.act(fill(url))

    async def prepare() -> tuple[int, int]:
        db = open_database(url)
        draft = await add_campaign(db, is_released=False)
        released = await add_campaign(db)
        await db.aclose()
        return draft, released

    draft, released = served.act(prepare())
    for width in (390, 1280):
        page = open_page(browser, served, width, "ar")
        for path in ("", "/new", f"/{draft}", f"/{draft}/texts", f"/{draft}/test", f"/{draft}/release", f"/{released}"):
            page.goto(f"/console/campaigns{path}")
            check_page(page)
        page.context.close()
    context = browser.new_context(base_url=served.url, java_script_enabled=False)
    token = served.open_session(served.add_member("editor"))
    context.add_cookies([{"name": "console", "value": token, "url": f"{served.url}/console/"}])
    plain = context.new_page()
    plain.goto("/console/campaigns/new")
    plain.get_by_label("Abonnés aux prochaines sessions").check()
    plain.get_by_role("button", name="Compter").click()
    expect(plain.locator("#count")).to_contain_text("vont le recevoir")
    context.close()
