"""Conversations: the list, one thread, taking it over from the bot, and what staff answer again and again."""

from __future__ import annotations

from typing import Final

from bot.console.roles import Role

#: Who answers people, and so may see who they are; the others read with personal data hidden.
ANSWERING: Final[frozenset[Role]] = frozenset({"administrator", "adviser"})
PATH: Final = "/console/conversations"
