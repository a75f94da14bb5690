"""The settings of mails: what is half set or wrong stops the start, and no password is shown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from running import make_settings

WHOLE = {"smtp_host": "mail.example.ma", "mail_from": "Assistant MNC <assistant@example.ma>"}


def test_mails_are_off_by_default() -> None:
    """Nothing is sent that nobody asked for."""
    settings = make_settings()
    assert settings.smtp_host is None and settings.report_recipients == ()


def test_recipients_are_apart_by_commas() -> None:
    """Each once, in their order."""
    settings = make_settings(report_recipients=" a@example.ma, b@example.ma ,,a@example.ma", **WHOLE)
    assert settings.report_recipients == ("a@example.ma", "b@example.ma")
    assert (settings.smtp_port, settings.smtp_security, settings.report_language) == (587, "starttls", "fr")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"report_recipients": "a@example.ma"}, "REPORT_RECIPIENTS needs SMTP_HOST and MAIL_FROM"),
        ({"smtp_host": "mail.example.ma"}, "SMTP_HOST needs MAIL_FROM"),
        (WHOLE | {"smtp_user": "x"}, "SMTP_USER and SMTP_PASSWORD go together"),
        (WHOLE | {"smtp_password": "geheim"}, "SMTP_USER and SMTP_PASSWORD go together"),
        (WHOLE | {"smtp_user": "x", "smtp_password": "geheim", "smtp_security": "none"}, "SMTP_SECURITY: none would"),
        (WHOLE | {"smtp_security": "ssl"}, "'starttls', 'tls' or 'none'"),
        (WHOLE | {"smtp_port": 0}, "greater than or equal to 1"),
        (WHOLE | {"report_language": "de"}, "'fr', 'ar' or 'en'"),
        (WHOLE | {"report_recipients": "a@example.ma; b@example.ma"}, "is no e-mail address like team@example.ma"),
        (WHOLE | {"report_recipients": "direction"}, "'direction' is no e-mail address"),
        (WHOLE | {"mail_from": "Assistant"}, "'Assistant' is no e-mail address"),
        (WHOLE | {"mail_from": "a@example.ma\nBcc: b@example.ma"}, "must be on one line"),
    ],
)
def test_what_is_wrong_is_said(values: dict[str, Any], said: str) -> None:
    """With the name of the setting, and never with the password."""
    with pytest.raises(ValidationError) as caught:
        make_settings(**values)
    text = str(caught.value.errors()[0]["msg"])
    assert said in text and "geheim" not in text


def test_a_password_without_tls_stays_on_the_machine() -> None:
    """A relay on the loopback interface may want one."""
    settings = make_settings(
        smtp_host="127.0.0.1", mail_from="a@example.ma", smtp_user="x", smtp_password="geheim", smtp_security="none"
    )
    assert "geheim" not in repr(settings)
