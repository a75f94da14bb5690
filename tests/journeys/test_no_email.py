"""Pre-registration of somebody who has no e-mail address, on both databases: one file, found by phone alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers, FactBook
from bot.db.applications import list_twins
from bot.db.engine import Database
from bot.db.held import collect
from bot.db.models import Application, Contact, StaffRequest
from bot.db.seed import seed
from bot.export import describe
from bot.export_pdf import write_pdf
from bot.journeys import conductor
from bot.journeys.catalogue import JOURNEYS
from bot.journeys.journey import NO_EMAIL, Person
from bot.journeys.preregistration import find_twin
from bot.journeys.reading import Heard
from bot.messages import VARIETIES


def say(text: str, intent: str = "inform", **entities: str) -> Heard:
    found = [{"entity": kind, "value": value} for kind, value in entities.items()]
    return Heard.make(text, intent, 0.99, found, is_button=text.startswith("/"))


NONE = say("/inform", email=NO_EMAIL)


def answers(phone: str, email: Heard = NONE) -> tuple[Heard, ...]:
    return (
        say("oui", "affirm"), say("oui", "affirm"), say("Sara Alami"), say(phone, phone=phone), email,
        say("Rabat", city="rabat"), say("bac+2", diploma="bac+2"), say("en poste", situation="employee"),
        say("data", track="data"),
    )  # fmt: skip


@pytest.fixture
async def content(db: Database) -> Database:
    """The shipped content."""
    async with db.write() as session:
        await seed(session)
    return db


async def go(db: Database, contact_id: int, heard: Heard, journey: str = "preregistration") -> conductor.Step:
    async with db.write() as session:
        return await conductor.answer(session, JOURNEYS[journey], Person(contact_id, "web"), heard)


async def apply(db: Database, phone: str, email: Heard = NONE) -> tuple[int, conductor.Step]:
    """Somebody new up to the summary; their id, and the summary."""
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        begin = say("x", "application_start")
        step = await conductor.begin(session, JOURNEYS["preregistration"], Person(contact.id, "web"), begin)
    for heard in answers(phone, email):
        step = await go(db, contact.id, heard)
    return contact.id, step


async def read_application(db: Database, contact_id: int) -> Application:
    async with db.read() as session:
        return (await session.scalars(select(Application).where(Application.contact_id == contact_id))).one()


async def test_the_application_has_no_address_and_the_summary_says_so(content: Database) -> None:
    contact_id, summary = await apply(content, "+212612345678")
    assert summary.answer is not None and summary.asking == "review"
    assert summary.answer.data["answers"]["email"] == NO_EMAIL
    renderer = Answers(FactBook(content))
    said = {
        variety: (await renderer.render(summary.answer, variety)).text.replace("\xa0", " ") for variety in VARIETIES
    }
    assert "E-mail : aucune adresse" in said["fr"] and "E-mail: none" in said["en"]
    assert "ma kaynch" in said["ary-Latn"] and "ماكاينش" in said["ary-Arab"] and "لا يوجد" in said["ar"]
    done = await go(content, contact_id, say("oui", "affirm"))
    assert done.answer is not None and done.answer.key == "application_received"
    assert (await read_application(content, contact_id)).email is None


async def test_two_people_without_an_address_are_two_people(content: Database) -> None:
    """Neither is the other's twin; the same phone still is."""
    first, _ = await apply(content, "+212612345678")
    await go(content, first, say("oui", "affirm"))
    second, summary = await apply(content, "+212612345679")
    assert summary.asking == "review"
    await go(content, second, say("oui", "affirm"))
    async with content.read() as session:
        application = (await session.scalars(select(Application).where(Application.contact_id == second))).one()
        assert await list_twins(session, application) == []
        assert list(await session.scalars(select(StaffRequest))) == []
        assert await find_twin(session, 0, {"email": NO_EMAIL}) is None
        twin = await find_twin(session, 0, {"phone": "+212612345678", "email": NO_EMAIL})
        assert twin is not None and twin.contact_id == first


async def test_a_correction_gives_an_address_and_takes_it_back(content: Database) -> None:
    contact_id, _ = await apply(content, "+212612345678")
    await go(content, contact_id, say("oui", "affirm"))

    async def correct(email: Heard) -> conductor.Step:
        async with content.write() as session:
            begin = say("/correct_application", "correct_application")
            step = await conductor.begin(session, JOURNEYS["correction"], Person(contact_id, "web"), begin)
            assert step.asking == "review"
        await go(content, contact_id, say("/correct_answer", "correct_answer", field="email"), "correction")
        await go(content, contact_id, email, "correction")
        return await go(content, contact_id, say("oui", "affirm"), "correction")

    step = await correct(say("sara@exemple.ma", email="sara@exemple.ma"))
    assert step.answer is not None and step.answer.data["fields"] == ["email"]
    assert (await read_application(content, contact_id)).email == "sara@exemple.ma"
    step = await correct(say("finalement je n'ai pas d'email", "nlu_fallback"))
    assert step.answer is not None and step.answer.data["fields"] == ["email"]
    assert (await read_application(content, contact_id)).email is None


async def test_the_copy_of_ones_data_says_that_there_is_none(content: Database, tmp_path: Path) -> None:
    contact_id, _ = await apply(content, "+212612345678")
    await go(content, contact_id, say("oui", "affirm"))
    async with content.read() as session:
        held = await collect(session, contact_id)
    assert held["applications"][0]["email"] is None
    renderer = Answers(FactBook(content))
    await renderer.refresh()
    document = await describe(held, renderer)
    (section,) = [each for each in document.sections if each.heading == "Votre pré-inscription"]
    assert ("E-mail", "aucune adresse") in section.entries[0].lines
    assert write_pdf(document).startswith(b"%PDF")


@pytest.mark.parametrize(
    "typed",
    [
        "non", "j'en ai pas", "Je n'en ai pas", "je n'ai pas d'email", "pas d'adresse e-mail", "j'ai pas de mail",
        "aucun", "sans e-mail", "je n'ai aucune adresse mail", "I don't have one", "no email", "I have no e-mail",
        "i dont have an email", "none", "ma 3ndich", "ma3ndich email", "ma 3andich", "makaynch", "bla mail", "walo",
        "ماعنديش", "ما عنديش الإيميل", "ماكاينش", "والو", "لا", "ليس لدي بريد إلكتروني", "لا أملك بريدا",
        "بدون بريد", "لا يوجد",
    ],
)  # fmt: skip
async def test_none_is_said_in_every_variety(typed: str) -> None:
    heard = say(typed, "nlu_fallback")
    assert await JOURNEYS["preregistration"].interpret(AsyncSession(), "email", heard) == NO_EMAIL


@pytest.mark.parametrize("typed", ["sara@gmial.com", "je n'ai que sara@", "Sara", "bghit chi haja", "sara.gmail.com"])
async def test_what_is_no_address_is_not_none(typed: str) -> None:
    heard = say(typed, "nlu_fallback")
    assert await JOURNEYS["preregistration"].interpret(AsyncSession(), "email", heard) is None


async def test_a_request_to_the_team_needs_an_address(content: Database) -> None:
    """It is how the team answers: neither the words nor a payload that nobody offers leave it out."""
    async with content.write() as session:
        session.add(Contact(id=1))
        await conductor.begin(session, JOURNEYS["support"], Person(1, "web"), say("x", "request_support"))
    for heard in (say("Atelier Argane"), say("Un local pour six mois"), say("Rabat", city="rabat"), say("Sara Alami")):
        step = await go(content, 1, heard, "support")
    assert step.asking == "email" and step.answer is not None and step.answer.choices == ()
    for heard in (NONE, say("je n'ai pas d'email", "nlu_fallback")):
        step = await go(content, 1, heard, "support")
        assert step.asking == "email"
