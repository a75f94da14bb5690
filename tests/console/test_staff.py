"""The accounts: changed by administrators, and one's own."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select
from staffed import PASSWORD, Client, Console, SignIn, add_member

from bot.clock import running_on
from bot.console.layout.browsers import name_browser
from bot.console.security.passwords import verify_password
from bot.console.staff.members import clean_name
from bot.db.models import AuditEntry

NEW = "une phrase toute neuve"


async def is_in(client: Client) -> bool:
    """Whether the console opens."""
    return (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("change", "form"),
    [("role", {"role": "editor"}), ("disable", {}), ("sign-out", {})],
)
async def test_changes_end_the_sessions_at_once(any_console: Console, change: str, form: dict[str, str]) -> None:
    """Another role, a closed account and a sign-out of an administrator's take effect with the next request."""
    administrator, other = await any_console.sign_in("administrator"), await any_console.sign_in("adviser")
    assert other.member is not None and await is_in(other)
    answer = await administrator.post(f"/staff/{other.member.id}/{change}", form)
    assert answer.status_code == 303
    assert not await is_in(other) and await is_in(administrator)
    assert len(await any_console.audited()) == 1
    page = await administrator.get(answer.headers["location"].removeprefix("/console"))
    assert 'class="notice good"' in page.text


async def test_a_closed_account_opens_again(console: Console, signed_in: SignIn) -> None:
    """With the password that it had."""
    administrator, other = await signed_in("administrator"), await add_member(console.db)
    for change, status in (("disable", 401), ("enable", 303)):
        await administrator.post(f"/staff/{other.id}/{change}")
        answer = await console.visit().post("/sign-in", {"email": other.email, "password": PASSWORD})
        assert answer.status_code == status
    assert [action for _, action, _ in await console.audited()] == ["member_disabled", "member_enabled", "signed_in"]


async def test_there_is_always_an_administrator(any_console: Console) -> None:
    """The last one who can sign in keeps the role; invited and closed ones don't count. Nobody closes themselves."""
    first = await any_console.sign_in("administrator")
    assert first.member is not None
    await add_member(any_console.db, "administrator", password_hash=None)
    await add_member(any_console.db, "administrator", disabled_at=datetime(2026, 1, 1, tzinfo=UTC))
    answer = await first.post(f"/staff/{first.member.id}/role", {"role": "editor"})
    assert answer.status_code == 422 and "dernier administrateur" in answer.text
    answer = await first.post(f"/staff/{first.member.id}/disable")
    assert answer.status_code == 422 and "son propre compte" in answer.text
    assert await is_in(first)
    await add_member(any_console.db, "administrator")
    assert (await first.post(f"/staff/{first.member.id}/role", {"role": "editor"})).status_code == 303
    assert not await is_in(first)


async def test_two_administrators_shut_each_other_out(any_console: Console) -> None:
    """At the same moment: one of them stays."""
    clients = [await any_console.sign_in("administrator") for _ in range(2)]
    members = [client.member for client in clients]
    assert members[0] is not None and members[1] is not None
    answers = await asyncio.gather(
        clients[0].post(f"/staff/{members[1].id}/disable"), clients[1].post(f"/staff/{members[0].id}/disable")
    )
    # The second one is refused, or already signed out when it comes.
    assert 303 in [answer.status_code for answer in answers]
    disabled = [(await any_console.read_member(member)).disabled_at for member in members if member is not None]
    assert disabled.count(None) == 1


async def test_an_unknown_role_is_refused(console: Console, signed_in: SignIn) -> None:
    """And an account that is not there is not found."""
    administrator, other = await signed_in("administrator"), await add_member(console.db)
    assert (await administrator.post(f"/staff/{other.id}/role", {"role": "king"})).status_code == 422
    assert (await administrator.post("/staff/999/role", {"role": "editor"})).status_code == 404


# --- one's own account ------------------------------------------------------------------------------------------------


async def test_a_new_password_ends_the_other_sessions(any_console: Console) -> None:
    """This one goes on, with a new token."""
    here = await any_console.sign_in()
    elsewhere = await any_console.sign_in(member=here.member)
    before = here.http.cookies["console"]
    answer = await here.post("/account/password", {"current": PASSWORD, "password": NEW, "again": NEW})
    assert answer.headers["location"] == "/console/account?done=password_changed"
    assert await is_in(here) and here.http.cookies["console"] != before
    assert not await is_in(elsewhere)
    assert here.member is not None
    assert await verify_password((await any_console.read_member(here.member)).password_hash, NEW)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"current": "faux"}, "pas votre mot de passe actuel"),
        ({"password": "court", "again": "court"}, "Trop court"),
        ({"again": "autre"}, "pas pareils"),
    ],
    ids=str,
)
async def test_a_new_password_is_checked(signed_in: SignIn, form: dict[str, str], says: str) -> None:
    """The old one must be right, the new one good, and typed twice."""
    client = await signed_in("analyst")
    answer = await client.post("/account/password", {"current": PASSWORD, "password": NEW, "again": NEW} | form)
    assert answer.status_code == 422 and says in answer.text


async def test_name_and_language(console: Console, signed_in: SignIn) -> None:
    """They show at once; the log says which fields changed, and not to what."""
    client = await signed_in("adviser")
    answer = await client.post("/account/profile", {"name": " Salma\u202e  <b>B</b> ", "language": "en"})
    assert answer.status_code == 303
    page = (await client.get("/account?done=saved")).text
    assert 'lang="en"' in page and "Saved." in page and "Salma &lt;b&gt;B&lt;/b&gt;" in page
    async with console.db.read() as session:
        assert [entry.details for entry in await session.scalars(select(AuditEntry))] == [
            {"fields": ["name", "language"]}
        ]
    for form in ({"name": "", "language": "fr"}, {"name": "x", "language": "xx"}):
        assert (await client.post("/account/profile", form)).status_code == 422


def test_names_are_one_quiet_line() -> None:
    """What turns, breaks or hides text goes; letters of every script, quotes and joiners stay."""
    assert clean_name("  Ali\u202e\x00\n O'Neill \u2066x\u2069 ") == "Ali O'Neill x"
    assert clean_name("سلمى\u200cب") == "سلمى\u200cب"
    assert len(clean_name("x" * 500)) == 120


async def test_one_ends_ones_own_sessions_only(console: Console, signed_in: SignIn) -> None:
    """Each by itself; another person's stays."""
    here, stranger = await signed_in("adviser"), await signed_in("adviser")
    elsewhere = await console.sign_in(member=here.member)
    page = (await here.get("/account")).text
    (own,) = re.findall(r"/console/account/sessions/(\d+)/end", page)
    (other,) = {int(own) - 1} - {0}
    await here.post(f"/account/sessions/{other}/end")
    assert await is_in(stranger)
    await here.post(f"/account/sessions/{own}/end")
    assert not await is_in(elsewhere) and await is_in(here)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox · Linux"),
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36",
            "Chrome · Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
            "Safari · iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0", "Edge · Windows"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
def test_browsers_have_names(header: str, shown: str) -> None:
    """What one knows one's sessions by."""
    assert name_browser(header) == shown


# --- the second factor ------------------------------------------------------------------------------------------------


async def test_a_second_factor_is_turned_on_and_off(any_console: Console) -> None:
    """On with a code that proves that it works, which can't be used again; eight recovery codes are shown; the other
    sessions end. Off with the password, for a role that needs none."""
    start = datetime.now(UTC)
    client = await any_console.sign_in("editor")
    elsewhere = await any_console.sign_in(member=client.member)
    assert client.member is not None
    assert (await client.post("/account/second-factor/offer", {"current": "faux"})).status_code == 422
    assert (await client.get("/account/second-factor")).status_code == 303
    assert (await client.post("/account/second-factor/offer", {"current": PASSWORD})).status_code == 303
    page = (await client.get("/account/second-factor")).text
    secret = page.partition('id="secret">')[2].partition("<")[0].replace(" ", "")
    assert "<svg" in page and "style=" not in page
    assert (await any_console.read_member(client.member)).totp_secret is None
    assert (await client.post("/account/second-factor/confirm", {"code": "000000"})).status_code == 422
    code = pyotp.TOTP(secret).at(start)
    shown = await client.post("/account/second-factor/confirm", {"code": code})
    codes = re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", shown.text)
    assert len(set(codes)) == 8
    assert await is_in(client) and not await is_in(elsewhere)
    kept = await any_console.read_member(client.member)
    assert kept.totp_secret == secret and len(kept.recovery_hashes) == 8 and codes[0] not in kept.recovery_hashes

    visitor = any_console.visit()
    form = {"email": client.member.email, "password": PASSWORD}
    assert "/second-factor" in (await visitor.post("/sign-in", form)).headers["location"]
    assert (await visitor.post("/second-factor", {"code": code})).status_code == 401
    with running_on(lambda: start + timedelta(seconds=31)):
        later = pyotp.TOTP(secret).at(start + timedelta(seconds=31))
        assert (await visitor.post("/second-factor", {"code": later})).status_code == 303
    assert (await client.post("/account/second-factor/off", {"current": "faux"})).status_code == 422
    await client.post("/account/second-factor/off", {"current": PASSWORD})
    off = await any_console.read_member(client.member)
    assert (off.totp_secret, off.totp_last_step, off.recovery_hashes) == (None, None, [])
    actions = [action for _, action, _ in await any_console.audited()]
    assert actions == ["second_factor_on", "signed_in", "second_factor_off"]
