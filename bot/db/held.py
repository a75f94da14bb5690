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
    Annotation,
    Application,
    ApplicationChange,
    ApplicationDocument,
    CampaignRecipient,
    Candidate,
    CandidateGroup,
    Consent,
    Contact,
    ContactTag,
    DocumentTick,
    Draft,
    Event,
    Identity,
    Interaction,
    Message,
    Note,
    Notice,
    Rating,
    Registration,
    ReplayedMessage,
    Session,
    StaffRequest,
    Subscription,
    Tag,
)

#: How long the link to an export works.
EXPORT_HELD = timedelta(minutes=30)
#: What is exported of each table, in the order of the file. Ids that lead nowhere outside are left out.
_TABLES: tuple[tuple[str, type[Base], tuple[str, ...]], ...] = (
    ("identities", Identity, ("channel", "address", "profile", "created_at", "last_inbound_at", "blocked_at")),
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
            "note",
            "created_at",
            "updated_at",
        ),
    ),
    ("documents_ready", DocumentTick, ("document_slug", "ticked_at")),
    ("registrations", Registration, ("reference", "event_slug", "state", "offered_until", "created_at", "updated_at")),
    ("requests", StaffRequest, ("reference", "kind", "details", "note", "opened_at", "closed_at")),
    ("subscriptions", Subscription, ("topic", "wishes", "created_at", "ended_at")),
    ("journeys", Draft, ("journey", "state", "answers", "started_at", "updated_at")),
    ("ratings", Rating, ("answer_key", "value", "comment", "asked_at", "rated_at")),
    ("notices", Notice, ("answer", "due_at", "state", "outcome")),
    # The messages themselves are among the others.
    (
        "campaigns",
        CampaignRecipient,
        ("is_test", "state", "outcome", "channel", "variety", "created_at", "handled_at", "replied_at", "stopped_at"),
    ),
    # Without the name of who wrote it: that is theirs, not the person's.
    ("notes", Note, ("text", "created_at")),
    (
        "messages",
        Message,
        (
            "created_at",
            "direction",
            "channel",
            "text",
            "payload",
            "attachments",
            "buttons",
            "answer_key",
            "variety",
            "intent",
            "confidence",
            "entities",
            "state",
            "finished_at",
            "delivered_at",
            "read_at",
        ),
    ),
    ("replays", ReplayedMessage, ("created_at", "before", "after", "before_confidence", "after_confidence")),
    ("lookups", Interaction, ("created_at", "action", "lookup", "rows_found", "outcome", "shown")),
    ("sessions", Session, ("started_at", "last_turn_at", "turns")),
    ("codes", AccessCode, ("purpose", "expires_at", "used_at")),
)


async def collect(session: AsyncSession, contact_id: int) -> dict[str, Any]:
    """All that is held about a person, ready for JSON: times in Morocco's time, ISO 8601.

    Events and papers have their names beside their slugs; a paper's is by variety.

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
        query = select(*(getattr(model, column) for column in columns)).where(model.contact_id == contact_id)  # type: ignore[attr-defined]
        rows = await session.execute(query.order_by(model.id))  # type: ignore[attr-defined]
        held[name] = [{column: _readable(value) for column, value in zip(columns, row, strict=True)} for row in rows]
    papers = await session.execute(select(ApplicationDocument.slug, ApplicationDocument.title))
    titles = {slug: title for slug, title in papers}
    for paper in held["documents_ready"]:
        paper["title"] = titles[paper["document_slug"]]
    own = Event.slug.in_(select(Registration.event_slug).where(Registration.contact_id == contact_id))
    events = await session.execute(select(Event.slug, Event.name, Event.is_demo).where(own))
    named = {slug: {"event": name, "is_demo": is_demo} for slug, name, is_demo in events}
    for place in held["registrations"]:
        place |= named[place["event_slug"]]
    changes = (
        select(Application.reference, ApplicationChange.state, ApplicationChange.changed_at)
        .join(ApplicationChange.application)
        .where(Application.contact_id == contact_id)
        .order_by(ApplicationChange.id)
    )
    held["application_history"] = [
        {"reference": reference, "state": state, "changed_at": _readable(changed_at)}
        for reference, state, changed_at in await session.execute(changes)
    ]
    tags = select(Tag.name, ContactTag.added_at).join(ContactTag, ContactTag.tag_id == Tag.id)
    rows = await session.execute(tags.where(ContactTag.contact_id == contact_id).order_by(Tag.name))
    held["tags"] = [{"name": name, "added_at": _readable(added_at)} for name, added_at in rows]
    held["messages_worth_a_look"] = await _list_candidates(session, contact_id)
    return held


async def _list_candidates(session: AsyncSession, contact_id: int) -> list[dict[str, Any]]:
    """The person's messages that staff may label to teach the assistant, each with what it became."""
    query = (
        select(Message.text, Candidate, Annotation.text, Annotation.intent)
        .join(Candidate, Candidate.message_id == Message.id)
        .join(CandidateGroup, CandidateGroup.id == Candidate.group_id)
        .outerjoin(Annotation, Annotation.id == CandidateGroup.agreed_id)
        .where(Message.contact_id == contact_id)
        .order_by(Message.id)
    )
    return [
        {
            "text": text,
            "noted_at": _readable(candidate.noted_at),
            "reasons": candidate.reasons,
            "example": example or candidate.text,
            "intent": intent,
        }
        for text, candidate, example, intent in await session.execute(query)
    ]


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
