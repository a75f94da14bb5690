"""Work on models in the background, with the real Rasa on a project of a few messages."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from registry_kit import Registry
from sqlalchemy import select, update
from tiny_project import EXAMPLES, write_examples, write_heldout

from bot.clock import utc_now
from bot.console.audit import record
from bot.db.models import Contact, Identity, Message, ModelJob, ModelVersion, ReplayedMessage
from bot.registry.children import read_last_lines
from bot.registry.jobs import SILENT, JobRefused, Jobs
from bot.registry.versions import find_version
from bot.training import manifest_path, read_inputs


async def wait_for_stage(registry: Registry, job_id: int, stage: str, timeout_s: float = 60.0) -> ModelJob:
    """The job once it is at a stage."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        job = await registry.read_job(job_id)
        if job.stage == stage or job.state != "running":
            return job
        await asyncio.sleep(0.1)
    raise AssertionError(f"job {job_id} did not come to {stage}")


def list_children(pid: int) -> list[int]:
    """The children of a process (Linux)."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


async def add_typed(registry: Registry, texts: list[str]) -> list[int]:
    """Messages that one person typed, as the log has them after their turns; their ids."""
    async with registry.db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        identity = Identity(contact_id=contact.id, channel="web", address="somebody")
        session.add(identity)
        await session.flush()
        rows = [
            Message(
                contact_id=contact.id,
                identity_id=identity.id,
                direction="in",
                channel="web",
                state="answered",
                text=text,
                intent="greet",
                confidence=0.8,
                ranking=[{"intent": "greet", "confidence": 0.8}, {"intent": "thank", "confidence": 0.1}],
            )
            for text in texts
        ]
        session.add_all(rows)
    return [row.id for row in rows]


@pytest.mark.timeout(900)
async def test_from_examples_to_a_replay(registry: Registry) -> None:
    """A training makes a model with its row, is compared at once, and replays real messages beside the live one."""
    write_heldout(registry.project)
    first_id = await registry.jobs.train(None)
    job = await wait_for_stage(registry, first_id, "training")
    assert job.state == "running"
    with pytest.raises(JobRefused, match="busy"):
        await registry.jobs.train(None)
    await registry.jobs.wait(first_id)
    job = await registry.read_job(first_id)
    assert (job.state, job.error, job.output) == ("done", None, None)
    assert job.version_id is not None
    async with registry.db.read() as session:
        first = await session.get_one(ModelVersion, job.version_id)
    model = registry.project.model(first.digest)
    assert model.is_file() and manifest_path(model).is_file()
    assert first.examples == {"fr": 15} and first.train_s is not None and first.train_s > 1
    compared = await registry.read_job(first_id + 1)
    assert (compared.kind, compared.version_id, compared.against_id) == ("compare", first.id, None)
    await registry.jobs.wait(compared.id)
    compared = await registry.read_job(compared.id)
    assert compared.state == "done" and compared.result is not None, compared.output
    assert compared.result["all"]["n"] == 4 and compared.result["all"]["before"] is None
    await registry.make_live(first.id)

    with pytest.raises(JobRefused, match="unchanged"):
        await registry.jobs.train(None)

    # The second model has learnt that "coucou" says thank you.
    write_examples(
        registry.project,
        EXAMPLES
        | {"greet": ["bonjour", "bonsoir", "bonjour à vous"], "thank": [*EXAMPLES["thank"], "coucou", "coucou !"]},
    )
    second_id = await registry.jobs.train(None)
    await registry.jobs.wait(second_id)
    assert (await registry.read_job(second_id)).state == "done"
    await registry.jobs.wait(second_id + 1)
    compared = await registry.read_job(second_id + 1)
    result = compared.result
    assert compared.state == "done" and result is not None
    assert compared.against_id == first.id
    (lost,) = [row for row in result["changed"] if row["change"] == "lost"]
    assert (lost["text"], lost["before"], lost["after"]) == ("coucou", "greet", "thank")
    assert (result["all"]["lost"], result["all"]["gained"], result["all"]["p"]) == (1, 0, 1.0)
    assert result["below"] == []
    assert compared.done == compared.total == 4

    assert compared.version_id is not None
    ids = await add_typed(registry, ["merci", "coucou", "c'est gratuit ?", " / "])
    replay_id = await registry.jobs.replay(compared.version_id, 50, None)
    await registry.jobs.wait(replay_id)
    replayed = await registry.read_job(replay_id)
    assert replayed.state == "done", replayed.output
    assert replayed.result is not None
    assert {key: replayed.result[key] for key in ("read", "unreadable", "same", "topic")} == {
        "read": 3,
        "unreadable": 1,
        "same": 2,
        "topic": 1,
    }
    async with registry.db.read() as session:
        (row,) = await session.scalars(select(ReplayedMessage))
        assert (row.message_id, row.before, row.after, row.change) == (ids[1], "greet", "thank", "topic")
        assert len(list(await session.scalars(select(Message)))) == len(ids), "a replay is no conversation"
    actions = [action for action, _ in await registry.audited()]
    assert actions.count("model_job_ended") == 5 and actions.count("model_replay_asked") == 1


@pytest.mark.timeout(400)
async def test_a_failed_training_says_why(registry: Registry) -> None:
    """The last lines that say something are kept, not the whole output; no model and no row come of it."""
    (registry.project.root / "config.yml").write_text(
        "recipe: default.v1\nlanguage: fr\npipeline: [{name: NoSuchComponent}]\n"
    )
    job_id = await registry.jobs.train(None)
    await registry.jobs.wait(job_id)
    job = await registry.read_job(job_id)
    assert (job.state, job.error, job.version_id) == ("failed", "program", None)
    assert job.output is not None and "NoSuchComponent" in job.output
    assert len(job.output.splitlines()) <= 8 and "Traceback" not in job.output
    assert list(registry.project.models.glob("*.tar.gz")) == []


@pytest.mark.timeout(400)
async def test_a_model_that_misunderstands_is_not_kept(registry: Registry) -> None:
    """A model that takes plain messages for something else is dropped, and the messages are named."""
    write_examples(
        registry.project,
        {"greet": EXAMPLES["thank"], "thank": EXAMPLES["greet"], "jobintech_cost": EXAMPLES["jobintech_cost"]},
    )
    job_id = await registry.jobs.train(None)
    await registry.jobs.wait(job_id)
    job = await registry.read_job(job_id)
    assert (job.state, job.error) == ("failed", "misunderstands")
    assert job.output is not None and "“bonjour”: thank ≠ greet" in job.output
    assert list(registry.project.models.glob("*.tar.gz")) == []


@pytest.mark.timeout(400)
async def test_examples_that_change_meanwhile(registry: Registry) -> None:
    """What was learnt of files that changed during the training nobody knows: it is not kept."""
    job_id = await registry.jobs.train(None)
    await wait_for_stage(registry, job_id, "training")
    write_examples(registry.project, EXAMPLES | {"greet": [*EXAMPLES["greet"], "hello"]})
    await registry.jobs.wait(job_id)
    job = await registry.read_job(job_id)
    assert (job.state, job.error) == ("failed", "inputs_changed")


@pytest.mark.timeout(400)
async def test_cancelled_from_another_process(any_registry: Registry) -> None:
    """A job is ended, with its program, by whoever cancels it in whatever process; the next one can begin."""
    registry = any_registry
    before = set(list_children(os.getpid()))
    job_id = await registry.jobs.train(None)
    await wait_for_stage(registry, job_id, "training")
    (child,) = set(list_children(os.getpid())) - before
    assert os.getpriority(os.PRIO_PROCESS, child) >= 10
    elsewhere = Jobs(registry.db, registry.project, record)
    with pytest.raises(JobRefused, match="busy"):
        await elsewhere.train(None)
    assert await elsewhere.cancel(job_id, None)
    await registry.jobs.wait(job_id)
    assert (await registry.read_job(job_id)).state == "cancelled"
    assert child not in list_children(os.getpid())
    assert not await elsewhere.cancel(job_id, None)
    assert list(registry.project.models.glob("*")) == []
    again = await registry.jobs.train(None)
    await registry.jobs.cancel(again, None)
    await registry.jobs.wait(again)
    assert (await registry.read_job(again)).state == "cancelled"


@pytest.mark.timeout(400)
async def test_ended_with_the_app(registry: Registry) -> None:
    """A stop of the app ends its job, which is then found as interrupted."""
    job_id = await registry.jobs.train(None)
    await wait_for_stage(registry, job_id, "training")
    await registry.jobs.aclose()
    assert (await registry.read_job(job_id)).state == "interrupted"


async def test_found_as_interrupted(any_registry: Registry) -> None:
    """A job of a process that died is found at the next start; on PostgreSQL once it gave no sign for a while."""
    registry = any_registry
    async with registry.db.write() as session:
        job = ModelJob(kind="train")
        session.add(job)
    jobs = Jobs(registry.db, registry.project, record)
    await jobs.start()
    is_known_at_once = registry.db.is_sqlite
    assert (await registry.read_job(job.id)).state == ("interrupted" if is_known_at_once else "running")
    async with registry.db.write() as session:
        await session.execute(
            update(ModelJob).values(state="running", beat_at=utc_now() - SILENT - timedelta(seconds=1))
        )
    await jobs.start()
    found = await registry.read_job(job.id)
    assert found.state == "interrupted" and found.finished_at is not None


async def test_refused(registry: Registry) -> None:
    """What can't be begun is refused with its reason, and leaves no row."""
    version_id = await registry.add_version("a")
    await registry.make_live(version_id)
    for reason, work in (
        ("no_heldout", registry.jobs.compare(version_id, None)),
        ("size", registry.jobs.replay(version_id, 7, None)),
        ("is_live", registry.jobs.replay(version_id, 50, None)),
        ("unknown", registry.jobs.replay(99, 50, None)),
    ):
        with pytest.raises(JobRefused) as refused:
            await work
        assert refused.value.reason == reason
    other_id = await registry.add_version("b")
    registry.project.model("b".ljust(16, "0")).unlink()
    with pytest.raises(JobRefused, match="dropped"):
        await registry.jobs.replay(other_id, 50, None)
    for path in (registry.project.root / "nlu" / "examples").iterdir():
        path.unlink()
    with pytest.raises(JobRefused, match="no_inputs"):
        await registry.jobs.train(None)
    async with registry.db.read() as session:
        assert list(await session.scalars(select(ModelJob))) == []


async def test_a_file_that_the_terminal_trained_is_known(registry: Registry) -> None:
    """What `python -m bot train` left is taken up instead of being trained again."""
    digest = read_inputs(registry.project).digest
    await registry.add_version(digest)
    async with registry.db.write() as session:
        version = await find_version(session, digest)
        assert version is not None
        await session.delete(version)
    with pytest.raises(JobRefused, match="unchanged"):
        await registry.jobs.train(None)


def test_last_lines(tmp_path: Path) -> None:
    """Frames of tracebacks, bars and empty lines are passed over, colours go, long lines are cut."""
    log = tmp_path / "log"
    lines = ["first", "Traceback (most recent call last):", '  File "x.py", line 3', "    boom()", "", "=" * 40]
    log.write_text("\n".join([*lines, "\x1b[31mValueError: too bad\x1b[0m", "x" * 500]), encoding="utf-8")
    assert read_last_lines(log).splitlines() == ["first", "ValueError: too bad", "x" * 240 + "…"]
