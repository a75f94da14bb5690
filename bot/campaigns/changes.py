"""What staff do with a campaign: write, release, hold, end it. Each locks its row, and refuses what no longer fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.campaigns.segments import Segment, read_segment
from bot.campaigns.writing import NOBODY, list_forbidden, list_undecided
from bot.clock import utc_now
from bot.db.linking import use_code
from bot.db.models import Campaign, CampaignRecipient, CampaignTester, Contact, Identity, Message
from bot.errors import AssistantError
from bot.messages import CAMPAIGN_ENDED, VARIETIES

TITLE_CHARS = 120
#: Tests of one campaign that a member of staff can have under way.
MOST_TESTS = 20


class NotNow(AssistantError):
    """The campaign is not in a state for this (any more).

    Attributes:
        code: ``state`` (somebody released, stopped or ended it), ``changed`` (text or segment are other ones than those
            that were looked at), ``unwritten`` (no text), ``undecided`` (people of a variety without a text), ``named``
            (a text has names that people did not agree to for this purpose), ``past`` (its time is over), or ``tests``
            (too many are under way).
        names: of ``named``: which.
    """

    def __init__(self, code: str, names: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code, self.names = code, tuple(names)


async def lock_campaign(session: AsyncSession, campaign_id: int) -> Campaign:
    """A campaign as it is now, changed by nobody else until the transaction ends.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none.
    """
    return await session.get_one(Campaign, campaign_id, with_for_update=True, populate_existing=True)


async def create(session: AsyncSession, title: str, segment: Segment, member_id: int) -> Campaign:
    """A new draft."""
    campaign = Campaign(
        title=title,
        purpose=segment.purpose,
        segment=segment.as_json(),
        created_by_id=member_id,
        changed_by_id=member_id,
    )
    session.add(campaign)
    await session.flush()
    return campaign


async def copy(session: AsyncSession, campaign: Campaign, title: str, member_id: int) -> Campaign:
    """A new draft with the segment and the texts of a campaign."""
    made = await create(session, title, read_segment(campaign), member_id)
    made.texts, made.fallbacks = dict(campaign.texts), dict(campaign.fallbacks)
    return made


async def change_segment(
    session: AsyncSession, campaign_id: int, title: str, segment: Segment, member_id: int, seen: int
) -> Campaign:
    """Say anew for whom a draft is, for whoever had version `seen` before them.

    Raises:
        NotNow: it is no draft any more, somebody else changed it meanwhile, or its texts have names that people agree
            to for another purpose only.
    """
    campaign = await _lock_draft(session, campaign_id, seen)
    _check_names(campaign, segment.purpose)
    campaign.title, campaign.purpose, campaign.segment = title, segment.purpose, segment.as_json()
    _note_change(campaign, member_id)
    return campaign


async def change_texts(
    session: AsyncSession,
    campaign_id: int,
    texts: Mapping[str, str],
    fallbacks: Mapping[str, str],
    member_id: int,
    seen: int,
) -> Campaign:
    """Write a draft anew; `texts` were checked by `bot.campaigns.writing.find_fault`.

    Args:
        session: a transaction.
        campaign_id: which.
        texts: by variety; empty ones are none.
        fallbacks: for varieties without a text, the variety whose text their people get, or `NOBODY`.
        member_id: who writes.
        seen: the version that the writer had before them.

    Raises:
        NotNow: it is no draft any more, or somebody else changed it meanwhile.
    """
    campaign = await _lock_draft(session, campaign_id, seen)
    campaign.texts = {each: texts[each] for each in VARIETIES if texts.get(each)}
    valid = {NOBODY, *campaign.texts}
    campaign.fallbacks = {
        each: fallbacks[each] for each in VARIETIES if each not in campaign.texts and fallbacks.get(each) in valid
    }
    _note_change(campaign, member_id)
    return campaign


async def _lock_draft(session: AsyncSession, campaign_id: int, seen: int) -> Campaign:
    campaign = await _lock_in(session, campaign_id, "draft")
    if campaign.version != seen:
        raise NotNow("changed")
    return campaign


def _check_names(campaign: Campaign, purpose: str) -> None:
    names = list_forbidden(campaign.texts.values(), purpose)
    if names:
        raise NotNow("named", names)


def _note_change(campaign: Campaign, member_id: int) -> None:
    campaign.version += 1
    campaign.changed_by_id, campaign.changed_at = member_id, utc_now()


async def release(
    session: AsyncSession,
    campaign_id: int,
    member_id: int,
    *,
    seen: int,
    starts_at: datetime | None,
    ignores_quiet: bool,
) -> Campaign:
    """Let a draft be sent, at once or at a time.

    Args:
        session: a transaction.
        campaign_id: which.
        member_id: who answers for it.
        seen: the version that they looked at.
        starts_at: when; None: now.
        ignores_quiet: whether it is sent in the quiet hours too.

    Raises:
        NotNow: it is no draft any more, was changed since, is not all written, or its time is over.
    """
    campaign = await _lock_draft(session, campaign_id, seen)
    if not campaign.texts:
        raise NotNow("unwritten")
    if list_undecided(campaign):
        raise NotNow("undecided")
    _check_names(campaign, campaign.purpose)
    if starts_at is not None and starts_at <= utc_now():
        raise NotNow("past")
    campaign.state = "scheduled"
    campaign.starts_at, campaign.ignores_quiet = starts_at, ignores_quiet
    campaign.released_by_id, campaign.released_at = member_id, utc_now()
    return campaign


async def withdraw(session: AsyncSession, campaign_id: int) -> Campaign:
    """Make a draft again of what was released and has not begun.

    Raises:
        NotNow: it has begun, or is a draft already.
    """
    campaign = await _lock_in(session, campaign_id, "scheduled")
    campaign.state, campaign.starts_at = "draft", None
    campaign.released_by_id, campaign.released_at = None, None
    return campaign


async def pause(session: AsyncSession, campaign_id: int) -> Campaign:
    """Hold a campaign that is being sent: nothing of it leaves any more but what a provider has in hand.

    Raises:
        NotNow: it is not being sent.
    """
    campaign = await _lock_in(session, campaign_id, "sending")
    campaign.state = "paused"
    return campaign


async def resume(session: AsyncSession, campaign_id: int) -> Campaign:
    """Let a campaign go on that was held.

    Raises:
        NotNow: it is not held.
    """
    campaign = await _lock_in(session, campaign_id, "paused")
    campaign.state = "sending"
    return campaign


async def stop(session: AsyncSession, campaign_id: int) -> Campaign:
    """End a campaign for good: who did not get it yet will not.

    Raises:
        NotNow: it is a draft, or over.
    """
    campaign = await _lock_in(session, campaign_id, "scheduled", "sending", "paused")
    campaign.state, campaign.finished_at = "stopped", utc_now()
    return campaign


async def discard(session: AsyncSession, campaign_id: int) -> None:
    """Throw a draft away, with the tests of it; their messages stay in the conversations.

    Raises:
        NotNow: it is no draft any more.
    """
    campaign = await _lock_in(session, campaign_id, "draft")
    queued = (Message.campaign_id == campaign.id) & (Message.state == "queued")
    await session.execute(update(Message).where(queued).values(state="undeliverable", error=CAMPAIGN_ENDED))
    await session.execute(delete(CampaignRecipient).where(CampaignRecipient.campaign_id == campaign.id))
    await session.delete(campaign)


async def _lock_in(session: AsyncSession, campaign_id: int, *states: str) -> Campaign:
    campaign = await lock_campaign(session, campaign_id)
    if campaign.state not in states:
        raise NotNow("state")
    return campaign


async def list_in_flight(session: AsyncSession, campaign_id: int) -> list[int]:
    """The people whose message of a campaign is queued or with a provider; the outbox looks at each again if woken."""
    query = select(Message.contact_id).where(Message.campaign_id == campaign_id, Message.state == "queued")
    return list(await session.scalars(query))


async def link_tester(session: AsyncSession, member_id: int, code: str) -> int | None:
    """Take a conversation for a member of staff's own, by the code that it was shown; None: the code is not valid.

    The code is the one that links channels (`bot.db.linking`): who reads it in the chat is who writes there.
    """
    contact_id = await use_code(session, code)
    if contact_id is None:
        return None
    await session.merge(CampaignTester(member_id=member_id, contact_id=contact_id, linked_at=utc_now()))
    return contact_id


async def unlink_tester(session: AsyncSession, member_id: int, contact_id: int) -> None:
    """No tests go to this conversation any more."""
    own = (CampaignTester.member_id == member_id) & (CampaignTester.contact_id == contact_id)
    await session.execute(delete(CampaignTester).where(own))


async def list_test_addresses(session: AsyncSession, member_id: int) -> list[Identity]:
    """The addresses to which a member of staff can send tests: theirs, on each channel."""
    own = select(CampaignTester.contact_id).where(CampaignTester.member_id == member_id)
    query = select(Identity).join(Contact, Contact.id == Identity.contact_id)
    query = query.where(Identity.contact_id.in_(own), Contact.erased_at.is_(None))
    return list(await session.scalars(query.order_by(Identity.channel, Identity.id)))


async def plan_test(session: AsyncSession, campaign: Campaign, identity: Identity, variety: str) -> None:
    """Send a text of a campaign to a member of staff's own address, the way that everybody gets it.

    Raises:
        NotNow: there is no text in this variety, or too many tests are under way.
    """
    if not campaign.texts.get(variety):
        raise NotNow("unwritten")
    waiting = (CampaignRecipient.campaign_id == campaign.id) & CampaignRecipient.is_test
    waiting &= CampaignRecipient.state == "waiting"
    if (await session.scalar(select(func.count()).select_from(CampaignRecipient).where(waiting)) or 0) >= MOST_TESTS:
        raise NotNow("tests")
    session.add(
        CampaignRecipient(
            campaign_id=campaign.id,
            contact_id=identity.contact_id,
            identity_id=identity.id,
            channel=identity.channel,
            is_test=True,
            variety=variety,
        )
    )
