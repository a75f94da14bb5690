"""Count one day: its messages, what was answered and how fast, what was looked up, and who did what.

The same for a day that is over and for today. Everything is read by indexes on times; nothing is written here.
docs/figures.md says what each count means.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO
from bot.db.conditions import begin
from bot.db.models import Application, Interaction, Message, Rating, StaffRequest
from bot.figures.times import find_bucket
from bot.messages import CAMPAIGN_ENDED, SAID_STOP

#: To be raised whenever something is counted in another way: every day is then counted anew.
VERSION: Final = 2
#: What people are counted by, and what the keys are: a channel; a variety; a town that was named; a step on the way to
#: an application; an event that was shown; a programme that was proposed; ``programme|town|need`` it was proposed for.
KINDS: Final = ("channel", "variety", "city", "step", "event", "programme", "match")
#: After so long without a message of a person, the next one begins another conversation: as long as a session lives
#: (SESSION_IDLE_MINUTES' usual value), but the same whatever is set, so that figures can be compared.
QUIET = timedelta(hours=2)
#: What became of a message of a person, each of exactly one; `find_outcome` says when which.
OUTCOMES: Final = (
    "answered", "asked_back", "not_understood", "out_of_scope", "handed_over", "failed", "to_staff", "open",
)  # fmt: skip
#: Those that the bot had to deal with: what shares are of.
DEALT_WITH: Final = OUTCOMES[:6]
#: The variety of a message without words: a button, a picture.
NO_VARIETY: Final = "none"
#: Why something was not delivered, besides a provider's own code: the person blocked us; the channel is not configured;
#: it was held back, by a STOP of the person or the end of its campaign (no failure).
BLOCKED, UNSERVED, STOPPED = "blocked", "unserved", "stopped"
_REPLIES_THAT_SAY: Final = (
    ("handed_over", frozenset({"human_requested"})),
    ("asked_back", frozenset({"did_you_mean"})),
    ("not_understood", frozenset({"not_understood", "clarify_again"})),
    ("out_of_scope", frozenset({"utter_out_of_scope"})),
)
_SENT = frozenset({"sent", "delivered", "read"})
_CODE = re.compile(r"[\w.\-]{1,32}")
#: Answers that propose programmes, and answers about programmes that somebody picked.
_PROPOSING = frozenset(
    {"programmes_found", "programmes_none", "programmes_ranked", "programmes_unmatched", "funding_list"}
)
_LOOKING = frozenset({"programme_details", "programmes_compared"})
_SHOWING_EVENTS = frozenset({"events_upcoming", "events_none", "event_details"})


@dataclass(slots=True)
class Counted:
    """One day.

    Attributes:
        counts: how many, by the name of the count and its key; keys of several parts are joined by ``|``.
        people: who did what: the numbers of contacts by kind (one of `KINDS`) and key.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    people: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    def add(self, name: str, *key: object, by: int = 1) -> None:
        """Count something."""
        self.counts.setdefault(name, Counter())["|".join(map(str, key))] += by

    def mark(self, kind: str, key: str, contact_id: int | None) -> None:
        """Note who did something; nobody is nobody."""
        if contact_id is not None:
            self.people.setdefault((kind, key), set()).add(contact_id)


async def count_day(session: AsyncSession, day: date) -> Counted:
    """Count a day in Morocco, as far as it has come."""
    counted = Counted()
    start, end = begin(day), begin(day + timedelta(days=1))
    inbound = await _read_inbound(session, start, end)
    keys, first_sent = await _read_replies(session, start, end)
    _count_conversations(counted, inbound, await _find_last_before(session, start))
    for row in inbound:
        variety = row.variety or NO_VARIETY
        counted.add("in", row.channel, variety)
        counted.add("hour", row.created_at.astimezone(MOROCCO).hour)
        counted.mark("channel", row.channel, row.contact_id)
        counted.mark("variety", variety, row.contact_id)
        counted.add("outcome", row.channel, variety, find_outcome(row.state, keys.get(row.id)))
        if row.intent is not None:
            counted.add("topic", row.intent)
        if row.id in first_sent:
            waited = (first_sent[row.id] - row.created_at).total_seconds()
            counted.add("bot_s", row.channel, find_bucket(waited))
        for city in {_as_part(each.get("value")) for each in row.entities if each.get("entity") == "city"}:
            counted.add("city", city)
            counted.mark("city", city, row.contact_id)
    written = await _count_outbound(counted, session, start, end)
    await _count_staff(counted, session, start, end, written)
    await _count_looked_up(counted, session, start, end)
    await _count_ratings(counted, session, start, end)
    applied = select(Application.contact_id).where(_within(Application.created_at, start, end))
    for contact_id in await session.scalars(applied):
        counted.add("application")
        counted.mark("step", "application", contact_id)
    return counted


def find_outcome(state: str, keys: frozenset[str | None] | None) -> str:
    """What became of a message of a person, one of `OUTCOMES`.

    By what was said, and not by what the language model took it for: a name that is typed into a journey is no topic,
    and is answered with the next question.

    Args:
        state: of the message.
        keys: the keys of the answers to it; None when there is none.
    """
    if state == "failed":
        return "failed"
    if state == "received":
        return "open"
    if keys is None:
        # Closed without a reply: a member of staff had the conversation.
        return "to_staff"
    return next((outcome for outcome, saying in _REPLIES_THAT_SAY if keys & saying), "answered")


def _as_part(value: object) -> str:
    """What people may have typed, as a part of a key: the sign between parts is none of its own."""
    return str(value).replace("|", "¦")


def _within(column: Any, start: datetime, end: datetime) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = (column >= start) & (column < end)
    return condition


async def _read_inbound(session: AsyncSession, start: datetime, end: datetime) -> list[Any]:
    columns = (
        Message.id, Message.contact_id, Message.channel, Message.variety, Message.intent, Message.state,
        Message.entities, Message.created_at,
    )  # fmt: skip
    query = select(*columns).where(_within(Message.created_at, start, end), Message.direction == "in")
    return list((await session.execute(query.order_by(Message.created_at, Message.id))).all())


async def _read_replies(
    session: AsyncSession, start: datetime, end: datetime
) -> tuple[dict[int, frozenset[str | None]], dict[int, datetime]]:
    """Of the messages of a day: what they were answered with, and when the first answer was taken by the provider."""
    asked = select(Message.id).where(_within(Message.created_at, start, end), Message.direction == "in")
    columns = (Message.reply_to_id, Message.answer_key, Message.state, Message.finished_at)
    query = select(*columns).where(Message.reply_to_id.in_(asked), Message.direction == "out")
    keys: dict[int, set[str | None]] = {}
    first_sent: dict[int, datetime] = {}
    for row in await session.execute(query):
        keys.setdefault(row.reply_to_id, set()).add(row.answer_key)
        if row.state in _SENT and row.finished_at is not None:
            first_sent[row.reply_to_id] = min(row.finished_at, first_sent.get(row.reply_to_id, row.finished_at))
    return {number: frozenset(found) for number, found in keys.items()}, first_sent


async def _find_last_before(session: AsyncSession, start: datetime) -> dict[int, datetime]:
    """When each person wrote last, of those who wrote shortly before a day began."""
    query = select(Message.contact_id, func.max(Message.created_at).label("at"))
    recent = query.where(_within(Message.created_at, start - QUIET, start), Message.direction == "in")
    return {row.contact_id: row.at for row in await session.execute(recent.group_by(Message.contact_id))}


def _count_conversations(counted: Counted, inbound: Iterable[Any], last: dict[int, datetime]) -> None:
    for row in inbound:
        before = last.get(row.contact_id)
        if before is None or row.created_at - before >= QUIET:
            counted.add("conversation", row.channel, row.variety or NO_VARIETY)
        last[row.contact_id] = row.created_at


async def _count_outbound(
    counted: Counted, session: AsyncSession, start: datetime, end: datetime
) -> dict[int, list[datetime]]:
    """What we sent; given is when members of staff wrote, by whom they wrote to."""
    columns = (
        Message.contact_id, Message.channel, Message.state, Message.error, Message.reply_to_id, Message.answer_key,
        Message.created_at,
    )  # fmt: skip
    query = select(*columns).where(_within(Message.created_at, start, end), Message.direction == "out")
    written: dict[int, list[datetime]] = {}
    for row in await session.execute(query.order_by(Message.created_at)):
        # What a member of staff wrote answers no message, and has no key, as notices have.
        by = "bot" if row.reply_to_id is not None else "staff" if row.answer_key is None else "notice"
        counted.add("out", row.channel, by)
        if by == "staff":
            written.setdefault(row.contact_id, []).append(row.created_at)
        if row.state in _SENT:
            counted.add("sent", row.channel)
        elif row.state != "queued":
            counted.add("unsent", row.channel, find_cause(row.state, row.error or ""))
    return written


def find_cause(state: str, error: str) -> str:
    """Why a message of ours was not delivered: `BLOCKED`, `UNSERVED`, `STOPPED`, a provider's code, or ``other``."""
    if state == "undeliverable":
        if error.startswith("channel "):
            return UNSERVED
        return STOPPED if error in (SAID_STOP, CAMPAIGN_ENDED) else BLOCKED
    code = error.partition(":")[0].strip()
    return code if _CODE.fullmatch(code) else "other"


async def _count_staff(
    counted: Counted, session: AsyncSession, start: datetime, end: datetime, written: dict[int, list[datetime]]
) -> None:
    """Requests to the team, and how long who asked for a human waited; a wait is one of the day on which it ended."""
    opened = select(StaffRequest.kind).where(_within(StaffRequest.opened_at, start, end))
    for kind in await session.scalars(opened):
        counted.add("request", kind)
    if not written:
        return
    by_staff = (Message.direction == "out") & (Message.reply_to_id + 0).is_(None) & Message.answer_key.is_(None)
    latest = select(Message.contact_id, func.max(Message.created_at).label("at")).group_by(Message.contact_id)
    of_these = Message.contact_id.in_(list(written))
    earlier = await session.execute(latest.where(of_these, by_staff, Message.created_at < start))
    answered = {row.contact_id: row.at for row in earlier}
    asked = select(StaffRequest.contact_id, StaffRequest.opened_at).where(
        StaffRequest.contact_id.in_(list(written)), StaffRequest.kind == "human", StaffRequest.opened_at < end
    )
    for row in await session.execute(asked):
        before = answered.get(row.contact_id)
        first = next((at for at in written[row.contact_id] if at >= row.opened_at), None)
        if first is not None and (before is None or before < row.opened_at):
            counted.add("staff_s", find_bucket((first - row.opened_at).total_seconds()))


async def _count_looked_up(counted: Counted, session: AsyncSession, start: datetime, end: datetime) -> None:
    columns = (Interaction.contact_id, Interaction.action, Interaction.outcome, Interaction.lookup, Interaction.shown)
    for row in await session.execute(select(*columns).where(_within(Interaction.created_at, start, end))):
        shown = row.shown or {}
        if row.outcome in _PROPOSING:
            wanted = shown.get("wanted") or row.lookup
            city, need = _as_part(wanted.get("city") or ""), _as_part(wanted.get("need") or "")
            for slug in shown.get("programmes", ()):
                counted.add("proposed", slug)
                counted.add("match", slug, city, need)
                counted.mark("programme", slug, row.contact_id)
                counted.mark("match", f"{slug}|{city}|{need}", row.contact_id)
        elif row.outcome in _LOOKING:
            for slug in shown.get("programmes", ()):
                counted.add("looked", slug)
        elif row.outcome in _SHOWING_EVENTS:
            for slug in shown.get("events", ()):
                counted.add("event", slug)
                counted.mark("event", slug, row.contact_id)
        elif row.outcome == "eligibility_verdict":
            counted.mark("step", "eligibility_done", row.contact_id)
        if row.lookup.get("entry") == "begins" and row.lookup.get("asking") is not None:
            journey = row.action.removeprefix("validate_").removesuffix("_form")
            counted.add("journey", journey)
            counted.mark("step", f"{journey}_begun", row.contact_id)


async def _count_ratings(counted: Counted, session: AsyncSession, start: datetime, end: datetime) -> None:
    asked = select(Rating.answer_key).where(_within(Rating.asked_at, start, end))
    for key in await session.scalars(asked):
        counted.add("rating_asked", key)
    rated = select(Rating.answer_key, Rating.value).where(
        _within(Rating.rated_at, start, end), Rating.value.is_not(None)
    )
    for row in await session.execute(rated):
        counted.add("rated", row.answer_key, row.value)
