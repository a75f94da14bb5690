"""A person wants a person."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import LEAVE_FORM, DatabaseAction, Finding, Request, payload
from bot.clock import utc_now
from bot.db.people import open_request
from bot.journeys.conductor import find_draft, pause_drafts
from bot.messages import Answer


class RequestHuman(DatabaseAction):
    """Notes for the team that this person wants to talk to somebody; asking twice opens one request."""

    action_name = "action_request_human"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `human_requested`."""
        is_new = False
        choices: tuple[tuple[str, str | None], ...] = ()
        if request.contact_id is not None:
            await pause_drafts(session, request.contact_id)
            is_new = await open_request(session, request.contact_id, "human", request.message_id)
            draft = await find_draft(session, request.contact_id, "paused")
            if draft is not None:
                choices = ((payload("resume_journey", journey=draft.journey), None),)
        answer = Answer("human_requested", {"already": not is_new, **self._presence()}, choices)
        return Finding(answer, {"kind": "human"}, events=LEAVE_FORM)

    def _presence(self) -> dict[str, str | None]:
        """Until when somebody is there, or from when on; neither when nobody said."""
        hours = self.context.hours
        if hours is None:
            return {"there_until": None, "there_from": None}
        until = hours.closes_at(utc_now())
        if until is not None:
            return {"there_until": until.isoformat(), "there_from": None}
        return {"there_until": None, "there_from": hours.opens_at(utc_now()).isoformat()}
