"""What was shown to a person last, so that "le deuxième", "compare les deux premiers" and "et à Casa ?" say enough."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.models import Message
from bot.ordinals import list_ordinals

#: So many messages back a list still counts as the last one shown.
LOOKED_BACK = 8


async def find_last_answer(session: AsyncSession, contact_id: int, aside: Collection[str] = ()) -> str | None:
    """The key of the last answer to a person, those in `aside` and notices of our own accord left out."""
    own = (Message.contact_id == contact_id) & (Message.direction == "out") & Message.reply_to_id.is_not(None)
    latest = select(Message.answer_key).where(own).order_by(Message.id.desc()).limit(LOOKED_BACK)
    keys = await session.scalars(latest)
    return next((key for key in keys if key not in aside), None)


async def list_shown(session: AsyncSession, contact_id: int, kind: str) -> list[str]:
    """The values of an entity kind that the last list named on its buttons, in order; none if there was no list."""
    own = (Message.contact_id == contact_id) & (Message.direction == "out")
    latest = select(Message.buttons).where(own).order_by(Message.id.desc()).limit(LOOKED_BACK)
    for buttons in await session.scalars(latest):
        values = list(_read_values((str(button.get("payload") or "") for button in buttons), kind))
        if values:
            return values
    return []


def _read_values(payloads: Iterable[str], kind: str) -> Iterable[str]:
    for payload in payloads:
        # Our own, from the log: also those that are not Rasa's, as the one for more of a long answer.
        _, brace, rest = payload.partition("{")
        entities = json.loads(brace + rest) if brace else {}
        if kind in entities:
            yield entities[kind]


def pick(shown: Sequence[str], text: str) -> list[str]:
    """Those of a list that a text names by their place ("the second", "les deux premiers"), in the list's order."""
    places = list_ordinals(text, len(shown))
    return [value for place, value in enumerate(shown, start=1) if place in places]
