"""Messages are found by what they say: in five varieties, in every spelling, and by nothing that a sign may mean."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from talks import hear, meet, tell

from bot.db.conversations import list_conversations
from bot.db.engine import Database
from bot.db.filters import Filters
from bot.db.models import Message, MessageTerms
from bot.db.search import read_search
from bot.spelling import list_terms

SAID = (
    "Bonjour, la formation est gratuite à Rabat ?",
    "Évènement du mois : l'inscription est ouverte",
    "ch7al katched f lformation",
    "شحال كتدوم الدورة ف الدار البيضاء",
    "كيف أسجل في التكوين المجاني؟",
    "How do I apply for the free training in Casablanca?",
    "mon e-mail est s.alami@example.com, bac+2",
    'it\'s "NEAR" the station: AND (OR) NOT *',
    "👍🏽",
)
#: What is typed, and the numbers of what is found.
TABLE: tuple[tuple[str, set[int]], ...] = (
    ("formation", {0, 2}),
    ("formation gratuite", {0}),
    ("gratuite formation", {0}),
    ("formation casablanca", set()),
    ("evenement", {1}),
    ("ÉVÉNEMENT", {1}),
    ("chhal", {2, 3}),
    ("ch7al", {2, 3}),
    ("شحال", {2, 3}),
    ("الدار البيضا", {3}),
    ("دار", {3}),
    ("تكوين", {4}),
    ("takwin", {4}),
    ("المجاني", {4}),
    ("training", {5}),
    ("inscri", {1}),
    ("casab", {5}),
    ("ca", set()),
    ('"formation est"', {0}),
    ('"est formation"', set()),
    ("« free training » apply", {5}),
    ('"free training" rabat', set()),
    ("s.alami@example.com", {6}),
    ("bac+2", {6}),
    ("bac", {6}),
    ("👍", {8}),
    ("near", {7}),
    ("zzzz", set()),
)
HOSTILE = (
    "near(a b)", 'a" OR "b', "' OR 1=1 --", "words:formation", "formation*", "^formation", "-formation", "+formation",
    "formation AND", "NOT formation", "formation NEAR/2 rabat", "'; DROP TABLE messages; --", "a:* | b", "!!a & (b",
    "\\", "\\' x", "a\x00b", "(((", "<->", "formation:*A", "%", "_", "formation\u2028gratuite", "{formation}",
)  # fmt: skip


async def find(db: Database, query: str) -> set[str]:
    async with db.read() as session:
        page = await list_conversations(session, Filters(text=query))
    return {row.hit.text for row in page.rows if row.hit is not None}


async def test_what_is_said_is_found(db: Database) -> None:
    """Each message is somebody's; the databases agree with each other, and with the terms compared one by one."""
    for said in SAID:
        await hear(db, await meet(db), said)
    for query, numbers in TABLE:
        assert await find(db, query) == {SAID[number] for number in numbers}, query
        search = read_search(query)
        compared = {number for number, said in enumerate(SAID) if search.matches(" ".join(list_terms(said)))}
        assert compared == numbers, query


async def test_signs_mean_nothing(db: Database) -> None:
    """No sign of either database's language of expressions does anything: there are words, or there is an error."""
    for said in SAID:
        await hear(db, await meet(db), said)
    for query in HOSTILE:
        try:
            await find(db, query)
        except ValueError as error:
            assert str(error).startswith("text: "), query
    assert await find(db, "formation* gratuite:") == {SAID[0]}
    assert await find(db, "NOT formation") == set()


@pytest.mark.parametrize("query", ["", " ", "?", '""', "« »", "'", "*", "()"])
async def test_nothing_to_search_for_is_said(db: Database, query: str) -> None:
    async with db.read() as session:
        with pytest.raises(ValueError, match="no word to search for"):
            await list_conversations(session, Filters(text=query))


async def test_both_sides_are_found(db: Database) -> None:
    """What the bot and what staff wrote is found too; the hit is the message, not the last one."""
    contact_id = await meet(db)
    await hear(db, contact_id, "bonjour")
    said = await tell(db, contact_id, "La bourse est de 1500 dirhams", is_staff=True)
    await hear(db, contact_id, "merci")
    async with db.read() as session:
        (row,) = (await list_conversations(session, Filters(text="bourse dirhams"))).rows
    assert row.hit is not None and row.last is not None
    assert (row.hit.message_id, row.hit.direction, row.last.text) == (said, "out", "merci")


async def test_a_frequent_word_is_paged_without_repeating(db: Database) -> None:
    """Many messages of few people say the same: each person is listed once, by the newest, whatever the page."""
    people = [await meet(db) for _ in range(7)]
    newest = {}
    for number in range(60):
        contact_id = people[number % 7 if number % 3 else 0]
        newest[contact_id] = await hear(db, contact_id, f"formation numéro {number}")
    listed: list[tuple[int, int]] = []
    after = None
    while True:
        async with db.read() as session:
            page = await list_conversations(session, Filters(text="formation"), after, limit=2)
        listed += [(row.contact_id, row.hit.message_id) for row in page.rows if row.hit is not None]
        after = page.after
        if after is None:
            break
    assert listed == sorted(newest.items(), key=lambda each: -each[1])


async def test_the_index_holds_what_the_log_holds(db: Database) -> None:
    """One row of terms for each message with words, in the table and in what answers searches."""
    contact_id = await meet(db)
    for said in ("bonjour", "", "merci beaucoup", "?"):
        await hear(db, contact_id, said)
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(MessageTerms)) == 2
        assert await session.scalar(select(func.count()).select_from(Message)) == 4
        if db.is_sqlite:
            await session.execute(text("INSERT INTO message_search (message_search) VALUES ('integrity-check')"))
