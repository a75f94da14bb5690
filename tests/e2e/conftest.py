"""What the end-to-end tests share: their order, and an app per module on the port that Rasa knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import RunningApp, make_settings

from e2e.databases import new_database
from e2e.log import Log


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder first, and in it what starts a Rasa of its own.

    The apps of this folder use the port of the session's `app`, one after another: so all of them are over before any
    other test starts that one. `make test` has two workers, each with a session of its own, a file being one worker's.
    """
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if item.path.parent.name != "e2e":
        return 2
    return 0 if item.path.name in ("test_run.py", "test_going_live.py") else 1


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Keep loopback off a machine's proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def app(ports: tuple[int, int], rasa_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app with the web channel alone, on SQLite, with the real Rasa behind it."""
    settings = make_settings(
        port=ports[0], rasa_url=rasa_url, database_url=new_database(tmp_path_factory.mktemp("app"))
    )
    with RunningApp(settings) as running:
        yield running


@pytest.fixture
def log(app: RunningApp) -> Log:
    """What the app wrote down."""
    return Log(app.settings.database_url)
