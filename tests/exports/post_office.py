"""A real SMTP server on the loopback interface, for tests: what it takes, and how it refuses."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from running import free_port

USER, PASSWORD = "assistant", "un-secret-de-test-42"


class Mailbox:
    """What came, and what is refused.

    Attributes:
        mails: each with its recipients.
        refuse: recipients that are refused.
        answer: what is said to the mail itself.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuse: set[str] = set()
        self.answer = "250 OK"
        self.port = free_port()
        self.was_tls: list[bool] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:
        if address in self.refuse:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content or b"", policy=default)  # type: ignore[arg-type]
            self.mails.append((list(envelope.rcpt_tos), mail))  # type: ignore[arg-type]
            self.was_tls.append(session.ssl is not None)
        return self.answer


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    # Not handled: the server says no by itself (535).
    return AuthResult(success=is_right, handled=is_right)


@contextmanager
def serving(
    *, context: ssl.SSLContext | None = None, is_tls_at_once: bool = False, wants_login: bool = False
) -> Iterator[Mailbox]:
    """A server for a while; with a context it offers STARTTLS, or speaks TLS at once."""
    mailbox = Mailbox()
    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": wants_login and not is_tls_at_once}
    options["auth_require_tls"] = context is not None and not is_tls_at_once
    if is_tls_at_once:
        options["ssl_context"] = context
    elif context is not None:
        options["tls_context"] = context
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
