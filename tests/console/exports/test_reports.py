"""The report of a month: what it says, its PDF in three languages, its page and its command."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hostile_cells import TEXTS
from post_office import Mailbox, serving
from running import free_port, sqlite_url
from staffed import Console, SignIn
from talks import hear, meet, tell

from bot.__main__ import main
from bot.answers import Answers, FactBook
from bot.clock import running_on
from bot.console.reports.making import ReportError, list_months, make_report, month_before, read_month
from bot.console.reports.wording import Speaker
from bot.console.roles import ROLES, Role
from bot.console.words import LANGUAGES, Language
from bot.db.engine import Database
from bot.db.migrate import migrate
from bot.db.models import City
from bot.db.report_mails import list_mails
from bot.figures import keeping
from bot.figures.data import Figure
from bot.settings import Settings

NOW = datetime(2026, 12, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def december() -> Iterator[None]:
    with running_on(lambda: NOW):
        yield


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serving() as served:
        yield served


async def talk(console: Console, at: datetime, count: int = 1, **values: Any) -> int:
    """Somebody asks so many times at a time, and is answered a second later."""
    contact_id = await meet(console.db)
    for number in range(count):
        asked_at = at + timedelta(minutes=number)
        answered = {"finished_at": asked_at + timedelta(seconds=1), "intent": "jobintech_cost"} | values
        heard = await hear(console.db, contact_id, "chhal taman ?", asked_at, **answered)
        said_at = asked_at + timedelta(seconds=1)
        await tell(console.db, contact_id, "Gratuit.", reply_to_id=heard, created_at=said_at, finished_at=said_at)
    return contact_id


async def read(console: Console, month: str, language: Language = "fr") -> pypdf.PdfReader:
    content = await make_report(console.db, Answers(FactBook(console.db)), month, language)
    return pypdf.PdfReader(io.BytesIO(content))


def text_of(document: pypdf.PdfReader) -> str:
    """All its text on one line, with plain spaces."""
    return " ".join(" ".join(page.extract_text() for page in document.pages).split())


def check_inert(document: pypdf.PdfReader) -> None:
    """Nothing in it runs, asks or links; it opens at its first page."""
    assert not {"/AA", "/AcroForm", "/Names"} & set(document.root_object)
    assert isinstance(document.root_object["/OpenAction"], list)
    assert all("/Annots" not in page for page in document.pages)


async def test_a_report_says_what_the_figures_say(any_console: Console) -> None:
    """Each month beside the one before: counts, changes, shares, topics, times."""
    console = any_console
    for number in range(4):
        await talk(console, datetime(2026, 10, 5 + number, 12, tzinfo=UTC), 6)
    for number in range(5):
        await talk(console, datetime(2026, 11, 5 + number, 12, tzinfo=UTC), 6)
    text = text_of(await read(console, "2026-11"))
    assert "Rapport de l'assistant : novembre 2026" in text and "comparée à : octobre 2026" in text
    assert "Messages reçus : 30, +25 % par rapport au mois d'avant." in text
    assert "Personnes qui ont écrit : 5, en 5 conversations." in text
    assert "L'assistant a répondu à 100 % des messages qu'il avait à traiter" in text
    assert "« C'est gratuit ? », 100 % des messages" in text
    assert "La moitié des réponses de l'assistant partent en 1 s ou moins" in text
    assert "Personne n'a donné d'avis ce mois-ci." in text
    october = text_of(await read(console, "2026-10"))
    assert "Messages reçus : 24." in october and "il n'y a pas de comparaison" in october


@pytest.mark.parametrize(
    ("language", "title", "lang"),
    [("fr", "Rapport de l'assistant", "fr"), ("ar", "تقرير", "ar"), ("en", "Report of the assistant", "en")],
)
async def test_a_document_has_what_readers_need(console: Console, language: Language, title: str, lang: str) -> None:
    """A title, its language, bookmarks, A4 pages with numbers, four at most, and nothing that runs or links."""
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC), 3)
    document = await read(console, "2026-11", language)
    assert document.metadata is not None and title in str(document.metadata.title)
    assert document.root_object["/Lang"] == lang
    assert 1 <= len(document.pages) <= 4
    assert {tuple(round(float(side)) for side in page.mediabox[2:]) for page in document.pages} == {(595, 842)}
    outline: Any = document.outline
    assert len(outline) == 2 and len(outline[1]) >= 5
    check_inert(document)
    total = len(document.pages)
    # Read from the right in Arabic.
    number = f"{total} / 1" if language == "ar" else f"1 / {total}"
    assert number in " ".join(document.pages[0].extract_text().split())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_empty_month_says_so(console: Console, language: Language) -> None:
    """Also of a database without any message, and beside a month with some."""
    words = {"fr": "Aucun message n'a été reçu", "en": "No message was received", "ar": "لم تصل"}
    for _ in range(2):
        document = await read(console, "2026-11", language)
        assert len(document.pages) == 1
        if language != "ar":  # whose letters are joined in the file
            assert words[language] in text_of(document)
        await talk(console, datetime(2026, 10, 5, 12, tzinfo=UTC), 3)


async def test_a_running_month_is_said_to_run(console: Console) -> None:
    """It is compared with as many days."""
    await talk(console, datetime(2026, 11, 2, 12, tzinfo=UTC), 25)
    await talk(console, datetime(2026, 11, 20, 12, tzinfo=UTC), 7)
    await talk(console, NOW - timedelta(hours=2), 30)
    text = text_of(await read(console, "2026-12"))
    assert "Ce mois n'est pas fini : il est compté jusqu'au 3 décembre 2026" in text
    assert "Messages reçus : 30, +20 %" in text


async def test_hostile_names_are_only_letters(console: Console) -> None:
    """Towns and programmes are named by staff, topics and errors by whatever came."""
    for number, text in enumerate(TEXTS):
        text = text.encode("utf-8", "replace").decode().replace("\x00", "")
        at = datetime(2026, 11, 1 + number % 28, 12, tzinfo=UTC)
        for _ in range(5):
            entities = [{"entity": "city", "value": f"ville-{number}"}]
            await talk(console, at, intent=text[:60], entities=entities, variety=text[:8])
        contact_id = await meet(console.db)
        await tell(console.db, contact_id, text, state="failed", error=text, created_at=at, finished_at=None)
    async with console.db.write() as session:
        for number, text in enumerate(TEXTS):
            name = text.encode("utf-8", "replace").decode().replace("\x00", "")[:80]
            session.add(City(slug=f"ville-{number}", name=name, latitude=0, longitude=0, region=""))
    document = await read(console, "2026-11")
    check_inert(document)
    assert "{7*7}" in text_of(document) or "49" not in text_of(document)


@pytest.mark.parametrize(
    ("figure", "change"),
    [
        (Figure("x", "count", 150, 150, 100, 100), "+50 %"),
        (Figure("x", "count", 80, 80, 100, 100), "−20 %"),
        (Figure("x", "count", 3, 3, 1, 1), "+2"),
        (Figure("x", "count", 1001, 1001, 1000, 1000), "stable"),
        (Figure("x", "count", 5, 5, 0, 0), "nouveau"),
        (Figure("x", "count", 0, 0, 0, 0), "stable"),
        (Figure("x", "count", 5, 5, None, 0), "–"),
        (Figure("x", "share", 0.5, 8, 0.45, 9), "+5 pts"),
        (Figure("x", "share", None, 0, 0.45, 9), "–"),
        (Figure("x", "seconds", 3.0, 8, 2.0, 9), "+50 %"),
    ],
)
def test_changes_are_told_plainly(console: Console, figure: Figure, change: str) -> None:
    """A percentage of few things would say nothing; what is not known is a dash."""
    speaker = Speaker("fr", Answers(FactBook(console.db)))
    assert speaker.change(figure).replace("\u00a0", " ") == change


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0 s"), (1.25, "1,2 s"), (42.4, "42 s"), (59.7, "1 min"), (3_599, "1 h 00"), (90_060, "25 h 01")],
)
def test_lengths_of_time_are_short(console: Console, seconds: float, shown: str) -> None:
    """One or two units."""
    assert Speaker("fr", Answers(FactBook(console.db))).duration(seconds).replace("\u00a0", " ") == shown


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "11-2026", "2026-00", "novembre", "", "2026-11-01", "٢٠٢٦-١١"])
def test_a_wrong_month_is_refused(text: str) -> None:
    """With what would be right."""
    with pytest.raises(ReportError, match="is no month like 2026-11"):
        read_month(text)


def test_a_month_that_is_not_counted_is_refused() -> None:
    """It has not begun, or lies before everything."""
    with pytest.raises(ReportError, match="2027-01 has not begun yet"):
        read_month("2027-01")
    with pytest.raises(ReportError, match="nothing is counted before 2020"):
        read_month("2019-12")
    assert read_month(" 2026-12 ") == "2026-12"
    assert [month_before(date(2026, month, 3)) for month in (1, 2, 12)] == ["2025-12", "2026-01", "2026-11"]


async def test_months_are_those_with_messages(any_console: Console) -> None:
    """In Morocco's days, the newest first, without those in between."""
    async with any_console.db.read() as session:
        assert await list_months(session) == []
    for at in (
        datetime(2026, 1, 31, 23, 30, tzinfo=UTC),  # February in Morocco
        datetime(2026, 11, 30, 22, 0, tzinfo=UTC),
        datetime(2025, 12, 31, 22, 30, tzinfo=UTC),
    ):
        await talk(any_console, at)
    async with any_console.db.read() as session:
        assert await list_months(session) == ["2026-11", "2026-02", "2025-12"]


@pytest.mark.parametrize("role", ROLES)
async def test_everybody_reads_reports(console: Console, role: Role) -> None:
    """The log says who took which; months without messages are not there."""
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC), 3)
    client = await console.sign_in(role)
    page = (await client.get("/reports")).text
    assert "novembre 2026" in page and "octobre 2026" not in page
    answer = await client.post("/reports/pdf", {"month": "2026-11", "language": "ar"})
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="rapport-2026-11.pdf"' in answer.headers["content-disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(answer.content)).pages) >= 1
    assert client.member is not None
    assert await console.audited() == [(client.member.id, "report_downloaded", "report:2026-11")]
    assert (await client.post("/reports/pdf", {"month": "2026-10", "language": "fr"})).status_code == 404
    assert (await client.post("/reports/pdf", {"month": "../etc", "language": "fr"})).status_code == 404
    wrong = await client.post("/reports/pdf", {"month": "2026-11", "language": "de"})
    assert wrong.status_code == 422 and "Choisissez une langue" in wrong.text


async def test_days_are_counted_a_few_in_a_transaction(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two months that nobody counted yet must not keep every message waiting until the report is made."""
    await talk(console, datetime(2026, 10, 1, 12, tzinfo=UTC))
    counted: list[list[date]] = []

    async def note(db: Database, days: Iterable[date]) -> None:
        counted.append(list(days))
        await recount(db, counted[-1])

    recount = keeping.recount
    monkeypatch.setattr(keeping, "recount", note)
    await read(console, "2026-11")
    assert sum(map(len, counted)) == 61
    assert max(map(len, counted)) <= keeping.STEP


async def test_an_administrator_sends_now(empty_database: Path, tmp_path: Path, mailbox: Mailbox) -> None:
    """It arrives, is noted, and logged; addresses are for administrators."""
    shutil.copy(empty_database, tmp_path / "assistant.db")
    console = Console(
        sqlite_url(tmp_path), smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security="none",
        mail_from="assistant@example.ma", report_recipients="direction@example.ma", report_language="ar",
    )  # fmt: skip
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC), 3)
    client = await console.sign_in("administrator")
    assert "direction@example.ma" in (await client.get("/reports")).text
    answer = await client.post("/reports/mail", {"month": "2026-11"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/reports?done=report_mailed")
    ((_, mail),) = mailbox.mails
    assert mail["Subject"] == "مساعد MNC: تقرير نونبر 2026"
    assert "envoyé\u00a0: 3 déc. 2026" in (await client.get("/reports")).text
    assert [action for _, action, _ in await console.audited()] == ["report_mailed"]
    mailbox.answer = "550 no"
    answer = await client.post("/reports/mail", {"month": "2026-11"})
    assert answer.status_code == 422 and "refused the mail: 550 no" in answer.text
    analyst = await console.sign_in("analyst")
    page = (await analyst.get("/reports")).text
    assert "direction@example.ma" not in page and "Envoyer maintenant" not in page
    assert (await analyst.post("/reports/mail", {"month": "2026-11"})).status_code == 403
    await console.aclose()


async def test_two_who_press_at_once_send_one_mail(database_url: str, mailbox: Mailbox) -> None:
    """The other one is told that it is on its way, as is whoever presses while the monthly mail is being sent."""
    await asyncio.to_thread(migrate, database_url)
    console = Console(
        database_url, smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security="none",
        mail_from="assistant@example.ma", report_recipients="direction@example.ma",
    )  # fmt: skip
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC), 3)
    client, other = await console.sign_in("administrator"), await console.sign_in("administrator")
    form = {"month": "2026-11"}
    answers = await asyncio.gather(client.post("/reports/mail", form), other.post("/reports/mail", form))
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert len(mailbox.mails) == 1
    assert [action for _, action, _ in await console.audited()] == ["report_mailed"]
    # Nothing is left of a try that failed: neither a turn that nobody has, nor a month that is sent by itself.
    mailbox.answer = "550 no"
    for month, state in (("2026-11", "sent"), ("2026-12", None)):
        if state is None:
            await talk(console, datetime(2026, 12, 2, 12, tzinfo=UTC))
        assert (await client.post("/reports/mail", {"month": month})).status_code == 422
        async with console.db.read() as session:
            kept = (await list_mails(session)).get(month)
        assert (None if kept is None else kept.state) == state
    await console.aclose()


async def test_without_a_server_nothing_is_sent(console: Console, signed_in: SignIn) -> None:
    """The page says what is missing."""
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC))
    client = await signed_in("administrator")
    page = (await client.get("/reports")).text
    assert "SMTP_HOST" in page and "Envoyer maintenant" not in page
    answer = await client.post("/reports/mail", {"month": "2026-11"})
    assert answer.status_code == 422 and "SMTP_HOST" in answer.text


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("--pdf", "a.pdf", SMTP_HOST="…")`: what somebody types beside a database; its status and words."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        given = {"DATABASE_URL": sqlite_url(tmp_path), "RASA_SECRET": "a-secret-for-the-tests-only", **settings}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        # In a thread: the command has an event loop of its own.
        with ThreadPoolExecutor(1) as thread:
            status = thread.submit(main, ["report", *arguments]).result(timeout=60)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


async def test_the_command_writes_a_file(console: Console, command: Command, tmp_path: Path, mailbox: Mailbox) -> None:
    """Whole or not at all; it replaces nothing unless told to; it sends when told to."""
    await talk(console, datetime(2026, 11, 5, 12, tzinfo=UTC), 3)
    file = tmp_path / "out.pdf"
    status, said, _ = command("--month", "2026-11", "--pdf", "out.pdf", "--language", "en")
    assert (status, said) == (0, "out.pdf: the report of 2026-11\n")
    assert "November 2026" in text_of(pypdf.PdfReader(file))
    status, _, wrong = command("--month", "2026-11", "--pdf", str(file))
    assert status == 1 and "is there already; --force replaces it" in wrong
    assert command("--pdf", str(file), "--force")[0] == 0
    assert "novembre 2026" in text_of(pypdf.PdfReader(file))
    assert not [name for name in os.listdir(tmp_path) if ".pdf" in name and name != "out.pdf"]
    mailing = {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mailbox.port), "SMTP_SECURITY": "none",
        "MAIL_FROM": "a@example.ma", "REPORT_RECIPIENTS": "b@example.ma",
    }  # fmt: skip
    assert command("--month", "2026-11", "--mail", **mailing)[0] == 0
    assert [recipients for recipients, _ in mailbox.mails] == [["b@example.ma"]]
    assert await console.audited() == [(None, "report_mailed", "report:2026-11")]


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("--month", "2026-13", "--pdf", "a.pdf"), {}, "'2026-13' is no month like 2026-11"),
        (("--month", "2999-01", "--pdf", "a.pdf"), {}, "2999-01 has not begun yet"),
        (("--month", "2026-01"), {}, "say where it goes: --pdf FILE, --mail, or both"),
        (("--month", "2026-01", "--pdf", "."), {}, "is a folder; name a file"),
        (("--month", "2026-01", "--pdf", "none/a.pdf"), {}, "there is no folder none; make it first"),
        (("--month", "2026-01", "--pdf", "a.pdf"), {}, "brings the tables up to date"),
        (("--month", "2026-01", "--mail"), {}, "SMTP_HOST: not set"),
        (("--mail",), {"SMTP_HOST": "127.0.0.1", "MAIL_FROM": "a@b.ma"}, "REPORT_RECIPIENTS: not set"),
    ],
)
def test_the_command_says_what_is_wrong(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    """One line, on the error stream; no file is left."""
    status, _, wrong = command(*arguments, **settings)
    assert status == 1 and said in wrong and wrong.count("\n") == 1, wrong
    assert not list(tmp_path.glob("**/*.pdf*"))


async def test_a_mail_that_can_not_go_is_said(console: Console, command: Command) -> None:
    """The command fails, so that whoever planned it hears of it."""
    settings = {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(free_port()), "SMTP_SECURITY": "none",
        "MAIL_FROM": "a@example.ma", "REPORT_RECIPIENTS": "b@example.ma",
    }  # fmt: skip
    status, _, wrong = command("--month", "2026-01", "--mail", **settings)
    assert status == 1 and re.search(r"MailError: SMTP_HOST, SMTP_PORT: .* can't be reached", wrong)
