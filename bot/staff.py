"""What the team reads in the terminal until they open the console: open requests, the oldest first."""

from __future__ import annotations

from sqlalchemy import select

from bot.clock import MOROCCO
from bot.db.engine import open_database
from bot.db.models import Contact, Identity, Message, StaffRequest
from bot.settings import Settings


async def print_requests(settings: Settings) -> None:
    """Print every open request: when, what, who, and their last message."""
    db = open_database(settings.database_url)
    try:
        async with db.read() as session:
            query = select(StaffRequest).where(StaffRequest.closed_at.is_(None)).order_by(StaffRequest.opened_at)
            requests = list(await session.scalars(query))
            for request in requests:
                contact = await session.get_one(Contact, request.contact_id)
                identity = await session.scalar(
                    select(Identity).where(Identity.contact_id == contact.id).order_by(Identity.last_inbound_at.desc())
                )
                last = await session.scalar(
                    select(Message.text)
                    .where(Message.contact_id == contact.id, Message.direction == "in", Message.text != "")
                    .order_by(Message.id.desc())
                )
                who = f"{identity.channel} {identity.profile.get('name') or identity.address}" if identity else "?"
                when = request.opened_at.astimezone(MOROCCO).strftime("%Y-%m-%d %H:%M")
                print(f"{when}  {request.kind:<14} {who} ({contact.variety}): {last or ''}")
        print(f"{len(requests)} open")
    finally:
        await db.aclose()
