"""The scripted app, shared by the tests of the page and of the terminal chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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
