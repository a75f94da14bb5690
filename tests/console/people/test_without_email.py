"""What staff see of an application without an e-mail address."""

from __future__ import annotations

import pytest
from people.filed import add_application, add_person, add_request
from staffed import Console

SAID = "Aucune\u00a0: la personne a dit ne pas en avoir"


@pytest.mark.parametrize("role", ["adviser", "analyst"])
async def test_the_page_says_that_there_is_none(any_console: Console, role: str) -> None:
    """Also behind the veil, and beside another one, of whom it says nothing."""
    async with any_console.db.write() as session:
        first = await add_application(session, await add_person(session), email=None)
        second = await add_application(session, await add_person(session), email=None)
        details = {"application": first.reference, "other": second.reference}
        request = await add_request(session, await add_person(session), "duplicate", **details)
    client = await any_console.sign_in(role)
    page = (await client.get(f"/applications/{first.id}")).text
    assert SAID in page and second.reference not in page
    compared = (await client.get(f"/requests/{request.id}")).text
    assert "None" not in compared and compared.count("–") >= 2
    assert (await client.get("/applications", params={"text": "a@b.ma"})).status_code == 200
