"""Lists of programmes are gone through to their end: the same search, the same order, the same reasons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.answers import Answers, FactBook
from bot.channels.whatsapp_templates import LIST_TITLE_CHARS
from bot.choices import find_choice
from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.models import Contact, Identity, Message
from bot.db.seed import seed
from bot.db.support import SUPPORT_KINDS, find_programmes, list_programmes
from bot.journeys.programme_lists import list_found, list_funding, list_further, list_ranked
from bot.journeys.ranking import rank_programmes
from bot.messages import VARIETIES, Answer, Outbound
from bot.paging import Paged, asks_for_more, find_rest, fit_screen, write_rest
from bot.shown import list_shown, pick


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


async def go_through(db: Database, answer: Answer) -> list[dict[str, Any]]:
    """Every programme of a list from its first page on."""
    shown: list[dict[str, Any]] = []
    async with db.read() as session:
        while True:
            data = answer.data
            assert data["start"] == len(shown)
            shown += data["programmes"]
            named = [payload for payload, _ in answer.choices if payload.startswith("/incubator_details")]
            assert len(named) == len(data["programmes"])
            more = [payload for payload, _ in answer.choices if asks_for_more(payload)]
            assert len(more) == (1 if data["more"] else 0)
            if not data["more"]:
                return shown
            answer = await list_further(session, data["further"])


async def test_all_that_was_found_is_shown_in_its_order(content: Database) -> None:
    async with content.read() as session:
        expected = [each.slug for each in await find_programmes(session, kinds=SUPPORT_KINDS)]
        first, count = await list_found(session, {})
    shown = [each["slug"] for each in await go_through(content, first)]
    assert (shown, count) == (expected, len(expected)) and len(expected) > 20


async def test_a_ranked_list_goes_on_with_its_reasons(content: Database) -> None:
    wanted = {"stage": "idea", "need": "mentoring", "city": "casablanca", "sector": "any"}
    async with content.read() as session:
        matches = rank_programmes(await list_programmes(session), wanted)
        first = await list_ranked(session, wanted)
    shown = await go_through(content, first)
    assert [(each["slug"], each["reasons"]) for each in shown] == [
        (match.programme.slug, list(match.reasons)) for match in matches
    ]
    assert len(matches) > 3


async def test_what_is_elsewhere_and_what_brings_money_go_on_too(content: Database) -> None:
    async with content.read() as session:
        unmatched = await list_ranked(session, {"need": "mentoring", "city": "dakhla-nowhere", "sector": "any"})
        none, count = await list_found(session, {"city": "dakhla"})
        funding, money = await list_funding(session, {})
    if unmatched.key == "programmes_unmatched":
        assert len(await go_through(content, unmatched)) > 3
    assert (none.key, count) == ("programmes_none", 0)
    assert len(await go_through(content, none)) == len(none.data["programmes"]) + none.data["more"]
    assert len(await go_through(content, funding)) == money > 4


async def keep(db: Database, contact: Contact, identity: Identity, page: Paged) -> None:
    async with db.write() as session:
        session.add(
            Message(
                contact_id=contact.id, identity_id=identity.id, channel="web", direction="out", state="sent",
                text=page.shown.text, buttons=[button.as_json() for button in page.shown.buttons],
                rest=write_rest(page), answer_key=page.shown.answer_key, variety=page.shown.variety,
            )
        )  # fmt: skip


async def test_the_button_is_found_in_the_log_and_a_place_means_the_new_list(content: Database) -> None:
    """Under the end of a text that is longer than a screen; one that was forgotten finds nothing."""
    async with content.write() as session:
        contact = Contact()
        identity = Identity(contact=contact, channel="web", address="x")
        session.add(identity)
    renderer = Answers(FactBook(content))
    async with content.read() as session:
        first, _ = await list_found(session, {})
    page = fit_screen(await renderer.render(first, "fr"), "Lire la suite")
    assert page.rest is not None
    await keep(content, contact, identity, page)
    (text_button,) = (b for b in page.shown.buttons if b.payload and asks_for_more(b.payload))
    async with content.read() as session:
        rest = await find_rest(session, contact.id, text_button.payload or "")
    assert isinstance(rest, Outbound) and rest.further == first.data["further"]
    end = fit_screen(rest, "Lire la suite")
    assert end.rest is None
    await keep(content, contact, identity, end)
    (list_button,) = (b for b in end.shown.buttons if b.payload and asks_for_more(b.payload))
    assert (text_button.title, list_button.title) == ("Lire la suite", "Programmes suivants")
    async with content.read() as session:
        further = await find_rest(session, contact.id, list_button.payload or "")
        assert further == first.data["further"] and not isinstance(further, Outbound)
        assert await find_rest(session, contact.id, '/more{"list": "00000000"}') is None
        second = await list_further(session, further)
    next_page = fit_screen(await renderer.render(second, "fr"), "Lire la suite")
    await keep(content, contact, identity, next_page)
    expected = [each["slug"] for each in second.data["programmes"]]
    async with content.read() as session:
        shown = await list_shown(session, contact.id, "programme")
    assert shown == expected and pick(shown, "le deuxième") == [expected[1]]
    buttons = [button.as_json() for button in next_page.shown.buttons]
    assert find_choice("le premier", buttons, numbered=False) == f'/incubator_details{{"programme": "{expected[0]}"}}'
    assert find_choice("le dernier", buttons, numbered=False) == f'/incubator_details{{"programme": "{expected[-1]}"}}'


async def test_every_variety_says_that_it_goes_on(content: Database) -> None:
    """The heading differs, and the button fits WhatsApp's lists."""
    renderer = Answers(FactBook(content))
    async with content.read() as session:
        first = await list_ranked(session, {"stage": "any", "need": "any", "city": "any", "sector": "any"})
        second = await list_further(session, first.data["further"])
    for variety in VARIETIES:
        one, two = (await renderer.render(first, variety), await renderer.render(second, variety))
        assert one.text.splitlines()[0] != two.text.splitlines()[0]
        titles = [button.title for button in two.buttons if button.payload and asks_for_more(button.payload)]
        assert len(titles) == 1 and len(titles[0]) <= LIST_TITLE_CHARS
