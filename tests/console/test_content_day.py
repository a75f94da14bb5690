"""A day of an editor in a real browser, with the chat of the web page beside it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from running import RunningApp, free_port, make_settings, sqlite_url, wait_until
from scripted import ScriptedRasa, said
from staffed import PageAs, ServedConsole
from test_pages import check_page

from bot.answers import VERSION_S


@pytest.fixture
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """The whole app, with a Rasa that greets."""
    with ScriptedRasa(lambda body: (200, said("utter_greet"))) as rasa:
        url = sqlite_url(tmp_path_factory.mktemp("talking"))
        running = RunningApp(make_settings(port=free_port(), rasa_url=rasa.url, database_url=url))
        with ThreadPoolExecutor(1) as thread:
            thread.submit(running.start).result(timeout=60)
        yield ServedConsole(running)
        running.stop()


def greet(served: ServedConsole, sender: str) -> str:
    """What the chat of the web page is told."""
    body = {"sender": sender, "text": "bonjour", "id": sender}
    answer = httpx.post(f"{served.url}/web/messages", json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.text


def open_page(browser: Browser, served: ServedConsole) -> Page:
    """A browser with an editor signed in."""
    context = browser.new_context(base_url=served.url, viewport={"width": 1280, "height": 900}, locale="fr-FR")
    token = served.open_session(served.add_member("editor"))
    context.add_cookies([{"name": "console", "value": token, "url": f"{served.url}/console/"}])
    page = context.new_page()
    page.set_default_timeout(8_000)
    return page


def test_an_editor_corrects_an_answer(browser: Browser, talking: ServedConsole) -> None:
    """The preview follows the typing, a broken text is refused, the chat says the new one in seconds; undo works."""
    page = open_page(browser, talking)
    page.goto("/console/content")
    page.get_by_role("link", name=re.compile("^Réponses")).click()
    page.locator("#q").fill("salutation")
    expect(page.locator("#found li")).to_have_count(1)
    page.get_by_role("link", name="Salutation").click()
    page.get_by_role("link", name=re.compile("Modifier le texte : .?Français")).click()
    page.locator("#text").fill("Salut à vous {{ prenom }} !")
    expect(page.locator("#preview .notice")).to_contain_text("prenom")
    page.get_by_role("button", name="Publier").click()
    expect(page.locator("#text-error")).to_contain_text("Ligne 1")
    expect(page.locator("#text")).to_have_value("Salut à vous {{ prenom }} !")
    page.locator("#text").fill("Salut à vous, <b>c'est nouveau</b> !")
    for channel in (".telegram", ".whatsapp", ".web"):
        expect(page.locator(f"#preview {channel} .said").first).to_contain_text("<b>c'est nouveau</b>")
    expect(page.locator("#preview .whatsapp")).to_contain_text("1. ")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_role("status")).to_contain_text("publié")
    wait_until(lambda: "nouveau" in greet(talking, uuid.uuid4().hex), VERSION_S + 6, "the new text in the chat")
    page.goto("/console/content/history")
    expect(page.locator("#versions ins").first).to_contain_text("Salut")
    page.get_by_role("button", name="Revenir à la version d'avant").first.click()
    expect(page.get_by_role("status")).to_contain_text("restaurée")
    wait_until(lambda: "Bonjour et bienvenue" in greet(talking, uuid.uuid4().hex), VERSION_S + 6, "the old text")
    page.context.close()


@pytest.mark.parametrize(("language", "width"), [("fr", 390), ("ar", 1280)])
def test_refused_forms_and_the_history_are_accessible(page_as: PageAs, language: str, width: int) -> None:
    """axe finds nothing in what comes after a form: a refused text, a refused row, versions, a second announcement."""
    page = page_as("editor", language=language, width=width)
    for text in ("{{ nobody }}", f"Bonjour. {language}"):
        page.goto("/console/content/answers/utter_goodbye/fr")
        page.locator("#text").fill(text)
        page.locator("form[hx-post] button").first.click()
        page.wait_for_load_state()
        check_page(page)
    page.goto("/console/content/answers/utter_goodbye/fr")
    check_page(page)
    for path in ("rows/eligibility_rules/graduates", "rows/facts/jit-009", "rows/publications/new"):
        page.goto(f"/console/content/{path}")
        check_page(page)
    page.goto("/console/content/rows/cohorts/par-001")
    page.locator("#f-starts_on").fill("demain")
    page.locator(".row-form button").first.click()
    expect(page.locator("#f-starts_on")).to_be_focused()
    check_page(page)
    page.goto("/console/content/rows/tracks/data")
    page.locator("button.danger").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page)
    for _ in range(2):
        page.goto("/console/content/rows/publications/partech-2025/announce")
        page.locator("main form button").click()
        page.wait_for_load_state()
        check_page(page)
    page.goto("/console/content/history")
    expect(page.locator("#versions article").first).to_be_visible()
    check_page(page)
