"""The limit on what is told of others' applications outlives an erasure, and nothing that names anybody does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bot import clock
from bot.db.disclosures import OUTCOME, count_disclosures, fingerprint, forget_old_disclosures
from bot.db.engine import Database
from bot.db.erasure import erase_contact, purge_contact
from bot.db.models import Contact, Disclosure, Identity, Interaction

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRET = "a secret of the product"
NUMBER = "whatsapp:+212612345678"


async def meet(db: Database, *addresses: tuple[str, str]) -> int:
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        for channel, address in addresses:
            session.add(Identity(contact_id=contact.id, channel=channel, address=address))
        return contact.id


async def tell(db: Database, contact_id: int, outcome: str = OUTCOME) -> None:
    async with db.write() as session:
        session.add(
            Interaction(contact_id=contact_id, action="x", outcome=outcome, duration_ms=1.0, created_at=clock.utc_now())
        )


async def erase(db: Database, contact_id: int) -> None:
    async with db.write() as session:
        await erase_contact(session, contact_id, None, SECRET)
        await purge_contact(session, contact_id)


async def count(db: Database, contact_id: int, secret: str = SECRET) -> int:
    async with db.read() as session:
        return await count_disclosures(session, contact_id, secret)


async def test_whoever_comes_back_after_an_erasure_does_not_begin_anew(db: Database) -> None:
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        first = await meet(db, ("whatsapp", NUMBER), ("telegram", "77"))
        await tell(db, first)
        moment[0] += timedelta(hours=2)
        await tell(db, first)
        await tell(db, first, "application_received")
        await erase(db, first)
        # The same address, under either channel, and nobody else's.
        assert await count(db, await meet(db, ("whatsapp", NUMBER))) == 2
        assert await count(db, await meet(db, ("telegram", "77"))) == 2
        assert await count(db, await meet(db, ("web", NUMBER), ("whatsapp", f"{NUMBER}0"))) == 0
        # A second erasure adds to the first.
        again = await meet(db, ("telegram", "78"))
        await tell(db, again)
        await erase(db, again)
        both = await meet(db, ("telegram", "78"))
        await tell(db, both)
        await erase(db, both)
        assert await count(db, await meet(db, ("telegram", "78"))) == 2


async def test_a_line_names_nobody_and_goes_after_a_day(db: Database) -> None:
    moment = [NOW]
    with clock.running_on(lambda: moment[0]):
        person = await meet(db, ("whatsapp", NUMBER))
        await tell(db, person)
        await erase(db, person)
        async with db.read() as session:
            (line,) = await session.scalars(select(Disclosure))
        assert line.who == fingerprint(SECRET, "whatsapp", NUMBER)
        assert line.who != fingerprint("another secret", "whatsapp", NUMBER)
        back = await meet(db, ("whatsapp", NUMBER))
        assert (await count(db, back), await count(db, back, "another secret")) == (1, 0)
        moment[0] += timedelta(hours=24, seconds=1)
        assert await count(db, back) == 0
        async with db.write() as session:
            await forget_old_disclosures(session)
        async with db.read() as session:
            assert list(await session.scalars(select(Disclosure))) == []


async def test_who_was_told_nothing_leaves_no_line(db: Database) -> None:
    with clock.running_on(lambda: NOW):
        person = await meet(db, ("whatsapp", NUMBER))
        await tell(db, person, "application_received")
        await erase(db, person)
    async with db.read() as session:
        assert list(await session.scalars(select(Disclosure))) == []
