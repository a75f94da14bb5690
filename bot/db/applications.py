"""Queries about applications as staff look at them: filtered, counted, and what stands beside one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import MOROCCO
from bot.db.models import Application, ApplicationDocument, Consent, Contact, DocumentTick, Identity, StaffRequest
from bot.db.sought import match_applications, read_sought

#: The way of an application, then how it ends.
STATES = ("received", "incomplete", "checking", "invited", "accepted", "refused", "withdrawn")


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """Which applications; what is empty does not narrow. Days are in Morocco's time, both included."""

    state: str = ""
    track: str = ""
    city: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""

    def list_conditions(self, *, with_state: bool = True) -> list[ColumnElement[bool]]:
        """As SQL."""
        conditions: list[ColumnElement[bool]] = []
        if self.state and with_state:
            conditions.append(Application.state == self.state)
        if self.track:
            conditions.append(Application.track_slug == self.track)
        if self.city:
            conditions.append(Application.city_slug == self.city)
        if self.since is not None:
            conditions.append(Application.created_at >= _begin(self.since))
        if self.until is not None:
            conditions.append(Application.created_at < _begin(self.until + timedelta(days=1)))
        if self.text:
            conditions.append(match_applications(read_sought(self.text)))
        return conditions


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), MOROCCO)


async def list_applications(
    session: AsyncSession, wanted: ApplicationFilter, *, before: int | None, limit: int
) -> list[Application]:
    """The newest first; `before` is the id that ended the page before."""
    query = select(Application).where(*wanted.list_conditions())
    if before is not None:
        query = query.where(Application.id < before)
    return list(await session.scalars(query.order_by(Application.id.desc()).limit(limit)))


async def count_states(session: AsyncSession, wanted: ApplicationFilter) -> dict[str, int]:
    """How many there are in each state, whatever state is asked for."""
    query = select(Application.state, func.count()).where(*wanted.list_conditions(with_state=False))
    counted = {state: count for state, count in await session.execute(query.group_by(Application.state))}
    return {state: counted.get(state, 0) for state in STATES}


async def list_cities(session: AsyncSession) -> list[str]:
    """The towns that applications name."""
    return list(await session.scalars(select(Application.city_slug).distinct().order_by(Application.city_slug)))


async def list_twins(session: AsyncSession, application: Application) -> list[Application]:
    """Others with the same phone or e-mail address, the newest first; of two without an address that is none."""
    same = Application.phone == application.phone
    if application.email is not None:
        same = or_(same, Application.email == application.email)
    query = select(Application).where(same, Application.id != application.id)
    return list(await session.scalars(query.order_by(Application.id.desc()).limit(20)))


async def find_duplicate_request(session: AsyncSession, reference: str) -> StaffRequest | None:
    """The newest request that says that an application and another are probably of one person."""
    named = or_(
        StaffRequest.details["application"].as_string() == reference,
        StaffRequest.details["other"].as_string() == reference,
    )
    query = select(StaffRequest).where(StaffRequest.kind == "duplicate", named).order_by(StaffRequest.id.desc())
    return (await session.scalars(query.limit(1))).first()


async def list_papers(session: AsyncSession, contact_id: int) -> list[tuple[ApplicationDocument, datetime | None]]:
    """Every paper to bring, and when the person said that they have it."""
    own = (DocumentTick.document_slug == ApplicationDocument.slug) & (DocumentTick.contact_id == contact_id)
    query = select(ApplicationDocument, DocumentTick.ticked_at).outerjoin(DocumentTick, own)
    rows = await session.execute(query.order_by(ApplicationDocument.rank, ApplicationDocument.slug))
    return [(paper, ticked_at) for paper, ticked_at in rows]


async def list_consents(session: AsyncSession, contact_id: int) -> list[Consent]:
    """The ledger of a person, oldest first."""
    return list(await session.scalars(select(Consent).where(Consent.contact_id == contact_id).order_by(Consent.id)))


async def find_contacts(session: AsyncSession, ids: Collection[int]) -> dict[int, tuple[Contact, list[Identity]]]:
    """People with their addresses, by id."""
    found: dict[int, tuple[Contact, list[Identity]]] = {
        contact.id: (contact, []) for contact in await session.scalars(select(Contact).where(Contact.id.in_(ids)))
    }
    query = select(Identity).where(Identity.contact_id.in_(ids)).order_by(Identity.id)
    for identity in await session.scalars(query):
        found[identity.contact_id][1].append(identity)
    return found


async def find_agreements(session: AsyncSession, contact_ids: Collection[int]) -> dict[int, Consent]:
    """What people answered last when asked whether they may be written to, by contact; who was not asked is missing."""
    asked = select(Consent).where(Consent.contact_id.in_(contact_ids), Consent.purpose == "contact")
    return {consent.contact_id: consent for consent in await session.scalars(asked.order_by(Consent.id))}


async def list_live_elsewhere(session: AsyncSession, applications: Collection[Application]) -> set[int]:
    """Ids of those whose person has another one that is not over: only one may be."""
    contacts = [application.contact_id for application in applications]
    live = Application.state.not_in(("refused", "withdrawn"))
    query = select(Application.contact_id, Application.id).where(Application.contact_id.in_(contacts), live)
    rows = (await session.execute(query)).all()
    return {
        application.id
        for application in applications
        if any(contact_id == application.contact_id and id_ != application.id for contact_id, id_ in rows)
    }
