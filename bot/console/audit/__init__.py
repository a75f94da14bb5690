"""The audit log: who did what and when, in the transaction of what was done. The database refuses to change it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.console.words import DEFAULT_LANGUAGE, load_words
from bot.db.models import AuditEntry


def record(session: AsyncSession, member_id: int | None, action: str, subject: str = "", **details: Any) -> None:
    """Add a line to the audit log; it is there exactly when the transaction's change is.

    Args:
        session: the transaction of the change.
        member_id: who did it; None for the terminal.
        action: a key under ``audit_actions`` in the words.
        subject: what it was done to, as ``kind:id``.
        details: what else matters, never personal data: a log that can't be changed can't forget anybody.

    Raises:
        ValueError: the action has no words.
    """
    if f"audit_actions.{action}" not in load_words(DEFAULT_LANGUAGE):
        raise ValueError(f"audit_actions.{action} is missing in bot/console/words")
    session.add(AuditEntry(member_id=member_id, action=action, subject=subject, details=details, done_at=utc_now()))


def list_actions() -> list[str]:
    """Every action that can stand in the log, in alphabetical order."""
    prefix = "audit_actions."
    return sorted(key.removeprefix(prefix) for key in load_words(DEFAULT_LANGUAGE) if key.startswith(prefix))
