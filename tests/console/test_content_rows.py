"""Rows in the console: one description, the rules of seeding, what refers to a row, and the way back."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import select
from staffed import Client, Console
from test_content_answers import fill_in

from bot.clock import utc_now
from bot.console.content.kinds import KINDS, list_columns
from bot.db.models import (
    Announcement,
    Cohort,
    Contact,
    ContactPoint,
    ContentRevision,
    Event,
    Fact,
    Notice,
    Operator,
    Registration,
    Subscription,
)
from bot.db.seed import seed

COHORT = {
    "slug": "data-rabat-2027", "title": "Data 2027", "track_slug": "data", "operator_slug": "", "city_slug": "rabat",
    "starts_on": "2027-01-11", "ends_on": "2027-05", "duration_months": "4,5", "enrolment": "open",
    "enrol_until": "2027-01-04", "fact_slug": "jit-020",
}  # fmt: skip


async def read_form_of(client: Client, path: str) -> dict[str, str]:
    """The fields of a row's form as a browser would send them, of repeated ones the last."""
    page = (await client.get(path)).text
    form = dict(re.findall(r'<input[^>]* name="([^"]+)" type="(?:text|date|url)" value="([^"]*)"', page))
    form |= {name: text.strip() for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n([^<]*)', page)}
    for name, options in re.findall(r'<select[^>]* name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else ""
    form["seen"] = page.partition('name="seen" value="')[2].partition('"')[0]
    return {name: html.unescape(text) for name, text in form.items()}


async def test_a_cohort_is_made_changed_and_deleted(any_console: Console) -> None:
    """It comes out of the form as a column keeps it; deleting leaves it in the history, from which it comes back."""
    await fill_in(any_console)
    client = await any_console.sign_in("editor")
    made = await client.post("/content/rows/cohorts/new", COHORT)
    assert made.status_code == 303, made.text
    async with any_console.db.read() as session:
        row = await session.get_one(Cohort, "data-rabat-2027")
    assert (row.duration_months, row.operator_slug, str(row.first_day), str(row.last_day)) == (
        4.5, None, "2027-01-11", "2027-05-31",
    )  # fmt: skip
    path = "/content/rows/cohorts/data-rabat-2027"
    form = await read_form_of(client, path)
    assert (await client.post(path, form | {"title": "Data 2027 bis"})).status_code == 303
    stale = await client.post(path, form | {"title": "Data 2027 ter"})
    assert stale.status_code == 422 and "entre-temps" in stale.text and "Data 2027 ter" in stale.text
    assert (await client.post(f"{path}/remove")).headers["location"].endswith("done=row_deleted")
    assert (await client.get(path)).status_code == 404
    history = await client.get("/content/history?kind=cohorts&key=data-rabat-2027")
    assert "<ins>" in history.text and "bis" in history.text
    async with any_console.db.read() as session:
        revisions = list(await session.scalars(select(ContentRevision).order_by(ContentRevision.id)))
    assert [(each.before is None, each.after is None) for each in revisions] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip
    back = await client.post(f"/content/history/{revisions[0].id}/restore", {"side": "after"})
    assert back.status_code == 303, back.text
    async with any_console.db.read() as session:
        row = await session.get_one(Cohort, "data-rabat-2027")
    assert (row.title, str(row.enrol_until), str(row.last_day)) == ("Data 2027", "2027-01-04", "2027-05-31")
    assert [action for _, action, _ in await any_console.audited()] == [
        "row_created", "row_changed", "row_deleted", "row_restored",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slug": "Données 1"}, "minuscules"),
        ({"slug": "par-001"}, "déjà pris"),
        ({"title": ""}, "À remplir"),
        ({"title": "x" * 161}, "160 au plus"),
        ({"starts_on": "janvier"}, "2027-01-15"),
        ({"ends_on": "2026"}, "avant le début"),
        ({"duration_months": "beaucoup"}, "de 0.25 à 120"),
        ({"track_slug": "cuisine"}, "cuisine n"),
        ({"fact_slug": ""}, "À remplir"),
        ({"enrol_until": "2027-02-30"}, "un jour"),
        ({"enrolment": "maybe"}, "dans la liste"),
    ],
)
async def test_a_wrong_field_says_what_would_be_right(console: Console, changes: dict[str, str], says: str) -> None:
    """The form comes back filled, with the error tied to its field, and nothing is written."""
    await fill_in(console)
    client = await console.sign_in("editor")
    refused = await client.post("/content/rows/cohorts/new", COHORT | changes)
    assert refused.status_code == 422 and says in re.sub("[\u2068\u2069]", "", refused.text)
    assert ('aria-invalid="true"' in refused.text and 'value="4,5"' in refused.text) or "duration_months" in changes
    assert await console.audited() == []


async def test_seeding_leaves_alone_what_staff_changed_and_put_aside(any_console: Console) -> None:
    """A changed row keeps its change, one put aside stays away from people until it is brought back."""
    await fill_in(any_console)
    client = await any_console.sign_in("editor")
    path = "/content/rows/operators/ensias"
    form = await read_form_of(client, path)
    assert (await client.post(path, form | {"name": "ENSIAS Rabat"})).status_code == 303
    refused = await client.post("/content/rows/tracks/data/remove")
    assert refused.status_code == 422 and "se rapportent" not in refused.text.split("<h1>")[0]
    gone = await client.post("/content/rows/events/gitex-africa/remove")
    assert gone.headers["location"].endswith("done=row_retired")
    async with any_console.db.write() as session:
        await seed(session)
    async with any_console.db.read() as session:
        assert (await session.get_one(Operator, "ensias")).name == "ENSIAS Rabat"
        assert await session.get(Event, "gitex-africa") is None
        assert "gitex-africa" not in list(await session.scalars(select(Event.slug)))
    assert "gitex-africa" in (await client.get("/content/rows/events?aside=1")).text
    assert (await client.post("/content/rows/events/gitex-africa/bring-back")).status_code == 303
    async with any_console.db.read() as session:
        assert await session.get(Event, "gitex-africa") is not None


async def test_what_is_referred_to_stays(console: Console) -> None:
    """A cited fact, a track with cohorts and an event with registrations can't be taken away, and the page says why."""
    await fill_in(console)
    client = await console.sign_in("editor")
    async with console.db.write() as session:
        session.add(Contact(id=1))
        await session.flush()
        values = {"contact_id": 1, "event_slug": "gitex-africa", "reference": "EVT-1", "state": "registered"}
        session.add(Registration(**values))
    for path in ("facts/jit-009", "tracks/data", "events/gitex-africa"):
        assert (await client.post(f"/content/rows/{path}/remove")).status_code == 422, path
    page = await client.get("/content/rows/facts/jit-009")
    assert "utter_jobintech_about" in page.text
    assert (await client.post("/content/rows/cities/rabat", {"name": "x"})).status_code == 404
    assert (await client.get("/content/rows/cities/new")).status_code == 404


async def test_a_fact_keeps_the_values_that_answers_show(console: Console) -> None:
    """Taking a value away that a text shows is refused with the answer's name; changing it shows in the answer."""
    await fill_in(console)
    client = await console.sign_in("editor")
    path = "/content/rows/facts/jit-009"
    form = await read_form_of(client, path)
    refused = await client.post(path, form | {"values": "autre: 1"})
    assert refused.status_code == 422 and "utter_jobintech" in refused.text and "duree_mois" in refused.text
    unreadable = await client.post(path, form | {"values": "a: [1"})
    assert unreadable.status_code == 422 and "par ligne" in unreadable.text
    saved = await client.post(path, form | {"values": "duree_mois:\n- 7\n- 8"})
    assert saved.status_code == 303
    async with console.db.read() as session:
        assert (await session.get_one(Fact, "jit-009")).values == {"duree_mois": [7, 8]}


async def test_each_form_sends_back_what_it_shows(console: Console) -> None:
    """Opening a row of each kind and saving it as it stands changes nothing."""
    await fill_in(console)
    async with console.db.write() as session:
        # The one kind of which nothing is shipped.
        session.add(ContactPoint(slug="standard", kind="email", value="contact@example.com"))
    client = await console.sign_in("editor")
    for kind in KINDS:
        if kind.is_fixed:
            continue
        async with console.db.read() as session:
            row = (await session.scalars(select(kind.model).order_by(kind.model.slug))).first()
        path = f"/content/rows/{kind.path}/{row.slug}"
        page = (await client.get(path)).text
        form: dict[str, list[str]] = {name: [text] for name, text in (await read_form_of(client, path)).items()}
        for number in re.findall(r'<input[^>]* name="([^"]+)" type="number" value="([^"]*)"', page):
            form[number[0]] = [number[1]]
        for name, value in re.findall(r'<input type="checkbox" name="([^"]+)" value="([^"]*)" checked', page):
            form.setdefault(name, []).append(value)
        for name in re.findall(r'<input type="checkbox" id="[^"]*" name="([^"]+)" value="yes" checked', page):
            form[name] = ["yes"]
        answer = await client.http.post(
            f"/console{path}", data={"csrf": client.csrf, **form}, headers={"Origin": "http://console.test"}
        )
        assert answer.status_code == 303, (kind.path, re.findall(r'class="error"[^>]*>([^<]*)', answer.text))
    assert await console.audited() == []


async def test_subscribers_are_told_once(console: Console) -> None:
    """The page says to how many; a second time needs the box."""
    await fill_in(console)
    async with console.db.write() as session:
        session.add(Contact(id=1))
        await session.flush()
        session.add(Subscription(contact_id=1, topic="events", wishes=[], created_at=utc_now()))
    client = await console.sign_in("editor")
    path = "/content/rows/events/gitex-africa/announce"
    page = await client.get(path)
    assert "Envoyer à 1 personnes" in page.text and "GITEX" in page.text
    assert (await client.post(path)).status_code == 303
    again = await client.post(path)
    assert again.status_code == 422 and "déjà annoncé" in again.text
    assert (await client.post(path, {"again": "yes"})).status_code == 303
    async with console.db.read() as session:
        assert len(list(await session.scalars(select(Notice)))) >= 1
        assert [each.told for each in await session.scalars(select(Announcement))] == [1, 1]
    assert (await client.get("/content/rows/facts/jit-009/announce")).status_code == 404


async def test_hostile_rows_are_inert(console: Console) -> None:
    """A title that holds markup shows as text in the list, the form, the history and the confirmation."""
    await fill_in(console)
    client = await console.sign_in("editor")
    await client.post("/content/rows/cohorts/new", COHORT | {"title": "<script>window.hacked=1</script>{{7*7}}"})
    for path in (
        "rows/cohorts?q=hacked",
        "rows/cohorts/data-rabat-2027",
        "history",
        "rows/cohorts/data-rabat-2027/announce",
    ):
        page = (await client.get(f"/content/{path}")).text
        assert "<script>window" not in page and "&lt;script&gt;" in page and "{{7*7}}" in page, path


def test_every_column_has_its_field() -> None:
    """A kind's form has each column that seeding fills, so that a new one can't be forgotten."""
    for kind in KINDS:
        assert set(kind.columns) == set(list_columns(kind.model)) - {"slug"}, kind.path


async def test_only_what_still_fits_comes_back(console: Console) -> None:
    """A cohort whose operator was put aside stays aside; a version of a fact without what answers show is refused."""
    await fill_in(console)
    client = await console.sign_in("editor")
    made = COHORT | {"operator_slug": "sole"}
    await client.post("/content/rows/operators/new", {"slug": "sole", "name": "Sole"})
    await client.post("/content/rows/cohorts/new", made)
    async with console.db.write() as session:
        (await session.get_one(Cohort, made["slug"])).seed_hash = "x"
        (await session.get_one(Operator, "sole")).seed_hash = "x"
    for path in (f"cohorts/{made['slug']}", "operators/sole"):
        assert (await client.post(f"/content/rows/{path}/remove")).status_code == 303
    back = f"/content/rows/cohorts/{made['slug']}/bring-back"
    assert (await client.post(back)).status_code == 422
    await client.post("/content/rows/operators/sole/bring-back")
    assert (await client.post(back)).status_code == 303
    async with console.db.write() as session:
        kept = {column: getattr(await session.get_one(Fact, "jit-009"), column) for column in list_columns(Fact)}
        version = {**kept, "values": {}}
        session.add(ContentRevision(kind="facts", key="jit-009", before=version, after=kept, member_id=1))
    async with console.db.read() as session:
        number = await session.scalar(select(ContentRevision.id).where(ContentRevision.kind == "facts"))
    refused = await client.post(f"/content/history/{number}/restore", {"side": "before"})
    assert refused.status_code == 422 and "montrent des valeurs" in refused.text
