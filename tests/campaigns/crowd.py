"""People for campaigns: many of them, on their channels, with what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.campaigns import changes
from bot.campaigns.segments import Segment
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import (
    Application,
    Campaign,
    CampaignRecipient,
    Consent,
    Contact,
    Identity,
    StaffMember,
    Subscription,
)

TEXTS = {
    "fr": "Bonjour ! Les inscriptions de la session de janvier ouvrent lundi.",
    "en": "Hello! Enrolment for the January session opens on Monday.",
    "ar": "مرحباً! تبدأ التسجيلات لدورة يناير يوم الاثنين.",
}
FALLBACKS = {"ary-Latn": "fr", "ary-Arab": "ar"}


async def add_person(
    session: AsyncSession,
    *channels: str,
    number: int = 0,
    variety: str = "fr",
    topic: str | None = "cohorts",
    wishes: list[dict[str, str]] | None = None,
    heard_at: datetime | None = None,
    **contact: Any,
) -> Contact:
    """Somebody with an address on each channel, subscribed to a topic; `contact` are columns of theirs."""
    person = Contact(variety=variety, **contact)
    session.add(person)
    await session.flush()
    for position, channel in enumerate(channels or ("telegram",)):
        address = address_of(channel, number or person.id)
        at = (heard_at or utc_now()) - timedelta(seconds=position)
        session.add(Identity(contact_id=person.id, channel=channel, address=address, last_inbound_at=at))
    if topic is not None:
        agreed_at = utc_now() - timedelta(days=30)
        session.add(Subscription(contact_id=person.id, topic=topic, wishes=wishes or [], created_at=agreed_at))
    return person


def address_of(channel: str, number: int) -> str:
    """An address as the channel has it."""
    return f"whatsapp:+2126{number:08d}" if channel == "whatsapp" else str(7_100_000 + number)


async def add_application(session: AsyncSession, person: Contact, *, agrees: bool = True, **values: Any) -> Application:
    """An application of somebody, with what they answered when they were asked whether they may be written to."""
    agreed_at = utc_now() - timedelta(days=20)
    for purpose, is_given in (("application", True), ("contact", agrees)):
        answer = {"purpose": purpose, "is_given": is_given, "wording": "?", "channel": "telegram"}
        session.add(Consent(contact_id=person.id, given_at=agreed_at, **answer))
    application = Application(
        contact_id=person.id,
        **{
            "reference": f"JIT-{person.id:06d}",
            "full_name": "Salma El Idrissi",
            "phone": f"+2126{person.id:08d}",
            "email": f"p{person.id}@example.org",
            "city_slug": "rabat",
            "diploma": "bac+2",
            "situation": "unemployed",
            "track_slug": "undecided",
            **values,
        },
    )
    session.add(application)
    await session.flush()
    return application


async def add_many(db: Database, count: int, channel: str = "telegram", variety: str = "fr") -> list[int]:
    """So many subscribers of sessions on one channel, in a few statements; their contact ids."""
    now = utc_now()
    async with db.write() as session:
        made = await session.scalars(
            insert(Contact).returning(Contact.id), [{"variety": variety} for _ in range(count)]
        )
        ids = sorted(made)
        identities = [
            {"contact_id": each, "channel": channel, "address": address_of(channel, each), "last_inbound_at": now}
            for each in ids
        ]
        await session.execute(insert(Identity), identities)
        agreed_at = now - timedelta(days=30)
        wanted = [{"contact_id": each, "topic": "cohorts", "created_at": agreed_at} for each in ids]
        await session.execute(insert(Subscription), wanted)
    return ids


async def add_staff(db: Database, role: str = "administrator") -> int:
    """A member of staff; their id."""
    async with db.write() as session:
        member = StaffMember(name=role.capitalize(), email=f"{role}@example.org", role=role)
        session.add(member)
        await session.flush()
        return member.id


async def add_campaign(
    db: Database,
    segment: Segment | None = None,
    texts: Mapping[str, str] = TEXTS,
    fallbacks: Mapping[str, str] = FALLBACKS,
    *,
    is_released: bool = True,
    **release: Any,
) -> int:
    """A campaign of an administrator, released unless it is said otherwise; its id."""
    async with db.read() as session:
        member_id = await session.scalar(select(StaffMember.id).limit(1))
    if member_id is None:
        member_id = await add_staff(db)
    async with db.write() as session:
        campaign = await changes.create(session, "Session de janvier", segment or Segment("cohorts"), member_id)
        await changes.change_texts(session, campaign.id, texts, fallbacks, member_id, seen=1)
        if is_released:
            how = {"starts_at": None, "ignores_quiet": True} | release
            await changes.release(session, campaign.id, member_id, seen=2, **how)
        return campaign.id


async def read_campaign(db: Database, campaign_id: int) -> Campaign:
    """A campaign as it is now."""
    async with db.read() as session:
        return await session.get_one(Campaign, campaign_id)


async def list_recipients(db: Database, campaign_id: int) -> list[CampaignRecipient]:
    """Its rows, oldest first."""
    async with db.read() as session:
        own = select(CampaignRecipient).where(CampaignRecipient.campaign_id == campaign_id)
        return list(await session.scalars(own.order_by(CampaignRecipient.id)))
