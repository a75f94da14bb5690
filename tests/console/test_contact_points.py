"""How MNC is reached stands in one place: answers say it within seconds, and while it is empty that nobody knows."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from staffed import Console

from bot.answers import Answers, FactBook
from bot.db.models import ContactPoint, ContentRevision
from bot.db.seed import seed
from bot.messages import VARIETIES, Answer

NUMBER = "+212 5 22 00 00 00"


@pytest.fixture
async def console(database_url: str, any_console: Console) -> Console:
    """With the shipped content."""
    async with any_console.db.write() as session:
        await seed(session)
    return any_console


async def say(answers: Answers, variety: str) -> str:
    """What is answered to who asks how to reach MNC."""
    return (await answers.render(Answer("utter_contact_info"), variety)).text  # type: ignore[arg-type]


async def test_answers_take_it_from_there(console: Console) -> None:
    """What an editor writes is said in every variety, changed and taken back; each is in the history."""
    answers = Answers(FactBook(console.db))
    before = {variety: await say(answers, variety) for variety in VARIETIES}
    assert "Nous n'avons pas d'information officielle" in before["fr"].replace("’", "'")
    editor = await console.sign_in("editor")
    form = {"slug": "standard", "kind": "phone", "value": NUMBER, "rank": "10"}
    assert (await editor.post("/content/rows/contact_points/new", form)).status_code == 303
    await asyncio.sleep(2.1)  # what every process waits for at most
    for variety in VARIETIES:
        text = await say(answers, variety)
        assert NUMBER in text.replace("\u00a0", " ").replace("\u202f", " "), variety
        assert before[variety].splitlines()[0] not in text, variety
    assert (await editor.post("/content/rows/contact_points/standard/remove")).status_code == 303
    await asyncio.sleep(2.1)
    assert {variety: await say(answers, variety) for variety in VARIETIES} == before
    async with console.db.read() as session:
        kinds = list(await session.scalars(select(ContentRevision.kind)))
    assert kinds == ["contact_points", "contact_points"]


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("phone", "12", "pas un numéro de téléphone"),
        ("email", "contact", "pas une adresse e-mail"),
        ("website", "javascript:alert(1)", "adresse d&#39;une page publique"),
        ("social", "@mnc", "adresse d&#39;une page publique"),
        ("fax", "1", "Choisissez dans la liste"),
    ],
)
async def test_what_is_none_is_refused(console: Console, kind: str, value: str, said: str) -> None:
    """The field says what is wrong, and keeps what was typed."""
    editor = await console.sign_in("editor")
    form = {"slug": "x", "kind": kind, "value": value, "rank": "10"}
    refused = await editor.post("/content/rows/contact_points/new", form)
    assert refused.status_code == 422 and said in refused.text and f'value="{value}"' in refused.text
    async with console.db.read() as session:
        assert await session.get(ContactPoint, "x") is None
