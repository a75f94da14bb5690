"""Every setting, read from the environment and `.env`, checked once before anything starts."""

from __future__ import annotations

import json
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError
from bot.hours import Hours, QuietHours

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The settings; `.env.example` says in words what each is for."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    database_url: str = f"sqlite+aiosqlite:///{ROOT / 'var' / 'assistant.db'}"
    rasa_url: str = "http://127.0.0.1:5005"
    #: Shared by the app and Rasa, in both directions; `make run` makes one when it is not set.
    rasa_secret: SecretStr = Field(min_length=16)
    public_url: str | None = None

    telegram_token: SecretStr | None = None
    #: Made from the token when it is not set; 1 to 256 characters of A-Z a-z 0-9 _ - (setWebhook.secret_token).
    telegram_webhook_secret: SecretStr | None = None
    #: Another Bot API server, for one's own server or an emulator.
    telegram_api_url: str = "https://api.telegram.org"

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    whatsapp_from: str | None = None
    #: JSON object from template name to Content SID, as `python -m bot whatsapp-templates` prints it.
    whatsapp_templates: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    #: JSON object from variety to the Content SID of an approved template with one variable, for reminders after the
    #: 24-hour window.
    whatsapp_notice_templates: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)

    #: Messages of campaigns a second. Telegram's servers take 30 a second of a bot in all
    #: (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); WhatsApp's senders start at 80
    #: (https://www.twilio.com/docs/whatsapp/api#rate-limits). The rest is left for answers; all campaigns together hand
    #: over 50 a second at most (`bot.campaigns.sending`).
    campaign_telegram_per_s: float = Field(default=25, gt=0, le=30)
    campaign_whatsapp_per_s: float = Field(default=10, gt=0, le=50)
    #: When no campaign is sent unless its release says so, in Morocco's time.
    campaign_quiet_hours: str = "21:00-09:00"

    #: The mail server; None: no mails are sent.
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    #: ``starttls`` (usually port 587), ``tls`` from the first byte (465), or ``none`` (a relay on this machine).
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    #: An address, or one with a name: "Assistant MNC <assistant@example.ma>".
    mail_from: str | None = None
    #: Who gets the report of each month, apart by commas; empty: nobody, and nothing is sent by itself.
    report_recipients: Annotated[tuple[str, ...], NoDecode] = ()
    report_language: Literal["fr", "ar", "en"] = "fr"

    #: When somebody of the team is there, in Morocco's time: "mon-fri 09:00-17:00". Unset: the bot promises nothing.
    team_hours: str | None = None
    session_idle_minutes: float = Field(default=120, gt=0)
    session_turn_limit: int = Field(default=40, ge=2)
    #: How many people are answered at once. Each holds a connection of PostgreSQL's pool for the length of the turn.
    concurrent_turns: int = Field(default=8, ge=1, le=16)
    rasa_timeout_s: float = Field(default=20, gt=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("public_url")
    @classmethod
    def _https_only(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.netloc or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be an https address without a path, for example https://bot.example.ma")
        return f"https://{parts.netloc}"

    @field_validator("rasa_url", "telegram_api_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address with http(s)://, for example http://127.0.0.1:5005")
        _ = parts.port  # raises ValueError when it is no number
        return value

    @field_validator("team_hours")
    @classmethod
    def _week(cls, value: str | None) -> str | None:
        if value is not None:
            Hours.parse(value)
        return value

    @field_validator("campaign_quiet_hours")
    @classmethod
    def _night(cls, value: str) -> str:
        QuietHours.parse(value)
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("whatsapp_from")
    @classmethod
    def _whatsapp_number(cls, value: str | None) -> str | None:
        if value is None:
            return None
        number = value.removeprefix("whatsapp:")
        if not (number.startswith("+") and number[1:].isdigit() and 8 <= len(number) <= 16):
            raise ValueError("must be a number in international form, for example whatsapp:+14155238886")
        return f"whatsapp:{number}"

    @field_validator("whatsapp_templates", "whatsapp_notice_templates", mode="before")
    @classmethod
    def _json_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON object like {"fr": "HX…"}') from None

    @field_validator("telegram_token")
    @classmethod
    def _bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            number, colon, key = value.get_secret_value().partition(":")
            if not (number.isdigit() and colon and len(key) >= 20):
                raise ValueError("must look like 123456789:AAE… (BotFather gives it)")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _header_safe(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            if not (1 <= len(text) <= 256 and text.isascii() and text.replace("_", "").replace("-", "").isalnum()):
                raise ValueError("must be 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            _check_address(parseaddr(value)[1], value)
        return value

    @field_validator("report_recipients", mode="before")
    @classmethod
    def _addresses(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        addresses = tuple(dict.fromkeys(filter(None, (part.strip() for part in value.split(",")))))
        for address in addresses:
            _check_address(address, address)
        return addresses

    @model_validator(mode="after")
    def _whole_mail(self) -> Settings:
        if self.smtp_host is None:
            if self.report_recipients:
                raise ValueError("REPORT_RECIPIENTS needs SMTP_HOST and MAIL_FROM: without them nothing is sent")
            return self
        if self.mail_from is None:
            raise ValueError("SMTP_HOST needs MAIL_FROM, the address that mails come from")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("SMTP_USER and SMTP_PASSWORD go together; set both or none")
        is_here = self.smtp_host in ("localhost", "127.0.0.1", "::1")
        if self.smtp_user is not None and self.smtp_security == "none" and not is_here:
            raise ValueError("SMTP_SECURITY: none would send the password readable by all; use starttls or tls")
        return self

    @model_validator(mode="after")
    def _whole_channels(self) -> Settings:
        whatsapp = {
            "TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": self.twilio_auth_token,
            "WHATSAPP_FROM": self.whatsapp_from,
        }
        missing = [name for name, value in whatsapp.items() if value is None]
        if missing and len(missing) < len(whatsapp):
            raise ValueError(
                f"WhatsApp is half set: {', '.join(missing)} missing; set all three of {', '.join(whatsapp)} or none"
            )
        if not missing and self.public_url is None:
            raise ValueError("WhatsApp needs PUBLIC_URL: Twilio signs and calls that address")
        return self

    @property
    def base_url(self) -> str:
        """Where people's browsers reach the app: the public address, else this machine's."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def has_telegram(self) -> bool:
        """Whether a Telegram bot is configured."""
        return self.telegram_token is not None

    @property
    def has_whatsapp(self) -> bool:
        """Whether WhatsApp through Twilio is configured."""
        return self.whatsapp_from is not None


def _check_address(address: str, typed: str) -> None:
    """Raises ValueError when something is no e-mail address."""
    if not typed.isprintable():
        raise ValueError("must be on one line")
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError(f"{typed!r} is no e-mail address like team@example.ma") from None


def load_settings() -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: one line that names the setting and what would be right.
    """
    try:
        return Settings()  # type: ignore[call-arg]  # the values come from the environment
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        text = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {text}" if name else text) from None
