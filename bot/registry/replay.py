"""Which answers would change: the last real messages, read by the live model and by another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Message, ModelJob, ReplayedMessage
from bot.settings import ROOT

#: How many messages may be replayed.
SIZES = (50, 200, 500, 1_000, 2_000)
DEFAULT_SIZE = 200
#: What was replayed is forgotten with the next replay of the same model, and after so long.
KEPT = timedelta(days=30)


async def list_typed(session: AsyncSession, size: int) -> list[tuple[int, int, str]]:
    """The last messages that people typed and a model read: id, contact and text, the newest first.

    A button has a payload. The words of one that were typed are put to Rasa as its payload, which no model reads: their
    ranking has one intent.
    """
    typed = (Message.direction == "in") & Message.payload.is_(None) & Message.confidence.is_not(None)
    query = select(Message.id, Message.contact_id, Message.text, Message.ranking).where(typed, Message.text != "")
    found: list[tuple[int, int, str]] = []
    before = 2**31 - 1
    while len(found) < size:
        rows = (await session.execute(query.where(Message.id < before).order_by(Message.id.desc()).limit(size))).all()
        found += [(number, contact_id, text) for number, contact_id, text, ranking in rows if len(ranking) > 1]
        if len(rows) < size:
            break
        before = rows[-1].id
    return found[:size]


@cache
def load_rules(root: Path = ROOT) -> dict[str, str]:
    """The answer or action that follows an intent where no form is open, by intent (nlu/rules.yml)."""
    rules = yaml.safe_load((root / "nlu" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    found = {}
    for rule in rules:
        steps = rule["steps"]
        if len(steps) == 2 and "intent" in steps[0] and "action" in steps[1] and "condition" not in rule:
            found[steps[0]["intent"]] = steps[1]["action"]
    return found


def find_change(before: Mapping[str, Any], after: Mapping[str, Any], rules: Mapping[str, str]) -> str | None:
    """How what two models make of a message differs.

    Args:
        before: a line of `nlu.replay` by the live model.
        after: by the other one.
        rules: `load_rules`.

    Returns:
        ``topic`` for other topics with another answer, ``same_answer`` for others with the same one, ``entities`` for
        the same topics with other details, None for no difference.
    """
    if before["topics"] != after["topics"]:
        answers = [[rules.get(topic, topic) for topic in parse["topics"]] for parse in (before, after)]
        return "same_answer" if answers[0] == answers[1] else "topic"
    return "entities" if before["entities"] != after["entities"] else None


def put_beside(
    messages: Sequence[tuple[int, int, str]],
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    job_id: int,
) -> tuple[list[ReplayedMessage], dict[str, int]]:
    """The messages that change, and how many there are of each kind.

    Args:
        messages: `list_typed`.
        before: the lines of `nlu.replay` by the live model, in the order of `messages`.
        after: by the other one.
        job_id: the replay.
    """
    rules = load_rules()
    counts = {"read": 0, "unreadable": 0, "same": 0, "topic": 0, "same_answer": 0, "entities": 0}
    rows = []
    for (message_id, contact_id, _), one, two in zip(messages, before, after, strict=True):
        if "error" in one or "error" in two:
            counts["unreadable"] += 1
            continue
        counts["read"] += 1
        change = find_change(one, two, rules)
        counts[change or "same"] += 1
        if change is not None:
            rows.append(
                ReplayedMessage(
                    job_id=job_id,
                    message_id=message_id,
                    contact_id=contact_id,
                    before=",".join(one["topics"]),
                    after=",".join(two["topics"]),
                    before_confidence=one["confidence"],
                    after_confidence=two["confidence"],
                    change=change,
                )
            )
    return rows, counts


async def keep(session: AsyncSession, version_id: int, rows: Sequence[ReplayedMessage]) -> None:
    """Keep what a replay found instead of what the one before it of the same model found.

    A person who was erased or put together with another one meanwhile is passed over.
    """
    earlier = select(ModelJob.id).where(ModelJob.kind == "replay", ModelJob.version_id == version_id)
    await session.execute(delete(ReplayedMessage).where(ReplayedMessage.job_id.in_(earlier)))
    await forget_old(session)
    there = select(Message.id, Message.contact_id).where(
        Message.id.in_([row.message_id for row in rows]), Message.text != ""
    )
    # Locked, so that an erasure waits until it sees these rows too.
    found = await session.execute(there.with_for_update(read=True, key_share=True))
    owners = {number: contact_id for number, contact_id in found}
    session.add_all(row for row in rows if owners.get(row.message_id) == row.contact_id)


async def forget_old(session: AsyncSession) -> None:
    """Drop what replays of long ago found."""
    await session.execute(delete(ReplayedMessage).where(ReplayedMessage.created_at < utc_now() - KEPT))


async def list_groups(session: AsyncSession, job_id: int) -> list[tuple[str, str, str, int]]:
    """What a replay found: change, topics before, topics after and how many messages; the largest group first."""
    count = func.count()
    columns = (ReplayedMessage.change, ReplayedMessage.before, ReplayedMessage.after)
    query = select(*columns, count).where(ReplayedMessage.job_id == job_id).group_by(*columns)
    rows = await session.execute(query.order_by(count.desc(), *columns))
    return [(change, before, after, number) for change, before, after, number in rows]
