"""People: their applications, requests and places at events, and what is held about one person."""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

#: Who sees people's files; whoever is not of `KEEPERS` sees names, numbers and addresses masked.
READERS: Final[frozenset[Role]] = frozenset({"administrator", "adviser", "analyst"})
#: Who changes them, and needs to know whose they are.
KEEPERS: Final[frozenset[Role]] = frozenset({"administrator", "adviser"})
