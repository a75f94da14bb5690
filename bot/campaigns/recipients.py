"""The people of a campaign: fixed when it begins, and read again at their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.campaigns.segments import read_segment, select_agreeing, select_people
from bot.clock import utc_now
from bot.db.engine import Database
from bot.db.models import Application, Campaign, CampaignRecipient, Contact, Draft, Identity

#: People fixed as recipients in one transaction.
GATHERED_AT_ONCE = 1_000
#: Somebody who is in the middle of a journey is left in peace for so long after its last answer.
LEFT_IN_PEACE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient with what decides how and whether they get it."""

    row: CampaignRecipient
    contact: Contact
    identities: Sequence[Identity]
    application: Application | None
    agrees: bool
    is_asked: bool


async def gather(db: Database, campaign: Campaign) -> None:
    """Fix the next people who get it, in the order of their ids."""
    people = select_people(read_segment(campaign), is_sqlite=db.is_sqlite)
    people = people.where(Contact.id > campaign.gathered_upto).order_by(Contact.id).limit(GATHERED_AT_ONCE)
    # Somebody who linked a channel meanwhile may be among them already.
    own = (CampaignRecipient.campaign_id == campaign.id) & CampaignRecipient.is_test.is_(False)
    known = select(CampaignRecipient.contact_id).where(own)
    async with db.write() as session:
        # Locked, and read anew: a stop that came meanwhile is the last word.
        locked = await session.get_one(Campaign, campaign.id, with_for_update=True)
        if locked.state != "sending" or locked.gathered_upto != campaign.gathered_upto:
            return
        ids = list(await session.scalars(people))
        if not ids:
            locked.is_gathered = True
            return
        locked.gathered_upto = ids[-1]
        before = set(await session.scalars(known.where(CampaignRecipient.contact_id.in_(ids))))
        rows = [{"campaign_id": campaign.id, "contact_id": each} for each in ids if each not in before]
        if rows:
            await session.execute(insert(CampaignRecipient), rows)


async def read_people(session: AsyncSession, campaign: Campaign, rows: Sequence[CampaignRecipient]) -> list[Recipient]:
    """What decides over each of some recipients now; their contacts are locked until the transaction ends."""
    ids = {row.contact_id for row in rows}
    # Locked: a STOP is said before their message is stored, or finds it and holds it back.
    locked = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    contacts = {each.id: each for each in await session.scalars(locked)}
    identities: dict[int, list[Identity]] = {}
    for identity in await session.scalars(select(Identity).where(Identity.contact_id.in_(ids))):
        identities.setdefault(identity.contact_id, []).append(identity)
    own = select(Application).where(Application.contact_id.in_(ids)).order_by(Application.id)
    applications = {each.contact_id: each for each in await session.scalars(own)}
    purpose = read_segment(campaign).purpose
    agreeing = set(await session.scalars(select_agreeing(purpose).where(Contact.id.in_(ids))))
    open_since = utc_now() - LEFT_IN_PEACE
    asked = select(Draft.contact_id).where(
        Draft.contact_id.in_(ids), Draft.state == "asking", Draft.updated_at > open_since
    )
    in_journey = set(await session.scalars(asked))
    return [
        Recipient(
            row,
            contacts[row.contact_id],
            identities.get(row.contact_id, []),
            applications.get(row.contact_id),
            row.contact_id in agreeing,
            row.contact_id in in_journey,
        )
        for row in rows
        # Whoever was erased just now has neither a row of their own nor here.
        if row.contact_id in contacts
    ]


def name_obstacle(identities: Sequence[Identity], reason: str) -> str:
    """The code of a reason of `Reach.choose_route`'s, one of `bot.campaigns.segments.OBSTACLES`."""
    if "outside of" in reason:
        return "window"
    if "blocked by" in reason:
        return "blocked"
    if any(each.channel != "web" for each in identities):
        return "unserved"
    return "page" if identities else "none"


async def close(session: AsyncSession, row: CampaignRecipient, **values: object) -> bool:
    """Change a row that still waits; False when another process was first."""
    if "state" in values:
        values["handled_at"] = utc_now()
    waiting = (CampaignRecipient.id == row.id) & (CampaignRecipient.state == "waiting")
    taken = update(CampaignRecipient).where(waiting).values(**values).returning(CampaignRecipient.id)
    return await session.scalar(taken) is not None
