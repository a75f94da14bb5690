"""Settings: what is wrong stops the start with one line that names the setting."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from running import SECRET

from bot.errors import SettingsError
from bot.settings import ROOT, Settings, load_settings

TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
WHATSAPP = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "f" * 32,
    "WHATSAPP_FROM": "whatsapp:+14155238886",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings counts here."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("RASA_SECRET", SECRET)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"PORT": "0"}, "PORT"),
        ({"PORT": "http"}, "PORT"),
        ({"RASA_SECRET": "short"}, "RASA_SECRET"),
        ({"PUBLIC_URL": "http://bot.example.ma"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://bot.example.ma/path"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "bot.example.ma"}, "PUBLIC_URL"),
        ({"TELEGRAM_TOKEN": "secret"}, "TELEGRAM_TOKEN"),
        ({"TELEGRAM_TOKEN": "123456789:short"}, "TELEGRAM_TOKEN"),
        ({"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_WEBHOOK_SECRET": "not allowed"}, "TELEGRAM_WEBHOOK_SECRET"),
        ({"WHATSAPP_FROM": "0612345678"}, "WHATSAPP_FROM"),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN, WHATSAPP_FROM"),
        ({**WHATSAPP}, "PUBLIC_URL"),
        ({"WHATSAPP_TEMPLATES": "not json"}, "WHATSAPP_TEMPLATES"),
        ({"SESSION_TURN_LIMIT": "1"}, "SESSION_TURN_LIMIT"),
        ({"SESSION_IDLE_MINUTES": "-5"}, "SESSION_IDLE_MINUTES"),
        ({"CONCURRENT_TURNS": "0"}, "CONCURRENT_TURNS"),
        ({"RASA_TIMEOUT_S": "0"}, "RASA_TIMEOUT_S"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the setting's name in it, and none of the secrets."""
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    text = str(caught.value)
    assert name in text and "\n" not in text
    for secret in ("TELEGRAM_TOKEN", "TWILIO_AUTH_TOKEN", "RASA_SECRET"):
        assert secret not in values or len(values[secret]) < 8 or values[secret] not in text


def test_whole_channels_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token alone makes Telegram; the three of Twilio and the public address make WhatsApp."""
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    for key, value in {**WHATSAPP, "PUBLIC_URL": "https://bot.example.ma/"}.items():
        monkeypatch.setenv(key, value)
    settings = load_settings()
    assert settings.has_telegram and settings.has_whatsapp
    assert settings.public_url == "https://bot.example.ma"


def test_no_setting_is_needed_but_the_secret() -> None:
    """Without any account the assistant has its web page, on loopback."""
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert not settings.has_telegram and not settings.has_whatsapp


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings shows no token."""
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    assert TOKEN not in repr(load_settings()) and SECRET not in repr(load_settings())


def test_every_setting_is_documented() -> None:
    """.env.example has a line for each setting, and no other."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    documented = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"TELEGRAM_TOKEN": "nonsense"}, "TELEGRAM_TOKEN"),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "WHATSAPP_FROM"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL"),
    ],
)
def test_the_start_stops_with_one_line(values: dict[str, str], line: str, tmp_path: Path) -> None:
    """`python -m bot serve` with a bad setting prints one line on the error stream and exits with 1."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "RASA_SECRET": SECRET,
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        **values,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and line in done.stderr
