"""The client of Rasa: what it sends, what it reads, and what it makes of everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from running import SECRET, free_port
from scripted import ScriptedRasa, said

from bot.errors import RasaError, RasaUnreachable
from bot.messages import Answer
from bot.rasa import Rasa


@pytest.fixture
async def server() -> AsyncIterator[ScriptedRasa]:
    """A scripted Rasa."""
    with ScriptedRasa() as rasa:
        yield rasa


async def ask(url: str, **values: Any) -> Any:
    client = Rasa(url, values.pop("secret", SECRET), values.pop("timeout_s", 5.0))
    try:
        question = {"text": "salut", "payload": None, "metadata": {"message_id": 7}} | values
        return await client.reply("1.1", **{"form": None, **question})
    finally:
        await client.aclose()


async def test_reads_the_parse_and_the_answers(server: ScriptedRasa) -> None:
    """Responses come by name, answers of actions with their data and choices, in order; the rest says nothing."""
    action = {
        "answer": "inform_city",
        "data": {"city": "rabat"},
        "choices": [["/event_search", None], ["/greet", "Hi"]],
    }
    body = said("utter_greet", action, {"nothing": 1}, intent="inform", variety="ary-Arab", sure=0.7)
    body["parse"]["entities"] = [{"entity": "city", "value": "rabat"}]
    body["messages"].insert(1, {"text": "only text"})
    server.script = lambda _: (200, body)
    turn = await ask(server.url)
    assert turn.answers == (
        Answer("utter_greet"),
        Answer("inform_city", {"city": "rabat"}, (("/event_search", None), ("/greet", "Hi"))),
    )
    heard = turn.understanding
    assert (heard.intent, heard.confidence, heard.variety, heard.variety_confidence) == ("inform", 0.9, "ary-Arab", 0.7)
    assert (heard.entities, heard.ranking) == (
        ({"entity": "city", "value": "rabat"},),
        ({"intent": "inform", "confidence": 0.9},),
    )


@pytest.mark.parametrize(
    ("variety", "heard"),
    [(None, ("fr", 0.0)), ({"name": "tlh", "confidence": 0.9}, ("fr", 0.9))],
    ids=["none", "other"],
)
async def test_an_unknown_variety_is_french(server: ScriptedRasa, variety: Any, heard: tuple[str, float]) -> None:
    """A button's payload has no variety, and a variety that we do not speak is answered in French."""
    body = said("utter_greet")
    body["parse"]["variety"] = variety
    server.script = lambda _: (200, body)
    understanding = (await ask(server.url)).understanding
    assert (understanding.variety, understanding.variety_confidence) == heard


async def test_sends_either_text_or_payload(server: ScriptedRasa) -> None:
    """The channel in Rasa takes one of both, with the session and our metadata."""
    await ask(server.url)
    await ask(server.url, text=None, payload="/greet")
    assert server.calls == [
        {"sender": "1.1", "text": "salut", "metadata": {"message_id": 7}},
        {"sender": "1.1", "payload": "/greet", "metadata": {"message_id": 7}},
    ]


async def test_a_wrong_secret_is_an_error(server: ScriptedRasa) -> None:
    """Rasa refuses, and the turn fails with the status in its error."""
    with pytest.raises(RasaError, match="401"):
        await ask(server.url, secret="another-secret-altogether")


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"parse": {}}', {"messages": []}])
async def test_an_unreadable_answer_is_an_error(server: ScriptedRasa, body: Any) -> None:
    """What is not the agreed JSON never gets further than here."""
    server.script = lambda _: (200, body)
    with pytest.raises(RasaError, match="can't be read"):
        await ask(server.url)


async def test_nobody_there_is_unreachable() -> None:
    """Nothing listens: the error says so, and readiness is a plain no."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(RasaUnreachable):
        await ask(url)
    client = Rasa(url, SECRET, 5.0)
    assert await client.is_ready() is False
    await client.aclose()


async def test_too_slow_is_unreachable() -> None:
    """An answer after the time is as good as none."""
    with ScriptedRasa(takes_s=0.5) as rasa, pytest.raises(RasaUnreachable):
        await ask(rasa.url, timeout_s=0.05)


async def test_readiness_asks_rasa(server: ScriptedRasa) -> None:
    """A Rasa that answers 200 is ready."""
    client = Rasa(server.url, SECRET, 5.0)
    assert await client.is_ready() is True
    await client.aclose()
