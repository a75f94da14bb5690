"""Signing in and out without a browser: passwords, codes, limits, and sessions that end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import func, select
from staffed import PASSWORD, Client, Console, SignIn, add_member, open_session

from bot.clock import running_on, utc_now
from bot.console.security.limits import ACCOUNT_TRIES, ADDRESS_TRIES
from bot.console.security.second_factor import hash_recovery_code
from bot.console.security.sessions import IDLE, LIFETIME
from bot.db.models import LoginAttempt, StaffMember, StaffSession

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


async def sign_in(client: Client, email: str, password: str = PASSWORD, next: str = "") -> tuple[int, str]:
    """Post the form: the status, and where it leads or what the page says."""
    answer = await client.post("/sign-in", {"email": email, "password": password, "next": next})
    return answer.status_code, answer.headers.get("location") or answer.text


async def is_in(client: Client) -> bool:
    """Whether the console opens."""
    return (await client.get("/")).status_code == 200


async def test_a_right_password_opens_the_console(any_console: Console) -> None:
    """The e-mail counts in any case, the wanted page follows, the hash is renewed, and the log has it."""
    member = await add_member(any_console.db, email="salma@example.org")
    client = any_console.visit()
    assert await sign_in(client, " Salma@Example.ORG ", next="/console/account?x=1") == (303, "/console/account?x=1")
    assert await is_in(client)
    hashed = (await any_console.read_member(member)).password_hash
    assert hashed is not None and hashed.startswith("$argon2id$") and "m=65536,t=3" in hashed
    assert await any_console.audited() == [(member.id, "signed_in", f"staff:{member.id}")]
    cookie = next(cookie for cookie in client.http.cookies.jar if cookie.name == "console")
    assert cookie.path == "/console" and cookie.has_nonstandard_attr("HttpOnly") and cookie.expires is None


@pytest.mark.parametrize("what", ["unknown", "wrong", "disabled", "invited", "no address"])
async def test_refusals_look_the_same(console: Console, what: str) -> None:
    """Whether an account exists, is closed or has no password yet can't be told from the answer."""
    member = await add_member(
        console.db,
        email="known@example.org",
        disabled_at=utc_now() if what == "disabled" else None,
        **({"password_hash": None} if what == "invited" else {}),
    )
    email = {"unknown": "nobody@example.org", "no address": "<script>"}.get(what, member.email)
    client = console.visit()
    status, text = await sign_in(client, email, "wrong" if what == "wrong" else PASSWORD)
    assert status == 401 and "L&#39;adresse ou le mot de passe n&#39;est pas le bon." in text
    assert "<script>" not in text.partition("<main")[2]
    assert not await is_in(client) and await console.audited() == []


async def test_a_session_token_can_not_be_planted(console: Console) -> None:
    """Signing in makes a new token, and ends the session that the browser had before."""
    planted, own = await console.sign_in(), await add_member(console.db)
    victim = console.visit()
    victim.http.cookies.set("console", planted.http.cookies["console"], domain="console.test", path="/console")
    victim.csrf = ""
    await sign_in(victim, own.email)
    assert await is_in(victim) and not await is_in(planted)
    assert victim.http.cookies["console"] != planted.http.cookies["console"]


# --- how often one may be wrong ---------------------------------------------------------------------------------------


async def test_an_account_takes_five_wrong_tries(any_console: Console) -> None:
    """Then even the right password waits, wherever it comes from; the page says how long; others sign in."""
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    member, other = await add_member(any_console.db), await add_member(any_console.db)
    with running_on(lambda: start):
        for number in range(ACCOUNT_TRIES):
            assert (await sign_in(any_console.visit(f"203.0.113.{number}"), member.email, "wrong"))[0] == 401
    with running_on(lambda: start + timedelta(minutes=4)):
        client = any_console.visit("203.0.113.99")
        answer = await client.post("/sign-in", {"email": member.email, "password": PASSWORD})
        assert answer.status_code == 429 and answer.headers["retry-after"] == "660"
        assert "Réessayez dans 11 min." in answer.text
        assert (await sign_in(client, other.email))[0] == 303
        await sign_in(client, member.email)
        blocked = (None, "sign_in_blocked", f"staff:{member.id}")
        assert (await any_console.audited()).count(blocked) == 1
    with running_on(lambda: start + timedelta(minutes=15, seconds=1)):
        assert (await sign_in(client, member.email))[0] == 303
        async with any_console.db.read() as session:
            assert await session.scalar(select(func.count()).select_from(LoginAttempt)) == 0


async def test_tries_at_the_same_moment_all_count(any_console: Console) -> None:
    """Of twelve that come together no more than five are checked, and none is forgotten."""
    member = await add_member(any_console.db)
    clients = [any_console.visit(f"203.0.113.{number}") for number in range(12)]
    for client in clients:
        await client.get("/sign-in")
        client.csrf = client.http.cookies["console-form"]
    answers = await asyncio.gather(*(sign_in(client, member.email, "wrong") for client in clients))
    assert [status for status, _ in answers].count(401) <= ACCOUNT_TRIES
    assert {status for status, _ in answers} <= {401, 429}


async def test_an_unknown_account_has_the_same_limit(console: Console) -> None:
    """The limit tells nothing of whether the account exists."""
    client = console.visit()
    statuses = [(await sign_in(client, "nobody@example.org", "wrong"))[0] for _ in range(ACCOUNT_TRIES + 1)]
    assert statuses == [401] * ACCOUNT_TRIES + [429]
    async with console.db.read() as session:
        assert "nobody" not in "".join(await session.scalars(select(LoginAttempt.account_hash)))


async def test_an_address_takes_twenty_wrong_tries(console: Console) -> None:
    """Trying one password on many accounts is limited too; one IPv6 customer is one address."""
    member = await add_member(console.db)
    async with console.db.write() as session:
        session.add_all(LoginAttempt(account_hash=f"{n}", address="2001:db8:1:2::/64") for n in range(ADDRESS_TRIES))
    assert (await sign_in(console.visit("2001:db8:1:2:aaaa::1"), member.email))[0] == 429
    assert (await sign_in(console.visit("2001:db8:1:3::1"), member.email))[0] == 303


async def test_a_password_inside_is_limited_as_well(signed_in: SignIn) -> None:
    """Who finds an open browser can't try passwords in the account page."""
    client = await signed_in("adviser")
    form = {"current": "wrong", "password": "un tout autre secret", "again": "un tout autre secret"}
    statuses = [(await client.post("/account/password", form)).status_code for _ in range(ACCOUNT_TRIES + 1)]
    assert statuses == [422] * ACCOUNT_TRIES + [429]


# --- the second factor ------------------------------------------------------------------------------------------------


async def half_in(console: Console, **values: object) -> tuple[Client, StaffMember]:
    """Somebody with a second factor who gave the password."""
    member = await add_member(console.db, totp_secret=SECRET, **values)
    client = console.visit()
    answer = await client.post("/sign-in", {"email": member.email, "password": PASSWORD, "next": "/console/account"})
    assert answer.headers["location"] == "/console/second-factor?next=%2Fconsole%2Faccount"
    return client, member


async def give_code(client: Client, code: str) -> tuple[int, str]:
    """Post a code: the status, and where it leads."""
    answer = await client.post("/second-factor", {"code": code, "next": "/console/account"})
    return answer.status_code, answer.headers.get("location", "")


async def test_a_code_completes_the_sign_in_once(any_console: Console) -> None:
    """Half way in opens nothing; a code opens with a new token; the same code, or an older one, is refused."""
    start = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
    totp = pyotp.TOTP(SECRET)
    with running_on(lambda: start):
        client, member = await half_in(any_console)
        assert not await is_in(client)
        half = client.http.cookies["console"]
        assert (await give_code(client, "000000"))[0] == 401
        arabic = totp.at(start).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
        assert await give_code(client, f" {arabic[:3]} {arabic[3:]}") == (303, "/console/account")
        assert await is_in(client) and client.http.cookies["console"] != half
        again = any_console.visit()
        await sign_in(again, member.email)
        assert (await give_code(again, totp.at(start)))[0] == 401
        assert (await give_code(again, totp.at(start - timedelta(seconds=30))))[0] == 401
        # A clock that is one step ahead.
        assert (await give_code(again, totp.at(start + timedelta(seconds=30))))[0] == 303
    assert "signed_in" in {action for _, action, _ in await any_console.audited()}


async def test_a_recovery_code_works_once(console: Console) -> None:
    """However it is typed; each code is used up."""
    codes = [hash_recovery_code("abcde-fghjk"), hash_recovery_code("mnpqr-stuvw")]
    client, member = await half_in(console, recovery_hashes=codes)
    assert (await give_code(client, " ABCDE fghjk "))[0] == 303
    assert (await console.read_member(member)).recovery_hashes == codes[1:]
    again = console.visit()
    await sign_in(again, member.email)
    assert (await give_code(again, "abcde-fghjk"))[0] == 401


async def test_codes_are_limited_with_the_password(console: Console) -> None:
    """A right password in between does not give five more codes to try."""
    client, member = await half_in(console)
    for _ in range(ACCOUNT_TRIES - 1):
        assert (await give_code(client, "000000"))[0] == 401
    assert (await sign_in(console.visit(), member.email))[0] == 303
    assert (await give_code(client, "000000"))[0] == 401
    assert (await give_code(client, pyotp.TOTP(SECRET).now()))[0] == 429
    assert (await sign_in(console.visit(), member.email))[0] == 429


async def test_half_way_in_lasts_ten_minutes(console: Console) -> None:
    """Then one begins again with the password."""
    client, _ = await half_in(console)
    with running_on(lambda: datetime.now(UTC) + timedelta(minutes=11)):
        assert await give_code(client, pyotp.TOTP(SECRET).at(utc_now())) == (303, "/console/sign-in")


# --- how sessions end -------------------------------------------------------------------------------------------------


async def test_an_unused_session_ends(any_console: Console) -> None:
    """After an hour without a request it is over; each request makes it last."""
    client, now = await any_console.sign_in(), datetime.now(UTC)
    for minutes, expected in ((50, True), (100, True), (161, False), (162, False)):
        with running_on(lambda minutes=minutes: now + timedelta(minutes=minutes)):
            assert await is_in(client) is expected
    assert timedelta(minutes=60) == IDLE


async def test_no_session_lasts_longer_than_twelve_hours(console: Console) -> None:
    """However much it is used."""
    client, now = await console.sign_in(), datetime.now(UTC)
    for half_hours in range(1, 24):
        with running_on(lambda half_hours=half_hours: now + timedelta(minutes=30 * half_hours)):
            assert await is_in(client)
    with running_on(lambda: now + timedelta(hours=12, seconds=1)):
        assert not await is_in(client)
    assert timedelta(hours=12) == LIFETIME


async def test_signing_out_ends_one_session_or_all(console: Console) -> None:
    """The token is worth nothing afterwards, not even to who copied it."""
    member = await add_member(console.db)
    first, second, third = [await console.sign_in(member=member) for _ in range(3)]
    token = first.http.cookies["console"]
    answer = await first.post("/sign-out")
    assert answer.headers["location"] == "/console/sign-in?done=signed_out"
    assert "console" not in first.http.cookies
    first.http.cookies.set("console", token, domain="console.test", path="/console")
    assert not await is_in(first) and await is_in(second) and await is_in(third)
    await second.post("/sign-out", {"everywhere": "yes"})
    assert not await is_in(second) and not await is_in(third)


async def test_only_the_hash_of_a_token_is_kept(console: Console) -> None:
    """Who reads the database can't use what stands there."""
    member = await add_member(console.db)
    token, _ = await open_session(console.db, member)
    async with console.db.read() as session:
        kept = (await session.scalars(select(StaffSession))).one()
    assert token not in (kept.token_hash, kept.csrf_token) and len(kept.token_hash) == 64
