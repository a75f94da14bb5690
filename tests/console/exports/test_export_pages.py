"""Exports of the console: what is in the files, who gets what, and what the log keeps."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from hostile_cells import TEXTS
from sqlalchemy import select
from staffed import Client, Console, SignIn, add_member
from talks import hear, meet, tell

from bot.clock import utc_now
from bot.console.exports import files, pages
from bot.console.exports.rows import RowKind, Wanted
from bot.console.roles import ROLES, Role
from bot.console.security.sessions import Signed
from bot.db.filters import Filters
from bot.db.models import Application, AuditEntry, Identity, StaffMember
from bot.db.people import open_request
from bot.db.threads import add_tag

PRIVATE = ("Zineb", "12 34 56", "612345612", "zineb@example.com", "Exemple", "zineb_e")


async def meet_zineb(console: Console) -> int:
    """Somebody with a name, a number and an address, who wrote them down too."""
    contact_id = await meet(console.db, channel="whatsapp", name="Zineb")
    async with console.db.write() as session:
        identity = (await session.scalars(select(Identity).where(Identity.contact_id == contact_id))).one()
        identity.address = "whatsapp:+212612345612"
        identity.profile = {"name": "Zineb", "username": "zineb_e"}
        session.add(
            Application(
                reference="JIT-ABCDEF", contact_id=contact_id, full_name="Zineb Exemple", phone="+212612345612",
                email="zineb@example.com", city_slug="rabat", diploma="bac", situation="job_seeker",
                track_slug="undecided",
            )
        )  # fmt: skip
    text = "je suis Zineb, 06 12 34 56 12, zineb@example.com"
    await hear(
        console.db,
        contact_id,
        text,
        error="+212612345612 refuse",
        attachments=[{"kind": "contact", "phone": "212612345612"}],
    )
    await tell(console.db, contact_id, "Merci Zineb !")
    return contact_id


async def export(client: Client, **asked: str) -> list[dict[str, Any]]:
    """The rows of a file, by their headings."""
    answer = await client.post("/exports/file", {"rows": "message", "format": "csv", **asked})
    assert answer.status_code == 200, answer.text[:2000]
    assert "attachment" in answer.headers["content-disposition"] and answer.headers["cache-control"] == "no-store"
    if asked.get("format") == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
        head, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))


async def test_a_row_is_a_message(any_console: Console) -> None:
    """Typed, in the order of time, with what was understood and how it was delivered."""
    console = any_console
    contact_id = await meet(console.db, variety="ary-Latn")
    at = datetime(2026, 11, 23, 13, 5, 9, tzinfo=UTC)
    heard = await hear(
        console.db, contact_id, "chhal ?", at, intent="jobintech_cost", confidence=0.25, variety="ary-Latn",
        finished_at=at + timedelta(seconds=1.5),
    )  # fmt: skip
    missed = await hear(console.db, contact_id, "???", at + timedelta(minutes=1), intent="nlu_fallback")
    member = await add_member(console.db, name="Nadia")
    said = await tell(console.db, contact_id, "Gratuit.", delivered_at=at, state="delivered")
    written = await tell(console.db, contact_id, "Bonjour", is_staff=True, staff_id=member.id)
    rows = await export(await console.sign_in("adviser"), format="xlsx")
    assert [row["Message"] for row in rows] == [heard, missed, said, written]
    first = rows[0]
    assert first["Date"] == datetime(2026, 11, 23, 14, 5, 9) and first["Confiance"] == 0.25
    assert first["De"] == "la personne" and first["Langue"] == "Darija" and first["Canal"] == "Telegram"
    assert first["Répondu en (s)"] == 1.5 and first["Pas compris"] is False and first["État"] == "répondu"
    assert first["Sujet"] == "C'est gratuit ?" and first["Code du sujet"] == "jobintech_cost"
    assert rows[1]["Pas compris"] is True and rows[2]["Pas compris"] is None
    assert rows[2]["De"] == "l'assistant" and rows[2]["État"] == "reçu" and rows[2]["Réponse"] == "utter_greet"
    assert rows[3]["De"] == "l'équipe" and rows[3]["Auteur"] == "Nadia"


async def test_a_row_is_a_conversation(any_console: Console) -> None:
    """As the list shows it, with how much was written."""
    console = any_console
    first, second = await meet(console.db), await meet(console.db)
    await hear(console.db, first, "bonjour")
    await hear(console.db, first, "xyz", intent="nlu_fallback")
    await tell(console.db, first, "Pardon ?")
    await hear(console.db, second, "salut")
    async with console.db.write() as session:
        await add_tag(session, first, "bourse")
        await open_request(session, second, "human", None)
    client = await console.sign_in("analyst")
    rows = await export(client, rows="conversation", format="xlsx")
    assert [row["Conversation"] for row in rows] == [second, first]
    assert rows[1]["Messages reçus"] == 2 and rows[1]["Messages envoyés"] == 1 and rows[1]["Pas compris"] == 1
    assert rows[1]["Étiquettes"] == "bourse" and rows[1]["Dernier message"] == "Pardon ?"
    assert rows[0]["État"] == "attend une personne" and rows[0]["Attend depuis"] is not None
    found = await export(client, rows="conversation", fallback="1")
    assert [row["Message trouvé"] for row in found] == ["xyz"]


async def test_filters_choose_the_messages(any_console: Console) -> None:
    """Those about messages choose them one by one, the others whole conversations; views of the list count too."""
    console = any_console
    first, second = await meet(console.db), await meet(console.db, channel="whatsapp")
    long_ago = utc_now() - timedelta(days=400)
    await hear(console.db, first, "vieux", long_ago)
    await hear(console.db, first, "le prix de la formation")
    await hear(console.db, second, "chhal taman ?", variety="ary-Latn")
    async with console.db.write() as session:
        await add_tag(session, second, "presse")
        await open_request(session, first, "human", None)
    client = await console.sign_in("adviser")

    async def texts(**asked: str) -> list[str]:
        return [row["Texte"] for row in await export(client, **asked)]

    assert await texts() == ["vieux", "le prix de la formation", "chhal taman ?"]
    assert await texts(**{"from": str((utc_now() - timedelta(days=2)).date())}) == [
        "le prix de la formation",
        "chhal taman ?",
    ]
    assert await texts(text="prix") == ["le prix de la formation"]
    assert await texts(text="prix", channel="whatsapp") == []
    assert await texts(tag="presse") == ["chhal taman ?"]
    assert await texts(view="waiting") == ["vieux", "le prix de la formation"]
    assert await texts(variety="ary-Latn") == ["chhal taman ?"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("rows", ["message", "conversation"])
@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_personal_data_are_dots(console: Console, role: Role, rows: str, format_: str) -> None:
    """For everybody who did not ask for them, also after somebody opened the conversation on the page."""
    contact_id = await meet_zineb(console)
    client = await console.sign_in(role)
    if role in ("administrator", "adviser"):
        await client.post(f"/conversations/{contact_id}/reveal")
    found = await export(client, rows=rows, format=format_)
    assert found
    for private in PRIVATE:
        assert private not in str(found), private
    assert "Téléphone" not in found[0]


async def test_personal_data_are_for_who_asks_and_answers(console: Console, signed_in: SignIn) -> None:
    """The log says who took them, of how many rows, with which filters, but not what was searched for."""
    await meet_zineb(console)
    client = await signed_in("adviser")
    (row, _) = await export(client, personal="1", text="Zineb", channel="whatsapp")
    assert (
        row["Nom"] == "Zineb Exemple" and row["Téléphone"] == "'+212612345612" and row["E-mail"] == "zineb@example.com"
    )
    assert row["Texte"].startswith("je suis Zineb, 06 12 34 56 12") and row["Nom d'utilisateur"] == "zineb_e"
    async with console.db.read() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert client.member is not None
    assert (entry.member_id, entry.action, entry.subject) == (client.member.id, "conversations_exported", "messages")
    filters = ["text", "channel=whatsapp"]
    assert entry.details == {"format": "csv", "count": 2, "personal": True, "filters": filters}
    log = (await (await signed_in("administrator")).get("/audit")).text
    assert "Conversations exportées" in log and "Zineb" not in log


@pytest.mark.parametrize("role", ["editor", "analyst"])
async def test_others_can_not_ask_for_personal_data(console: Console, role: Role) -> None:
    """The choice is not on their page, and refused when it comes all the same; nothing is logged as taken."""
    await meet_zineb(console)
    client = await console.sign_in(role)
    assert 'name="personal"' not in (await client.get("/exports")).text
    answer = await client.post("/exports/file", {"rows": "message", "format": "csv", "personal": "1"})
    assert answer.status_code == 422 and "Votre rôle n&#39;ouvre pas" in answer.text
    assert await console.audited() == []


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_hostile_texts_are_inert(console: Console, signed_in: SignIn, format_: str) -> None:
    """In each field that people fill: their name, user name, texts, buttons, attachments, tags, errors."""
    for text in TEXTS:
        text = text.encode("utf-8", "replace").decode().replace("\x00", "")
        contact_id = await meet(console.db, name=text)
        async with console.db.write() as session:
            identity = (await session.scalars(select(Identity).where(Identity.contact_id == contact_id))).one()
            identity.profile = {"name": text, "username": text}
        attachments = [{"kind": text[:50], "name": text, "file_name": text, "phone": text}]
        await hear(
            console.db, contact_id, text, payload=text[:200], error=text, intent=text[:60], attachments=attachments,
            variety=text[:8], entities=[{"entity": text, "value": text, "start": 0, "end": 1}],
        )  # fmt: skip
        await tell(console.db, contact_id, text, answer_key=text[:60])
    client = await signed_in("administrator")
    for personal in ("1", ""):
        for rows in ("message", "conversation"):
            asked = {"rows": rows, "format": format_, "personal": personal}
            content = (await client.post("/exports/file", asked)).content
            if format_ == "xlsx":
                sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
                assert sheet.max_row == len(TEXTS) * (2 if rows == "message" else 1) + 1
                assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d", "b"}
            else:
                read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
                assert len(read) == len(TEXTS) * (2 if rows == "message" else 1) + 1
                for row in read:
                    assert not any(cell.lstrip().startswith(tuple("=+-@＝＋－＠")) for cell in row)


async def test_the_page_says_how_much_there_is(console: Console, signed_in: SignIn) -> None:
    """With the filters of the list, which the link there carries."""
    contact_id = await meet(console.db)
    for _ in range(3):
        await hear(console.db, contact_id)
    client = await signed_in("analyst")
    assert (
        'href="/console/exports?channel=telegram&amp;view=unread"'
        in (await client.get("/conversations?view=unread&channel=telegram")).text
    )
    page = (await client.get("/exports?view=unread&channel=telegram")).text
    assert "(lignes\u00a0: 1)" in page and "(lignes\u00a0: 3)" in page and "Telegram" in page and "Non lues" in page
    assert "(lignes\u00a0: 0)" in (await client.get("/exports?channel=web")).text
    wrong = await client.get("/exports?from=hier")
    assert wrong.status_code == 422 and "Ce n&#39;est pas une date" in wrong.text


async def test_what_is_wrong_is_said(console: Console, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its field, with what was chosen before."""
    contact_id = await meet(console.db)
    await hear(console.db, contact_id)
    await hear(console.db, contact_id)
    client = await signed_in("adviser")
    answer = await client.post("/exports/file", {"rows": "word", "format": "pdf", "channel": "telegram"})
    assert answer.status_code == 422 and "Choisissez un format" in answer.text and "une ligne" in answer.text
    assert 'name="channel" value="telegram"' in answer.text
    monkeypatch.setattr(pages, "MOST_XLSX_ROWS", 1)
    answer = await client.post("/exports/file", {"rows": "message", "format": "xlsx"})
    assert answer.status_code == 422 and "Plus de 1 lignes" in answer.text
    assert len(await export(client)) == 2
    assert [action for _, action, _ in await console.audited()] == ["conversations_exported"]


async def test_two_files_are_made_at_once(console: Console, signed_in: SignIn) -> None:
    """A third is refused until one is done; whoever goes away leaves their place, and the connection."""
    await hear(console.db, await meet(console.db))
    client = await signed_in("adviser")
    member = client.member
    assert member is not None
    wanted = Wanted("message", Filters(), is_personal=False)
    running = [await files.begin(pages._make(console.db, _signed(member), wanted, "csv")) for _ in range(2)]
    answer = await client.post("/exports/file", {"rows": "message", "format": "csv"})
    assert answer.status_code == 503 and "Deux exports sont déjà en cours" in answer.text
    for pieces in running:
        await pieces.aclose()
    assert len(await export(client)) == 1


def _signed(member: StaffMember) -> Signed:
    return Signed(member.id, 1, member.name, member.email, member.role, "fr", "", True, False)


async def test_a_file_leaves_nothing_behind(
    console: Console, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The temporary folder is gone, also when the making fails."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await hear(console.db, await meet(console.db))
    client = await signed_in("adviser")
    before = set(tmp_path.iterdir())
    assert len(await export(client, format="xlsx")) == 1

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.exports.xlsx_file.XlsxFile.write_rows", fail)
    assert (await client.post("/exports/file", {"rows": "message", "format": "xlsx"})).status_code == 503
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["message", "conversation"])
async def test_a_file_is_of_one_state(any_console: Console, kind: RowKind) -> None:
    """What is written while it is sent is in the next file."""
    console = any_console
    people = [await meet(console.db) for _ in range(3)]
    for contact_id in people:
        await hear(console.db, contact_id, "avant")
    signed = _signed(await add_member(console.db))
    wanted = Wanted(kind, Filters(), is_personal=False)
    pieces = await files.begin(pages._make(console.db, signed, wanted, "csv"))
    content = await anext(pieces)
    await hear(console.db, people[0], "pendant")
    await hear(console.db, await meet(console.db), "pendant")
    content += b"".join([piece async for piece in pieces])
    assert content.count(b"avant") == 3 and b"pendant" not in content
