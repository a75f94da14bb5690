"""Everything that is held about one person, in words and times that they can read."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, utc_now
from bot.db.base import Base
from bot.db.models import (
    AccessCode,
    Application,
    ApplicationChange,
    Consent,
    Contact,
    DocumentTick,
    Draft,
    Identity,
    Message,
    Notice,
    Rating,
    Registration,
    StaffRequest,
    Subscription,
)

#: How long the link to an export works.
EXPORT_HELD = timedelta(minutes=30)
#: What is exported of each table, in the order of the file. Ids that lead nowhere outside are left out.
_TABLES: tuple[tuple[str, type[Base], tuple[str, ...]], ...] = (
    ("identities", Identity, ("channel", "address", "profile", "created_at", "last_inbound_at")),
    ("consents", Consent, ("purpose", "is_given", "wording", "channel", "given_at")),
    (
        "applications",
        Application,
        (
            "reference",
            "state",
            "full_name",
            "phone",
            "email",
            "city_slug",
            "diploma",
            "situation",
            "track_slug",
            "created_at",
            "updated_at",
        ),
    ),
    ("documents_ready", DocumentTick, ("document_slug", "ticked_at")),
    ("registrations", Registration, ("reference", "event_slug", "state", "created_at", "updated_at")),
    ("requests", StaffRequest, ("reference", "kind", "details", "opened_at", "closed_at")),
    ("subscriptions", Subscription, ("topic", "created_at", "ended_at")),
    ("unfinished_journeys", Draft, ("journey", "state", "answers", "started_at", "updated_at")),
    ("ratings", Rating, ("answer_key", "value", "comment", "rated_at")),
    ("notices", Notice, ("answer", "due_at", "state", "outcome")),
    ("messages", Message, ("created_at", "direction", "channel", "text", "payload", "attachments", "intent", "state")),
)


async def collect(session: AsyncSession, contact_id: int) -> dict[str, Any]:
    """All that is held about a person, ready for JSON: times in Morocco's time, ISO 8601.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such contact.
    """
    contact = await session.get_one(Contact, contact_id)
    held: dict[str, Any] = {
        "exported_at": _readable(utc_now()),
        "first_message_at": _readable(contact.created_at),
        "variety": contact.variety,
        "chosen_variety": contact.chosen_variety,
        "unsubscribed_at": _readable(contact.unsubscribed_at),
    }
    for name, model, columns in _TABLES:
        query = select(model).where(model.contact_id == contact_id).order_by(model.id)  # type: ignore[attr-defined]
        rows = await session.scalars(query)
        held[name] = [{column: _readable(getattr(row, column)) for column in columns} for row in rows]
    own = select(Application.id).where(Application.contact_id == contact_id)
    changes = select(ApplicationChange).where(ApplicationChange.application_id.in_(own))
    held["application_history"] = [
        {"state": change.state, "changed_at": _readable(change.changed_at)}
        for change in await session.scalars(changes.order_by(ApplicationChange.id))
    ]
    return held


async def make_export_secret(session: AsyncSession, contact_id: int) -> str:
    """The secret part of a link to a person's export, which works for `EXPORT_HELD`."""
    secret = secrets.token_urlsafe(32)
    session.add(
        AccessCode(
            contact_id=contact_id, purpose="export", secret_hash=_hash(secret), expires_at=utc_now() + EXPORT_HELD
        )
    )
    return secret


async def find_exported_contact(session: AsyncSession, secret: str) -> int | None:
    """Whose export a link opens, or None when it is unknown or too old."""
    query = select(AccessCode.contact_id).where(
        AccessCode.secret_hash == _hash(secret), AccessCode.purpose == "export", AccessCode.expires_at > utc_now()
    )
    found: int | None = await session.scalar(query)
    return found


def _readable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(MOROCCO).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
