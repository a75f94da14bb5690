"""Queries about support for founders."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from bot.db.models import Programme

#: Kinds of programme that take founders in, and kinds that are about money.
SUPPORT_KINDS = ("incubator", "accelerator", "network", "coworking")
MONEY_KINDS = ("fund", "loan", "grant", "label")


async def find_programmes(
    session: AsyncSession,
    *,
    kinds: Iterable[str] | None = None,
    offer: str | None = None,
    city: str | None = None,
    stage: str | None = None,
    sector: str | None = None,
) -> list[Programme]:
    """Programmes that run and fit, best first.

    A condition is met when the programme names it; a programme that names no sector or stage is open to all. With a
    city, only programmes there count. `kinds` and `offer` are alternatives: a programme of one of the kinds, or one
    that offers it. Order: certain before uncertain, then named sector and stage before open ones, then rank.
    """
    query = select(Programme).options(joinedload(Programme.operator)).where(Programme.status != "ended")
    wanted = set(kinds or ())
    fitting = []
    for programme in await session.scalars(query):
        if (wanted or offer) and programme.kind not in wanted and offer not in programme.offers:
            continue
        if city is not None and city not in programme.city_slugs:
            continue
        if sector is not None and programme.sectors and sector not in programme.sectors:
            continue
        if stage is not None and programme.stages and stage not in programme.stages:
            continue
        fitting.append(programme)

    def order(programme: Programme) -> tuple[bool, int, int, str]:
        named = (sector in programme.sectors) + (stage in programme.stages)
        return programme.status == "uncertain", -named, programme.rank, programme.slug

    return sorted(fitting, key=order)


async def find_programme(session: AsyncSession, slug: str) -> Programme | None:
    """One programme with its operator."""
    return await session.get(Programme, slug, options=[joinedload(Programme.operator)])


async def list_programmes(session: AsyncSession) -> list[Programme]:
    """Every programme with its operator."""
    return list(await session.scalars(select(Programme).options(joinedload(Programme.operator))))
