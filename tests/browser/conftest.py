"""The browser, and the scripted app, shared by the tests of the page and of the terminal chat."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from scripted_app import ScriptedApp

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: What Chromium itself logs for an answer that is not 2xx, whatever the page does about it.
FAILED_LOAD = "Failed to load resource"


@pytest.fixture(scope="session")
def running_app() -> Iterator[ScriptedApp]:
    """The app, served for the whole session."""
    app = ScriptedApp()
    app.start()
    yield app
    app.stop()


@pytest.fixture
def app(running_app: ScriptedApp) -> ScriptedApp:
    """The app with nothing left of the test before."""
    running_app.reset()
    return running_app


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium from the system's packages."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is absent: apt-get install -y chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, app: ScriptedApp) -> Iterator[Page]:
    """An empty browser on a phone's screen; the test fails on any console error, page error or CSP violation."""
    context = browser.new_context(
        base_url=app.url, viewport={"width": 390, "height": 844}, locale="fr-FR", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(5_000)
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(FAILED_LOAD):
            problems.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " (event) => console.error('CSP', event.violatedDirective, event.blockedURI))"
    )
    yield page
    context.close()
    assert problems == []
