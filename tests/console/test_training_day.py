"""An annotator's day in a browser: by keyboard alone, without JavaScript, and as axe sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from staffed import PageAs, ServedConsole
from talks import hear, meet
from test_pages import check_page

from bot.annotation.gathering import gather_all
from bot.clock import utc_now
from bot.db.engine import Database, open_database
from bot.db.models import Candidate

RANKING = [{"intent": "jobintech_dates", "confidence": 0.28}, {"intent": "jobintech_cost", "confidence": 0.2}]


def fill(served: ServedConsole, *texts: str, **values: Any) -> str:
    """Messages that were not understood, each twice as heavy as the one after it; the address of the first's group."""

    async def run() -> str:
        db: Database = open_database(served.running.settings.database_url)
        try:
            for number, text in enumerate(reversed(texts)):
                for _ in range(2**number):
                    last = await hear(
                        db, await meet(db), text, utc_now() - timedelta(minutes=5),
                        **{"intent": "nlu_fallback", "confidence": 0.28, "ranking": RANKING} | values,
                    )  # fmt: skip
            await gather_all(db)
            async with db.read() as session:
                candidate = await session.get_one(Candidate, last)
                return f"/console/training/groups/{candidate.group_id}"
        finally:
            await db.aclose()

    return served.act(run())


@pytest.fixture(autouse=True)
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No group wants a second look."""
    monkeypatch.setattr("bot.db.annotations.wants_second_look", lambda _key: False)


def choose(page: Page) -> str:
    return str(page.locator("input[name=intent]:checked").get_attribute("value"))


def test_by_keyboard_alone(page_as: PageAs, served: ServedConsole) -> None:
    """Digits, the search, marking by arrows, each verdict, and undoing, without a mouse."""
    fill(served, "et pour Rabat alors ça va", "rien à voir avec vous", "sais pas trop hein", "truc du cluster là")
    page = page_as("editor", width=1280)
    page.goto("/console/training/next?view=open")
    expect(page.locator("#example")).to_contain_text("et pour Rabat alors")
    page.keyboard.press("2")
    assert choose(page) == "jobintech_cost"
    page.keyboard.press("e")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#letters")).to_have_value("Rabat alors")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#letters")).to_have_value("Rabat")
    page.keyboard.press("Enter")
    expect(page.locator("#kind")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#example mark")).to_contain_text("Rabat")
    assert choose(page) == "jobintech_cost"
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("enregistrée")
    expect(page.locator("#example")).to_contain_text("rien à voir")
    page.keyboard.press("n")
    expect(page.locator("#example")).to_contain_text("sais pas trop")
    page.keyboard.press("s")
    expect(page.locator("#example")).to_contain_text("truc du cluster")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("membership")
    page.keyboard.press("Enter")
    assert choose(page) == "mnc_membership"
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("enregistrée")
    page.goto("/console/training?view=agreed")
    expect(page.locator(".tr-rows li")).to_have_count(3)
    page.goto("/console/training/groups/1")
    page.keyboard.press("u")
    expect(page.locator(".notice.good")).to_contain_text("défaite")
    expect(page.locator("#example")).to_contain_text("truc du cluster")


def test_wrong_marks_are_told_in_place(page_as: PageAs, served: ServedConsole) -> None:
    """What is typed and not there is said beside the field, which has the focus; a click chooses words too."""
    address = fill(served, "je cherche un stage à Fès svp")
    page = page_as("adviser")
    page.goto(address)
    page.get_by_role("textbox", name="Mots à marquer").fill("Oujda")
    page.locator("#mark").click()
    expect(page.locator("#letters-error")).to_contain_text("ne sont pas dans l'exemple")
    expect(page.locator("#letters")).to_be_focused()
    page.locator("[data-start]", has_text="Fès").click()
    expect(page.locator("#letters")).to_have_value("Fès")
    page.locator("#mark").click()
    expect(page.locator("#example mark")).to_contain_text("Fès")
    page.get_by_role("button", name="Ne plus marquer").click()
    expect(page.locator("#example mark")).to_have_count(0)
    page.keyboard.press("s")


def test_without_javascript(browser: Browser, served: ServedConsole) -> None:
    """The same by plain forms."""
    address = fill(served, "on peut venir à Agadir ou quoi")
    context = browser.new_context(base_url=served.url, java_script_enabled=False)
    member = served.add_member("adviser")
    context.add_cookies([{"name": "console", "value": served.open_session(member), "url": f"{served.url}/console/"}])
    page = context.new_page()
    page.set_default_timeout(5_000)
    page.goto(address)
    expect(page.locator("#example")).to_contain_text("Agadir")
    page.locator("#letters").fill("Agadir")
    page.locator("#letters").press("Enter")  # marks, as long as something is typed there
    expect(page.locator("#example mark")).to_contain_text("Agadir")
    page.locator("input[name=intent][value=jobintech_cost]").check()
    page.locator("button[data-key=Enter]").click()
    expect(page.locator(".notice.good")).to_contain_text("enregistrée")
    context.close()


@pytest.mark.parametrize(("language", "width", "dark"), [("fr", 390, True), ("ar", 390, False), ("en", 1280, False)])
def test_a_group_is_accessible(page_as: PageAs, served: ServedConsole, language: str, width: int, dark: bool) -> None:
    """axe finds nothing in a group with marks, with everything open and with an error; nothing is wider than it."""
    text = f"salam, bghit nsjjel f {'Casablanca' * 3} {language}"
    address = fill(
        served, text, variety="ary-Latn", entities=[{"entity": "city", "start": 22, "end": 52, "value": "x"}]
    )
    page = page_as("administrator", language=language, width=width, dark=dark)
    page.goto("/console/training")
    check_page(page)
    page.goto(address)
    for summary in page.locator("main summary").all():
        summary.click()
    check_page(page)
    page.locator("#letters").fill("zzz")
    page.locator("#mark").click()
    expect(page.locator("#letters-error")).to_be_visible()
    check_page(page)
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.locator("button[data-key=Enter]").click()
    page.goto("/console/training/export", timeout=60_000)  # the first one reads all examples
    check_page(page)
