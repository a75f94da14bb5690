"""Queries about one person: requests to the team, subscriptions, and what is held about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.campaigns import note_stop
from bot.db.log import note_waiting
from bot.db.models import (
    Application,
    Consent,
    Contact,
    Identity,
    Message,
    Notice,
    Registration,
    StaffRequest,
    Subscription,
)
from bot.db.notices import plan_notice
from bot.messages import SAID_STOP, Answer


async def open_request(session: AsyncSession, contact_id: int, kind: str, message_id: int | None) -> bool:
    """Open a request to the team; False when one of that kind is open already."""
    query = select(StaffRequest.id).where(
        StaffRequest.contact_id == contact_id, StaffRequest.kind == kind, StaffRequest.closed_at.is_(None)
    )
    if await session.scalar(query) is not None:
        return False
    request = StaffRequest(contact_id=contact_id, kind=kind, message_id=message_id, opened_at=utc_now())
    session.add(request)
    if kind == "human":
        await note_waiting(session, contact_id, request.opened_at)
    return True


async def choose_variety(session: AsyncSession, contact_id: int, variety: str | None) -> None:
    """Keep the variety that the person asked for; None: answer as they write."""
    await session.execute(update(Contact).where(Contact.id == contact_id).values(chosen_variety=variety))


async def subscribe(session: AsyncSession, contact_id: int, topic: str, wish: dict[str, str]) -> bool:
    """Note that the person wants news on a topic, all of it or what a wish narrows it to; False when they had it.

    Subscribing again ends an earlier STOP, since the person asks for messages anew.
    """
    await session.execute(update(Contact).where(Contact.id == contact_id).values(unsubscribed_at=None))
    query = select(Subscription).where(Subscription.contact_id == contact_id, Subscription.topic == topic)
    subscription = await session.scalar(query)
    wishes = [wish] if wish else []
    if subscription is None:
        session.add(Subscription(contact_id=contact_id, topic=topic, wishes=wishes))
        return True
    if subscription.ended_at is not None:
        subscription.ended_at, subscription.wishes = None, wishes
        return True
    if not subscription.wishes or wish in subscription.wishes:
        return False
    subscription.wishes = [*subscription.wishes, wish] if wish else []
    return True


async def unsubscribe(session: AsyncSession, contact_id: int) -> int:
    """End every subscription and note that the person wants no messages of our own accord; how many were ended."""
    now = utc_now()
    await session.execute(update(Contact).where(Contact.id == contact_id).values(unsubscribed_at=now))
    # What was on its way of our own accord stays here; what answers something goes out.
    asked = select(Notice.message_id).where(Notice.contact_id == contact_id, Notice.asked_at < now)
    unasked = select(Notice.message_id).where(Notice.contact_id == contact_id, Notice.asked_at.is_(None))
    stopped = {"state": "undeliverable", "error": SAID_STOP}
    waiting = (Message.contact_id == contact_id) & (Message.state == "queued")
    told = Message.id.in_(asked) | Message.id.in_(unasked) | Message.campaign_id.is_not(None)
    await session.execute(update(Message).where(waiting, told).values(**stopped))
    await note_stop(session, contact_id)
    running = (Subscription.contact_id == contact_id) & Subscription.ended_at.is_(None)
    ended = list(await session.scalars(select(Subscription.id).where(running)))
    await session.execute(update(Subscription).where(running).values(ended_at=now))
    return len(ended)


@dataclass(frozen=True, slots=True)
class Held:
    """What the database holds about one person, in numbers."""

    since: datetime
    messages: int
    channels: list[str]
    chosen_variety: str | None
    subscriptions: list[str]
    open_requests: int
    application: str | None
    application_state: str | None
    registrations: int
    consents: list[Consent]


async def count_held(session: AsyncSession, contact_id: int) -> Held:
    """Sum up what is held about a person.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such contact.
    """
    contact = await session.get_one(Contact, contact_id)
    messages = await session.scalar(select(func.count()).where(Message.contact_id == contact_id))
    channels = await session.scalars(select(Identity.channel).where(Identity.contact_id == contact_id).distinct())
    topics = await session.scalars(
        select(Subscription.topic).where(Subscription.contact_id == contact_id, Subscription.ended_at.is_(None))
    )
    requests = await session.scalar(
        select(func.count()).where(StaffRequest.contact_id == contact_id, StaffRequest.closed_at.is_(None))
    )
    consents = await session.scalars(select(Consent).where(Consent.contact_id == contact_id).order_by(Consent.id))
    registrations = await session.scalar(select(func.count()).where(Registration.contact_id == contact_id))
    own = select(Application).where(Application.contact_id == contact_id).order_by(Application.id.desc()).limit(1)
    application = await session.scalar(own)
    return Held(
        since=contact.created_at,
        messages=messages or 0,
        channels=sorted(channels),
        chosen_variety=contact.chosen_variety,
        subscriptions=sorted(topics),
        open_requests=requests or 0,
        application=application.reference if application is not None else None,
        application_state=application.state if application is not None else None,
        registrations=registrations or 0,
        consents=list(consents),
    )


async def hold(
    session: AsyncSession, contact_id: int, staff: str, until: datetime, staff_id: int | None = None
) -> bool:
    """Give a conversation to a member of staff; False when somebody else has it.

    The bot is silent until then, or until it is handed back. Who has an account is known by it, not by the name.
    """
    is_theirs = Contact.held_by_id == staff_id
    if staff_id is None:
        is_theirs = Contact.held_by_id.is_(None) & (Contact.held_by == staff)
    free = Contact.held_until.is_(None) | (Contact.held_until <= utc_now()) | is_theirs
    held = {"held_by": staff, "held_by_id": staff_id, "held_until": until}
    statement = update(Contact).where(Contact.id == contact_id, free).values(**held)
    return await session.scalar(statement.returning(Contact.id)) is not None


async def hand_back(session: AsyncSession, contact_id: int) -> bool:
    """Give a conversation back to the bot, which says so, and close the person's request for a human.

    False when nobody has it: then somebody else handed it back, and the person was told.
    """
    now = utc_now()
    held = update(Contact).where(Contact.id == contact_id, Contact.held_until.is_not(None))
    free = {"held_by": None, "held_by_id": None, "held_until": None, "waiting_since": None}
    if await session.scalar(held.values(**free).returning(Contact.id)) is None:
        return False
    waiting = (StaffRequest.contact_id == contact_id) & (StaffRequest.kind == "human")
    await session.execute(update(StaffRequest).where(waiting, StaffRequest.closed_at.is_(None)).values(closed_at=now))
    told = Answer("bot_is_back", {}, (("/ask_capabilities", None),))
    plan_notice(session, contact_id, told, asked_at=now)
    return True


async def end_holds(session: AsyncSession) -> None:
    """Hand back the conversations that staff held for longer than they said."""
    for contact_id in list(await session.scalars(select(Contact.id).where(Contact.held_until <= utc_now()))):
        await hand_back(session, contact_id)


async def list_known_names(session: AsyncSession, contact_ids: Iterable[int]) -> dict[int, list[str]]:
    """Names by which people can be known: those of their profiles and applications."""
    ids = list(contact_ids)
    found: dict[int, list[str]] = {}
    profiles = select(Identity.contact_id, Identity.profile).where(Identity.contact_id.in_(ids))
    for contact_id, profile in await session.execute(profiles):
        found.setdefault(contact_id, []).extend(
            str(profile[part]) for part in ("name", "username") if profile.get(part)
        )
    applied = select(Application.contact_id, Application.full_name).where(Application.contact_id.in_(ids))
    for contact_id, name in await session.execute(applied):
        found.setdefault(contact_id, []).append(name)
    return found
