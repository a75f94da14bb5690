"""Mails by SMTP, against a real server: what arrives, and what is said where nothing does."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from post_office import PASSWORD, USER, serving
from running import free_port, make_settings

from bot import mail
from bot.errors import SettingsError
from bot.mail import Attachment, Mailer, MailError

TO = ("direction@example.ma", "equipe@example.ma")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certified(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """What a server of a known authority has; this process trusts that authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def mailer(port: int, **values: Any) -> Mailer:
    values = {"smtp_security": "none", "mail_from": "Assistant MNC <assistant@example.ma>"} | values
    return Mailer(make_settings(smtp_host="127.0.0.1", smtp_port=port, **values))


async def send(to: Mailer, recipients: tuple[str, ...] = TO) -> dict[str, str]:
    file = Attachment("rapport.pdf", b"%PDF-1.4 \x00\xff", "application/pdf")
    return await to.send(recipients, "Rapport d'été : 100 % – تقرير", "Bonjour,\n\nvoilà.\n.\nFin", [file])


async def test_a_mail_arrives_whole() -> None:
    """Sender, recipients, subject, text and file are what was sent, whatever letters they have."""
    with serving() as mailbox:
        assert await send(mailer(mailbox.port)) == {}
    ((recipients, found),) = mailbox.mails
    assert recipients == list(TO) and found["To"] == ", ".join(TO)
    assert found["From"] == "Assistant MNC <assistant@example.ma>" and found["Auto-Submitted"] == "auto-generated"
    assert found["Subject"] == "Rapport d'été : 100 % – تقرير" and found["Message-ID"].endswith("@example.ma>")
    body = found.get_body(("plain",))
    assert body is not None and body.get_content().replace("\r\n", "\n") == "Bonjour,\n\nvoilà.\n.\nFin\n"
    (file,) = found.iter_attachments()
    assert file.get_filename() == "rapport.pdf" and file.get_content() == b"%PDF-1.4 \x00\xff"


@pytest.mark.parametrize(("security", "at_once"), [("starttls", False), ("tls", True)])
async def test_tls_and_a_login(certified: ssl.SSLContext, security: str, at_once: bool) -> None:
    """Both ways of TLS, with the server's certificate checked, and the password given inside."""
    with serving(context=certified, is_tls_at_once=at_once, wants_login=True) as mailbox:
        sender = mailer(mailbox.port, smtp_security=security, smtp_user=USER, smtp_password=PASSWORD)
        assert await send(sender) == {}
    assert len(mailbox.mails) == 1 and (at_once or mailbox.was_tls == [True])


async def test_a_wrong_password_is_said_and_not_shown(certified: ssl.SSLContext, caplog: Any) -> None:
    """The settings are named; neither the error nor the log has the password."""
    caplog.set_level(logging.DEBUG)
    with serving(context=certified, wants_login=True) as mailbox:
        sender = mailer(mailbox.port, smtp_security="starttls", smtp_user=USER, smtp_password="geheim-geheim")
        with pytest.raises(MailError, match=r"SMTP_USER, SMTP_PASSWORD: .* does not take them \(code 535\)") as caught:
            await send(sender)
    assert not mailbox.mails
    assert "geheim" not in f"{caught.value!r} {caught.value.__cause__!r} {caplog.text} {sender!r} {vars(sender)!r}"


async def test_a_server_without_tls_gets_nothing() -> None:
    """Where TLS is asked for and not offered, nothing goes out readable."""
    with serving() as mailbox:
        with pytest.raises(MailError, match=r"SMTP_SECURITY: .* does not offer STARTTLS"):
            await send(mailer(mailbox.port, smtp_security="starttls"))
        with pytest.raises(MailError, match=r"SMTP_SECURITY: .* does not speak TLS as expected"):
            await send(mailer(mailbox.port, smtp_security="tls"))
    assert not mailbox.mails


async def test_a_certificate_of_nobody_is_refused(authority: trustme.CA) -> None:
    """The server may be another one than it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(context=context) as mailbox:
        sender = mailer(mailbox.port, smtp_security="starttls")
        with pytest.raises(MailError, match=r"SMTP_HOST: the certificate of .* is not valid"):
            await send(sender)
    assert not mailbox.mails


async def test_a_server_that_is_away() -> None:
    """Nothing listens there, or the name is nobody's."""
    with pytest.raises(MailError, match=r"SMTP_HOST, SMTP_PORT: 127.0.0.1:\d+ can't be reached: Connection refused"):
        await send(mailer(free_port()))


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []
        threading.Thread(target=lambda: taken.append(server.accept()[0]), daemon=True).start()
        yield server.getsockname()[1]
        for each in taken:
            each.close()


async def test_a_silent_server_is_not_waited_for(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than a step may take."""
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.2)
    with pytest.raises(MailError, match="said nothing for 0 s"):
        await send(mailer(silent))


async def test_refused_recipients_are_told() -> None:
    """Those whom the server takes get it; where it takes none, nothing is out."""
    with serving() as mailbox:
        mailbox.refuse = {TO[0]}
        assert await send(mailer(mailbox.port)) == {TO[0]: "550 5.1.1 no such user here"}
        assert [recipients for recipients, _ in mailbox.mails] == [[TO[1]]]
        mailbox.refuse = set(TO)
        with pytest.raises(MailError, match=r"REPORT_RECIPIENTS: .* refuses all of them: direction@example.ma: 550"):
            await send(mailer(mailbox.port))
    assert len(mailbox.mails) == 1


async def test_a_refused_mail_is_told() -> None:
    """In the words of the server."""
    with serving() as mailbox:
        mailbox.answer = "552 message too large"
        with pytest.raises(MailError, match="refused the mail: 552 message too large"):
            await send(mailer(mailbox.port))


def test_without_a_server_there_is_no_mailer() -> None:
    """The setting is named."""
    with pytest.raises(SettingsError, match="SMTP_HOST"):
        Mailer(make_settings())
