"""The navigation: one line a page that can be reached from everywhere, in the order in which it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from bot.console.people import READERS
from bot.console.roles import ADMINISTRATORS, EVERYBODY, Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation.

    Attributes:
        key: its words are ``navigation.<key>`` and, for the home page, ``navigation_hints.<key>``; its icon
            ``templates/icons/<key>.svg``.
        path: where it leads; pages below it mark it as the current one too.
        allowed: who may open it, as the route declares it (a test compares both).
        count_path: a page that says how many wait there; asked for after the page itself, so that none waits for it.
    """

    key: str
    path: str
    allowed: frozenset[Role]
    count_path: str = ""

    def is_current(self, path: str) -> bool:
        """Whether a page belongs to it."""
        return path == self.path or (self.path != "/console/" and path.startswith(f"{self.path}/"))


ENTRIES: tuple[Entry, ...] = (
    Entry("home", "/console/", EVERYBODY),
    Entry("conversations", "/console/conversations", EVERYBODY),
    Entry("applications", "/console/applications", READERS),
    Entry("requests", "/console/requests", READERS, "/console/requests/waiting"),
    Entry("events", "/console/events", READERS),
    Entry("people", "/console/people", READERS),
    Entry("campaigns", "/console/campaigns", EVERYBODY),
    Entry("figures", "/console/figures", EVERYBODY),
    Entry("content", "/console/content", EVERYBODY),
    Entry("models", "/console/models", EVERYBODY),
    Entry("training", "/console/training", EVERYBODY),
    Entry("reports", "/console/reports", EVERYBODY),
    Entry("staff", "/console/staff", ADMINISTRATORS),
    Entry("audit", "/console/audit", ADMINISTRATORS),
    Entry("account", "/console/account", EVERYBODY),
)


def list_entries(role: Role) -> list[Entry]:
    """What a role may open."""
    return [entry for entry in ENTRIES if role in entry.allowed]
