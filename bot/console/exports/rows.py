"""Rows of exports, read in steps from one state of the database and made beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO, utc_now
from bot.console.conversations.privacy import Sight
from bot.console.exports.fields import (
    CONVERSATIONS,
    MESSAGES,
    ConversationItem,
    Field,
    MessageItem,
)
from bot.db.exported import (
    Person,
    Volume,
    count_conversations,
    count_messages,
    find_beginnings,
    find_persons,
    find_volumes,
    list_message_ids,
    read_conversations,
    read_messages,
)
from bot.db.filters import Filters
from bot.db.models import StaffMember
from bot.db.people import list_known_names
from bot.exports.table import Column, Row, Table

RowKind = Literal["conversation", "message"]
ROW_KINDS: tuple[RowKind, ...] = ("conversation", "message")
_TITLES = {"conversation": "Conversations", "message": "Messages"}
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file is to hold.

    Attributes:
        kind: whether a row is a conversation or a message.
        filters: which; their conditions on messages choose the messages themselves where a row is one.
        is_personal: with names, numbers and addresses, and texts as they were written.
    """

    kind: RowKind
    filters: Filters
    is_personal: bool


async def count_rows(session: AsyncSession, wanted: Wanted) -> int:
    """How many rows the file will have."""
    count = count_conversations if wanted.kind == "conversation" else count_messages
    return await count(session, wanted.filters)


def describe_table(wanted: Wanted, filters: Sequence[tuple[str, str]], maker: str) -> Table:
    """The table of a file; `filters` are labels and values in French, `maker` is who asks for it."""
    fields: Sequence[Field[Any]] = CONVERSATIONS if wanted.kind == "conversation" else MESSAGES
    first, last = wanted.filters.from_day, wanted.filters.to_day
    period = f"du {first:%d/%m/%Y} " if first else "du début "
    period += f"au {last:%d/%m/%Y}" if last else "à maintenant"
    personal = (
        "Oui. Ne transmettez ce fichier qu'à qui en a besoin, et effacez-le ensuite (loi 09-08)."
        if wanted.is_personal
        else "Non : les noms, numéros, adresses et ce qui y mène dans les textes sont remplacés par des points."
    )
    about = [
        ("Contenu", f"{_TITLES[wanted.kind]} de l'assistant de Maroc Numeric Cluster, une par ligne."),
        ("Fait le", f"{utc_now().astimezone(MOROCCO):%d/%m/%Y à %H:%M}, par {maker}"),
        ("Période", period),
        *(("Filtre", f"{label} : {value}") for label, value in filters),
        ("Données personnelles", personal),
        ("Heures", "Toutes les dates sont à l'heure du Maroc (Africa/Casablanca)."),
    ]
    chosen: list[Column] = [field.column for field in fields if wanted.is_personal or not field.is_personal]
    return Table(_TITLES[wanted.kind], tuple(chosen), tuple(about))


async def read_rows(session: AsyncSession, wanted: Wanted) -> AsyncIterator[list[Row]]:
    """The rows of a file, some hundred at a time."""
    if wanted.kind == "conversation":
        async for conversations in _read_conversations(session, wanted):
            yield await asyncio.to_thread(_make, CONVERSATIONS, wanted, conversations)
    else:
        async for messages in _read_messages(session, wanted):
            yield await asyncio.to_thread(_make, MESSAGES, wanted, messages)


async def _read_conversations(session: AsyncSession, wanted: Wanted) -> AsyncIterator[list[ConversationItem]]:
    async for rows in read_conversations(session, wanted.filters):
        ids = [row.contact_id for row in rows]
        sights, persons = await _find_people(session, ids, wanted)
        volumes, since = await find_volumes(session, ids), await find_beginnings(session, ids)
        yield [
            ConversationItem(
                row, sights[row.contact_id], persons[row.contact_id], volumes.get(row.contact_id, Volume()),
                since[row.contact_id],
            )
            for row in rows
        ]  # fmt: skip


async def _read_messages(session: AsyncSession, wanted: Wanted) -> AsyncIterator[list[MessageItem]]:
    members = (await session.execute(select(StaffMember.id, StaffMember.name))).all()
    staff = {number: name for number, name in members}
    async for messages in read_messages(session, await list_message_ids(session, wanted.filters)):
        sights, persons = await _find_people(session, {message.contact_id for message in messages}, wanted)
        yield [
            MessageItem(message, sights[message.contact_id], persons[message.contact_id], staff)
            for message in messages
        ]  # fmt: skip


async def _find_people(
    session: AsyncSession, ids: Iterable[int], wanted: Wanted
) -> tuple[dict[int, Sight], dict[int, Person]]:
    """How the texts of some people are shown, and who they are where that is asked for."""
    ids = list(ids)
    if wanted.is_personal:
        return dict.fromkeys(ids, Sight(is_open=True)), await find_persons(session, ids)
    names = await list_known_names(session, ids)
    return {each: Sight(is_open=False, names=tuple(names.get(each, ()))) for each in ids}, dict.fromkeys(ids, Person())


def _make(fields: tuple[Field[Item], ...], wanted: Wanted, items: Iterable[Item]) -> list[Row]:
    chosen = [field for field in fields if wanted.is_personal or not field.is_personal]
    return [[field.read(item) for field in chosen] for item in items]
