"""What the bot says and knows: answers in five varieties, the rows behind them, and every version that there was.

Docs: docs/content.md.
"""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

#: Who changes content; everybody else of the staff reads it.
EDITORS: Final[frozenset[Role]] = frozenset({"administrator", "editor"})
