"""Who has a conversation, whether the person can be written to, and what whoever looks may do about it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.conversations import ANSWERING
from bot.console.conversations.wording import describe_duration, describe_left
from bot.console.security.sessions import Signed
from bot.console.words import Language
from bot.db.models import Contact
from bot.messages import LANGUAGE_NAMES, VARIETIES
from bot.takeover import Address, find_address, name_holder


def list_templates(request: Request) -> list[tuple[str, str]]:
    """The approved templates that are configured: the variety of each, and its name."""
    configured = request.app.state.assistant.settings.whatsapp_notice_templates
    return [(variety, LANGUAGE_NAMES[variety]) for variety in VARIETIES if variety in configured]


async def find_state(
    request: Request, session: AsyncSession, signed: Signed, language: Language, contact: Contact
) -> dict[str, Any]:
    """What the bar over the composer says, and which composer there is.

    ``mode`` is ``read`` (the role answers nobody), ``lost`` (nothing reaches the person), ``free`` (nobody has the
    conversation), ``other`` (somebody else has it), ``mine``, or ``template`` (mine, but WhatsApp takes no free text).
    """
    address = await find_address(session, contact, request.app.state.assistant.channels)
    holder = name_holder(contact)
    is_mine = holder == str(signed.member_id)
    now = utc_now()
    waits = contact.waiting_since is not None and holder is None
    return {
        "mode": _find_mode(signed, address, holder, is_mine=is_mine),
        "is_mine": is_mine,
        "state": "held" if holder is not None else "waiting" if waits else "bot",
        "held_by": contact.held_by if holder is not None else "",
        "held_until": contact.held_until if holder is not None else None,
        "held_left": describe_left(language, contact.held_until) if holder and contact.held_until else "",
        "instead_of": holder or "",
        "waits": describe_duration(language, (now - contact.waiting_since).total_seconds())
        if waits and contact.waiting_since
        else "",
        "obstacle": address.obstacle,
        "channel": address.identity.channel if address.identity is not None else "",
        "has_window": address.window_ends_at is not None,
        "window_ends_at": address.window_ends_at,
        "window_left": describe_left(language, address.window_ends_at)
        if address.window_ends_at is not None and address.window_ends_at > now
        else "",
        "unread": contact.unread,
    }


def _find_mode(signed: Signed, address: Address, holder: str | None, *, is_mine: bool) -> str:
    if signed.role not in ANSWERING:
        return "read"
    if address.obstacle is not None:
        return "lost"
    if holder is None:
        return "free"
    if not is_mine:
        return "other"
    return "mine" if address.takes_text else "template"
