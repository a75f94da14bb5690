"""Send the report of each month by e-mail: by itself on the first working day after it, and when somebody asks.

A row a month says whose turn it is (`bot.db.report_mails`), so that neither a second process nor a restart sends it
again. Holidays are not known here: a working day is one from Monday to Friday.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select

from bot.answers import Answers
from bot.clock import MOROCCO, utc_now
from bot.console.audit import record
from bot.console.reports import PATH
from bot.console.reports.making import make_report, month_before, name_file
from bot.console.reports.text import name_month
from bot.console.words import Language, translate
from bot.db.engine import Database
from bot.db.models import Message
from bot.db.report_mails import claim_mail, find_state, give_back, note_failed, note_sent, plan_mail, take_mail
from bot.errors import AssistantError, SettingsError
from bot.mail import Attachment, Mailer
from bot.settings import Settings

logger = logging.getLogger(__name__)

#: When it goes, in Morocco.
HOUR = time(8)
_SATURDAY = 5


def find_due_month(now: datetime) -> str | None:
    """The month whose report is due: the one before this, from the first working day of this month on; else None."""
    local = now.astimezone(MOROCCO)
    day = date(local.year, local.month, 1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return month_before(day) if local >= datetime.combine(day, HOUR, MOROCCO) else None


class MailBusy(AssistantError):
    """Somebody is sending the mail of a month just now."""


def check_mail(settings: Settings) -> None:
    """Make sure that reports can be sent.

    Raises:
        SettingsError: there is no server, or nobody gets them.
    """
    Mailer(settings)
    if not settings.report_recipients:
        raise SettingsError("REPORT_RECIPIENTS: not set; say who gets the report")


class MonthlyReports:
    """What sends reports; several processes may have one each."""

    def __init__(self, db: Database, answers: Answers, settings: Settings) -> None:
        self._db, self._answers, self._settings = db, answers, settings

    async def run_due(self) -> None:
        """Send what is due, unless somebody has it in hand; a failure is noted for the next try."""
        month = find_due_month(utc_now())
        async with self._db.write() as session:
            if month is not None:
                first = await session.scalar(select(func.min(Message.created_at)))
                # Of months before the assistant was there, there is nothing to tell.
                if first is not None and f"{first.astimezone(MOROCCO):%Y-%m}" <= month:
                    await plan_mail(session, month)
            taken = await take_mail(session)
        if taken is not None:
            await self._try(taken)

    async def _try(self, month: str) -> None:
        try:
            refused = await self._send(month)
        except AssistantError as error:
            await self._give_up(month, str(error))
        except Exception as error:  # whatever is wrong with one report, it is shown, and tried again
            logger.exception("the report of %s could not be made", month)
            await self._give_up(month, type(error).__name__)
        else:
            async with self._db.write() as session:
                await note_sent(session, month, refused)
            logger.info("the report of %s is out", month)

    async def _give_up(self, month: str, error: str) -> None:
        async with self._db.write() as session:
            again = await note_failed(session, month, error)
        logger.warning("the report of %s was not sent (%s); next try: %s", month, error, again or "none")

    async def send_now(self, month: str, member_id: int | None) -> list[str]:
        """Send the report of a month, whatever was sent before, and note and log that it is out.

        Args:
            month: as ``2026-11``.
            member_id: who asks; None for the terminal.

        Returns:
            Of addresses that the server refused, why.

        Raises:
            SettingsError: mails are not set up.
            MailBusy: somebody is sending it just now.
            MailError: nobody gets it.
        """
        check_mail(self._settings)
        async with self._db.write() as session:
            before = await find_state(session, month)
            if not await claim_mail(session, month):
                raise MailBusy(f"the report of {month} is being sent just now: look in a minute whether it is out")
        try:
            refused = await self._send(month)
        except Exception:
            async with self._db.write() as session:
                await give_back(session, month, before)
            raise
        async with self._db.write() as session:
            await note_sent(session, month, refused)
            count = len(self._settings.report_recipients)
            record(session, member_id, "report_mailed", f"report:{month}", recipients=count)
        return refused

    async def _send(self, month: str) -> list[str]:
        mailer = Mailer(self._settings)
        language: Language = self._settings.report_language
        content = await make_report(self._db, self._answers, month, language)
        named = name_month(month, language)
        lines = (
            translate(language, "report.mail.hello"),
            translate(language, "report.mail.attached", month=named),
            translate(language, "report.mail.more", link=f"{self._settings.base_url}{PATH}"),
            "-- \n" + translate(language, "report.mail.why"),
        )
        refused = await mailer.send(
            self._settings.report_recipients,
            translate(language, "report.mail.subject", month=named),
            "\n\n".join(lines),
            [Attachment(name_file(month), content, "application/pdf")],
        )
        return [f"{address}: {why}" for address, why in refused.items()]
