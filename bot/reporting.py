"""The report of a month from the command line: into a file, by mail, or both."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.answers import Answers, FactBook
from bot.clock import today
from bot.console.reports.making import ReportError, make_report, month_before, read_month
from bot.console.reports.sending import MonthlyReports, check_mail
from bot.console.words import Language
from bot.db.engine import open_database
from bot.settings import Settings


async def report(
    settings: Settings, month: str | None, language: Language, pdf: Path | None, *, force: bool, mail: bool
) -> None:
    """Write the report of a month (None: the last one) into a file, or send it to those who get it, or both.

    Raises:
        ReportError: there is no such month, nothing to do, the file can't be written or is there already, or the
            database can't be read.
        SettingsError, MailError, MailBusy: it can't be sent.
    """
    wanted = month_before(today()) if month is None else read_month(month)
    if pdf is None and not mail:
        raise ReportError("say where it goes: --pdf FILE, --mail, or both")
    if pdf is not None:
        _check_path(pdf, force=force)
    if mail:
        check_mail(settings)
    db = open_database(settings.database_url)
    answers = Answers(FactBook(db))
    try:
        if pdf is not None:
            content = await make_report(db, answers, wanted, language)
            await asyncio.to_thread(_write, pdf, content, force=force)
            print(f"{pdf}: the report of {wanted}", flush=True)
        if mail:
            refused = await MonthlyReports(db, answers, settings).send_now(wanted, None)
            for line in refused:
                print(f"refused by the server: {line}", flush=True)
            print(f"The report of {wanted} is out.", flush=True)
    except DBAPIError as error:
        why = str(error.orig).splitlines()[0]
        raise ReportError(f"DATABASE_URL: {why}; `python -m bot seed` brings the tables up to date") from error
    finally:
        await db.aclose()


def _check_path(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise ReportError(f"--pdf: {path} is a folder; name a file, for example {path / 'rapport.pdf'}")
    if not path.parent.is_dir():
        raise ReportError(f"--pdf: there is no folder {path.parent}; make it first")
    if path.exists() and not force:
        raise ReportError(f"--pdf: {path} is there already; --force replaces it")


def _write(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file whole or not at all."""
    whole = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        whole.write_bytes(content)
        if force:
            whole.replace(path)
        else:
            # Unlike a renaming, a link never replaces what came meanwhile.
            os.link(whole, path)
    except FileExistsError:
        raise ReportError(f"--pdf: {path} is there already; --force replaces it") from None
    except OSError as error:
        raise ReportError(f"--pdf: {path} can't be written: {error.strerror}") from error
    finally:
        whole.unlink(missing_ok=True)
