"""The checker of outbound requests: it lets right requests pass and catches wrong ones."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.channels.telegram_emulator import TOKEN, TelegramEmulator, serve
from tests.channels.telegram_spec import BotApiSpec
from tests.specs import spec_path


@pytest.fixture
def spec() -> BotApiSpec:
    """The description under ../shared."""
    return BotApiSpec(spec_path("telegram-bot-api.json"))


def _keyboard(**button: Any) -> str:
    return json.dumps({"inline_keyboard": [[button]]})


def _commands(*commands: dict[str, str]) -> str:
    return json.dumps(commands)


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("getMe", {}),
    ("sendMessage", {"chat_id": "5550001", "text": "x" * 4096}),
    ("sendMessage", {"chat_id": "5550001", "text": "12"}),
    ("sendMessage", {"chat_id": 5550001, "text": "x", "link_preview_options": '{"is_disabled": true}'}),
    ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": _keyboard(text="a", callback_data="é" * 32)}),
    (
        "setWebhook",
        {"url": "https://bot.example.ma/webhooks/telegram", "secret_token": "a_B-9", "max_connections": "100"},
    ),
    ("getUpdates", {"offset": "-1", "timeout": "30", "allowed_updates": '["message"]'}),
    ("sendChatAction", {"chat_id": "1", "action": "upload_document"}),
    ("setMyCommands", {"commands": _commands({"command": "help", "description": "Aide"}), "language_code": "ar"}),
    ("setMyCommands", {"commands": "[]", "scope": '{"type": "default"}'}),
]

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("sendMesage", {}, "no such method"),
    ("sendMessage", {"text": "x"}, "chat_id: required"),
    ("sendMessage", {"chat_id": "1", "text": "x", "disable_web_page_preview": "true"}, "no such field"),
    ("sendMessage", {"chat_id": "1", "text": ""}, "0 characters, allowed are 1-4096"),
    ("sendMessage", {"chat_id": "1", "text": "x" * 4097}, "4097 characters"),
    ("sendMessage", {"chat_id": "1", "text": "🙏" * 2049}, "4098 characters"),
    ("sendMessage", {"chat_id": "1", "text": "x", "protect_content": "yes"}, "must be Boolean"),
    ("sendMessage", {"chat_id": "1", "text": "x", "link_preview_options": '{"disabled": true}'}, "no such field"),
    ("sendMessage", {"chat_id": "1", "text": "x", "link_preview_options": '{"is_disabled": 1}'}, "must be Boolean"),
    ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": "[]"}, "must be"),
    (
        "sendMessage",
        {"chat_id": "1", "text": "x", "reply_markup": _keyboard(text="a", callback_data="é" * 33)},
        "66 bytes, allowed are 1-64",
    ),
    ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": _keyboard(text="a", callback_data="")}, "0 bytes"),
    ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": _keyboard(text="a")}, "exactly one action"),
    (
        "sendMessage",
        {"chat_id": "1", "text": "x", "reply_markup": _keyboard(text="a", url="https://a.ma", callback_data="/a")},
        "exactly one action",
    ),
    ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": _keyboard(callback_data="/a")}, "text: required"),
    ("setWebhook", {"url": "http://bot.example.ma/"}, "must be https"),
    ("setWebhook", {"url": "https://bot.example.ma/", "secret_token": "é"}, "characters that are not allowed"),
    ("setWebhook", {"url": "https://bot.example.ma/", "secret_token": "x" * 257}, "257 characters"),
    ("setWebhook", {"url": "https://bot.example.ma/", "max_connections": "101"}, "101, allowed are 1-100"),
    ("setWebhook", {"url": "https://bot.example.ma/", "max_connections": "many"}, "must be Integer"),
    ("getUpdates", {"limit": "0"}, "0, allowed are 1-100"),
    ("getUpdates", {"allowed_updates": "message"}, "must be an array"),
    ("getUpdates", {"allowed_updates": "[1]"}, "must be String"),
    ("sendChatAction", {"chat_id": "1", "action": "thinking"}, "no such action"),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "201 characters"),
    ("setMyCommands", {"commands": _commands({"command": "Help", "description": "x"})}, "characters that are not"),
    ("setMyCommands", {"commands": _commands({"command": "h" * 33, "description": "x"})}, "33 characters"),
    ("setMyCommands", {"commands": _commands({"command": "help", "description": ""})}, "0 characters"),
    ("setMyCommands", {"commands": _commands({"command": "help", "description": "x" * 257})}, "257 characters"),
    ("setMyCommands", {"commands": _commands(*[{"command": "a", "description": "x"}] * 101)}, "101 items, at most 100"),
    ("setMyCommands", {"commands": "[]", "language_code": "ary"}, "characters that are not allowed"),
]


@pytest.mark.parametrize(("method", "fields"), RIGHT)
def test_right_requests(spec: BotApiSpec, method: str, fields: dict[str, Any]) -> None:
    """A right request has no problem."""
    assert spec.list_problems(method, fields) == []


@pytest.mark.parametrize(("method", "fields", "problem"), WRONG)
def test_wrong_requests(spec: BotApiSpec, method: str, fields: dict[str, Any], problem: str) -> None:
    """A wrong request has exactly the problem that it was made with."""
    problems = spec.list_problems(method, fields)
    assert len(problems) == 1
    assert problem in problems[0]


async def test_emulator_reports_wrong_requests(spec: BotApiSpec) -> None:
    """A wrong request that reaches the emulator over HTTP leaves its problem there."""
    emulator = TelegramEmulator(spec)
    async with serve(emulator.app()) as url, httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{url}/bot{TOKEN}/sendMessage", data={"chat_id": "1", "text": "x", "colour": "red"})
    assert emulator.problems == ["sendMessage.colour: no such field"]
