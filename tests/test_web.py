"""The routes, over real HTTP, with nothing behind them but the database (Rasa is away, and says so)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running import SECRET, RunningApp, free_port, make_settings, sqlite_url

from bot.rasa import SECRET_HEADER
from bot.web import BODY_LIMIT_BYTES


@pytest.fixture(scope="module")
def lonely_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app without Rasa."""
    url = sqlite_url(tmp_path_factory.mktemp("web"))
    settings = make_settings(port=free_port(), rasa_url=f"http://127.0.0.1:{free_port()}", database_url=url)
    with RunningApp(settings) as running:
        yield running


@pytest.fixture
def client(lonely_app: RunningApp) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=lonely_app.base_url, timeout=30) as client:
        yield client


def action_call(name: str, entities: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The body that Rasa posts for a custom action, as far as actions read it."""
    latest = {"intent": {"name": "jobintech_tracks"}, "entities": entities or []}
    tracker = {
        "sender_id": "somebody",
        "slots": {},
        "latest_message": latest,
        "events": [{"event": "user", "parse_data": latest, "metadata": {}}],
        "paused": False,
        "followup_action": None,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    return {"next_action": name, "tracker": tracker, "domain": {}, "version": "3.6.21"}


def test_openapi_documents_the_chat(client: httpx.Client) -> None:
    """Programs find the chat's JSON in the description: both ways to ask, and what comes back."""
    description = client.get("/openapi.json").json()
    assert "post" in description["paths"]["/web/messages"]
    schemas = description["components"]["schemas"]
    assert {"sender", "text", "payload"} <= set(schemas["WebMessage"]["properties"])
    assert set(schemas["WebAnswer"]["properties"]) == {"replies", "intent", "confidence", "variety"}
    assert "post" in description["paths"]["/web/updates"]
    assert set(schemas["WebUpdatesRequest"]["properties"]) == {"sender", "after"}
    assert set(schemas["WebReply"]["properties"]) == {"id", "text", "buttons", "variety"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text": "salut"}, "sender"),
        ({"sender": "a"}, "give either text or payload"),
        ({"sender": "a", "text": "x", "payload": "/greet"}, "give either text or payload"),
        ({"sender": "a", "text": "  "}, "must not be empty"),
        ({"sender": "", "text": "x"}, "sender"),
        ({"sender": "a" * 129, "text": "x"}, "sender"),
        ({"sender": "a", "text": "x" * 4001}, "text"),
        ({"sender": "a", "payload": "greet"}, "payload"),
        ({"sender": "a", "payload": "/" + "x" * 64}, "payload"),
        ({"sender": "a", "text": "x", "extra": 1}, "extra"),
        ({"sender": 7, "text": "x"}, "sender"),
        ([], "dictionary"),
    ],
)
def test_bad_input_is_named(client: httpx.Client, body: Any, said: str) -> None:
    """What is wrong is refused with 422 and a text that names it."""
    response = client.post("/web/messages", json=body)
    assert response.status_code == 422
    assert said in response.text


def test_without_rasa_the_person_gets_an_apology(lonely_app: RunningApp) -> None:
    """The turn is tried twice, then answered with the offer of a human, and logged as failed with the error."""
    answer = lonely_app.ask("apology", "c'est gratuit ?")
    assert [button["payload"] for button in answer["replies"][0]["buttons"]] == ["/request_human"]
    row = lonely_app.rows("SELECT state, error, attempts FROM messages WHERE text = 'c''est gratuit ?'")[0]
    assert row["state"] == "failed" and row["attempts"] == 2 and "RasaUnreachable" in row["error"]


def test_a_repeated_id_is_answered_once(client: httpx.Client, lonely_app: RunningApp) -> None:
    """A program that asks again with the same id gets the same replies, and one message is stored."""
    body = {"sender": "twice", "payload": "/start", "id": "m-1"}
    first, second = client.post("/web/messages", json=body), client.post("/web/messages", json=body)
    assert first.json() == second.json() and first.json()["replies"]
    assert len(lonely_app.rows("SELECT id FROM messages WHERE external_id = 'twice:m-1'")) == 1


@pytest.mark.parametrize("payload", ["/restart", "/session_start", "/nothing", '/inform{"city"', '/inform{"city": 1}'])
def test_a_forged_payload_does_nothing(client: httpx.Client, payload: str) -> None:
    """A payload that we never offered is not understood, whatever Rasa could do with it."""
    answer = client.post("/web/messages", json={"sender": "forger", "payload": payload}).json()
    assert [button["payload"] for button in answer["replies"][0]["buttons"]] == ["/ask_capabilities", "/request_human"]
    assert answer["intent"] is None


def test_readiness_names_what_is_away(client: httpx.Client) -> None:
    """/healthz is about the process alone; /readyz says that Rasa is away."""
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503 and ready.json() == {"database": True, "rasa": False}


@pytest.mark.parametrize("name", ["nothing", "telegram", "web"])
def test_a_channel_that_is_not_configured_has_no_webhook(client: httpx.Client, name: str) -> None:
    """404 and the channel's name."""
    response = client.post(f"/webhooks/{name}", content=b"{}")
    assert response.status_code == 404 and name in response.text


class TestActions:
    def post(self, client: httpx.Client, body: bytes, secret: str = SECRET) -> httpx.Response:
        return client.post("/rasa/actions", content=body, headers={SECRET_HEADER: secret})

    def test_an_action_answers_rasa(self, client: httpx.Client) -> None:
        """The reply has events and responses, and the answer as custom data."""
        response = self.post(client, json.dumps(action_call("action_find_tracks")).encode())
        assert response.status_code == 200
        assert response.json()["events"] == []
        assert response.json()["responses"][0]["custom"]["answer"] == "tracks_list"

    @pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x"])
    def test_without_the_secret_nothing_runs(self, client: httpx.Client, secret: str) -> None:
        """401, before the body is read."""
        assert self.post(client, b"not even JSON", secret).status_code == 401

    def test_an_unknown_action_is_404(self, client: httpx.Client) -> None:
        """As rasa-sdk's own server answers, with the action's name."""
        response = self.post(client, json.dumps(action_call("action_unknown")).encode())
        assert response.status_code == 404 and response.json()["action_name"] == "action_unknown"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"next_action": "x"}', b'{"next_action": 1, "tracker": {}}'])
    def test_a_malformed_call_is_422(self, client: httpx.Client, body: bytes) -> None:
        """What is no action call is refused."""
        assert self.post(client, body).status_code == 422

    def test_a_failing_action_is_500(self, client: httpx.Client) -> None:
        """Rasa hears that it failed, and answers the app with an error in its turn."""
        call = action_call("action_subscribe", [{"entity": "topic", "value": "events"}])
        call["tracker"]["sender_id"] = "999999.1"  # nobody has this number: the subscription's reference breaks
        assert self.post(client, json.dumps(call).encode()).status_code == 500


def test_an_endless_body_is_cut_off(client: httpx.Client) -> None:
    """A body beyond the limit is refused with 413 while it comes, whatever it says of its length."""

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 262_144

    response = client.post("/rasa/actions", content=endless(), headers={SECRET_HEADER: SECRET})
    assert response.status_code == 413
    assert BODY_LIMIT_BYTES < 40 * 262_144
