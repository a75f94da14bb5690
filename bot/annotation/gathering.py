"""Look through the log for messages worth a look, a step at a time, and put them into groups that say the same.

The schedule calls `gather` every few seconds. The log is read in its order, so that replies cost nothing more, a
message is looked at once, and a queue over a million messages is a table of those few that are worth it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.annotation.grouping import find_key
from bot.annotation.placeholders import prepare
from bot.annotation.reasons import LOOKED_BACK, Said, find_reasons, weigh
from bot.clock import utc_now
from bot.db.annotations import Worthy, add_candidate, lock_gathering
from bot.db.engine import Database
from bot.db.models import Candidate, Contact, Gathering, Message
from bot.db.people import list_known_names

logger = logging.getLogger(__name__)

#: Messages of one step: as many as take a moment.
STEP: Final = 500
#: The first look begins with messages this young: what people asked before is what they don't ask any more.
BEGIN_WITH: Final = timedelta(days=90)
#: Younger messages wait: processes may commit in another order than that of the ids.
SETTLED_AFTER: Final = timedelta(seconds=30)
_COLUMNS = tuple(getattr(Message, name) for name in Said.__slots__)


async def gather(db: Database, limit: int = STEP) -> int:
    """Look at the next messages of the log; how many were looked at, 0 when there are no new ones.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away.
    """
    async with db.read() as session:
        since = await _find_begin(session)
        upto = await _find_end(session)
        query = select(Message.id, Message.contact_id, Message.created_at).where(Message.id > since, Message.id < upto)
        settled = Message.created_at < utc_now() - SETTLED_AFTER
        rows = (await session.execute(query.where(settled).order_by(Message.id).limit(limit))).all()
        if not rows:
            return 0
        last = rows[-1].id
        earliest = min(row.created_at for row in rows) - LOOKED_BACK
        own = Message.contact_id.in_({row.contact_id for row in rows})
        near = select(*_COLUMNS).where(own, Message.id <= last, Message.created_at >= earliest)
        conversations: dict[int, list[Said]] = {}
        for row in await session.execute(near.order_by(Message.contact_id, Message.id)):
            conversations.setdefault(row.contact_id, []).append(Said(*row))
    reasons: dict[int, set[str]] = {}
    for conversation in conversations.values():
        reasons |= find_reasons(conversation, since)
    async with db.write() as session:
        gathering = await lock_gathering(session)
        if (gathering.last_message_id or since) != since:
            return 0  # another process was here meanwhile
        await add_worthy(session, reasons)
        gathering.last_message_id = last
    return len(rows)


async def gather_all(db: Database) -> None:
    """Look at everything that there is to look at now."""
    while await gather(db):
        pass


async def add_worthy(session: AsyncSession, reasons: Mapping[int, Iterable[str]]) -> dict[int, int]:
    """Keep messages, by id, as worth a look for reasons; the group of each.

    Those of somebody who was erased meanwhile are left out. The transaction holds `lock_gathering`.
    """
    query = select(Message).join(Contact, Contact.id == Message.contact_id)
    wanted = query.where(Message.id.in_(reasons), Message.text != "", Contact.erased_at.is_(None))
    messages = list(await session.scalars(wanted.order_by(Message.id)))
    names = await list_known_names(session, {message.contact_id for message in messages})
    groups = {}
    for message in messages:
        prepared = prepare(message.text, message.entities, names.get(message.contact_id, ()))
        why = frozenset(reasons[message.id])
        worthy = Worthy(
            message.id,
            why,
            weigh(sorted(why)),
            find_key(prepared.pattern, message.variety or ""),
            prepared.text,
            [mark.as_json() for mark in prepared.marks],
        )
        groups[message.id] = await add_candidate(session, worthy, weigh)
    return groups


async def pick(session: AsyncSession, message_id: int) -> int | None:
    """Have a message labelled that a member of staff chose in its conversation; the id of its group.

    None: it is none that can be an example: a button, an attachment, our own, too long, or its person's are erased.
    """
    known: int | None = await session.scalar(select(Candidate.group_id).where(Candidate.message_id == message_id))
    if known is not None:
        return known
    row = (await session.execute(select(*_COLUMNS).where(Message.id == message_id))).first()
    if row is None or not Said(*row).is_question:
        return None
    await lock_gathering(session)
    return (await add_worthy(session, {message_id: {"picked"}})).get(message_id)


def own_key(message_id: int) -> str:
    """The key of the group of a message that was taken out of another: no text has it."""
    return sha256(f"message:{message_id}".encode()).hexdigest()[:40]


async def _find_begin(session: AsyncSession) -> int:
    """The last id that was looked at; before the first look, that of the last message that is too old."""
    last: int | None = await session.scalar(select(Gathering.last_message_id).where(Gathering.id == 1))
    if last is not None:
        return last
    old = Message.created_at < utc_now() - BEGIN_WITH
    query = select(Message.id).where(old).order_by(Message.created_at.desc(), Message.id.desc()).limit(1)
    return await session.scalar(query) or 0


async def _find_end(session: AsyncSession) -> int:
    """The first message that is still to be answered: what was made of it is not known yet."""
    first: int | None = await session.scalar(select(func.min(Message.id)).where(Message.state == "received"))
    return first if first is not None else 2**31 - 1
