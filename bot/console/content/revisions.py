"""Changes of content: the text or row and its version in the history, in one transaction."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.content import load_words
from bot.db.models import AnswerText, ContentRevision, ContentState

#: The kind under which texts of answers stand in the history.
ANSWERS = "answers"


async def raise_version(session: AsyncSession) -> None:
    """Tell every process that texts changed; the row's lock lets one change after the other through."""
    await session.execute(update(ContentState).values(version=ContentState.version + 1))


async def write_text(
    session: AsyncSession, key: str, variety: str, text: str | None, member_id: int, *, restored_id: int | None = None
) -> bool:
    """Put a text in place of the one that counts; None, or the shipped text itself, brings back the shipped one.

    Returns:
        Whether that changed anything.
    """
    await raise_version(session)
    if text == load_words()[variety].answers.get(key):
        text = None
    row = await session.get(AnswerText, (key, variety))
    before = row.text if row else None
    if before == text:
        return False
    if text is None:
        await session.delete(row)
    elif row is None:
        session.add(AnswerText(key=key, variety=variety, text=text))
    else:
        row.text = text
    note_change(
        session,
        ANSWERS,
        f"{key}/{variety}",
        None if before is None else {"text": before},
        None if text is None else {"text": text},
        member_id,
        restored_id=restored_id,
    )
    return True


def note_change(
    session: AsyncSession,
    kind: str,
    key: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    member_id: int,
    *,
    restored_id: int | None = None,
) -> None:
    """Add a version to the history.

    Args:
        session: the transaction of the change.
        kind: `ANSWERS`, or the name of a table.
        key: the answer's key with its variety, or the row's slug.
        before: the values before, as `as_kept` makes them; None: it was not there, or as shipped.
        after: the values after, the same.
        member_id: who changed it.
        restored_id: the version that was brought back, if it was one.
    """
    session.add(
        ContentRevision(
            kind=kind,
            key=key,
            before=before,
            after=after,
            member_id=member_id,
            restored_id=restored_id,
            changed_at=utc_now(),
        )
    )


def as_kept(values: dict[str, Any]) -> dict[str, Any]:
    """Values of a row as JSON holds them: days and moments as texts."""
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in values.items()}
