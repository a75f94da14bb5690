"""What stands of the person beside their conversation: where they write, what they asked for, and the ways to it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.conversations.privacy import Sight
from bot.console.routing import read_allowed
from bot.console.security.sessions import Signed
from bot.db.models import Application, Contact, Identity, Rating, StaffRequest, Subscription
from bot.messages import LANGUAGE_NAMES

#: Requests that are shown, the newest first.
REQUESTS = 5


async def describe_person(
    request: Request, session: AsyncSession, signed: Signed, contact: Contact, sight: Sight
) -> dict[str, Any]:
    """What the column beside a thread shows of a person; personal data as far as `sight` lets it through."""
    own = select(Identity).where(Identity.contact_id == contact.id).order_by(Identity.last_inbound_at.desc())
    identities = list(await session.scalars(own))
    names = [str(each.profile["name"]) for each in identities if each.profile.get("name")]
    applied = select(Application).where(Application.contact_id == contact.id).order_by(Application.id.desc()).limit(1)
    application = await session.scalar(applied)
    asked = select(StaffRequest).where(StaffRequest.contact_id == contact.id).order_by(StaffRequest.id.desc())
    requests = list(await session.scalars(asked.limit(REQUESTS)))
    rated = select(Rating.value).where(Rating.contact_id == contact.id, Rating.value.is_not(None))
    rating = await session.scalar(rated.order_by(Rating.id.desc()).limit(1))
    topics = select(Subscription.topic).where(Subscription.contact_id == contact.id, Subscription.ended_at.is_(None))
    name = names[0] if names else application.full_name if application is not None else ""
    return {
        "name": sight.name(name) if name else "",
        "varieties": _name_varieties(contact),
        "since": contact.created_at,
        "unsubscribed_at": contact.unsubscribed_at,
        "erased_at": contact.erased_at,
        "identities": [_describe_identity(each, sight) for each in identities],
        "application": None if application is None else _describe_application(request, signed, application),
        "requests": requests,
        "rating": rating,
        "subscriptions": sorted(await session.scalars(topics)),
        "path": _find_path(request, signed, "/people/{contact_id}", str(contact.id)),
        "requests_path": _find_path(request, signed, "/requests", ""),
    }


def _name_varieties(contact: Contact) -> str:
    chosen = contact.chosen_variety or contact.variety
    return LANGUAGE_NAMES.get(chosen, chosen)  # type: ignore[call-overload, no-any-return]  # any text is asked


def _describe_identity(identity: Identity, sight: Sight) -> dict[str, Any]:
    """An address; the number of a chat, and the random sender of the web page, say nothing to anybody."""
    address = ""
    if identity.channel == "whatsapp":
        address = sight.phone(identity.address.removeprefix("whatsapp:"))
    elif identity.profile.get("username"):
        address = "@" + sight.name(str(identity.profile["username"]))
    return {
        "channel": identity.channel,
        "address": address,
        "heard_at": identity.last_inbound_at,
        "is_blocked": identity.blocked_at is not None,
    }


def _describe_application(request: Request, signed: Signed, application: Application) -> dict[str, Any]:
    path = _find_path(request, signed, "/applications/{application_id}", str(application.id))
    return {"reference": application.reference, "state": application.state, "path": path}


def _find_path(request: Request, signed: Signed, route_path: str, value: str) -> str:
    """The address of a page of the console that this role may open, or nothing."""
    for route in request.app.routes:
        if isinstance(route, APIRoute) and route.path == route_path and "GET" in (route.methods or ()):
            allowed = read_allowed(route)
            if isinstance(allowed, frozenset) and signed.role in allowed:
                return "/console" + route_path.partition("{")[0] + value
    return ""
