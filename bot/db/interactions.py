"""The log of actions: what was asked of the database, what it found, and what is done and need not be done again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Interaction, Message
from bot.messages import Answer


@dataclass(frozen=True, slots=True)
class Done:
    """Of something that was done: the question it answers, as Rasa saw it, and the variety that this is written in.

    A message may hold several questions; each is one for Rasa.
    """

    question: str
    variety: Mapping[str, Any] | None = None
    #: Rasa's events of the run.
    events: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """What was done for a message when it was tried before, in order."""

    intent: str | None
    questions: frozenset[str]
    answers: tuple[Answer, ...]
    variety: Mapping[str, Any] | None


def log_interaction(
    session: AsyncSession,
    action: str,
    answer: Answer | None,
    *,
    contact_id: int | None,
    message_id: int | None,
    done: Done | None = None,
    **values: Any,
) -> None:
    """Note one run of an action; `values` are further columns of `Interaction`.

    With `done` the answer is kept too, until the message is closed: it is given again when the message is tried again.
    """
    kept = None
    if done is not None and answer is not None:
        kept = {
            **answer.as_json(),
            "question": done.question,
            "variety": done.variety,
            "events": list(done.events),
        }
    session.add(
        Interaction(
            contact_id=contact_id,
            message_id=message_id,
            action=action,
            outcome=answer.key if answer is not None else "nothing",
            answer=kept,
            shown=None if answer is None else _describe_shown(answer),
            **values,
        )
    )


def _describe_shown(answer: Answer) -> dict[str, Any] | None:
    """The programmes and events that an answer shows, by their slugs, and what was wanted of them."""
    shown: dict[str, Any] = {}
    for kind, one in (("programmes", "programme"), ("events", "event")):
        rows = answer.data.get(kind) or [answer.data.get(one)]
        slugs = [row["slug"] for row in rows if isinstance(row, dict) and "slug" in row]
        if slugs:
            shown[kind] = slugs
    if answer.data.get("wanted"):
        shown["wanted"] = answer.data["wanted"]
    return shown or None


async def _list_done(session: AsyncSession, message_id: int) -> list[Interaction]:
    query = select(Interaction).where(Interaction.message_id == message_id, Interaction.answer.is_not(None))
    return list(await session.scalars(query.order_by(Interaction.id)))


async def find_done(session: AsyncSession, message_id: int) -> DoneBefore | None:
    """What was done for a message when it was tried before; None for a new one."""
    rows = [(row.intent, row.answer) for row in await _list_done(session, message_id) if row.answer is not None]
    if not rows:
        return None
    questions = frozenset(str(kept["question"]) for _, kept in rows)
    return DoneBefore(rows[0][0], questions, tuple(Answer.from_json(kept) for _, kept in rows), rows[0][1]["variety"])


async def lock_message(session: AsyncSession, message_id: int) -> bool:
    """Have a message to oneself until the commit; False when it is closed. One that is not in the log is open."""
    state = await session.scalar(select(Message.state).where(Message.id == message_id).with_for_update())
    return state in (None, "received")


async def find_answer(
    session: AsyncSession, message_id: int, action: str, question: str
) -> tuple[Answer, tuple[dict[str, Any], ...]] | None:
    """The answer that an action gave to one question of a locked message, and its events for Rasa; None: no answer."""
    for row in await _list_done(session, message_id):
        if row.action == action and row.answer is not None and row.answer["question"] == question:
            return Answer.from_json(row.answer), tuple(row.answer["events"])
    return None


async def forget_answers(session: AsyncSession, message_id: int) -> None:
    """Drop the answers that were kept for a message: it is closed, and will not be tried again."""
    await session.execute(update(Interaction).where(Interaction.message_id == message_id).values(answer=None))


async def count_outcomes(session: AsyncSession, contact_id: int, outcome: str, within: timedelta) -> int:
    """How often something came to an outcome for one person lately."""
    query = select(func.count()).where(_came_to(outcome, within), Interaction.contact_id == contact_id)
    return int(await session.scalar(query) or 0)


async def count_outcomes_on(session: AsyncSession, channel: str, outcome: str, within: timedelta) -> int:
    """How often something came to an outcome lately on a channel, whoever wrote."""
    query = select(func.count()).select_from(Interaction).join(Message, Message.id == Interaction.message_id)
    found = await session.scalar(query.where(_came_to(outcome, within), Message.channel == channel))
    return int(found or 0)


def _came_to(outcome: str, within: timedelta) -> ColumnElement[bool]:
    return (Interaction.outcome == outcome) & (Interaction.created_at > utc_now() - within)
