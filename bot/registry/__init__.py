"""The registry of the language's models: which were trained, which one is live, and the work from one to the next.

`versions` knows what there is, `start` chooses what a start begins with, `jobs` trains, compares and replays in the
background, `swaps` puts another model into the running Rasa. Docs: docs/models.md.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class Record(Protocol):
    """How a step comes into the audit log: `bot.console.audit.record`, which stands in a layer above."""

    def __call__(
        self, session: AsyncSession, member_id: int | None, action: str, subject: str = "", **details: Any
    ) -> None:
        """Add a line, in the transaction of the step."""
