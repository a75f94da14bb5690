"""Send campaigns: fix who gets one, and hand them to the outbox at the pace of each channel, behind every answer.

One process at a time does this (`Database.claim`), so that the pace is that of all. Each person's turn is a row that
goes from ``waiting`` to ``queued`` in the transaction that stores their message, so a process may die at any point and
another one goes on: nobody is forgotten, and nobody gets it twice but where the outbox itself can't tell whether a
provider took a message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers, RenderError
from bot.campaigns.pace import Pace
from bot.campaigns.recipients import LEFT_IN_PEACE, Recipient, close, gather, name_obstacle, read_people
from bot.campaigns.writing import NOBODY, compose, fit_template, name_values, read_as
from bot.clock import utc_now
from bot.db.engine import AWAY, Database
from bot.db.log import add_sent
from bot.db.models import Application, Campaign, CampaignRecipient, ChannelPause, Message
from bot.hours import QuietHours
from bot.messages import Outbound, Variety
from bot.outbox import UNFINISHED, Outbox
from bot.reach import Reach, Route

logger = logging.getLogger(__name__)

#: Written out, since SQLite takes a partial index only for its own condition.
RUNNING = text("campaigns.state IN ('scheduled', 'sending')")
WAITING = text("campaign_recipients.state = 'waiting'")
WAITING_TEST = text("campaign_recipients.is_test")

#: How often the next people are taken, in seconds: few at a time, so that no answer waits for their transaction.
STEP_S = 0.2
#: How often a process that has nothing to send looks whether there is something.
IDLE_S = 1.0
#: The most that is queued of each channel, in seconds of its pace: what a pause or a stop can't hold back any more.
QUEUED_S = 1.0
#: People taken in one step at most, so 50 a second.
MOST_AT_ONCE = 10
#: So long after the beginning nobody is left in peace any more: they get nothing.
LEFT_AT_MOST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Free:
    """How many messages each channel can be given now, and until when those wait that asked for it."""

    channels: dict[str, int]
    paused: Mapping[str, datetime]


class Sending:
    """Works campaigns off; `run` does so until it is cancelled."""

    def __init__(
        self,
        db: Database,
        answers: Answers,
        outbox: Outbox,
        reach: Reach,
        rates: Mapping[str, float],
        quiet: QuietHours,
    ) -> None:
        """`rates`: messages a second by channel. `quiet`: when nothing is sent unless a release says so."""
        self._db, self._answers, self._outbox, self._reach, self._quiet = db, answers, outbox, reach, quiet
        self._paces = {channel: Pace(per_s) for channel, per_s in rates.items()}

    async def run(self) -> None:
        """Go on for ever; whatever goes wrong with one step, the next is tried."""
        while True:
            try:
                is_busy = await self.step()
            except Exception:  # the database may be away for a while
                logger.exception("campaigns could not be worked on")
                is_busy = False
            await asyncio.sleep(STEP_S if is_busy else IDLE_S)

    async def step(self) -> bool:
        """Do what is due now, a little of it; whether there is more to do soon."""
        async with self._db.claim("campaigns", 0) as is_ours:
            if not is_ours:
                return False
            is_busy = await self._send_tests()
            now = utc_now()
            for campaign in await self._list_running(now):
                try:
                    is_busy = await self._advance(campaign, now) or is_busy
                except (DBAPIError, *AWAY):
                    raise
                except Exception:  # a defect with one campaign must not hold up the others
                    logger.exception("campaign %s could not be worked on", campaign.id)
            return is_busy

    async def _advance(self, campaign: Campaign, now: datetime) -> bool:
        """Do the next of one campaign; whether there is more to do soon."""
        if campaign.state == "scheduled":
            await self._start(campaign.id)
            return True
        if not campaign.is_gathered:
            await gather(self._db, campaign)
            return True
        is_time = campaign.ignores_quiet or self._quiet.end_after(now) is None
        return await self._send_some(campaign) if is_time else False

    async def _list_running(self, now: datetime) -> list[Campaign]:
        due = or_(Campaign.starts_at.is_(None), Campaign.starts_at <= now)
        running = select(Campaign).where(RUNNING, due).order_by(Campaign.id)
        async with self._db.read() as session:
            return list(await session.scalars(running))

    async def _start(self, campaign_id: int) -> None:
        scheduled = (Campaign.id == campaign_id) & (Campaign.state == "scheduled")
        async with self._db.write() as session:
            await session.execute(update(Campaign).where(scheduled).values(state="sending", started_at=utc_now()))

    async def _send_some(self, campaign: Campaign) -> bool:
        """Hand over the next people, as far as their channels are free; whether there is more to do soon."""
        free = await self._find_free()
        await self._answers.refresh()
        due = or_(CampaignRecipient.due_at.is_(None), CampaignRecipient.due_at <= utc_now())
        waiting = (CampaignRecipient.campaign_id == campaign.id) & CampaignRecipient.is_test.is_(False)
        async with self._db.read() as session:
            next_ones = select(CampaignRecipient.id).where(WAITING, waiting, due).order_by(CampaignRecipient.id)
            ids = list(await session.scalars(next_ones.limit(MOST_AT_ONCE)))
            if not ids:
                left = await session.scalar(select(CampaignRecipient.id).where(WAITING, waiting).limit(1))
        if not ids:
            if left is None:
                await self._finish(campaign)
            return False
        if free.channels or free.paused:
            await self._hand_over(campaign, ids, free)
        return True

    async def _hand_over(self, campaign: Campaign, ids: Sequence[int], free: _Free) -> None:
        """Store the messages of some people and let the outbox have them."""
        woken = []
        async with self._db.write() as session:
            running = select(Campaign.state).where(Campaign.id == campaign.id).with_for_update()
            if await session.scalar(running) != "sending":
                return
            rows = list(
                await session.scalars(
                    select(CampaignRecipient).where(CampaignRecipient.id.in_(ids)).order_by(CampaignRecipient.id)
                )
            )
            for person in await read_people(session, campaign, rows):
                if await self._hand_over_one(session, campaign, person, free):
                    woken.append(person.contact.id)
        for contact_id in woken:
            self._outbox.campaign_lanes.wake(contact_id)

    async def _finish(self, campaign: Campaign) -> None:
        """Close a campaign of which nobody waits any more, once nothing of it is queued."""
        async with self._db.write() as session:
            queued = select(Message.id).where(UNFINISHED, Message.state == "queued")
            if await session.scalar(queued.where(Message.campaign_id == campaign.id).limit(1)) is None:
                sending = (Campaign.id == campaign.id) & (Campaign.state == "sending")
                await session.execute(update(Campaign).where(sending).values(state="done", finished_at=utc_now()))

    async def _find_free(self) -> _Free:
        """How many messages each channel can be given now: none while answers wait, or while it asked for a pause."""
        now = utc_now()
        is_due = or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= now)
        is_answer = Message.campaign_id.is_(None)
        waiting = (
            select(Message.channel, is_answer, func.count())
            .where(UNFINISHED, Message.state == "queued", or_(~is_answer, is_due))
            .group_by(Message.channel, is_answer)
        )
        async with self._db.read() as session:
            counts = {(channel, bool(first)): number for channel, first, number in await session.execute(waiting)}
            asked = await session.scalars(select(ChannelPause).where(ChannelPause.until > now))
            paused = {pause.channel: pause.until for pause in asked}
        channels = {}
        for channel, pace in self._paces.items():
            room = max(1, int(pace.per_s * QUEUED_S)) - counts.get((channel, False), 0)
            may = min(pace.fill(), room)
            if may > 0 and channel not in paused and not counts.get((channel, True)):
                channels[channel] = may
        return _Free(channels, paused)

    async def _hand_over_one(self, session: AsyncSession, campaign: Campaign, person: Recipient, free: _Free) -> bool:
        """Whether somebody's message is stored; else why not stands in their row, or their turn comes later."""
        now = utc_now()
        row, contact = person.row, person.contact
        variety = read_as(campaign).get(contact.chosen_variety or contact.variety, "")
        if contact.erased_at is not None or not person.agrees:
            await close(session, row, state="skipped", outcome="stopped")
            return False
        if not variety or variety == NOBODY:
            await close(session, row, state="skipped", outcome="unwritten")
            return False
        busy_until = contact.held_until if contact.held_until is not None and contact.held_until > now else None
        if person.is_asked:
            busy_until = max(busy_until or now, now + LEFT_IN_PEACE)
        if busy_until is not None:
            late = now - (campaign.started_at or now) > LEFT_AT_MOST
            await close(session, row, **({"state": "skipped", "outcome": "busy"} if late else {"due_at": busy_until}))
            return False
        route = self._reach.choose_route(person.identities, variety)
        if isinstance(route, str):
            await close(session, row, state="skipped", outcome=name_obstacle(person.identities, route))
            return False
        channel = route.identity.channel
        if channel in free.paused:
            # Out of the way of those whose channel is free.
            await close(session, row, due_at=free.paused[channel])
        if free.channels.get(channel, 0) <= 0:
            return False
        outbound = await self._compose(session, campaign, row, person.application, variety)
        if outbound is None:
            return False
        free.channels[channel] -= 1
        self._paces[channel].take()
        return await self._store(session, campaign, row, route, outbound)

    async def _compose(
        self,
        session: AsyncSession,
        campaign: Campaign,
        row: CampaignRecipient,
        application: Application | None,
        variety: str,
    ) -> Outbound | None:
        """Somebody's message; None when their data don't go into it, which then stands in their row."""
        name: Variety = variety  # type: ignore[assignment]  # a key of `Campaign.texts`, which has no others
        try:
            return compose(self._answers, campaign.texts[name], name, name_values(application, self._answers, name))
        except (RenderError, LookupError, ValueError):
            # One person's data must not keep the message from all who come after them.
            logger.exception("campaign %s could not be written for contact %s", campaign.id, row.contact_id)
            await close(session, row, state="skipped", outcome="unwritable")
            return None

    async def _store(
        self, session: AsyncSession, campaign: Campaign, row: CampaignRecipient, route: Route, outbound: Outbound
    ) -> bool:
        """Take somebody's turn with their message in the same transaction; False: another process did."""
        channel = route.identity.channel
        is_taken = await close(session, row, state="queued", channel=channel, variety=outbound.variety)
        if not is_taken:
            return False
        message = Message(
            contact_id=row.contact_id,
            identity_id=route.identity.id,
            direction="out",
            channel=channel,
            # The web page, where only tests go, fetches what is new by itself.
            state="sent" if channel == "web" else "queued",
            text=outbound.text if route.template is None else fit_template(outbound)[0],
            buttons=[button.as_json() for button in outbound.buttons] if route.template is None else [],
            template=route.template,
            answer_key=outbound.answer_key,
            variety=outbound.variety,
            campaign_id=campaign.id,
        )
        await add_sent(session, [message])
        own = CampaignRecipient.id == row.id
        await session.execute(update(CampaignRecipient).where(own).values(message_id=message.id))
        return channel != "web"

    async def _send_tests(self) -> bool:
        """Send tests of staff to themselves: at once, whatever the state of the campaign and the hour."""
        tests = (
            select(CampaignRecipient, Campaign)
            .join(Campaign, Campaign.id == CampaignRecipient.campaign_id)
            .where(WAITING, WAITING_TEST)
            .order_by(CampaignRecipient.id)
            .limit(MOST_AT_ONCE)
        )
        async with self._db.read() as session:
            found = [(row[0], row[1]) for row in (await session.execute(tests)).all()]
        if found:
            await self._answers.refresh()
        for row, campaign in found:
            async with self._db.write() as session:
                if await self._send_test(session, row, campaign):
                    self._outbox.campaign_lanes.wake(row.contact_id)
        return bool(found)

    async def _send_test(self, session: AsyncSession, row: CampaignRecipient, campaign: Campaign) -> bool:
        people = await read_people(session, campaign, [row])
        if not people:
            return False
        (person,) = people
        identities = [each for each in person.identities if each.id == row.identity_id]
        variety = row.variety or ""
        if person.contact.unsubscribed_at is not None or variety not in campaign.texts or not identities:
            code = "stopped" if person.contact.unsubscribed_at is not None else "unwritten" if identities else "none"
            await close(session, row, state="skipped", outcome=code)
            return False
        route = self._reach.choose_route(identities, variety, waits=True)
        if isinstance(route, str):
            await close(session, row, state="skipped", outcome=name_obstacle(identities, route))
            return False
        application = person.application or _example()
        outbound = await self._compose(session, campaign, row, application, variety)
        if outbound is None:
            return False
        return await self._store(session, campaign, row, route, outbound)


def _example() -> Application:
    """What a test shows to a member of staff who has no application of their own."""
    return Application(full_name="Prénom Nom", reference="JIT-000000", city_slug="casablanca", track_slug="undecided")
