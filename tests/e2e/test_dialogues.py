"""Journeys end to end, as tests/e2e/dialogues/*.yml has them: real channels, the real model, the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import RunningApp, make_settings

from bot import clock as product_clock
from bot.app import make_channels
from bot.messages import VARIETIES
from e2e.databases import new_database
from e2e.dialogues import Clock, Dialogue, Stage, play, read_dialogues
from e2e.log import Log
from e2e.telegram import PUBLIC_URL, TelegramServer
from e2e.whatsapp import Twilio, make_channel

DIALOGUES = read_dialogues()


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    """The product's clock, which a dialogue may move on."""
    clock = Clock()
    with product_clock.running_on(clock.read):
        yield clock


@pytest.fixture(scope="module")
def telegram(ports: tuple[int, int]) -> Iterator[TelegramServer]:
    """The Bot API server."""
    with TelegramServer(f"http://127.0.0.1:{ports[0]}") as server:
        yield server


@pytest.fixture(scope="module")
def twilio() -> Twilio:
    """Twilio, with an account without templates."""
    return Twilio()


@pytest.fixture(scope="module")
def app(
    ports: tuple[int, int],
    rasa_url: str,
    telegram: TelegramServer,
    twilio: Twilio,
    clock: Clock,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApp]:
    """The app with every channel."""
    settings = make_settings(
        port=ports[0],
        rasa_url=rasa_url,
        database_url=new_database(tmp_path_factory.mktemp("dialogues")),
        telegram_token=telegram.token,
        telegram_api_url=telegram.url,
        public_url=PUBLIC_URL,
    )
    # What is due is looked for more often than in service, so that nobody waits for it.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("bot.app.SWEEP_S", 0.25)
    with RunningApp(settings, channels={**make_channels(settings), "whatsapp": make_channel(twilio)}) as running:
        yield running
    monkeypatch.undo()


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.name)
def test_dialogue(
    dialogue: Dialogue, app: RunningApp, telegram: TelegramServer, twilio: Twilio, log: Log, clock: Clock
) -> None:
    """Every step gets the reply that it must, and the database holds what it must."""
    play(dialogue, Stage(app, telegram, twilio, log, clock))
    assert telegram.emulator.problems == []
    assert twilio.problems == []


def test_there_are_enough_of_every_kind() -> None:
    """At least sixty dialogues, in every variety and on every channel, none of them twice."""
    assert len(DIALOGUES) >= 60
    assert len({dialogue.name for dialogue in DIALOGUES}) == len(DIALOGUES)
    for variety in VARIETIES:
        assert sum(dialogue.variety == variety for dialogue in DIALOGUES) >= 8, variety
    for channel in ("web", "telegram", "whatsapp"):
        assert sum(dialogue.channel == channel for dialogue in DIALOGUES) >= 12, channel
