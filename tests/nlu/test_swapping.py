"""Another model in a running Rasa: what is asked for, what goes live, and what leaves the old one in place."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from serving import serve

from nlu.replay import read_texts, replay
from nlu.swapping import Swapper, SwapRefused, Wanted, read_wanted

CHECKS = (("bonjour", "greet"), ("c'est gratuit", "jobintech_cost"))
GOOD = {"model": "0123.tar.gz", "checks": [["bonjour", "greet"]]}


@pytest.fixture
def folder(agent: Any, tmp_path: Path) -> Path:
    """A folder with a copy of the agent's model, and a file that was cut short."""
    model = Path(agent.processor.model_path)
    shutil.copy(model, tmp_path / "other.tar.gz")
    (tmp_path / "cut.tar.gz").write_bytes(model.read_bytes()[:2_000])
    return tmp_path


def swap(agent: Any, folder: Path, name: str, checks: Any = CHECKS) -> Any:
    return asyncio.run(Swapper().swap(agent, folder, Wanted(name, checks)))


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"model": "a.tar.gz"},
        {**GOOD, "more": 1},
        {**GOOD, "model": "../a.tar.gz"},
        {**GOOD, "model": "/etc/a.tar.gz"},
        {**GOOD, "model": "a.tar.gz\n"},
        {**GOOD, "model": "a.zip"},
        {**GOOD, "model": 7},
        {**GOOD, "checks": []},
        {**GOOD, "checks": [["bonjour"]]},
        {**GOOD, "checks": [["bonjour", ""]]},
        {**GOOD, "checks": "bonjour"},
    ],
)
def test_malformed(body: Any) -> None:
    """Nothing but a name without a folder, and messages with their intents, is taken."""
    with pytest.raises(ValueError):
        read_wanted(body)


def test_read() -> None:
    """The request of the app."""
    assert read_wanted(json.loads(json.dumps(GOOD))) == Wanted("0123.tar.gz", (("bonjour", "greet"),))


def test_another_model(agent: Any, folder: Path) -> None:
    """Turns go to the new model, and a conversation goes on with what was said before."""
    before = agent.processor

    def say(text: str) -> None:
        asyncio.run(agent.handle_message(UserMessage(text, CollectingOutputChannel(), "5.1")))

    say("bonjour")
    done = swap(agent, folder, "other.tar.gz")
    assert done["model"] == "other.tar.gz" and done["load_ms"] > 0
    assert agent.processor is not before and agent.processor.model_filename == "other.tar.gz"
    say("c'est gratuit")
    tracker = asyncio.run(agent.tracker_store.retrieve("5.1"))
    said = [event.text for event in tracker.events if event.type_name == "user"]
    assert said == ["bonjour", "c'est gratuit"]


@pytest.mark.parametrize(
    ("name", "checks", "why"),
    [
        ("none.tar.gz", CHECKS, "is not in"),
        ("cut.tar.gz", CHECKS, "can't be loaded"),
        (
            "other.tar.gz",
            (("bonjour", "jobintech_cost"), ("salam", "greet")),
            "misunderstands 1 of 2 .*'bonjour' is greet",
        ),
    ],
)
def test_the_old_one_stays(agent: Any, folder: Path, name: str, checks: Any, why: str) -> None:
    """A file that is missing or broken, or a model that misunderstands, changes nothing and is told."""
    before = agent.processor
    with pytest.raises(SwapRefused, match=why):
        swap(agent, folder, name, checks)
    assert agent.processor is before


def test_another_domain(agent: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of another domain is refused: conversations in hand would not fit."""
    before = agent.processor
    monkeypatch.setattr(agent.domain, "fingerprint", lambda: "another")
    with pytest.raises(SwapRefused, match=r"another domain\.yml"):
        swap(agent, folder, "other.tar.gz")
    assert agent.processor is before


def test_one_at_a_time(agent: Any, folder: Path) -> None:
    """While a model is being loaded, another request is refused, and the first one is done."""

    async def both() -> list[Any]:
        swapper = Swapper()
        wanted = Wanted("other.tar.gz", CHECKS)
        return await asyncio.gather(*(swapper.swap(agent, folder, wanted) for _ in range(2)), return_exceptions=True)

    done, refused = asyncio.run(both())
    assert done["model"] == "other.tar.gz" and isinstance(refused, SwapRefused)


def test_the_route(agent: Any) -> None:
    """Only who knows the secret may ask; a bad request and a missing file have their status and their reason."""
    with serve(agent) as door:
        assert door.request("PUT", "/webhooks/app/model", GOOD, secret="wrong")[0] == 401
        assert door.request("PUT", "/webhooks/app/model", b"{")[0] == 422
        status, answer = door.request("PUT", "/webhooks/app/model", GOOD)
        assert status == 409 and "0123.tar.gz is not in" in answer["error"]


def test_replay(agent: Any) -> None:
    """Messages are read as the channel reads them, each by itself; no text is repeated, no conversation begins."""
    texts_given = ("bonjour", " / ", "/jobintech_cost", "jobintech_cost")
    given = [{"id": number, "text": text} for number, text in enumerate(texts_given, start=1)]
    out = io.StringIO()
    texts = read_texts(io.StringIO("".join(json.dumps(row) + "\n" for row in given)))
    asyncio.run(replay(agent.processor, texts, out))
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["topics"] == ["greet"] and 0 < rows[0]["confidence"] <= 1
    assert "something in it" in rows[1]["error"]
    assert {**rows[2], "id": 4} == rows[3], "typed text is never a command"
    assert "text" not in rows[0]
    assert asyncio.run(agent.tracker_store.retrieve("replay")) is None


@pytest.mark.parametrize("line", ["[]", '{"id": 1}', '{"id": 1, "text": "a", "more": 2}', "nonsense"])
def test_malformed_texts(line: str) -> None:
    """A line that is no message is an error."""
    with pytest.raises(ValueError):
        list(read_texts(io.StringIO(line)))
