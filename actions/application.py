"""A person's own application to JobInTech: where it stands, and taking it back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.clock import MOROCCO
from bot.db.models import Application, ApplicationChange
from bot.journeys.preregistration import CORRECTABLE, OVER, find_application, withdraw
from bot.messages import Answer


class ShowApplication(DatabaseAction):
    """A person's own file: where it stands, and how it came there."""

    action_name = "action_show_application"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `application_file`, or `utter_application_status` when there is none here."""
        if request.contact_id is None:
            return Finding(Answer("utter_application_status"))
        application = await find_application(session, request.contact_id)
        if application is None:
            return Finding(Answer("utter_application_status"), {}, 0)
        changes = await session.scalars(
            select(ApplicationChange)
            .where(ApplicationChange.application_id == application.id)
            .order_by(ApplicationChange.id)
        )
        history = [
            {"state": change.state, "day": change.changed_at.astimezone(MOROCCO).date().isoformat()}
            for change in changes
        ]
        data = {
            "reference": application.reference,
            "state": application.state,
            "city": application.city_slug,
            "track": application.track_slug,
            "history": history,
        }
        choices = (
            *(((payload("correct_application"), None),) if application.state in CORRECTABLE else ()),
            *(((payload("withdraw_application"), None),) if application.state not in OVER else ()),
        )
        return Finding(Answer("application_file", data, choices), {"reference": application.reference}, 1)


async def _find_live(session: AsyncSession, request: Request) -> Application | None:
    """The person's application that is not over."""
    application = None if request.contact_id is None else await find_application(session, request.contact_id)
    return None if application is None or application.state in OVER else application


class WithdrawApplication(DatabaseAction):
    """Asks whether the application shall really be taken back."""

    action_name = "action_withdraw_application"

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `withdraw_confirm`, or `utter_application_status` when there is nothing to take back."""
        application = await _find_live(session, request)
        if application is None:
            return Finding(Answer("utter_application_status"), {}, 0)
        data = {"reference": application.reference}
        choices = ((payload("confirm_withdrawal"), "@withdraw"), ("/keep_application", "@keep_application"))
        return Finding(Answer("withdraw_confirm", data, choices), data, 1)


class ConfirmWithdrawal(DatabaseAction):
    """Takes the application back."""

    action_name = "action_confirm_withdrawal"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `application_withdrawn`, or `utter_application_status` when there is nothing to take back."""
        application = await _find_live(session, request)
        if application is None:
            return Finding(Answer("utter_application_status"), {}, 0, is_done=False)
        await withdraw(session, application)
        data = {"reference": application.reference}
        return Finding(Answer("application_withdrawn", data), data, 1)
