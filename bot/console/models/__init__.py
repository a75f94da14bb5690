"""The language's models in the console: train, compare, replay, go live, go back. The work is in `bot.registry`.

Everybody reads; administrators and editors begin work in the background, which changes nothing of what people get;
only administrators change which model answers them.
"""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

PATH = "/console/models"
#: Who begins trainings, comparisons and replays.
TRAINING: Final[frozenset[Role]] = frozenset({"administrator", "editor"})
