"""Addresses that no page links to: ids that no database holds, days that no calendar of ours reaches."""

from __future__ import annotations

import re

import pytest
from routes import list_routes
from staffed import Console, SignIn

_IDS = ("2147483648", "9223372036854775808", "-1", "-9223372036854775809", "9" * 60)
_WITH_ID = [route for route in list_routes() if re.search(r"\{\w+_id\}", route.path)]


@pytest.mark.parametrize("number", _IDS)
async def test_an_id_that_no_database_holds_is_not_found(any_console: Console, number: str) -> None:
    client = await any_console.sign_in("administrator")
    assert len(_WITH_ID) > 30
    for route in _WITH_ID:
        path = re.sub(r"\{\w+\}", number, route.path)
        answer = await (client.get(path) if "GET" in route.methods else client.post(path, {}))
        assert answer.status_code == 404, f"{route.methods} {path}"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["from", "to"])
async def test_a_day_beyond_all_calendars_is_told_and_not_a_failure(signed_in: SignIn, name: str, day: str) -> None:
    client = await signed_in("administrator")
    answer = await client.get("/exports", params={name: day})
    assert answer.status_code == 422
    assert (await client.get("/conversations", params={name: day})).status_code < 500
    answer = await client.post("/exports/file", {name: day, "rows": "message", "format": "csv"})
    assert answer.status_code == 422
