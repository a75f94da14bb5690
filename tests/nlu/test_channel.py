"""The door into Rasa: what it takes, what it refuses, and what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.exceptions import RasaException
from serving import SECRET, Door, serve

from nlu.channel import (
    PAYLOAD_LIMIT_CHARS,
    SENDER_LIMIT_CHARS,
    TEXT_LIMIT_CHARS,
    AppChannel,
    AppMessage,
    Collector,
    MalformedRequest,
    describe_parse,
    read_message,
)

HELLO = {"sender": "12.3", "text": "bonjour"}


class ScriptedAgent:
    """The part of Rasa's agent that the channel uses: it notes what it is asked and answers as told."""

    model_filename = "scripted.tar.gz"
    model_path = "/nonexistent/scripted.tar.gz"

    def __init__(self) -> None:
        self.processor = self
        self.parsed: list[str] = []
        self.handled: list[UserMessage] = []
        self.fails_in = ""
        self.ready = True

    def is_ready(self) -> bool:
        return self.ready

    async def parse_message(self, message: UserMessage) -> dict[str, Any]:
        if self.fails_in == "parse":
            raise KeyError("no model")
        self.parsed.append(message.text)
        return {
            "text": message.text,
            "intent": {"name": "greet", "confidence": 0.75},
            "intent_ranking": [{"name": f"intent_{rank}", "confidence": 1 / (rank + 3)} for rank in range(9)],
            "entities": [
                {"entity": "city", "value": "fes", "start": 0, "end": 3, "text": "Fès", "extractor": "Gazetteer"}
            ],
            "variety": {"name": "ary-Arab", "confidence": 0.9},
        }

    async def handle_message(self, message: UserMessage) -> None:
        if self.fails_in == "turn":
            raise RasaException("the action server is away")
        self.handled.append(message)
        output = message.output_channel
        await output.send_response(
            message.sender_id, {"text": "سلام", "utter_action": "utter_greet", "buttons": [], "image": "x"}
        )
        await output.send_response(message.sender_id, {"custom": {"answer": "cities", "data": {"rows": 2}}})


@pytest.fixture(scope="module")
def scripted() -> ScriptedAgent:
    return ScriptedAgent()


@pytest.fixture(scope="module")
def served(scripted: ScriptedAgent) -> Iterator[Door]:
    with serve(scripted) as door:
        yield door


@pytest.fixture
def door(served: Door, scripted: ScriptedAgent) -> Door:
    """The channel before a scripted agent that has seen nothing yet."""
    scripted.parsed, scripted.handled, scripted.fails_in, scripted.ready = [], [], "", True
    return served


MALFORMED = {
    "null": None,
    "a list": [HELLO],
    "a string": "bonjour",
    "a number": 7,
    "an empty object": {},
    "an unknown field": {**HELLO, "intent": "greet"},
    "no sender": {"text": "bonjour"},
    "a null sender": {"sender": None, "text": "bonjour"},
    "an empty sender": {"sender": "", "text": "bonjour"},
    "a sender that is a number": {"sender": 12, "text": "bonjour"},
    "a sender that is too long": {"sender": "s" * (SENDER_LIMIT_CHARS + 1), "text": "bonjour"},
    "neither text nor payload": {"sender": "12.3"},
    "both text and payload": {**HELLO, "payload": "/greet"},
    "null text": {"sender": "12.3", "text": None},
    "text that is a number": {"sender": "12.3", "text": 7},
    "text that is a list": {"sender": "12.3", "text": ["bonjour"]},
    "text that is false": {"sender": "12.3", "text": False},
    "empty text": {"sender": "12.3", "text": ""},
    "text of spaces": {"sender": "12.3", "text": " \t\n\u00a0\u2003"},
    "text of slashes": {"sender": "12.3", "text": "///"},
    "text of slashes and spaces": {"sender": "12.3", "text": " / / "},
    "text that is too long": {"sender": "12.3", "text": "a" * (TEXT_LIMIT_CHARS + 1)},
    "text of spaces that is too long": {"sender": "12.3", "text": "a" + " " * TEXT_LIMIT_CHARS},
    "a payload without a slash": {"sender": "12.3", "payload": "greet"},
    "a payload with a space before its slash": {"sender": "12.3", "payload": " /greet"},
    "an empty payload": {"sender": "12.3", "payload": ""},
    "a payload that is an object": {"sender": "12.3", "payload": {"intent": "greet"}},
    "a payload that is too long": {"sender": "12.3", "payload": "/" + "p" * PAYLOAD_LIMIT_CHARS},
    "metadata that is a list": {**HELLO, "metadata": []},
    "metadata that is null": {**HELLO, "metadata": None},
    "metadata that is a string": {**HELLO, "metadata": "x"},
}


class TestReadMessage:
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
    def test_malformed_bodies_are_refused(self, body: Any) -> None:
        """Each malformed body raises, and the error says something."""
        with pytest.raises(MalformedRequest, match=r"\w+ "):
            read_message(body)

    @pytest.mark.parametrize(
        ("typed", "read"),
        [
            ("bonjour", "bonjour"),
            ("  bonjour \n", "bonjour"),
            ("/start", "start"),
            ("//greet", "greet"),
            ("/ greet", "greet"),
            (" /\t/greet", "greet"),
            ("/ /greet", "greet"),
            ("/ / /jobintech_cost{}", "jobintech_cost{}"),
            ("/\u00a0/greet", "greet"),
            ("/\u2003\n/ \u3000/greet", "greet"),
            ("et/ou", "et/ou"),
            ("1/2", "1/2"),
            ("fin /", "fin /"),
            ("شحال الثمن؟", "شحال الثمن؟"),
            ("👩🏽‍💻 c'est où ?", "👩🏽‍💻 c'est où ?"),
        ],
    )
    def test_text_loses_its_leading_slashes_and_its_outer_spaces(self, typed: str, read: str) -> None:
        """What a person typed comes through, without what Rasa would read as a command."""
        message = read_message({"sender": "12.3", "text": typed})
        assert message == AppMessage("12.3", read, False, {})
        assert not message.text.strip().startswith(INTENT_MESSAGE_PREFIX)

    @pytest.mark.parametrize("letter", ["a", "ش", "👍", "\U0001f600"])
    def test_the_limit_counts_characters(self, letter: str) -> None:
        """A thousand characters pass in any script, whatever their bytes."""
        text = letter * TEXT_LIMIT_CHARS
        assert TEXT_LIMIT_CHARS == 1_000
        assert read_message({"sender": "12.3", "text": text}).text == text

    @pytest.mark.parametrize("payload", ["/greet", '/inform{"city": "fes"}', "/" + "p" * (PAYLOAD_LIMIT_CHARS - 1)])
    def test_a_payload_stays_as_it_is(self, payload: str) -> None:
        """A button's payload keeps its slash and is marked as one."""
        body = {"sender": "s" * SENDER_LIMIT_CHARS, "payload": payload, "metadata": {"message_id": 8}}
        assert read_message(body) == AppMessage("s" * SENDER_LIMIT_CHARS, payload, True, {"message_id": 8})


class TestDescribeParse:
    def test_an_empty_parse_has_every_field(self) -> None:
        """Rasa's answer for nothing is a parse without an intent."""
        assert describe_parse({"intent": None}) == {
            "intent": "",
            "confidence": 0.0,
            "ranking": [],
            "entities": [],
            "variety": None,
        }


class TestSecret:
    @pytest.mark.parametrize("secret", ["", "short", "x" * 15, "${RASA_SECRET_OF_THE_APP}", None])
    def test_a_weak_or_unset_secret_stops_the_start(self, secret: Any) -> None:
        """A channel can't be made with a secret that is absent, short, or a variable that was not set."""
        with pytest.raises(RasaException, match="RASA_SECRET"):
            AppChannel.from_credentials({"secret": secret})
        with pytest.raises(RasaException, match="RASA_SECRET"):
            AppChannel.from_credentials(None)

    @pytest.mark.parametrize(
        "secret",
        [
            None,
            "",
            "wrong",
            SECRET + "x",
            SECRET[:-1],
            SECRET.upper(),
            "clé-secrète".encode(),
            "سر".encode(),
            b"\xff\xfe\x80",
            "\u00e9".encode("latin-1"),
        ],
    )
    def test_a_missing_or_wrong_secret_is_refused(self, door: Door, scripted: ScriptedAgent, secret: Any) -> None:
        """Every wrong header gets a 401, whatever its bytes, and nothing is parsed."""
        status, answer = door.post(HELLO, secret)
        assert (status, "messages" in answer) == (401, False)
        assert door.request("GET", "/webhooks/app/ready", secret=secret)[0] == 401
        assert (scripted.parsed, scripted.handled) == ([], [])

    def test_the_secret_is_asked_for_before_the_body_is_read(self, door: Door) -> None:
        """A stranger does not learn what a well-formed body is."""
        assert door.post(b"{", "wrong")[0] == 401

    def test_a_secret_with_accents_works(self, scripted: ScriptedAgent) -> None:
        """A secret outside of ASCII is compared by its UTF-8 bytes, and opens the door."""
        secret = "un-secret-très-bien-gardé"
        with serve(scripted, secret) as door:
            assert door.post(HELLO, secret.encode())[0] == 200
            assert door.post(HELLO, secret.replace("è", "e").encode())[0] == 401


class TestRoute:
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
    def test_malformed_objects_get_422(self, door: Door, scripted: ScriptedAgent, body: Any) -> None:
        """What `read_message` refuses is a 422 with its reason, and Rasa never sees it."""
        status, answer = door.post(json.dumps(body).encode())
        assert (status, list(answer)) == (422, ["error"])
        assert answer["error"]
        assert (scripted.parsed, scripted.handled) == ([], [])

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"bonjour",
            b"{'sender': '1', 'text': 'a'}",
            b"\xff\xfe\x00",
            b'{"sender": "1", "text": "\xff"}',
            b"[" * 100_000,
            b'{"sender": "1", "text": "a", "metadata": ' + b'{"a":' * 100_000,
            json.dumps({"sender": "1", "text": "a" * 1_000_000}).encode(),
        ],
        ids=["empty", "cut", "no JSON", "quotes", "no UTF-8", "no UTF-8 inside", "deep list", "deep metadata", "1 MB"],
    )
    def test_bodies_that_are_no_json_get_422(self, door: Door, scripted: ScriptedAgent, body: bytes) -> None:
        """Broken, deep or huge bodies are a 422, and the server goes on answering."""
        assert door.post(body)[0] == 422
        assert scripted.parsed == []
        assert door.post(HELLO)[0] == 200

    def test_a_message_is_parsed_once_and_its_parse_handed_on(self, door: Door, scripted: ScriptedAgent) -> None:
        """One parse per message, which the turn is given with the sender, the channel and the metadata."""
        status, _ = door.post({**HELLO, "metadata": {"message_id": 7}})
        assert (status, scripted.parsed) == (200, ["bonjour"])
        (turn,) = scripted.handled
        assert turn.parse_data is not None
        assert turn.parse_data["intent"]["name"] == "greet"
        assert (turn.sender_id, turn.input_channel, turn.metadata) == ("12.3", "app", {"message_id": 7})

    def test_the_answer_holds_the_parse_and_the_messages(self, door: Door) -> None:
        """Parse and replies come in one answer: five ranks, no extractor, each response's name, nothing empty."""
        _, answer = door.post({"sender": "12.3", "text": "Fès"})
        parse = answer["parse"]
        assert [rank["intent"] for rank in parse.pop("ranking")] == [f"intent_{rank}" for rank in range(5)]
        assert parse == {
            "intent": "greet",
            "confidence": 0.75,
            "entities": [{"entity": "city", "value": "fes", "start": 0, "end": 3, "text": "Fès"}],
            "variety": {"name": "ary-Arab", "confidence": 0.9},
        }
        assert answer["messages"] == [
            {"text": "سلام", "utter_action": "utter_greet"},
            {"custom": {"answer": "cities", "data": {"rows": 2}}},
        ]

    @pytest.mark.parametrize(("where", "name"), [("parse", "KeyError"), ("turn", "RasaException")])
    def test_a_failed_turn_is_a_500_with_the_errors_name(
        self, door: Door, scripted: ScriptedAgent, where: str, name: str
    ) -> None:
        """The app learns what kind of error it was, none of its text, and the next turn works."""
        scripted.fails_in = where
        assert door.post(HELLO) == (500, {"error": name})
        scripted.fails_in = ""
        assert door.post(HELLO)[0] == 200

    def test_ready_says_whether_a_model_is_loaded(self, door: Door, scripted: ScriptedAgent) -> None:
        """503 until the agent is ready, 200 after."""
        scripted.ready = False
        assert door.request("GET", "/webhooks/app/ready") == (503, {"ready": False, "model": None})
        scripted.ready = True
        assert door.request("GET", "/webhooks/app/ready") == (200, {"ready": True, "model": "scripted.tar.gz"})


class TestCollector:
    def test_whole_messages_are_kept_in_order(self) -> None:
        """Text, buttons, custom data and the response's name stay together; empty parts and others go."""
        collector = Collector()

        async def say() -> None:
            await collector.send_response("1", {"text": "a", "buttons": [{"title": "t", "payload": "/p"}], "quick": 1})
            await collector.send_response("1", {"text": "", "custom": {"k": 1}, "utter_action": "utter_x"})

        asyncio.run(say())
        assert collector.messages == [
            {"text": "a", "buttons": [{"title": "t", "payload": "/p"}]},
            {"custom": {"k": 1}, "utter_action": "utter_x"},
        ]


class TestRealRasa:
    @pytest.fixture(scope="class")
    def real(self, agent: Any) -> Iterator[Door]:
        """The channel before Rasa's own agent."""
        with serve(agent) as door:
            yield door

    def test_a_question_gets_its_parse_and_its_answer(self, real: Door) -> None:
        """Rasa answers through the channel with the response's name and its buttons, in every script."""
        for text in ("c'est gratuit à Rabat ?", "ch7al taman f rbat", "شحال الثمن فالرباط"):
            status, answer = real.post({"sender": "real.1", "text": text})
            assert (status, answer["parse"]["intent"]) == (200, "jobintech_cost")
            (city,) = answer["parse"]["entities"]
            assert (city["entity"], city["value"]) == ("city", "rabat")
            assert text[city["start"] : city["end"]] == city["text"]
            assert answer["messages"] == [
                {
                    "text": "Gratuit",
                    "buttons": [{"title": "Merci", "payload": "/greet"}],
                    "utter_action": "utter_jobintech_cost",
                }
            ]

    def test_rasa_parses_each_message_once(self, real: Door, agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rasa's turn uses the parse that it is handed."""
        parsed: list[str] = []
        parse = agent.processor._parse_message_with_graph

        def count(message: UserMessage, *args: Any, **kwargs: Any) -> Any:
            parsed.append(message.text)
            return parse(message, *args, **kwargs)

        monkeypatch.setattr(agent.processor, "_parse_message_with_graph", count)
        assert real.post({"sender": "real.2", "text": "bonjour"})[0] == 200
        assert real.post({"sender": "real.2", "payload": "/greet"})[0] == 200
        assert parsed == ["bonjour", "/greet"]

    @pytest.mark.parametrize("slashes", ["/", "//", "/ /", "\u3000/\u00a0/"])
    def test_typed_slashes_are_no_command(self, real: Door, slashes: str) -> None:
        """An intent's name typed after slashes is classified like any text: what a command would carry is not read."""
        status, answer = real.post({"sender": "real.3", "text": slashes + 'jobintech_cost{"city": "nowhere"}'})
        assert status == 200
        assert answer["parse"]["entities"] == []

    def test_a_payload_is_a_command(self, real: Door) -> None:
        """A button's payload names its intent and its entities."""
        _, answer = real.post({"sender": "real.4", "payload": '/jobintech_cost{"city": "fes"}'})
        assert (answer["parse"]["intent"], answer["parse"]["confidence"]) == ("jobintech_cost", 1.0)
        assert [(entity["entity"], entity["value"]) for entity in answer["parse"]["entities"]] == [("city", "fes")]
        assert answer["messages"][0]["utter_action"] == "utter_jobintech_cost"
