"""Changes that no page of ours asked for are refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from running import sqlite_url
from staffed import ORIGIN, Console, SignIn, add_member

PROFILE = {"name": "Autre Nom", "language": "fr"}
OWN = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"csrf": ""}, OWN),
        ({"csrf": "wrong"}, OWN),
        ({"csrf": "é"}, OWN),
        ({}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site", "Origin": "http://other.console.test"}),
        ({}, OWN | {"X-CSRF-Token": "wrong"}),
    ],
    ids=str,
)
async def test_a_change_needs_token_and_origin(signed_in: SignIn, form: Any, headers: dict[str, str]) -> None:
    """Without its page's token, or from another site, nothing is changed."""
    client = await signed_in("adviser")
    answer = await client.post("/account/profile", PROFILE | form, headers=headers)
    assert answer.status_code == 403 and "Ce formulaire a expiré" in answer.text
    assert "Autre Nom" not in (await client.get("/account")).text


async def test_the_token_of_another_session_is_wrong(signed_in: SignIn) -> None:
    """A token belongs to one session."""
    first, second = await signed_in("adviser"), await signed_in("adviser")
    first.csrf = second.csrf
    assert (await first.post("/account/profile", PROFILE)).status_code == 403


async def test_htmx_sends_it_in_a_header(signed_in: SignIn) -> None:
    """The header that the page's body gives to htmx counts as well as the form's field."""
    client = await signed_in("adviser")
    token, client.csrf = client.csrf, "not this one"
    answer = await client.post("/account/profile", PROFILE, headers=OWN | {"X-CSRF-Token": token})
    assert answer.status_code == 303


async def test_a_client_without_origin_needs_the_token_only(signed_in: SignIn) -> None:
    """Programs that say nothing of where they come from pass with the token."""
    client = await signed_in("adviser")
    assert (await client.post("/account/profile", PROFILE, headers={})).status_code == 303


async def test_signing_in_is_protected_too(console: Console) -> None:
    """Nobody can be signed in from another site: the form repeats a cookie that only our page could set."""
    member = await add_member(console.db)
    visitor = console.visit()
    form = {"email": member.email, "password": "x"}
    await visitor.get("/sign-in")
    visitor.csrf = "x" * 43
    assert (await visitor.post("/sign-in", form)).status_code == 403
    visitor.csrf = ""
    answer = await visitor.post("/sign-in", form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    bare = console.visit()
    bare.csrf = "x" * 43
    assert (await bare.post("/sign-in", form)).status_code == 403


async def test_behind_a_proxy_the_public_address_counts(empty_database: Path, tmp_path: Path) -> None:
    """With PUBLIC_URL set, cookies are for https only, and its origin is ours whatever the proxy calls us."""
    shutil.copy(empty_database, tmp_path / "assistant.db")
    console = Console(sqlite_url(tmp_path), public_url="https://bot.example.ma")
    visitor = console.visit()
    page = await visitor.get("/sign-in")
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Secure-console-form=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    token = cookie.partition("=")[2].partition(";")[0]
    for origin, status in (("https://bot.example.ma", 401), ("https://evil.example", 403)):
        answer = await visitor.http.post(
            "/console/sign-in",
            data={"csrf": token, "email": "a@example.org", "password": "x"},
            headers={"Origin": origin, "Cookie": f"__Secure-console-form={token}"},
        )
        assert answer.status_code == status
    await console.aclose()
