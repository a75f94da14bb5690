"""The report of each month by e-mail: once, on the first working day, tried again, and never silently lost."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest
from post_office import Mailbox, serving
from running import free_port, make_settings
from staffed import Console
from talks import hear, meet

from bot.answers import Answers, FactBook
from bot.clock import running_on
from bot.console.reports import sending
from bot.console.reports.sending import MonthlyReports, find_due_month
from bot.db.models import ReportMail
from bot.db.report_mails import LONGEST, PAUSES, list_mails, note_failed, plan_mail, take_mail
from bot.settings import Settings

#: 2026-12-01 is a Tuesday; 2026-11-01 a Sunday; 2026-08-01 a Saturday. Morocco is an hour ahead of UTC.
DUE = datetime(2026, 12, 1, 7, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved on."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(DUE)
    with running_on(clock):
        yield clock


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serving() as served:
        yield served


def mailing(port: int) -> Settings:
    return make_settings(
        smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", mail_from="assistant@example.ma",
        report_recipients="direction@example.ma,equipe@example.ma",
    )  # fmt: skip


def reports(console: Console, port: int) -> MonthlyReports:
    return MonthlyReports(console.db, Answers(FactBook(console.db)), mailing(port))


async def read_mail(console: Console, month: str = "2026-11") -> ReportMail:
    async with console.db.read() as session:
        return (await list_mails(session))[month]


async def talk_in(console: Console, at: datetime) -> None:
    contact_id = await meet(console.db)
    await hear(console.db, contact_id, "bonjour", at, finished_at=at + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 12, 1, 6, 59, tzinfo=UTC), None),
        (datetime(2026, 12, 1, 7, tzinfo=UTC), "2026-11"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), None),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), None),
        (datetime(2026, 11, 2, 7, tzinfo=UTC), "2026-10"),
        (datetime(2026, 8, 2, 12, tzinfo=UTC), None),
        (datetime(2026, 8, 3, 7, tzinfo=UTC), "2026-07"),
        (datetime(2027, 1, 1, 7, tzinfo=UTC), "2026-12"),
    ],
)
def test_it_is_due_on_the_first_working_day(at: datetime, month: str | None) -> None:
    """At eight in Morocco, where a month begins before it does in UTC; a weekend is waited out."""
    assert find_due_month(at) == month


async def test_it_is_sent_once(any_console: Console, clock: Clock, mailbox: Mailbox) -> None:
    """To everybody, with a PDF that opens; by one of two processes, and by none that starts later."""
    console = any_console
    await talk_in(console, datetime(2026, 11, 20, 12, tzinfo=UTC))
    clock.at = DUE - timedelta(minutes=1)
    first, second = reports(console, mailbox.port), reports(console, mailbox.port)
    await first.run_due()
    assert not mailbox.mails
    clock.at = DUE
    await asyncio.gather(first.run_due(), second.run_due())
    clock.at = DUE + timedelta(days=20)
    await reports(console, mailbox.port).run_due()
    ((recipients, mail),) = mailbox.mails
    assert recipients == ["direction@example.ma", "equipe@example.ma"]
    assert mail["Subject"] == "Assistant MNC\u00a0: rapport de novembre 2026"
    (file,) = mail.iter_attachments()
    assert file.get_filename() == "rapport-2026-11.pdf" and file.get_content_type() == "application/pdf"
    read = pypdf.PdfReader(io.BytesIO(file.get_content()))
    assert "Rapport de l'assistant : novembre 2026" in " ".join(read.pages[0].extract_text().split())
    kept = await read_mail(console)
    assert (kept.state, kept.attempts, kept.error, kept.sent_at) == ("sent", 1, None, DUE)


async def test_nothing_is_told_of_before_the_assistant_was_there(
    console: Console, clock: Clock, mailbox: Mailbox
) -> None:
    """Neither on an empty database, nor of the month before the first message."""
    await reports(console, mailbox.port).run_due()
    await talk_in(console, DUE)
    await reports(console, mailbox.port).run_due()
    assert not mailbox.mails
    async with console.db.read() as session:
        assert await list_mails(session) == {}


async def test_a_failure_is_tried_again_with_growing_pauses(console: Console, clock: Clock) -> None:
    """Until the last try; what is wrong is kept, and the page shows it."""
    await talk_in(console, datetime(2026, 11, 20, 12, tzinfo=UTC))
    sender = reports(console, free_port())
    for number, pause in enumerate(PAUSES, start=1):
        await sender.run_due()
        kept = await read_mail(console)
        assert (kept.state, kept.attempts, kept.next_attempt_at) == ("waiting", number, clock.at + pause)
        assert kept.error is not None and "can't be reached" in kept.error
        clock.at += pause - timedelta(seconds=1)
        await sender.run_due()
        assert (await read_mail(console)).attempts == number
        clock.at += timedelta(seconds=1)
    await sender.run_due()
    assert (await read_mail(console)).state == "failed"
    clock.at += timedelta(days=1)
    await sender.run_due()
    assert (await read_mail(console)).attempts == len(PAUSES) + 1
    assert list(PAUSES) == sorted(PAUSES)


async def test_the_next_try_succeeds(console: Console, clock: Clock, mailbox: Mailbox) -> None:
    """Once the server is there again; the error is gone."""
    await talk_in(console, datetime(2026, 11, 20, 12, tzinfo=UTC))
    mailbox.answer = "451 try later"
    sender = reports(console, mailbox.port)
    await sender.run_due()
    assert (await read_mail(console)).error == f"127.0.0.1:{mailbox.port} refused the mail: 451 try later"
    mailbox.answer = "250 OK"
    clock.at += PAUSES[0]
    await sender.run_due()
    kept = await read_mail(console)
    assert (kept.state, kept.attempts, kept.error) == ("sent", 2, None) and len(mailbox.mails) == 1


async def test_refused_addresses_are_kept(console: Console, clock: Clock, mailbox: Mailbox) -> None:
    """The others have it, so it is out; who has it not is shown."""
    await talk_in(console, datetime(2026, 11, 20, 12, tzinfo=UTC))
    mailbox.refuse = {"equipe@example.ma"}
    await reports(console, mailbox.port).run_due()
    kept = await read_mail(console)
    assert kept.state == "sent" and kept.error == "equipe@example.ma: 550 5.1.1 no such user here"


async def test_a_defect_is_no_loss(
    console: Console, clock: Clock, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that can't be made is tried again too, and its error is named."""
    await talk_in(console, datetime(2026, 11, 20, 12, tzinfo=UTC))

    async def fail(*_: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(sending, "make_report", fail)
    await reports(console, mailbox.port).run_due()
    kept = await read_mail(console)
    assert (kept.state, kept.error) == ("waiting", "ZeroDivisionError")


async def test_an_interrupted_mail_is_not_sent_twice(any_console: Console, clock: Clock) -> None:
    """A process that dies while sending may have sent: nobody sends again unasked, and the page says so."""
    console = any_console
    async with console.db.write() as session:
        await plan_mail(session, "2026-11")
        assert await take_mail(session) == "2026-11"
    clock.at += LONGEST - timedelta(seconds=1)
    async with console.db.write() as session:
        assert await take_mail(session) is None
    assert (await read_mail(console)).state == "sending"
    clock.at += timedelta(seconds=2)
    async with console.db.write() as session:
        await plan_mail(session, "2026-11")
        assert await take_mail(session) is None
    assert (await read_mail(console)).state == "unsure"


async def test_the_last_failure_is_the_end(any_console: Console, clock: Clock) -> None:
    """The row says when the next try is, or that there is none."""
    async with any_console.db.write() as session:
        session.add(ReportMail(month="2026-11", state="sending", attempts=1))
    async with any_console.db.write() as session:
        assert await note_failed(session, "2026-11", "x" * 900) == DUE + PAUSES[0]
    async with any_console.db.write() as session:
        (await session.get_one(ReportMail, "2026-11")).attempts = len(PAUSES) + 1
        assert await note_failed(session, "2026-11", "x") is None
