"""What a replay found, as whoever reads it may see it: by topics before and after, with a link to each conversation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.conversations import PATH as CONVERSATIONS
from bot.console.conversations.privacy import find_sights
from bot.console.conversations.wording import find_direction, name_topic
from bot.console.models.figures import show_count, show_share
from bot.console.security.sessions import Signed
from bot.console.words import Language
from bot.db.models import Message, ModelJob, ReplayedMessage
from bot.registry.replay import list_groups

#: How many messages of a group are listed, and of how many groups.
SHOWN_MESSAGES, SHOWN_GROUPS = 20, 40
#: How much of a message a row shows.
EXCERPT_CHARS = 200


async def show_replay(session: AsyncSession, signed: Signed, language: Language, job: ModelJob) -> dict[str, Any]:
    """A replay as the page shows it."""
    counts = job.result or {}
    groups = await list_groups(session, job.id)
    shown = [
        await _show_group(session, signed, language, job.id, change, before, after, count)
        for change, before, after, count in groups[:SHOWN_GROUPS]
    ]
    order = ("topic", "same_answer", "entities")
    return {
        "at": job.finished_at,
        "against_id": job.against_id,
        "size": show_count(language, job.size or 0),
        "read": show_count(language, counts["read"]),
        "changed_share": show_share(language, counts["topic"] / counts["read"] if counts["read"] else None),
        "counts": [(key, show_count(language, counts[key])) for key in ("same", *order, "unreadable")],
        "groups": sorted(shown, key=lambda group: (order.index(group["change"]), -group["number"])),
        "more": max(0, len(groups) - SHOWN_GROUPS),
        # Rows are forgotten before the figures are.
        "is_forgotten": not groups and any(counts[key] for key in order),
    }


async def _show_group(
    session: AsyncSession,
    signed: Signed,
    language: Language,
    job_id: int,
    change: str,
    before: str,
    after: str,
    count: int,
) -> dict[str, Any]:
    own = (
        (ReplayedMessage.job_id == job_id)
        & (ReplayedMessage.change == change)
        & (ReplayedMessage.before == before)
        & (ReplayedMessage.after == after)
    )
    query = select(ReplayedMessage, Message).join(Message, Message.id == ReplayedMessage.message_id).where(own)
    rows = (await session.execute(query.order_by(ReplayedMessage.id).limit(SHOWN_MESSAGES))).all()
    sights = await find_sights(session, signed, {message.contact_id for _, message in rows})
    messages = []
    for row, message in rows:
        # What is hidden is hidden before anything is cut.
        text = " ".join(sights[message.contact_id].text(message.text, message.entities).split())
        messages.append(
            {
                "text": text if len(text) <= EXCERPT_CHARS else text[:EXCERPT_CHARS].rstrip() + "…",
                "direction": find_direction(message.variety),
                "at": message.created_at,
                "path": f"{CONVERSATIONS}/{message.contact_id}?around={message.id}#m{message.id}",
                "before": show_share(language, row.before_confidence),
                "after": show_share(language, row.after_confidence),
            }
        )
    return {
        "change": change,
        "before": [name_topic(language, topic) for topic in before.split(",")],
        "after": [name_topic(language, topic) for topic in after.split(",")],
        "number": count,
        "count": show_count(language, count),
        "messages": messages,
        "more": max(0, count - len(messages)),
    }
