"""Which accounts need a second factor: time to get one, then nothing but the way to it, and never a closed door."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from staffed import PASSWORD, Client, Console, PageAs, ServedConsole, SignIn, add_member

from bot.clock import utc_now
from bot.console.security.policy import GRACE
from bot.db.engine import open_database
from bot.db.models import StaffMember, StaffPolicy, StaffSession


async def make_old(console: Console, role: str = "adviser", **values: object) -> StaffMember:
    """An account of before the rule, which counts since long."""
    old = utc_now() - GRACE - timedelta(days=1)
    async with console.db.write() as session:
        (await session.get_one(StaffPolicy, 1)).changed_at = old
    return await add_member(console.db, role, created_at=old, **values)  # type: ignore[arg-type]


async def enter(console: Console, member: StaffMember) -> tuple[Client, str]:
    """Sign in with the password as a browser does; where that leads."""
    client = console.visit()
    answer = await client.post("/sign-in", {"email": member.email, "password": PASSWORD})
    assert answer.status_code == 303
    async with console.db.read() as session:
        newest = select(StaffSession).order_by(StaffSession.id.desc()).limit(1)
        client.csrf = (await session.scalars(newest)).one().csrf_token
    return client, answer.headers["location"]


async def test_a_new_account_has_time(any_console: Console) -> None:
    """Everything is open, and each page says until when."""
    member = await add_member(any_console.db, "adviser")
    client, _ = await enter(any_console, member)
    page = await client.get("/conversations")
    assert page.status_code == 200 and "au plus tard le" in page.text
    async with any_console.db.write() as session:
        await session.merge(StaffPolicy(id=1, second_factor_roles=["administrator"], changed_at=utc_now()))
    client, _ = await enter(any_console, member)
    assert "au plus tard le" not in (await client.get("/conversations")).text


@pytest.mark.parametrize("role", ["administrator", "adviser"])
async def test_later_it_leads_to_the_second_factor_only(any_console: Console, role: str) -> None:
    """Pages, changes and htmx lead to the account; with the code everything opens, and it stays on."""
    member = await make_old(any_console, role)
    client, _ = await enter(any_console, member)
    for path in ("/", "/conversations", "/people", "/content", "/audit"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/console/account"), path
    change = await client.post("/account/profile", {"name": "Autre", "language": "fr"})
    assert change.headers["location"] == "/console/account"
    assert (await any_console.read_member(member)).name == member.name
    asked = await client.get("/conversations", headers={"HX-Request": "true"})
    assert asked.headers["hx-redirect"] == "/console/account"
    assert "Activez-la ci-dessous" in (await client.get("/account")).text
    assert (await client.post("/account/second-factor/offer", {"current": PASSWORD})).status_code == 303
    shown = (await client.get("/account/second-factor")).text
    secret = shown.partition('id="secret"')[2].partition(">")[2].partition("<")[0].replace(" ", "")
    codes = await client.post("/account/second-factor/confirm", {"code": pyotp.TOTP(secret).now()})
    assert codes.status_code == 200 and codes.text.count("<li") >= 8
    assert (await client.get("/conversations")).status_code == 200
    refused = await client.post("/account/second-factor/off", {"current": PASSWORD})
    assert refused.status_code == 422 and "ne peut pas être désactivée" in refused.text
    assert (await any_console.read_member(member)).totp_secret == secret


async def test_a_new_password_does_not_open_the_rest(console: Console) -> None:
    """The time to do without is the account's, whatever session comes of a change."""
    member = await make_old(console, "analyst")
    async with console.db.write() as session:
        await session.merge(StaffPolicy(id=1, second_factor_roles=["analyst"], changed_at=member.created_at))
    client, _ = await enter(console, member)
    form = {"current": PASSWORD, "password": "cinq autres mots sans lien", "again": "cinq autres mots sans lien"}
    assert (await client.post("/account/password", form)).headers["location"] == "/console/account"
    assert (await client.get("/conversations")).headers["location"] == "/console/account"


async def test_administrators_say_who_needs_it(console: Console, signed_in: SignIn) -> None:
    """The rule is logged, counts from now for who needs it newly, and interrupts nobody."""
    client, editor = await signed_in("administrator"), await signed_in("editor")
    page = (await client.get("/staff")).text
    assert page.count('name="roles"') == 4 and page.count(" checked> ") == 2
    form = {"csrf": client.csrf, "roles": ["administrator", "editor", "nobody"]}
    answer = await client.http.post(
        "/console/staff/second-factor", data=form, headers={"Origin": "http://console.test"}
    )
    assert answer.headers["location"] == "/console/staff?done=second_factor_required"
    async with console.db.read() as session:
        policy = await session.get_one(StaffPolicy, 1)
        assert policy.second_factor_roles == ["administrator", "editor"]
        assert utc_now() - policy.changed_at < timedelta(minutes=1)
    assert ("second_factor_required", "") in [(action, subject) for _, action, subject in await console.audited()]
    assert "Administrateur, Rédacteur" in (await client.get("/audit")).text
    assert (await editor.get("/content")).status_code == 200


def test_the_way_to_it_in_the_browser(page_as: PageAs, served: ServedConsole) -> None:
    """Password, account, code, recovery codes, and the page that one wanted."""
    old = utc_now() - GRACE - timedelta(days=1)

    async def age() -> None:
        db = open_database(served.running.settings.database_url)
        async with db.write() as session:
            (await session.get_one(StaffPolicy, 1)).changed_at = old
        await db.aclose()

    served.act(age())
    member = served.add_member("adviser", created_at=old)
    page = page_as(None)
    page.goto("/console/conversations")
    page.get_by_label("Adresse e-mail").fill(member.email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_text("Activez-la ci-dessous")).to_be_visible()
    expect(page.locator("nav a")).to_have_count(0)
    page.locator("#totp_current").fill(PASSWORD)
    page.get_by_role("button", name="Activer").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Activer").click()
    expect(page.locator("#codes li")).to_have_count(8)
    page.goto("/console/conversations")
    expect(page.get_by_role("heading", level=1)).to_have_text("Conversations")
