"""The browser, and the scripted app, shared by the tests of the page and of the terminal chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import browser, watch  # noqa: F401  # a fixture
from playwright.sync_api import Browser, Page
from scripted_app import ScriptedApp


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


@pytest.fixture
def page(
    browser: Browser,  # noqa: F811
    app: ScriptedApp,
) -> Iterator[Page]:
    """An empty browser on a phone's screen; the test fails on any console error, page error or CSP violation."""
    context = browser.new_context(
        base_url=app.url, viewport={"width": 390, "height": 844}, locale="fr-FR", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(5_000)
    problems = watch(page)
    yield page
    context.close()
    assert problems == []
