"""Every page in a real browser: accessible in three languages on a phone and a desk, and inert whatever names hold."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import axe_playwright_python
import pyotp
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, expect
from routes import fill, list_routes
from staffed import PASSWORD, PageAs, ServedConsole

from bot.console.roles import PUBLIC
from bot.console.routing import read_allowed
from bot.console.security.invitations import invite_from_terminal
from bot.db.engine import open_database

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
#: WCAG 2.2 A and AA, and what axe holds for good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_count = count(1)
HOSTILE = "<script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>\u202e{{7*7}}"


def check_page(page: Page) -> None:
    """No violation of accessibility, no sideways scrolling, one h1, and nothing that ran."""
    page.evaluate(AXE)
    result = page.evaluate(
        "(rules) => axe.run(document, { runOnly: { type: 'tag', values: rules } }).then((found) => "
        "found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html + ' ' + node.failureSummary)]))",
        RULES,
    )
    assert result == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways"
    assert page.locator("h1").count() == 1
    assert page.evaluate("window.hacked") is None


def list_public() -> list[str]:
    """The paths of pages before the sign-in."""
    return [fill(f"/console{route.path}") for route in _pages() if read_allowed(route) is PUBLIC]


def list_inner() -> list[str]:
    """The paths of pages after it, for an administrator."""
    return [fill(f"/console{route.path}") for route in _pages() if read_allowed(route) is not PUBLIC]


def _pages() -> list[APIRoute]:
    return [route for route in list_routes() if "GET" in route.methods and not route.path.startswith("/static")]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("language", "dark"), [("fr", False), ("ar", False), ("en", False), ("fr", True)], ids=["fr", "ar", "en", "fr-dark"]
)
def test_pages_are_accessible(page_as: PageAs, served: ServedConsole, language: str, width: int, dark: bool) -> None:
    """axe finds nothing, in either scheme, and no page is wider than its screen."""
    page = page_as(None, language=language, width=width, dark=dark)
    for path in list_public():
        page.goto(path)
        check_page(page)
    page.goto(_invite(served))
    check_page(page)
    for field in ("#name", "#password", "#again"):
        page.locator(field).fill("x" * 12)
    page.locator("main button").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    check_page(page)
    member = served.add_member("administrator", language=language, name=HOSTILE[:120])
    for state in ({"password_hash": None, "name": ""}, {"totp_secret": pyotp.random_base32()}):
        served.add_member("editor", **state)
    page = page_as("administrator", member=member, width=width, dark=dark)
    for path in [*list_inner(), "/console/no-such-page", "/console/account?done=saved"]:
        page.goto(path)
        check_page(page)
    _walk_through_states(page)


def _invite(served: ServedConsole) -> str:
    """A fresh invitation's link."""

    async def make() -> str:
        db = open_database(served.running.settings.database_url)
        try:
            email = f"invited{next(_count)}@example.org"
            return await invite_from_terminal(db, served.url, email, "analyst")
        finally:
            await db.aclose()

    return served.act(make())


def _walk_through_states(page: Page) -> None:
    """Pages that come after a form: the link, the QR code with a wrong code, the recovery codes, an open menu."""
    page.goto("/console/staff")
    if page.locator("[data-menu]").is_visible():
        page.locator("[data-menu]").click()
        check_page(page)
        page.keyboard.press("Escape")
        expect(page.locator("#menu")).to_be_hidden()
    page.locator("summary").first.click()
    check_page(page)
    page.locator("#email").fill(f"link{next(_count)}@example.org")
    page.locator("form[action$=invitations] button").click()
    expect(page.locator("#link")).to_be_visible()
    check_page(page)
    page.goto("/console/account")
    page.locator("#totp_current").fill(PASSWORD)
    page.locator("form[action$=offer] button").click()
    page.locator("#code").fill("1")
    page.locator("form[action$=confirm] button").click()
    expect(page.locator("#code-error")).to_be_visible()
    check_page(page)
    page.locator("#code").fill(pyotp.TOTP(page.locator("#secret").inner_text().replace(" ", "")).now())
    page.locator("form[action$=confirm] button").click()
    expect(page.locator("#codes li")).to_have_count(8)
    check_page(page)


def test_hostile_names_are_inert(page_as: PageAs, served: ServedConsole) -> None:
    """A name that holds markup, quotes and a mark that turns the line shows as the text that it is."""
    served.add_member("editor", name=HOSTILE[:120], email="<b>x</b>@example.org")
    member = served.add_member("administrator", name=HOSTILE[:120])
    page = page_as("administrator", member=member)
    page.goto("/console/")
    expect(page.locator(".who-name")).to_have_text(HOSTILE[:120], use_inner_text=False)
    for path in list_inner():
        page.goto(path)
        assert page.locator("script:not([src])").count() == 0
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("window.hacked") is None


def test_a_page_works_by_keyboard(page_as: PageAs) -> None:
    """The first stop skips to the content; the menu opens by Enter and closes by Escape."""
    page = page_as("administrator")
    page.goto("/console/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    menu = page.locator("[data-menu]")
    expect(page.locator("#menu")).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#menu")).to_be_visible()
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(page.locator("nav a[aria-current=page]")).to_have_text("Accueil")
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    expect(menu).to_be_focused()


def test_pages_work_without_scripts(browser: Browser, served: ServedConsole) -> None:
    """The menu is open, and the audit log is filtered by its button."""
    member = served.add_member("administrator")
    context = browser.new_context(
        base_url=served.url, java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    context.add_cookies([{"name": "console", "value": served.open_session(member), "url": f"{served.url}/console/"}])
    page = context.new_page()
    page.goto("/console/audit")
    expect(page.locator("nav a").first).to_be_visible()
    page.locator("#action").select_option("signed_out")
    page.get_by_role("button", name="Filtrer").click()
    expect(page).to_have_url(f"{served.url}/console/audit?who=&action=signed_out")
    context.close()
