"""What came of a campaign, in numbers; nobody's name is needed for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Campaign, CampaignRecipient, Message
from bot.messages import CAMPAIGN_ENDED, SAID_STOP

#: Channels that say what became of a message; of the others it is not known whether somebody got or read it.
REPORTING = frozenset({"whatsapp"})
_TAKEN = ("sent", "delivered", "read")
_LOST = ("failed", "undeliverable")
#: The outbox's own errors, which have no code of a provider before a colon.
_OWN_CAUSES = {
    CAMPAIGN_ENDED: "halted",
    SAID_STOP: "stopped",
    "the person blocked us": "blocked",
}


@dataclass(frozen=True, slots=True)
class OnChannel:
    """What became of the messages on one channel; None: the channel does not say."""

    channel: str
    queued: int
    sent: int
    delivered: int | None
    read: int | None
    failed: int


@dataclass(frozen=True, slots=True)
class Results:
    """What came of a campaign.

    Attributes:
        people: who was fixed as a recipient, or 0 before that.
        waiting: whose turn has not come.
        skipped: how many got nothing, by the code of the reason.
        channels: what became of the messages.
        causes: how many failed, by the provider's code, or one of ours.
        replied: who wrote within a week and did not say STOP; `stopped`: who said it.
        tests: messages of tests.
    """

    people: int
    waiting: int
    skipped: Mapping[str, int]
    channels: tuple[OnChannel, ...]
    causes: Mapping[str, int]
    replied: int
    stopped: int
    tests: int = field(default=0)

    @property
    def sent(self) -> int:
        """Messages that a provider took."""
        return sum(each.sent for each in self.channels)

    @property
    def queued(self) -> int:
        """Messages that are on their way to a provider, or in its hands."""
        return sum(each.queued for each in self.channels)

    @property
    def failed(self) -> int:
        """Messages that did not go out, or did not arrive."""
        return sum(each.failed for each in self.channels)


async def read_results(session: AsyncSession, campaign: Campaign) -> Results:
    """Count what came of a campaign, from indexes alone but for what failed."""
    row = CampaignRecipient
    query = select(row.is_test, row.state, row.outcome, func.count(), func.count(row.stopped_at))
    query = query.where(row.campaign_id == campaign.id).group_by(row.is_test, row.state, row.outcome)
    people = waiting = tests = stopped = 0
    skipped: Counter[str] = Counter()
    for is_test, state, outcome, number, ended in await session.execute(query):
        if is_test:
            tests += number
            continue
        people += number
        stopped += ended
        if state == "waiting":
            waiting += number
        elif state == "skipped":
            skipped[outcome or "none"] += number
    own = row.campaign_id == campaign.id
    answered = own & row.is_test.is_(False) & row.replied_at.is_not(None) & row.stopped_at.is_(None)
    replied = await session.scalar(select(func.count()).select_from(row).where(answered)) or 0
    trials = list(await session.scalars(select(row.message_id).where(own, row.is_test, row.message_id.is_not(None))))
    # The messages of tests are few, and known; all others are of people.
    real = (Message.campaign_id == campaign.id) & Message.id.not_in(trials)
    by_state = select(Message.channel, Message.state, func.count()).where(real)
    counts: dict[str, Counter[str]] = {}
    for channel, state, number in await session.execute(by_state.group_by(Message.channel, Message.state)):
        counts.setdefault(channel, Counter())[state] = number
    return Results(
        people=people,
        waiting=waiting,
        skipped=dict(skipped),
        channels=tuple(_sum_up(channel, states) for channel, states in sorted(counts.items())),
        causes=await _count_causes(session, campaign.id, trials),
        replied=replied,
        stopped=stopped,
        tests=tests,
    )


def _sum_up(channel: str, states: Counter[str]) -> OnChannel:
    tells = channel in REPORTING
    return OnChannel(
        channel,
        queued=states["queued"],
        sent=sum(states[state] for state in _TAKEN),
        delivered=states["delivered"] + states["read"] if tells else None,
        read=states["read"] if tells else None,
        failed=sum(states[state] for state in _LOST),
    )


async def _count_causes(session: AsyncSession, campaign_id: int, trials: list[int | None]) -> dict[str, int]:
    lost = (Message.campaign_id == campaign_id) & Message.state.in_(_LOST) & Message.id.not_in(trials)
    errors = select(Message.error, func.count()).where(lost).group_by(Message.error)
    causes: Counter[str] = Counter()
    for error, number in await session.execute(errors):
        causes[name_cause(error or "")] += number
    return dict(causes.most_common())


def name_cause(error: str) -> str:
    """The code of why a message failed; never the provider's text, which may hold somebody's number."""
    if error in _OWN_CAUSES:
        return _OWN_CAUSES[error]
    code = error.partition(":")[0].strip()
    return code if code and len(code) <= 24 and code.replace("_", "").isalnum() else "unknown"
