"""Links that set a password: the first administrator's, those of new accounts, and those of who is locked out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from running import make_settings
from sqlalchemy import func, select
from staffed import PASSWORD, Client, Console, SignIn, add_member

from bot.clock import running_on
from bot.console.security.invitations import InvitationError, invite_first, invite_from_terminal
from bot.console.security.passwords import find_weakness, verify_password
from bot.db.models import StaffMember
from bot.run import invite, tell_first_link

BASE = "http://console.test"
FIRST = {"email": "Salma@Example.org", "name": "Salma B.", "password": PASSWORD, "again": PASSWORD}


def path_of(link: str | None) -> str:
    """A link's path below ``/console``."""
    assert link is not None and link.startswith(f"{BASE}/console/invitation/")
    return link.removeprefix(f"{BASE}/console")


async def test_the_first_administrator(any_console: Console) -> None:
    """The link makes an account, signs in, and is used up; opening it uses nothing."""
    path = path_of(await invite_first(any_console.db, BASE))
    client = any_console.visit()
    for _ in range(2):
        assert (await client.get(path)).status_code == 200
    answer = await client.post(path, FIRST)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    assert (await client.get("/staff")).status_code == 200
    assert (await any_console.visit().get(path)).status_code == 410
    assert (await any_console.visit().post(path, FIRST | {"email": "b@example.org"})).status_code == 410
    assert await invite_first(any_console.db, BASE) is None
    async with any_console.db.read() as session:
        made = (await session.scalars(select(StaffMember))).one()
    assert (made.email, made.role, made.name) == ("salma@example.org", "administrator", "Salma B.")
    assert [action for _, action, _ in await any_console.audited()] == ["invitation_accepted", "signed_in"]


async def test_only_the_last_link_is_valid_and_for_a_day(console: Console) -> None:
    """Each start makes a new one, and the older ones die."""
    old, new = path_of(await invite_first(console.db, BASE)), path_of(await invite_first(console.db, BASE))
    assert (await console.visit().get(old)).status_code == 410
    with running_on(lambda: datetime.now(UTC) + timedelta(hours=23, minutes=59)):
        assert (await console.visit().get(new)).status_code == 200
    with running_on(lambda: datetime.now(UTC) + timedelta(hours=24, minutes=1)):
        assert (await console.visit().get(new)).status_code == 410


async def test_a_first_link_dies_when_there_is_an_administrator(console: Console) -> None:
    """However that one came to be."""
    path = path_of(await invite_first(console.db, BASE))
    await add_member(console.db, "administrator")
    assert (await console.visit().get(path)).status_code == 410


async def test_two_people_with_one_link(any_console: Console) -> None:
    """Of two forms that come at the same moment one makes an account."""
    path = path_of(await invite_first(any_console.db, BASE))
    clients = [any_console.visit(f"203.0.113.{number}") for number in range(4)]
    forms = [FIRST | {"email": f"p{number}@example.org"} for number in range(4)]
    answers = await asyncio.gather(*(client.post(path, form) for client, form in zip(clients, forms, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]
    async with any_console.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(StaffMember)) == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"email": "salma"}, "Ce n&#39;est pas une adresse e-mail."),
        ({"name": " \u202e "}, "Indiquez un nom."),
        ({"password": "court", "again": "court"}, "12 caractères au moins."),
        ({"again": "autre chose"}, "Les deux ne sont pas pareils."),
        ({"password": "Motdepasse-2026!", "again": "Motdepasse-2026!"}, "Trop facile à deviner."),
        ({"password": "salma@example.org", "again": "salma@example.org"}, "Il ressemble à votre nom"),
    ],
    ids=str,
)
async def test_what_is_wrong_stands_at_its_field(console: Console, changed: dict[str, str], says: str) -> None:
    """Nothing is made, what was typed is still there, and the error is tied to its field."""
    path = path_of(await invite_first(console.db, BASE))
    answer = await console.visit().post(path, FIRST | changed)
    assert answer.status_code == 422 and says in answer.text
    assert 'aria-invalid="true"' in answer.text and PASSWORD not in answer.text
    assert (await console.visit().get(path)).status_code == 200


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("quatre mots sans lien", None),
        ("un mot de passe à moi", None),
        ("كلمات كثيرة بلا رابط", None),
        ("elevenchars", "too_short"),
        ("x" * 257, "too_long"),
        ("aaaabbbbcccc", "too_common"),
        ("123456789012", "too_common"),
        ("Password2026!!", "too_common"),
        ("JobInTech2026", "too_common"),
        ("1234azertyuiop!", "too_common"),
        ("Salma Benani", "too_personal"),
        ("salma.benani2026", "too_personal"),
        ("xx salma.b@example.org xx", "too_personal"),
    ],
)
def test_passwords(password: str, weakness: str | None) -> None:
    """What is too short, common or near to the person is refused."""
    assert find_weakness(password, email="salma.b@example.org", name="Salma Benani") == weakness


async def test_an_administrator_invites(console: Console, signed_in: SignIn) -> None:
    """The link is shown once; the new person gets their role, and what they write in the language they chose."""
    administrator = await signed_in("administrator")
    answer = await administrator.post("/staff/invitations", {"email": "New@Example.org", "role": "editor"})
    link = answer.text.partition('value="http://127.0.0.1:8000')[2].partition('"')[0]
    assert "new@example.org" in answer.text and link.startswith("/console/invitation/")
    assert link not in (await administrator.get("/staff")).text
    again = await administrator.post("/staff/invitations", {"email": "new@example.org", "role": "editor"})
    assert again.status_code == 422 and "Un compte existe déjà" in again.text
    for form in ({"email": "x", "role": "editor"}, {"email": "y@example.org", "role": "king"}):
        assert (await administrator.post("/staff/invitations", form)).status_code == 422
    visitor = console.visit()
    await visitor.post("/language", {"language": "ar", "back": link})
    page = await visitor.get(link.removeprefix("/console"))
    assert 'lang="ar" dir="rtl"' in page.text
    form = {"name": "سلمى", "password": PASSWORD, "again": PASSWORD}
    await visitor.post(link.removeprefix("/console"), form)
    home = await visitor.get("/")
    assert 'dir="rtl"' in home.text and "سلمى" in home.text
    assert (await visitor.get("/staff")).status_code == 403


async def reset(client: Client, member: StaffMember, **form: str) -> str:
    """A new link for a member, as an administrator gets it: its path."""
    answer = await client.post(f"/staff/{member.id}/link", form)
    return answer.text.partition('value="http://127.0.0.1:8000/console')[2].partition('"')[0]


@pytest.mark.parametrize("clears", [False, True])
async def test_a_link_for_who_forgot(console: Console, signed_in: SignIn, clears: bool) -> None:
    """A new password ends every session; the second factor stays unless the link takes it away too."""
    administrator = await signed_in("administrator")
    member = await add_member(console.db, totp_secret="JBSWY3DPEHPK3PXP", recovery_hashes=["x"])
    open_elsewhere = await console.sign_in(member=member)
    path = await reset(administrator, member, **({"clears_totp": "yes"} if clears else {}))
    visitor = console.visit()
    page = await visitor.get(path)
    assert 'name="name"' not in page.text and member.email in page.text
    new = "une phrase toute neuve"
    answer = await visitor.post(path, {"password": new, "again": new})
    assert answer.headers["location"] == ("/console/" if clears else "/console/second-factor?next=%2Fconsole%2F")
    assert (await open_elsewhere.get("/")).status_code == 303
    now = await console.read_member(member)
    assert (now.totp_secret is None) is clears and await verify_password(now.password_hash, new)
    assert (member.id, "password_reset", f"staff:{member.id}") in await console.audited()


async def test_a_closed_account_has_no_link(console: Console, signed_in: SignIn) -> None:
    """Neither a new one nor the one that was open when it was closed."""
    administrator, member = await signed_in("administrator"), await add_member(console.db)
    path = await reset(administrator, member)
    await administrator.post(f"/staff/{member.id}/disable")
    assert (await console.visit().get(path)).status_code == 410
    assert (await administrator.post(f"/staff/{member.id}/link")).status_code == 422


# --- the terminal -----------------------------------------------------------------------------------------------------


async def test_the_terminal_lets_a_locked_out_administrator_in(any_console: Console) -> None:
    """A closed account with a lost phone and a forgotten password is an administrator's again."""
    member = await add_member(
        any_console.db, "adviser", totp_secret="JBSWY3DPEHPK3PXP", disabled_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    path = path_of(await invite_from_terminal(any_console.db, BASE, member.email.upper(), "administrator"))
    client = any_console.visit()
    await client.post(path, {"password": PASSWORD, "again": PASSWORD})
    assert (await client.get("/staff")).status_code == 200
    assert (None, "member_invited", f"staff:{member.id}") in await any_console.audited()


async def test_the_terminal_refuses_what_is_no_address(console: Console) -> None:
    """With a line that says so."""
    with pytest.raises(InvitationError, match="no e-mail address"):
        await invite_from_terminal(console.db, BASE, "salma", "adviser")


async def test_the_start_prints_a_link_until_there_is_an_administrator(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `invite` prints one whenever it is asked to."""
    settings = make_settings(database_url=str(console.db.engine.url), port=8000)
    await tell_first_link(settings)
    printed = capsys.readouterr().out.strip().splitlines()
    assert printed[-1].startswith("http://127.0.0.1:8000/console/invitation/")
    await invite(settings, "salma@example.org", "editor")
    assert "http://127.0.0.1:8000/console/invitation/" in capsys.readouterr().out
    await add_member(console.db, "administrator")
    await tell_first_link(settings)
    assert capsys.readouterr().out == ""
