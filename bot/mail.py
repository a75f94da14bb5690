"""Send an e-mail with files by SMTP (RFC 5321), by the standard library in a thread: one mail a month needs no more."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid, parseaddr

from bot.clock import utc_now
from bot.errors import AssistantError, SettingsError
from bot.settings import Settings

#: How long the server may take for one step.
TIMEOUT_S = 30.0


class MailError(AssistantError):
    """A mail could not be sent. The text says what is in the way and which setting to look at, never a password."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail: its name in ASCII, its content, and its media type (``application/pdf``)."""

    name: str
    content: bytes
    media_type: str


class Mailer:
    """The way out for mails, as the settings describe it; nothing connects before something is sent."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings.

        Raises:
            SettingsError: they name no server.
        """
        if settings.smtp_host is None or settings.mail_from is None:
            raise SettingsError("SMTP_HOST: not set; mails need it, MAIL_FROM and REPORT_RECIPIENTS (.env.example)")
        self._host, self._port, self._security = settings.smtp_host, settings.smtp_port, settings.smtp_security
        self._user, self._password = settings.smtp_user, settings.smtp_password
        self._from = settings.mail_from

    async def send(
        self, recipients: Sequence[str], subject: str, text: str, attachments: Sequence[Attachment] = ()
    ) -> dict[str, str]:
        """Send one mail to all of some addresses.

        Args:
            recipients: the addresses, at least one.
            subject: one line.
            text: what the mail says.
            attachments: its files.

        Returns:
            The addresses that the server refused, with why, where it took the mail for others.

        Raises:
            MailError: nobody gets it.
        """
        message = self._write(recipients, subject, text, attachments)
        return await asyncio.to_thread(self._deliver, message)

    def _write(
        self, recipients: Sequence[str], subject: str, text: str, attachments: Sequence[Attachment]
    ) -> EmailMessage:
        name, address = parseaddr(self._from)
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = Address(name, addr_spec=address)
        message["To"] = [Address(addr_spec=each) for each in recipients]
        message["Subject"] = subject
        message["Date"] = format_datetime(utc_now())
        message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2])
        # Nobody's holiday notice should answer (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        for each in attachments:
            kind, _, subtype = each.media_type.partition("/")
            message.add_attachment(each.content, maintype=kind, subtype=subtype, filename=each.name)
        return message

    def _deliver(self, message: EmailMessage) -> dict[str, str]:
        with self._explained(), self._connect() as server:
            if self._security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._user is not None and self._password is not None:
                server.login(self._user, self._password.get_secret_value())
            refused = server.send_message(message)
        return {address: _describe(code, said) for address, (code, said) in refused.items()}

    def _connect(self) -> smtplib.SMTP:
        if self._security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell what went wrong in terms of the settings."""
        where = f"{self._host}:{self._port}"
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            # What the server says may repeat what it was given.
            raise MailError(f"SMTP_USER, SMTP_PASSWORD: {where} does not take them (code {error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError as error:
            what = "STARTTLS" if "STARTTLS" in str(error) else "this"
            raise MailError(f"SMTP_SECURITY: {where} does not offer {what} ({error})") from error
        except smtplib.SMTPRecipientsRefused as error:
            whom = "; ".join(f"{address}: {_describe(*answer)}" for address, answer in error.recipients.items())
            raise MailError(f"REPORT_RECIPIENTS: {where} refuses all of them: {whom}") from error
        except smtplib.SMTPSenderRefused as error:
            said = _describe(error.smtp_code, error.smtp_error)
            raise MailError(f"MAIL_FROM: {where} refuses {self._from}: {said}") from error
        except smtplib.SMTPResponseException as error:
            raise MailError(f"{where} refused the mail: {_describe(error.smtp_code, error.smtp_error)}") from error
        except smtplib.SMTPServerDisconnected as error:
            # A server that waits for another way of speaking says nothing, or hangs up.
            what = f"said nothing for {TIMEOUT_S:.0f} s" if "timed out" in str(error) else f"hung up ({error})"
            raise MailError(f"SMTP_PORT, SMTP_SECURITY: {where} {what}") from error
        except ssl.SSLCertVerificationError as error:
            raise MailError(f"SMTP_HOST: the certificate of {where} is not valid: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise MailError(f"SMTP_SECURITY: {where} does not speak TLS as expected ({error.reason})") from error
        except TimeoutError as error:
            raise MailError(f"SMTP_HOST, SMTP_PORT: {where} said nothing for {TIMEOUT_S:.0f} s") from error
        except OSError as error:
            raise MailError(f"SMTP_HOST, SMTP_PORT: {where} can't be reached: {error.strerror or error}") from error


def _describe(code: int, said: bytes | str) -> str:
    """An answer of the server on one line."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())[:300]
