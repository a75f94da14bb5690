"""The pages of the training: the queue, one group, what two members say, the export; without a browser."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from staffed import Client, Console, SignIn, add_member
from talks import hear, meet, tell
from test_conversation_pages import assert_inert
from test_pages import HOSTILE

from bot import staff
from bot.annotation import examples
from bot.annotation.gathering import gather_all
from bot.clock import utc_now
from bot.db.erasure import erase_contact, purge_contact
from bot.db.models import Annotation, AuditEntry, CandidateGroup, Contact

AGO = timedelta(minutes=5)
SAID = "vous prenez les gens qui travaillent la nuit à Rabat ?"


@pytest.fixture(autouse=True)
def second(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether every group wants a second look."""
    asked = {"wanted": False}
    monkeypatch.setattr("bot.db.annotations.wants_second_look", lambda _key: asked["wanted"])
    return asked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples, in place of the real ones."""
    copy = tmp_path / "examples"
    shutil.copytree(examples.FOLDER, copy)
    monkeypatch.setattr(examples, "FOLDER", copy)
    return copy


async def miss(console: Console, text: str = SAID, **values: Any) -> int:
    """A message that was not understood, looked at; the id of its group."""
    name = str(values.pop("name", "Salma"))
    columns: dict[str, Any] = {
        "intent": "nlu_fallback", "confidence": 0.21,
        "ranking": [{"intent": "nlu_fallback", "confidence": 0.21}, {"intent": "jobintech_dates", "confidence": 0.2}],
    }  # fmt: skip
    number = await hear(console.db, await meet(console.db, name=name), text, utc_now() - AGO, **(columns | values))
    await gather_all(console.db)
    return await group_of(console, number)


async def group_of(console: Console, message_id: int) -> int:
    async with console.db.read() as session:
        query = select(CandidateGroup.id).where(CandidateGroup.lead_id == message_id)
        found: int | None = await session.scalar(query)
        return found or 0


async def state_of(console: Console, group_id: int) -> str:
    async with console.db.read() as session:
        return (await session.get_one(CandidateGroup, group_id)).state


async def say(client: Client, group_id: int, **form: str) -> Any:
    return await client.post(f"/training/groups/{group_id}/annotate", {"verdict": "topic", "variety": "fr"} | form)


async def test_from_the_queue_to_the_examples(any_console: Console, folder: Path) -> None:
    """The heaviest is opened, marked, confirmed, exported once, and taken back; the log says who did it."""
    console = any_console
    group_id = await miss(console, entities=[{"entity": "date", "start": 37, "end": 44, "value": "nuit"}])
    client = await console.sign_in("editor")
    page = (await client.get("/training")).text
    assert SAID in page and "21 %" in page and "poids 3" in page
    answer = await client.get("/training/next?view=open")
    assert answer.headers["location"] == f"/console/training/groups/{group_id}?view=open"
    page = (await client.get(f"/training/groups/{group_id}")).text
    for part in ('value="37-44:date"', 'value="jobintech_dates" checked', "pas compris", "Rabat"):
        assert part in page, part
    marked = await say(client, group_id, verdict="mark", letters="Rabat", kind="city", marks="", intent="greet")
    assert marked.status_code == 200 and 'value="47-52:city"' in marked.text
    assert 'value="greet" checked' in marked.text
    answer = await say(client, group_id, intent="jobintech_eligibility", marks="47-52:city", view="open")
    assert answer.headers["location"] == "/console/training/next?view=open&done=annotated"
    answer = await client.get("/training/next?view=open&done=annotated")
    assert answer.headers["location"] == "/console/training?view=open&done=annotated"
    line = SAID.replace("Rabat", "[Rabat](city)")
    page = (await client.get("/training/export")).text
    assert f"+    - {line}" in page and line not in (folder / "jobintech.fr.yml").read_text()
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    patch = await client.post("/training/export/patch")
    assert patch.headers["content-disposition"].startswith("attachment") and f"+    - {line}\n" in patch.text
    stale = await client.post("/training/export", {"seen": "another"})
    assert stale.status_code == 422 and "ont changé" in stale.text
    answer = await client.post("/training/export", {"seen": seen})
    assert answer.headers["location"].endswith("done=examples_exported")
    assert (folder / "jobintech.fr.yml").read_text().count(line) == 1
    assert await state_of(console, group_id) == "exported"
    assert "Rien à ajouter" in (await client.get("/training/export")).text
    refused = await say(client, group_id, intent="greet")
    assert refused.status_code == 422 and "Reprenez-le" in refused.text
    assert (await client.post("/training/undo")).headers["location"].endswith("annotation_exported")
    page = (await client.get(f"/training/groups/{group_id}")).text
    assert "jobintech.fr.yml" in page
    answer = await client.post(f"/training/groups/{group_id}/take-back")
    assert answer.headers["location"].endswith("done=example_taken_back")
    assert line not in (folder / "jobintech.fr.yml").read_text()
    assert await state_of(console, group_id) == "agreed"
    assert [action for _, action, _ in await console.audited()] == [
        "annotated", "examples_exported", "example_taken_back",
    ]  # fmt: skip
    async with console.db.read() as session:
        assert all("nuit" not in str(details) for details in await session.scalars(select(AuditEntry.details)))


async def test_what_is_taken_back_of_an_erased_person_goes(any_console: Console, folder: Path) -> None:
    """The line leaves the files, and nothing that was made of their message stays to be exported again."""
    console = any_console
    group_id = await miss(console)
    client = await console.sign_in("administrator")
    await say(client, group_id, intent="jobintech_dates")
    page = (await client.get("/training/export")).text
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found is not None
    await client.post("/training/export", {"seen": found[1]})
    async with console.db.write() as session:
        (contact_id,) = await session.scalars(select(Contact.id))
        await erase_contact(session, contact_id, None, "x" * 16)
        await purge_contact(session, contact_id)
    assert SAID in (folder / "jobintech.fr.yml").read_text()
    answer = await client.post(f"/training/groups/{group_id}/take-back")
    assert answer.headers["location"] == "/console/training?view=exported&done=example_taken_back"
    assert SAID not in (folder / "jobintech.fr.yml").read_text()
    async with console.db.read() as session:
        for model in (CandidateGroup, Annotation):
            assert list(await session.scalars(select(model))) == []
    assert ("example_taken_back", f"group:{group_id}") in {entry[1:] for entry in await console.audited()}


async def test_what_is_wrong_is_said_and_nothing_is_lost(console: Console, signed_in: SignIn) -> None:
    """Words that are not there or are marked already, no topic, an unknown one: 422, with the form as it was."""
    group_id = await miss(console)
    client = await signed_in("adviser")
    for form, words in (
        ({"verdict": "mark", "letters": "Casablanca", "kind": "city"}, "ne sont pas dans l&#39;exemple"),
        ({"verdict": "mark", "letters": "", "kind": "city"}, "Choisissez d&#39;abord des mots"),
        ({"verdict": "mark", "letters": "Rabat", "kind": "code"}, "Choisissez ce que c&#39;est"),
        ({"verdict": "mark", "letters": "à Rabat", "kind": "city"}, "touchent \u2068Rabat\u2069"),
        ({"verdict": "topic", "letters": "Fès", "kind": "city"}, "ne sont pas dans l&#39;exemple"),
        ({"intent": ""}, "Choisissez un sujet"),
        ({"intent": "rate_up"}, "Choisissez un sujet"),
        ({"intent": "thank", "variety": "de"}, "Choisissez une langue"),
    ):  # fmt: skip
        answer = await say(client, group_id, **({"marks": "47-52:city", "intent": "thank"} | form))
        assert answer.status_code == 422 and words in answer.text, form
        assert 'value="47-52:city"' in answer.text
        assert ('value="thank" checked' in answer.text) == (form.get("intent", "thank") == "thank")
    unmarked = await say(client, group_id, unmark="47-52:city", marks="47-52:city", intent="thank")
    assert unmarked.status_code == 200 and "47-52:city" not in unmarked.text
    assert await state_of(console, group_id) == "open" and await console.audited() == []
    for path in ("/training/groups/2147483647", "/training/groups/99999999999"):
        assert (await client.get(path)).status_code == 404
        assert (await client.post(f"{path}/annotate")).status_code == 404
    assert (await client.get("/training?view=nowhere&after=xyz")).status_code == 200
    assert (await client.post("/training/undo")).headers["location"].endswith("nothing_to_undo")


async def test_a_second_look_is_free_and_a_disagreement_is_settled(
    console: Console, signed_in: SignIn, second: dict[str, bool]
) -> None:
    """The first label is hidden from the second member; both are shown to an editor, who settles it."""
    second["wanted"] = True
    group_id = await miss(console)
    one, two, editor = await signed_in("adviser"), await signed_in("adviser"), await signed_in("editor")
    await say(one, group_id, intent="jobintech_eligibility")
    assert await state_of(console, group_id) == "second"
    path = f"/training/groups/{group_id}"
    page = (await two.get(path)).text
    assert "reste caché" in page and one.member is not None and one.member.name not in page
    assert SAID not in (await one.get("/training?view=second")).text
    assert SAID in (await two.get("/training?view=second")).text
    await say(two, group_id, verdict="foreign")
    assert await state_of(console, group_id) == "disputed"
    assert "Hors sujet" not in (await one.get(path)).text
    assert (await one.post(f"{path}/settle", {"intent": "thank"})).status_code == 403
    page = (await editor.get(f"{path}?view=disputed")).text
    assert one.member.name in page and "Hors sujet" in page and "Trancher" in page
    assert (await editor.get("/training/next?view=disputed")).headers["location"].endswith("?view=disputed")
    settled = {"intent": "jobintech_eligibility", "variety": "fr", "verdict": "topic", "view": "disputed"}
    assert (await editor.post(f"{path}/settle", settled)).status_code == 303
    assert await state_of(console, group_id) == "agreed"
    page = (await editor.get("/training")).text
    assert "Accord observé\u00a0: 0\u00a0% (doubles regards\u00a0: 1)." in page and "Kappa de Cohen" in page
    async with console.db.read() as session:
        said = [(each.staff_id, each.intent, each.settles) for each in await session.scalars(select(Annotation))]
    assert len(said) == 3 and said[1][1] == "out_of_scope" and said[2][2] is True


async def test_an_editor_accepts_alone(console: Console, signed_in: SignIn, second: dict[str, bool]) -> None:
    """Where there is no second member, who keeps the answers accepts their own look."""
    second["wanted"] = True
    group_id = await miss(console)
    editor = await signed_in("editor")
    await say(editor, group_id, intent="thank")
    page = (await editor.get(f"/training/groups/{group_id}")).text
    assert f'action="/console/training/groups/{group_id}/settle"' in page
    await editor.post(f"/training/groups/{group_id}/settle", {"intent": "thank", "variety": "fr", "verdict": "topic"})
    assert await state_of(console, group_id) == "agreed"


async def test_what_is_agreed_is_changed_by_its_author_or_an_editor(console: Console, signed_in: SignIn) -> None:
    """Another adviser, who sees the label, can't look freely any more and has no form; an editor decides."""
    group_id = await miss(console)
    author, other, editor = await signed_in("adviser"), await signed_in("adviser"), await signed_in("editor")
    await say(author, group_id, intent="thank")
    path = f"/training/groups/{group_id}"
    assert "/annotate" in (await author.get(path)).text
    assert "/annotate" not in (await other.get(path)).text and "/settle" not in (await other.get(path)).text
    assert f'action="/console{path}/settle"' in (await editor.get(path)).text
    await editor.post(f"{path}/settle", {"intent": "greet", "variety": "fr", "verdict": "topic"})
    assert "annoté\u00a0:</" not in (page := (await other.get(path)).text) and "Salutation" in page


async def test_skipping_and_undoing(console: Console, signed_in: SignIn) -> None:
    """What is skipped is asked of others; the last one is undone, and its group opened."""
    group_id = await miss(console)
    client = await signed_in("adviser")
    await say(client, group_id, verdict="skip", view="open")
    assert SAID not in (await client.get("/training")).text
    assert SAID in (await client.get("/training?view=skipped")).text
    assert SAID in (await (await signed_in("adviser")).get("/training")).text
    answer = await client.post("/training/undo")
    assert answer.headers["location"] == f"/console/training/groups/{group_id}?done=annotation_undone"
    assert SAID in (await client.get("/training")).text


async def test_a_group_shows_its_messages_and_gives_one_away(console: Console, signed_in: SignIn) -> None:
    """Each message is masked whoever reads; one that means something else gets a group of its own."""
    await miss(console, "rappelez Kenza au 06 12 34 56 78 svp", name="Kenza")
    group_id = await miss(console, "rappelez Omar au 0699887766", name="Omar") or 1
    client = await signed_in("administrator")
    page = (await client.get(f"/training/groups/{group_id}")).text
    assert "Messages du groupe (2)" in page and "06 •• •• •• 78" in page
    for part in ("Kenza", "Omar ", "06 12 34", "0699887766"):
        assert part not in page.replace("Omar Exemple", ""), part
    async with console.db.read() as session:
        lead = (await session.get_one(CandidateGroup, group_id)).lead_id
    answer = await client.post(f"/training/groups/{group_id}/take-out", {"message": str(lead)})
    alone = int(answer.headers["location"].partition("groups/")[2].partition("?")[0])
    assert alone != group_id and "Messages du groupe (1)" in (await client.get(f"/training/groups/{alone}")).text
    assert (await client.post(f"/training/groups/{group_id}/take-out", {"message": str(lead)})).status_code == 404
    assert (await client.post(f"/training/groups/{group_id}/take-out", {"message": "x"})).status_code == 404


async def test_what_the_person_chose_is_offered_first(console: Console, signed_in: SignIn) -> None:
    """After "did you mean", the button that was pressed is the topic that is proposed."""
    contact_id = await meet(console.db)
    number = await hear(console.db, contact_id, "alors et ça", utc_now() - AGO, intent="nlu_fallback", confidence=0.2,
                        ranking=[{"intent": "jobintech_dates", "confidence": 0.2}])  # fmt: skip
    await tell(console.db, contact_id, "…", answer_key="did_you_mean", reply_to_id=number, created_at=utc_now() - AGO)
    await hear(console.db, contact_id, "", utc_now() - AGO, payload="/jobintech_cost", intent="jobintech_cost")
    await gather_all(console.db)
    page = (await (await signed_in("adviser")).get(f"/training/groups/{await group_of(console, number)}")).text
    assert 'value="jobintech_cost" checked' in page and "choisi ensuite par la personne" in page


async def test_analysts_read_alone(console: Console, signed_in: SignIn) -> None:
    """They see the queue, a group and the export, and no form that changes anything of it."""
    group_id = await miss(console)
    client = await signed_in("analyst")
    for path in ("/training", f"/training/groups/{group_id}", "/training/export"):
        page = await client.get(path)
        assert page.status_code == 200 and "/annotate" not in page.text and "/training/undo" not in page.text
    for path in (f"groups/{group_id}/annotate", "undo", "export", f"groups/{group_id}/take-back", "messages/1"):
        assert (await client.post(f"/training/{path}")).status_code == 403


async def test_a_thread_leads_to_the_annotation(any_console: Console) -> None:
    """A message can be annotated from its conversation, which then says what it means; the list finds it."""
    console = any_console
    contact_id = await meet(console.db)
    number = await hear(console.db, contact_id, "c'est quoi le cluster", intent="mnc_about", confidence=0.95)
    client = await console.sign_in("adviser")
    page = (await client.get(f"/conversations/{contact_id}")).text
    assert f'action="/console/training/messages/{number}"' in page
    answer = await client.post(f"/training/messages/{number}")
    group_id = await group_of(console, number)
    assert answer.headers["location"] == f"/console/training/groups/{group_id}"
    path = f"/training/groups/{group_id}"
    page = (await client.get(f"/conversations/{contact_id}")).text
    assert f'href="/console{path}"' in page and "/training/messages/" not in page
    assert "c&#39;est quoi" not in (await client.get("/conversations?annotated=1")).text
    await say(client, group_id, intent="mnc_about")
    assert "annoté\u00a0: " in (await client.get(f"/conversations/{contact_id}")).text
    page = await client.get("/conversations?annotated=1")
    assert page.status_code == 200 and "c&#39;est quoi" in page.text and "Annotés" in page.text
    told = await tell(console.db, contact_id, "bonjour")
    assert (await client.post(f"/training/messages/{told}")).headers["location"].endswith("no_example")
    assert (await client.post("/training/messages/2147483647")).status_code == 404
    assert (await client.post("/training/messages/99999999999")).status_code == 404


async def test_refusals_are_told_and_stay(console: Console, signed_in: SignIn, folder: Path) -> None:
    """What is measured is never exported; the same again is noted without a line."""
    heldout = (examples.MEASURED[0] / "fr.tsv").read_text(encoding="utf-8").splitlines()
    intent, _, measured = next(line.partition("\t") for line in heldout if len(line.split()) > 6)
    first, known = await miss(console, measured), await miss(console, "C koi jobintech")
    client = await signed_in("administrator")
    await say(client, first, intent=intent.split("|")[0])
    await say(client, known, intent="jobintech_about")
    page = (await client.get("/training/export")).text
    assert "Presque un message de mesure" in page and "heldout/fr.tsv:" in page and "Déjà là (1)" in page
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    await client.post("/training/export", {"seen": seen})
    assert await state_of(console, first) == "agreed" and await state_of(console, known) == "exported"
    page = (await client.get(f"/training/groups/{known}")).text
    assert "y était déjà" in page
    answer = await client.post(f"/training/groups/{known}/take-back")
    assert answer.headers["location"].endswith("example_was_gone")
    assert (await client.post(f"/training/groups/{first}/take-back")).status_code == 303
    assert await state_of(console, first) == "agreed"


async def test_the_terminal_exports_too(
    console: Console, signed_in: SignIn, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`export-examples --check` prints the patch; without it, it is written and logged as the terminal's."""
    group_id = await miss(console)
    await say(await signed_in("adviser"), group_id, intent="jobintech_eligibility")
    settings = console.app.state.assistant.settings
    before = (folder / "jobintech.fr.yml").read_text()
    await staff.export_examples(settings, check=True)
    shown = capsys.readouterr()
    assert f"+    - {SAID}" in shown.out and "1 new, 0 there already, 0 refused; nothing was written" in shown.err
    assert (folder / "jobintech.fr.yml").read_text() == before
    await staff.export_examples(settings, check=False)
    assert SAID in (folder / "jobintech.fr.yml").read_text()
    assert (None, "examples_exported", "") in await console.audited()
    await staff.export_examples(settings, check=False)
    assert "0 new" in capsys.readouterr().err


async def test_files_that_can_not_be_written_are_told(
    console: Console, signed_in: SignIn, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is marked as exported then."""
    group_id = await miss(console)
    client = await signed_in("editor")
    await say(client, group_id, intent="jobintech_eligibility")
    page = (await client.get("/training/export")).text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]

    def refuse(_from: Path, _to: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bot.annotation.examples.os.replace", refuse)
    failed = await client.post("/training/export", {"seen": seen})
    assert failed.status_code == 422 and "can&#39;t be written: Permission denied" in failed.text
    assert await state_of(console, group_id) == "agreed" and len(examples.list_intents()) > 50
    monkeypatch.setattr(examples, "FOLDER", Path("none"))
    assert "no such folder" in (await client.get("/training/export")).text


async def test_hostile_texts_are_inert(console: Console, signed_in: SignIn) -> None:
    """Markup in a message, a label and an account's name shows as the text that it is."""
    group_id = await miss(console, HOSTILE, ranking=[{"intent": HOSTILE, "confidence": 0.1}, {"confidence": "x"}])
    member = await add_member(console.db, "editor", name=HOSTILE[:120])
    client = await console.sign_in(member=member)
    for path in ("/training", f"/training/groups/{group_id}"):
        assert_inert((await client.get(path)).text)
    refused = await say(client, group_id, verdict="mark", letters=HOSTILE, kind=HOSTILE, variety=HOSTILE)
    assert refused.status_code == 422
    assert_inert(refused.text)
    await say(client, group_id, intent="thank", letters="")
    async with console.db.write() as session:
        await session.execute(update(Annotation).values(variety="fr"))
    for path in ("/training?view=agreed", f"/training/groups/{group_id}", "/training/export"):
        assert_inert((await client.get(path)).text)
