"""Training: what people said that is worth a look, what it means, and how it becomes examples."""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

PATH: Final = "/console/training"
#: Who says what messages mean: whoever knows people's questions, or the answers to them.
ANNOTATING: Final[frozenset[Role]] = frozenset({"administrator", "adviser", "editor"})
#: Who ends a disagreement and exports: whoever keeps what the assistant says.
SETTLING: Final[frozenset[Role]] = frozenset({"administrator", "editor"})
