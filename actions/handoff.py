"""A person wants a person."""

from __future__ import annotations

from actions.base import DatabaseAction, Finding, Request
from bot.db.people import open_request
from bot.messages import Answer


class RequestHuman(DatabaseAction):
    """Notes for the team that this person wants to talk to somebody; asking twice opens one request."""

    action_name = "action_request_human"

    async def find(self, request: Request) -> Finding:
        """Answers `human_requested`."""
        is_new = False
        if request.contact_id is not None:
            async with self.db.write() as session:
                is_new = await open_request(session, request.contact_id, "human", request.message_id)
        return Finding(Answer("human_requested", {"already": not is_new}), {"kind": "human"})
