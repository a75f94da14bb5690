"""What is kept of a person's campaigns is theirs: it is in the copy of their data, and goes with an erasure."""

from __future__ import annotations

from campaigns.crowd import add_campaign, add_person, add_staff
from sqlalchemy import func, select

from bot.campaigns import changes
from bot.clock import utc_now
from bot.db.campaigns import note_reply, unite_recipients
from bot.db.engine import Database
from bot.db.erasure import erase_contact, purge_contact
from bot.db.held import collect
from bot.db.linking import make_code
from bot.db.models import CampaignRecipient, CampaignTester, Contact, Message


async def test_copy_and_erasure_include_campaigns(db: Database) -> None:
    """Each campaign that somebody got, with what became of it; and that a conversation is one for tests."""
    member_id = await add_staff(db)
    campaign_id = await add_campaign(db)
    async with db.write() as session:
        person = await add_person(session)
        code = await make_code(session, person.id)
        assert await changes.link_tester(session, member_id, code) == person.id
        session.add(
            CampaignRecipient(
                campaign_id=campaign_id, contact_id=person.id, state="queued", channel="telegram", handled_at=utc_now()
            )
        )
    async with db.write() as session:
        await note_reply(session, person.id, utc_now())
        held = await collect(session, person.id)
    (told,) = held["campaigns"]
    assert (told["state"], told["channel"], told["is_test"]) == ("queued", "telegram", False)
    assert told["replied_at"] is not None
    async with db.write() as session:
        receipt = await erase_contact(session, person.id, None, "x" * 16)
        assert (receipt.counts["campaign_recipients"], receipt.counts["campaign_testers"]) == (1, 1)
        await purge_contact(session, person.id)
    async with db.read() as session:
        assert await session.get(Contact, person.id) is None
        for model in (CampaignRecipient, CampaignTester, Message):
            assert await session.scalar(select(func.count()).select_from(model)) == 0


async def test_two_conversations_that_become_one(db: Database) -> None:
    """What went out stays of each campaign, else one that waits; a conversation for tests is one once."""
    member_id = await add_staff(db)
    campaigns = [await add_campaign(db) for _ in range(3)]
    async with db.write() as session:
        kept, merged = await add_person(session), await add_person(session)
        states = (("waiting", "queued"), ("queued", "skipped"), (None, "waiting"))
        for campaign_id, (mine, other) in zip(campaigns, states, strict=True):
            for person, state in ((kept, mine), (merged, other)):
                if state is not None:
                    session.add(CampaignRecipient(campaign_id=campaign_id, contact_id=person.id, state=state))
        for person in (kept, merged):
            session.add(CampaignTester(member_id=member_id, contact_id=person.id))
    async with db.write() as session:
        await unite_recipients(session, kept.id, merged.id)
    async with db.read() as session:
        rows = list(await session.scalars(select(CampaignRecipient).order_by(CampaignRecipient.campaign_id)))
        testers = list(await session.scalars(select(CampaignTester.contact_id)))
    assert [(row.contact_id, row.state) for row in rows] == [
        (kept.id, "queued"),
        (kept.id, "queued"),
        (kept.id, "waiting"),
    ]
    assert testers == [kept.id]
