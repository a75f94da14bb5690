"""The page of monthly reports: one line a month, with its PDF and where its mail stands."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from bot.clock import today
from bot.console.audit import record
from bot.console.layout import find_language, render
from bot.console.people.showing import find_answers
from bot.console.reports import PATH
from bot.console.reports.making import ReportError, list_months, make_report, name_file, read_month
from bot.console.reports.sending import MailBusy, MonthlyReports
from bot.console.reports.text import name_month
from bot.console.roles import ADMINISTRATORS, EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.console.words import LANGUAGE_NAMES, is_language
from bot.db.models import ReportMail
from bot.db.report_mails import list_mails
from bot.errors import SettingsError
from bot.mail import MailError
from bot.settings import Settings

pages = Pages()


@pages.get("/reports", allowed=EVERYBODY)
async def show_reports(request: Request, signed: SignedIn) -> Response:
    """Every month with messages."""
    return await _show(request, signed)


@pages.post("/reports/pdf", allowed=EVERYBODY)
async def download_report(request: Request, signed: SignedIn) -> Response:
    """The PDF of a month; the log says who took it."""
    form = await read_form(request)
    month, language = await _find_month(request, form.get("month", "")), form.get("language", "")
    if not is_language(language):
        return await _show(request, signed, {"language": "reports.wrong.language"})
    content = await make_report(database(request), find_answers(request), month, language)
    async with database(request).write() as session:
        record(session, signed.member_id, "report_downloaded", f"report:{month}", language=language)
    headers = {"Content-Disposition": f'attachment; filename="{name_file(month)}"'}
    return Response(content, media_type="application/pdf", headers=headers)


@pages.post("/reports/mail", allowed=ADMINISTRATORS)
async def mail_report(request: Request, signed: SignedIn) -> Response:
    """Send the report of a month now to those who get it every month."""
    month = await _find_month(request, (await read_form(request)).get("month", ""))
    try:
        reports = MonthlyReports(database(request), find_answers(request), _find_settings(request))
        await reports.send_now(month, signed.member_id)
    except MailBusy:
        return await _show(request, signed, {"mail": "reports.wrong.busy"})
    except (MailError, SettingsError) as error:
        return await _show(request, signed, {"mail": "reports.wrong.send"}, why=str(error))
    return RedirectResponse(f"{PATH}?done=report_mailed", 303)


async def _find_month(request: Request, typed: str) -> str:
    """A month of the list; 404 for any other."""
    try:
        month = read_month(typed)
    except ReportError:
        raise HTTPException(404) from None
    async with database(request).read() as session:
        if month not in await list_months(session):
            raise HTTPException(404)
    return month


def _find_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.assistant.settings
    return settings


async def _show(request: Request, signed: Signed, errors: dict[str, str] | None = None, *, why: str = "") -> Response:
    settings, language = _find_settings(request), find_language(request)
    async with database(request).read() as session:
        months = await list_months(session)
        mails = await list_mails(session)
    is_administrator = signed.role in ADMINISTRATORS
    shown: dict[str, Any] = {
        "months": [
            {"code": month, "name": name_month(month, language), "mail": _describe(mails.get(month))}
            for month in months
        ],
        "running": f"{today():%Y-%m}",
        "report_languages": list(LANGUAGE_NAMES.items()),
        "recipients": settings.report_recipients,
        "is_administrator": is_administrator,
        "errors": errors or {},
        "why": why,
    }
    return render(request, "reports/reports.html", 422 if errors else 200, **shown)


def _describe(mail: ReportMail | None) -> dict[str, Any] | None:
    """Where a mail stands: the words of its state, the time that they name, and what went wrong."""
    if mail is None:
        return None
    state = "retry" if mail.state == "waiting" and mail.error else mail.state
    time = mail.sent_at if state == "sent" else mail.next_attempt_at
    return {"state": state, "time": time, "attempts": mail.attempts, "error": mail.error or ""}
