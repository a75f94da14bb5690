"""The navigation: one line a page that can be reached from everywhere, in the order in which it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from bot.console.people import READERS
from bot.console.roles import ADMINISTRATORS, EVERYBODY, Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation.

    Attributes:
        key: its words are ``navigation.<key>`` and, for the home page, ``navigation_hints.<key>``; its icon
            ``templates/icons/<key>.svg``.
        path: where it leads; pages below it mark it as the current one too.
        group: what it stands under, ``navigation_groups.<group>``; nothing for the home page, which stands before all.
        allowed: who may open it, as the route declares it (a test compares both).
        count_path: a page that says how many wait there; asked for after the page itself, so that none waits for it.
    """

    key: str
    path: str
    group: str
    allowed: frozenset[Role]
    count_path: str = ""

    def is_current(self, path: str) -> bool:
        """Whether a page belongs to it."""
        return path == self.path or (self.path != "/console/" and path.startswith(f"{self.path}/"))


ENTRIES: tuple[Entry, ...] = (
    Entry("home", "/console/", "", EVERYBODY),
    Entry("conversations", "/console/conversations", "people", EVERYBODY),
    Entry("applications", "/console/applications", "people", READERS),
    Entry("requests", "/console/requests", "people", READERS, "/console/requests/waiting"),
    Entry("events", "/console/events", "people", READERS),
    Entry("people", "/console/people", "people", READERS),
    Entry("campaigns", "/console/campaigns", "people", EVERYBODY),
    Entry("content", "/console/content", "assistant", EVERYBODY),
    Entry("training", "/console/training", "assistant", EVERYBODY),
    Entry("models", "/console/models", "assistant", EVERYBODY),
    Entry("figures", "/console/figures", "results", EVERYBODY),
    Entry("reports", "/console/reports", "results", EVERYBODY),
    Entry("staff", "/console/staff", "settings", ADMINISTRATORS),
    Entry("audit", "/console/audit", "settings", ADMINISTRATORS),
    Entry("account", "/console/account", "settings", EVERYBODY),
)


def list_entries(role: Role) -> list[Entry]:
    """What a role may open."""
    return [entry for entry in ENTRIES if role in entry.allowed]


def group_entries(role: Role) -> list[tuple[str, list[Entry]]]:
    """The same, by group; a group of which a role may open nothing is left out."""
    return [(name, list(entries)) for name, entries in groupby(list_entries(role), key=lambda entry: entry.group)]
