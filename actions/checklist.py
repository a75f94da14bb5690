"""The checklist of papers for the application."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from actions.base import DatabaseAction, Finding, Request, payload
from bot.clock import utc_now
from bot.journeys.checklist import REMINDED_AFTER, list_documents, remind, toggle
from bot.messages import Answer


class ShowChecklist(DatabaseAction):
    """Shows the papers with their ticks; the button of one ticks it, or takes the tick away."""

    action_name = "action_show_checklist"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `checklist`."""
        if request.contact_id is None:
            return Finding(Answer("utter_jobintech_documents"))
        slug = request.entities.get("document")
        if slug is not None:
            await toggle(session, request.contact_id, slug)
        documents = await list_documents(session, request.contact_id)
        data = {
            "documents": [{"title": row.title, "is_ready": is_ready} for row, is_ready in documents],
            "is_complete": all(is_ready for _, is_ready in documents),
            "fact_slugs": list(dict.fromkeys(fact for row, _ in documents for fact in row.fact_slugs)),
        }
        choices = [(payload("show_checklist", document=row.slug), None) for row, _ in documents]
        if not data["is_complete"]:
            choices.append(("/remind_checklist", None))
        return Finding(Answer("checklist", data, tuple(choices)), {"document": slug} if slug else {}, len(documents))


class RemindChecklist(DatabaseAction):
    """Plans a reminder of what is missing."""

    action_name = "action_remind_checklist"
    changes = True

    async def find(self, session: AsyncSession, request: Request) -> Finding:
        """Answers `checklist_reminder_set`."""
        if request.contact_id is None:
            return Finding(Answer("utter_jobintech_documents"))
        await remind(session, request.contact_id)
        promise = await self.context.reach.promise(session, request.contact_id, asked_at=utc_now())
        return Finding(Answer("checklist_reminder_set", {"days": REMINDED_AFTER.days, "promise": promise}))
