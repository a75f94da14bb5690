"""The audit log, which nobody changes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from staffed import Console, SignIn, add_member

from bot.console.audit import list_actions, record
from bot.console.audit.pages import PAGE_SIZE
from bot.db.engine import Database
from bot.db.models import AuditEntry

REPLACE = "INSERT OR REPLACE INTO audit_entries (id, action, subject, details, done_at) VALUES (1, 'x', '', '{}', 0)"
UPSERT = (
    "INSERT INTO audit_entries (id, action, subject, details, done_at) VALUES (1, 'x', '', '{}', '2026-01-01')"
    " ON CONFLICT (id) DO UPDATE SET action = 'x'"
)


async def _write(db: Database, count: int = 1, action: str = "signed_in") -> None:
    async with db.write() as session:
        for number in range(count):
            record(session, None, action, f"staff:{number}", minutes=number)


async def test_nobody_changes_it(db: Database) -> None:
    """Neither database lets an entry be changed, replaced or deleted, nor the table be emptied."""
    await _write(db)
    statements = [
        update(AuditEntry).values(action="x"),
        delete(AuditEntry),
        text(UPSERT),
        text(REPLACE if db.is_sqlite else "TRUNCATE audit_entries"),
    ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="the audit log can't be changed"):
            async with db.write() as session:
                await session.execute(statement)
    async with db.read() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["signed_in"]


async def test_it_goes_with_the_change(db: Database) -> None:
    """A change that is rolled back leaves no line."""
    with pytest.raises(RuntimeError):
        async with db.write() as session:
            record(session, None, "signed_in")
            raise RuntimeError("the change failed")
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 0


async def test_an_action_without_words_is_refused(db: Database) -> None:
    """It could not be shown."""
    with pytest.raises(ValueError, match=r"audit_actions\.unheard_of"):
        async with db.write() as session:
            record(session, None, "unheard_of")


async def test_it_pages_by_key(any_console: Console) -> None:
    """The newest first; each entry is on exactly one page, also while new ones come."""
    total = 2 * PAGE_SIZE + 3
    await _write(any_console.db, total)
    client = await any_console.sign_in("administrator")
    seen: list[str] = []
    path = "/audit"
    for expected in (PAGE_SIZE, PAGE_SIZE, 3):
        page = (await client.get(path)).text
        rows = re.findall(r"<bdi>staff:(\d+)</bdi>|>(?:staff:(\d+))<", page)
        seen += [first or second for first, second in rows]
        assert page.count("<tr>") - 1 == expected
        await _write(any_console.db, 2)
        path = "/audit" + next(iter(re.findall(r'href="/console/audit([^"]*)" rel="next"', page)), "")
        path = path.replace("&amp;", "&")
    assert path == "/audit"
    async with any_console.db.read() as session:
        (own,) = (await session.scalars(select(AuditEntry.subject).where(AuditEntry.id == 2))).all()
    assert own == "staff:1"


async def test_it_is_filtered(console: Console, signed_in: SignIn) -> None:
    """By who and by what, together; what is no filter is left out."""
    client, other = await signed_in("administrator"), await add_member(console.db, name="Salma")
    async with console.db.write() as session:
        await session.execute(
            insert(AuditEntry),
            [
                {"member_id": other.id, "action": "signed_in", "details": {}},
                {"member_id": other.id, "action": "signed_out", "details": {}},
                {"member_id": None, "action": "member_invited", "details": {"role": "editor"}},
            ],
        )

    async def shown(query: str) -> int:
        return (await client.get(f"/audit{query}")).text.count("<tr>") - 1

    assert await shown("") == 3
    assert await shown(f"?who={other.id}") == 2
    assert await shown(f"?who={other.id}&action=signed_out") == 1
    assert await shown("?who=terminal") == 1
    assert await shown("?who=999") == -1
    for nonsense in ("?who=x", "?action='", "?before=99999999999", "?before=-1", "?before=²"):
        assert await shown(nonsense) == 3


async def test_every_action_can_be_shown(console: Console, signed_in: SignIn) -> None:
    """In words of each language."""
    for action in list_actions():
        await _write(console.db, 1, action)
    for language in ("fr", "ar", "en"):
        client = await console.sign_in(member=await add_member(console.db, "administrator", language=language))
        assert (await client.get("/audit")).status_code == 200
    async with console.db.write() as session:
        session.add(AuditEntry(action="of_an_older_release", details={"x": [True, "y"]}))
    assert "of_an_older_release" in (await client.get("/audit")).text
