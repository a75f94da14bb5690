"""Whatever comes in, a journey keeps its promises: seeded nonsense from many people at every point of every journey."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.models import Application, Contact, Draft
from bot.db.seed import seed
from bot.journeys import conductor
from bot.journeys.catalogue import JOURNEYS
from bot.journeys.journey import FIELDS, REVIEW, Person
from bot.journeys.reading import Heard

KINDS = (
    "age",
    "phone",
    "email",
    "city",
    "diploma",
    "situation",
    "track",
    "stage",
    "sector",
    "offer",
    "field",
    "journey",
)
VALUES = (
    "", "abc", "-1", "9" * 60, "²", "any", "rabat", "bac+2", "jobseeker", "data", "undecided", "a@exemple.ma", "+000",
    "+212612345678", "27", "أهلا", "consent_application", "review", "full_name", "💥" * 20, "\u202e",
)  # fmt: skip
INTENTS = ("inform", "affirm", "deny", "correct_answer", "cancel", "goodbye", "greet", "jobintech_cost", "nlu_fallback")
TEXTS = ("", "?", "oui", "non", "Rabat", "x" * 1_000, "١٢٣", "a@b", "c'est gratuit ?", "Sara Alami", "annuler", "data")
PERSONAL = {name for name, field in FIELDS.items() if field.is_personal}


@pytest.fixture
async def content() -> AsyncIterator[Database]:
    """The shipped content in memory."""
    db = open_database("sqlite+aiosqlite:///:memory:")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.write() as session:
        await seed(session)
    yield db
    await db.aclose()


def make_heard(rng: random.Random) -> Heard:
    is_button = rng.random() < 0.6
    entities = [{"entity": rng.choice(KINDS), "value": rng.choice(VALUES)} for _ in range(rng.randint(0, 3))]
    text = "/button" if is_button else rng.choice(TEXTS)
    return Heard.make(text, rng.choice(INTENTS), rng.random(), entities, is_button=is_button)


@pytest.mark.parametrize("seed_number", [1, 2, 3])
async def test_nonsense_breaks_no_promise(content: Database, seed_number: int) -> None:
    """No exception; one open question a person; nothing personal before consent; no application without all of it."""
    rng = random.Random(seed_number)
    for person_id in range(1, 61):
        async with content.write() as session:
            session.add(Contact(id=person_id))
        person = Person(person_id, rng.choice(("web", "telegram", "whatsapp")))
        for _ in range(15):
            journey = JOURNEYS[rng.choice(list(JOURNEYS))]
            async with content.write() as session:
                if rng.random() < 0.25:
                    await conductor.begin(session, journey, person, make_heard(rng))
                else:
                    await conductor.answer(session, journey, person, make_heard(rng))
            await check_promises(content, person_id)


async def check_promises(db: Database, person_id: int) -> None:
    async with db.read() as session:
        drafts = list(await session.scalars(select(Draft).where(Draft.contact_id == person_id)))
        applications = await session.scalar(
            select(func.count()).select_from(Application).where(Application.contact_id == person_id)
        )
    asking = [draft for draft in drafts if draft.state == "asking"]
    assert len(asking) <= 1
    for draft in asking:
        assert draft.asking in JOURNEYS[draft.journey].fields
    for draft in drafts:
        assert draft.answers.keys() <= set(JOURNEYS[draft.journey].fields)
        if draft.journey == "preregistration" and draft.answers.get("consent_application") != "yes":
            assert not PERSONAL & draft.answers.keys()
    done = [draft for draft in drafts if draft.journey == "preregistration" and draft.state == "done"]
    assert (applications or 0) == len(done) <= 1
    assert all(set(JOURNEYS["preregistration"].fields) <= draft.answers.keys() | {REVIEW} for draft in done)


def say(text: str, intent: str = "inform", **entities: str) -> Heard:
    found = [{"entity": kind, "value": value} for kind, value in entities.items()]
    return Heard.make(text, intent, 0.99, found, is_button=False)


ANSWERS = (
    say("oui", "affirm"), say("oui", "affirm"), say("Sara Alami"), say("0612345678", phone="+212612345678"),
    say("sara@exemple.ma", email="sara@exemple.ma"), say("Rabat", city="rabat"), say("bac+2", diploma="bac+2"),
    say("salariée", situation="employee"), say("data", track="data"), say("oui", "affirm"),
)  # fmt: skip


async def apply(db: Database, contact_id: int, answers: tuple[Heard, ...] = ANSWERS) -> conductor.Step:
    journey = JOURNEYS["preregistration"]
    async with db.write() as session:
        session.add(Contact(id=contact_id))
        step = await conductor.begin(session, journey, Person(contact_id, "web"), say("x", "application_start"))
    for heard in answers:
        async with db.write() as session:
            step = await conductor.answer(session, journey, Person(contact_id, "web"), heard)
    return step


async def test_the_same_phone_is_applied_with_once_however_it_is_told(content: Database) -> None:
    """Asked for, told along with the name, or left and resumed: the second application is never made."""
    assert (await apply(content, 1)).answer is not None
    asked = await apply(content, 2, ANSWERS[:4])
    assert asked.answer is not None and asked.answer.key == "application_elsewhere"
    async with content.write() as session:
        await conductor.begin(session, JOURNEYS["preregistration"], Person(2, "web"), say("x", "application_start"))
    unasked = say("Sara Alami 0612345678 s@exemple.ma", phone="+212612345678", email="s@exemple.ma")
    told = await apply(content, 3, (*ANSWERS[:2], unasked, *ANSWERS[5:]))
    assert told.answer is not None and told.answer.key == "application_elsewhere"
    async with content.read() as session:
        assert await session.scalar(select(func.count()).select_from(Application)) == 1


async def test_what_identifies_a_person_is_not_kept_twice(content: Database) -> None:
    """The application has it; the draft that led to it keeps the rest."""
    await apply(content, 1)
    async with content.read() as session:
        (draft,) = await session.scalars(select(Draft))
    assert draft.state == "done" and not PERSONAL & draft.answers.keys() and draft.answers["city"] == "rabat"
