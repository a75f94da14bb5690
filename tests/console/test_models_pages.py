"""The pages of the language's models: who may do what, what they show, and what they hide."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from registry_kit import Registry
from running import sqlite_url
from sqlalchemy import select
from staffed import Console, PageAs, ServedConsole
from test_pages import check_page
from tiny_project import write_heldout

from bot.clock import utc_now
from bot.db.erasure import erase_contact
from bot.db.held import collect
from bot.db.linking import merge_contacts
from bot.db.models import (
    Contact,
    Identity,
    Message,
    ModelJob,
    ModelServer,
    ModelSwitch,
    ModelVersion,
    ReplayedMessage,
)
from bot.registry.comparison import FIGURES
from bot.training import read_inputs


class Models:
    """The console over a tiny project: one model is live, another one was trained."""

    def __init__(self, folder: Path) -> None:
        self.registry = Registry(folder / "project", sqlite_url(folder))
        self.console = Console(self.registry.url, project=self.registry.project)

    async def prepare(self) -> None:
        """The rows."""
        self.live = await self.registry.add_version("a", day=1)
        self.other = await self.registry.add_version("b", day=2)
        await self.registry.make_live(self.live)
        async with self.registry.db.write() as session:
            frame = read_inputs(self.registry.project).frame
            session.add(ModelServer(name="127.0.0.1:8000", digest="a".ljust(16, "0"), frame=frame, beat_at=utc_now()))


@pytest.fixture
async def models(empty_database: Path, tmp_path: Path) -> AsyncIterator[Models]:
    """Two models, of which one is live in a process that is there."""
    shutil.copy(empty_database, tmp_path / "assistant.db")
    models = Models(tmp_path)
    await models.prepare()
    yield models
    await models.registry.aclose()
    await models.console.aclose()


def describe_pair(before: float, after: float, **counts: Any) -> dict[str, Any]:
    return {
        "n": 754,
        "before": dict.fromkeys(FIGURES, before),
        "after": dict.fromkeys(FIGURES, after),
        **counts,
    }


def describe_result(*, is_worse: bool = False) -> dict[str, Any]:
    """A comparison as `bot.registry.comparison.compare` makes it."""
    lost, gained, p = (40, 12, 0.0001) if is_worse else (3, 5, 0.7266)
    rows = [{"name": "fr", **describe_pair(0.932, 0.901 if is_worse else 0.934, lost=lost, gained=gained, p=p)}]
    below = [{"name": "fr", "figure": "accuracy", "value": 0.901, "floor": 0.92}] if is_worse else []
    changed = [
        {
            "name": "fr",
            "text": "c'est <b>gratuit</b> ?",
            "expected": ["jobintech_cost"],
            "before": "jobintech_cost",
            "after": "greet",
            "change": "lost",
        }
    ]
    entities = [{"kind": "city", "before": 0.98, "after": 0.97, "marked": 300}]
    whole = {**rows[0], "name": "all"}
    return {"data": "d", "rows": rows, "all": whole, "entities": entities, "below": below, "changed": changed}


async def add_job(models: Models, kind: str, **values: Any) -> int:
    """A job that is over."""
    now = utc_now()
    made = {"state": "done", "version_id": models.other, "against_id": models.live, "finished_at": now}
    async with models.registry.db.write() as session:
        job = ModelJob(kind=kind, started_at=now - timedelta(seconds=125), **(made | values))
        session.add(job)
    return job.id


async def add_replay(models: Models, text: str) -> tuple[int, int]:
    """A replay in which one message of one person changed; the contact and the job."""
    async with models.registry.db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        identity = Identity(
            contact_id=contact.id, channel="web", address=f"p{contact.id}", profile={"name": "Salma Alami"}
        )
        session.add(identity)
        await session.flush()
        message = Message(
            contact_id=contact.id,
            identity_id=identity.id,
            direction="in",
            channel="web",
            state="answered",
            text=text,
            variety="fr",
            intent="greet",
            confidence=0.8,
        )
        session.add(message)
    result = {"read": 200, "unreadable": 0, "same": 199, "topic": 1, "same_answer": 0, "entities": 0}
    job_id = await add_job(models, "replay", size=200, result=result)
    async with models.registry.db.write() as session:
        session.add(
            ReplayedMessage(
                job_id=job_id,
                message_id=message.id,
                contact_id=contact.id,
                before="greet",
                after="jobintech_cost,jobintech_duration",
                before_confidence=0.8,
                after_confidence=0.7,
                change="topic",
            )
        )
    return contact.id, job_id


async def test_nothing_yet(console: Console) -> None:
    """Without a model, a process or an example, the page says so and what to do, and offers no button."""
    page = (await (await console.sign_in("administrator")).get("/models")).text
    for words in ("Aucun modèle connu", "make run", "nlu/examples est vide", "Rien encore"):
        assert words in page
    assert "<button id=" not in page


async def test_who_sees_which_buttons(models: Models) -> None:
    """Everybody reads; administrators and editors train; only administrators change the live model."""
    for role, trains, switches in (
        ("administrator", True, True),
        ("editor", True, False),
        ("adviser", False, False),
        ("analyst", False, False),
    ):
        client = await models.console.sign_in(role)  # type: ignore[arg-type]
        page = (await client.get("/models")).text
        assert f"Modèle {models.live}" in page and f"Modèle {models.other}" in page
        assert ('id="train"' in page) is trains
        own = (await client.get(f"/models/{models.other}")).text
        assert ('id="replay"' in own) is trains
        assert ('id="go-live"' in own) is switches
        # The live one can't go live.
        assert 'id="go-live"' not in (await client.get(f"/models/{models.live}")).text


async def test_going_live_takes_a_tick_where_there_is_a_risk(models: Models) -> None:
    """A model that was not compared goes live only with the tick; the wish is in the log, and can be withdrawn."""
    client = await models.console.sign_in("administrator")
    refused = await client.post(f"/models/{models.other}/live")
    assert refused.status_code == 422
    assert 'aria-describedby="confirmed-error"' in refused.text and "Cochez cette case" in refused.text
    asked = await client.post(f"/models/{models.other}/live", {"confirmed": "yes"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/console/models?done=live_asked")
    page = (await client.get("/models")).text
    assert f"Mise en service du modèle {models.other}" in page and 'id="withdraw-switch"' in page
    again = await client.post(f"/models/{models.other}/live", {"confirmed": "yes"})
    assert again.status_code == 422 and "déjà en cours" in again.text
    async with models.registry.db.read() as session:
        (switch,) = await session.scalars(select(ModelSwitch).where(ModelSwitch.state == "open"))
        assert (switch.version_id, switch.from_id, switch.origin) == (models.other, models.live, "console")
        assert client.member is not None and switch.asked_by_id == client.member.id
    assert (await client.post(f"/models/switches/{switch.id}/withdraw")).status_code == 303
    assert (await client.post(f"/models/switches/{switch.id}/withdraw")).status_code == 422
    actions = [action for _, action, _ in await models.console.audited()]
    assert actions == ["model_live_asked", "model_live_withdrawn"]


async def test_going_back_takes_none(models: Models) -> None:
    """The model before the live one is one button away, whatever is known of it."""
    await models.registry.make_live(models.other)
    client = await models.console.sign_in("administrator")
    assert f"Revenir au modèle {models.live}" in (await client.get("/models")).text
    assert (await client.post(f"/models/{models.live}/live")).status_code == 303


async def test_a_comparison(models: Models) -> None:
    """Figures of both with their difference, whether it is chance, floors that are missed, and what changed."""
    write_heldout(models.registry.project)
    await add_job(models, "compare", result=describe_result())
    client = await models.console.sign_in("administrator")
    page = (await client.get(f"/models/{models.other}")).text
    for words in ("93,2", "93,4", "+0,2 pt", "p = 0,727", "peut être le hasard", "sont tenus"):
        assert words in page.replace("\u00a0", " "), words
    assert "c&#39;est &lt;b&gt;gratuit&lt;/b&gt; ?" in page
    assert 'id="confirmed"' not in page, "nothing speaks against it"
    await add_job(models, "compare", result=describe_result(is_worse=True))
    page = (await client.get(f"/models/{models.other}")).text
    for words in ("p &lt; 0,001", "moins bien", "(seuil 92,0", "passe sous un des seuils", 'id="confirmed"'):
        assert words in page.replace("\u00a0", " "), words
    third = await models.registry.add_version("c", day=3)
    await models.registry.make_live(third)
    assert "comparez de nouveau" in (await client.get(f"/models/{models.other}")).text


async def test_a_replay_is_masked(models: Models) -> None:
    """Whoever reads sees what changes, and dots for what leads to the person, until they opened the conversation."""
    contact_id, _ = await add_replay(models, "je suis Salma, mon numéro est 0612345678")
    for role in ("analyst", "editor", "administrator"):
        client = await models.console.sign_in(role)  # type: ignore[arg-type]
        page = (await client.get(f"/models/{models.other}")).text
        assert "0,5" in page and f"/console/conversations/{contact_id}?around=" in page
        assert "0612345678" not in page and "Salma" not in page and "S••••" in page
    assert (await client.post(f"/conversations/{contact_id}/reveal")).status_code == 303
    assert "Salma, mon numéro est 0612345678" in (await client.get(f"/models/{models.other}")).text


async def test_a_replay_is_the_persons_too(models: Models) -> None:
    """What a replay kept of somebody is exported and erased with them, and goes over when two become one."""
    contact_id, _ = await add_replay(models, "bonjour")
    kept_id, _ = await add_replay(models, "salut")
    async with models.registry.db.write() as session:
        assert [row["before"] for row in (await collect(session, contact_id))["replays"]] == ["greet"]
        await merge_contacts(session, kept_id, contact_id)
    async with models.registry.db.write() as session:
        assert len((await collect(session, kept_id))["replays"]) == 2
        receipt = await erase_contact(session, kept_id, None, "x" * 16)
        assert receipt.counts["replayed_messages"] == 2
    async with models.registry.db.read() as session:
        assert list(await session.scalars(select(ReplayedMessage))) == []
    page = (await (await models.console.sign_in("editor")).get(f"/models/{models.other}")).text
    assert "ont été effacés" in page


async def test_news(models: Models) -> None:
    """A page that is open hears nothing while nothing changes, how far a job is, and then what came of it."""
    client = await models.console.sign_in("editor")
    page = (await client.get("/models")).text
    seen = page.partition('hx-get="')[2].partition('"')[0].removeprefix("/console")
    htmx = {"HX-Request": "true"}
    assert (await client.get(seen, headers=htmx)).status_code == 204
    async with models.registry.db.write() as session:
        job = ModelJob(
            kind="train", stage="training", detail="StackedIntentClassifier", expected_s=100.0,
            started_at=utc_now() - timedelta(seconds=50),
        )  # fmt: skip
        session.add(job)
    news = (await client.get(seen, headers=htmx)).text
    assert 'value="50"' in news and "StackedIntentClassifier" in news and "1 min 40 s" in news
    assert 'id="overview" class="md-overview" hx-swap-oob="true"' in news and "<html" not in news
    assert (await client.post("/models/train")).status_code == 422
    async with models.registry.db.write() as session:
        row = await session.get_one(ModelJob, job.id)
        row.state, row.error, row.output, row.finished_at = "failed", "program", "ValueError: <too> bad", utc_now()
    news = (await client.get(seen, headers=htmx)).text
    assert "arrêté sur une erreur" in news and "ValueError: &lt;too&gt; bad" in news


async def test_a_late_training_says_so(models: Models) -> None:
    """An estimate never says that it is over; longer than last time is told as that."""
    async with models.registry.db.write() as session:
        session.add(
            ModelJob(kind="train", stage="training", expected_s=10.0, started_at=utc_now() - timedelta(hours=2))
        )
    page = (await (await models.console.sign_in("analyst")).get("/models")).text
    assert 'value="95"' in page and "plus long que la dernière fois" in page and "2 h 00 min" in page


async def test_other_refusals(models: Models) -> None:
    """A number that is not offered, the live model, a model that is not there: each says what is wrong."""
    client = await models.console.sign_in("editor")
    for path, form, status, words in (
        (f"/models/{models.other}/replay", {"size": "7"}, 422, "Choisissez un nombre"),
        (f"/models/{models.other}/replay", {}, 422, "Choisissez un nombre"),
        (f"/models/{models.live}/replay", {"size": "50"}, 422, "le modèle en service"),
        (f"/models/{models.other}/compare", {}, 422, "ne sont pas installés"),
        ("/models/9999999999/compare", {}, 422, ""),
        ("/models/jobs/77/cancel", {}, 422, "déjà terminé"),
    ):
        answer = await client.post(path, form)
        assert answer.status_code in (status, 404) and words in answer.text, path
    assert (await client.get("/models/9999999999")).status_code == 404


def seed(served: ServedConsole, folder: Path) -> tuple[int, int]:
    """Models, a comparison and a replay in the database of the served app; the live one and the other one."""
    registry = Registry(folder / "project", served.running.settings.database_url)

    async def add() -> tuple[int, int]:
        async with registry.db.write() as session:
            for digest, day in (("a", 1), ("b", 2)):
                session.add(
                    ModelVersion(
                        digest=digest.ljust(16, "9"),
                        frame="f",
                        origin="terminal",
                        trained_at=utc_now() - timedelta(days=3 - day),
                        train_s=171.2,
                        examples={"fr": 4783, "ary-Arab": 10265},
                    )
                )
        async with registry.db.read() as session:
            ids = list(await session.scalars(select(ModelVersion.id).order_by(ModelVersion.id)))[-2:]
        models = Models.__new__(Models)
        models.registry, models.live, models.other = registry, ids[0], ids[1]
        await registry.make_live(ids[0])
        await add_job(models, "compare", result=describe_result(is_worse=True))
        await add_replay(models, "<script>window.hacked=1</script> je m'appelle Salma")
        await add_job(
            models, "train", state="failed", error="program", output="ValueError: " + "x" * 200, version_id=None
        )
        await registry.db.aclose()
        return ids[0], ids[1]

    found: tuple[int, int] = served.act(add())
    return found


@pytest.mark.parametrize(("language", "width"), [("fr", 390), ("ar", 390), ("en", 1280), ("ar", 1280)])
def test_accessible_when_full(
    page_as: PageAs, served: ServedConsole, tmp_path: Path, language: str, width: int
) -> None:
    """axe finds nothing on pages with figures, progress and what strangers wrote, on a phone and a desk."""
    _, other = seed(served, tmp_path) if language == "fr" else (0, _last_version(served))
    page = page_as("administrator", language=language, width=width)
    for path in ("/console/models", f"/console/models/{other}"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((group) => { group.open = true; })")
        check_page(page)


def _last_version(served: ServedConsole) -> int:
    return int(served.running.rows("SELECT max(id) AS id FROM model_versions")[0]["id"])


def test_progress_moves_by_itself(page_as: PageAs, served: ServedConsole, tmp_path: Path) -> None:
    """A page that is open shows a job as it begins and moves, and its outcome, without being loaded again."""
    page = page_as("editor", width=390)
    page.goto("/console/models")
    registry = Registry(tmp_path / "project", served.running.settings.database_url)

    async def write(**values: Any) -> None:
        async with registry.db.write() as session:
            job = await session.scalar(select(ModelJob).where(ModelJob.state == "running"))
            if job is None:
                job = ModelJob(kind="replay", stage="reading", total=200)
                session.add(job)
            for name, value in values.items():
                setattr(job, name, value)
        await registry.db.aclose()

    served.act(write(done=20))
    expect(page.get_by_text("20 messages sur 200")).to_be_visible(timeout=15_000)
    page.evaluate("window.same = true")
    served.act(write(done=150))
    expect(page.get_by_text("150 messages sur 200")).to_be_visible(timeout=10_000)
    check_page(page)
    served.act(write(state="interrupted", finished_at=utc_now()))
    expect(page.get_by_text("interrompu").first).to_be_visible(timeout=10_000)
    expect(page.locator(".md-job")).to_have_count(0)
    assert page.evaluate("window.same") is True


async def test_the_audit_log_has_words_for_it(models: Models) -> None:
    """Each step of a job is in the log, in words."""
    async with models.registry.db.write() as session:
        session.add(ModelJob(kind="train", beat_at=utc_now() - timedelta(hours=1)))
    await models.registry.jobs.start()
    await asyncio.sleep(0)
    page = (await (await models.console.sign_in("administrator")).get("/audit")).text
    assert "Travail sur un modèle terminé" in page and "entraînement" in page and "interrompu" in page
