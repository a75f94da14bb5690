"""The first page and the menu: what waits for a role, and its pages in groups."""

from __future__ import annotations

import re

import pytest
from staffed import Console

from bot.console.layout.navigation import ENTRIES, group_entries, list_entries
from bot.console.roles import ROLES

NUMBER = re.compile(r'<li><a href="(/console/[^"]+)"[^>]*><span class="cv-number">(\d+)</span>')


@pytest.mark.parametrize("role", ROLES)
def test_each_page_of_a_role_is_in_one_group(role: str) -> None:
    """No group is empty or comes twice, and none of the role's pages is lost."""
    groups = group_entries(role)  # type: ignore[arg-type]  # the roles there are
    names = [name for name, _ in groups]
    assert len(names) == len(set(names)) and names[0] == "" and all(entries for _, entries in groups)
    assert [entry for _, entries in groups for entry in entries] == list_entries(role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("administrator", ["waiting", "mine", "unread", "/console/requests", "/console/training"]),
        ("adviser", ["waiting", "mine", "unread", "/console/requests", "/console/training"]),
        ("editor", ["waiting", "unread", "/console/training"]),
        ("analyst", ["waiting", "unread", "/console/requests"]),
    ],
)
async def test_what_waits_leads_there(console: Console, role: str, expected: list[str]) -> None:
    """Each number is one that the role can do something about or read, and its link opens."""
    client = await console.sign_in(role)
    page = (await client.get("/")).text
    links = [path for path, _ in NUMBER.findall(page)]
    assert [path.partition("view=")[2] or path for path in links] == expected
    for path in links:
        assert (await client.get(path.removeprefix("/console"))).status_code == 200, path
    groups = {entry.group for entry in ENTRIES if role in entry.allowed and entry.group}
    assert set(re.findall(r'id="group-(\w+)"', page)) == groups == set(re.findall(r'id="menu-(\w+)"', page))
