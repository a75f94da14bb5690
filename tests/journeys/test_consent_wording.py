"""The ledger of consents has the question as it was put, and nothing that was said before it in the same message."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.answers import Answers, FactBook
from bot.db.engine import Database
from bot.db.models import Consent, Contact, Identity, Message
from bot.db.seed import seed
from bot.journeys.catalogue import JOURNEYS
from bot.journeys.journey import Person
from bot.messages import VARIETIES, Answer, Variety


@pytest.mark.parametrize("variety", VARIETIES)
async def test_the_wording_is_the_question_alone(db: Database, variety: Variety) -> None:
    """Whatever was said before it: that a pre-registration begins, that one goes on, what was noted."""
    async with db.write() as session:
        await seed(session)
        contact = Contact()
        identity = Identity(contact=contact, channel="web", address="x")
        session.add(identity)
        await session.flush()
        own = {"contact_id": contact.id, "identity_id": identity.id, "channel": "web", "direction": "out"}
    renderer = Answers(FactBook(db))
    data = {"journey": "preregistration"}
    alone = (await renderer.render(Answer("ask_consent_application", data), variety)).text
    prefaces: tuple[tuple[Answer, ...], ...] = (
        (),
        (Answer("begin_preregistration"), Answer("journey_noted", {"noted": {"city": "rabat"}})),
        (Answer("problem_consent_application"),),
    )
    for preface in prefaces:
        outbound = await renderer.render(Answer("ask_consent_application", data, (), preface), variety)
        assert (outbound.begins_at > 0) == bool(preface)
        async with db.write() as session:
            session.add(
                Message(**own, state="sent", text=outbound.text, answer_key=outbound.answer_key,
                        question_at=outbound.begins_at)
            )  # fmt: skip
            await session.flush()
            person = Person(contact.id, "web")
            await JOURNEYS["preregistration"].keep(session, person, "consent_application", "yes", {})
    async with db.read() as session:
        assert list(await session.scalars(select(Consent.wording))) == [alone] * len(prefaces)


async def test_a_message_of_before_keeps_its_whole_text(db: Database) -> None:
    """Nobody noted then where the question began."""
    async with db.write() as session:
        contact = Contact()
        identity = Identity(contact=contact, channel="web", address="x")
        session.add(identity)
        await session.flush()
        session.add(
            Message(contact_id=contact.id, identity_id=identity.id, channel="web", direction="out", state="sent",
                    text="Bonjour. Acceptez-vous ?", answer_key="ask_consent_contact")
        )  # fmt: skip
        await session.flush()
        await JOURNEYS["preregistration"].keep(session, Person(contact.id, "web"), "consent_contact", "no", {})
        assert await session.scalar(select(Consent.wording)) == "Bonjour. Acceptez-vous ?"
