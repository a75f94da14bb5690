"""Which models there are, which one a start begins with, and which files may go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from registry_kit import Registry
from sqlalchemy import select

from bot.clock import utc_now
from bot.console.audit import record
from bot.db.models import ModelServer, ModelSwitch, ModelVersion
from bot.registry.start import choose_model, settle
from bot.registry.swaps import GONE, SwitchRefused, ask, load_checks, withdraw
from bot.registry.versions import KEPT, adopt, drop_old, find_open_switch, find_standing
from bot.training import list_manifests, manifest_path, read_inputs, write_manifest


async def list_states(registry: Registry) -> list[tuple[int, str, str]]:
    """Every change of the live model, oldest first: which model, state, origin."""
    async with registry.db.read() as session:
        rows = await session.scalars(select(ModelSwitch).order_by(ModelSwitch.id))
        return [(row.version_id, row.state, row.origin) for row in rows]


async def test_standing(any_registry: Registry) -> None:
    """The live one is that of the newest change that was done; the one before is the last other one with a file."""
    registry = any_registry
    one, two, three = [await registry.add_version(name) for name in ("a", "b", "c")]
    async with registry.db.read() as session:
        assert (await find_standing(session)).live is None
    for version_id in (one, two, three, three):
        await registry.make_live(version_id)
    async with registry.db.write() as session:
        session.add(ModelSwitch(version_id=one, state="failed", origin="console"))
    async with registry.db.write() as session:
        standing = await find_standing(session)
        assert standing.live is not None and standing.previous is not None
        assert (standing.live.id, standing.previous.id) == (three, two)
        (await session.get_one(ModelVersion, two)).dropped_at = utc_now()
    async with registry.db.read() as session:
        standing = await find_standing(session)
        assert standing.previous is not None and standing.previous.id == one


async def test_old_files_go(registry: Registry) -> None:
    """Beyond the newest, own files go; not the live one's, the previous one's, a wanted one's or a stranger's."""
    stranger = await registry.add_version("f", "terminal", day=1)
    names = "0123456789"
    ids = [await registry.add_version(name, day=number + 2) for number, name in enumerate(names)]
    await registry.make_live(ids[1])
    await registry.make_live(ids[0])
    async with registry.db.write() as session:
        session.add(ModelSwitch(version_id=ids[2], origin="console"))
    async with registry.db.write() as session:
        dropped = await drop_old(session, registry.project)
    assert [name[0] for name in dropped] == ["4", "3"]
    left = {path.name[0] for path in registry.project.models.glob("*.tar.gz")}
    assert left == {"f", *names} - {"3", "4"}
    assert not manifest_path(registry.project.model("3".ljust(16, "0"))).exists()
    assert len(left - {"f", "0", "1", "2"}) == KEPT
    async with registry.db.read() as session:
        assert (await session.get_one(ModelVersion, stranger)).dropped_at is None
        assert (await session.get_one(ModelVersion, ids[3])).dropped_at is not None


async def test_a_file_is_known_by_its_manifest(registry: Registry) -> None:
    """A file that came from elsewhere gets a row, once; a manifest that can't be read, or without a file, none."""
    version_id = await registry.add_version("a")
    manifest = manifest_path(registry.project.model("a".ljust(16, "0")))
    (registry.project.models / "broken.manifest").write_text("{", encoding="utf-8")
    (registry.project.models / "gone.manifest").write_text(
        manifest.read_text(encoding="utf-8").replace("a000", "c000"), encoding="utf-8"
    )
    model = registry.project.model("b".ljust(16, "0"))
    model.write_bytes(b"")
    inputs = read_inputs(registry.project)
    write_manifest(model, type(inputs)("b".ljust(16, "0"), inputs.frame, {"fr": 3}), None)
    assert [found.inputs.digest[0] for found in list_manifests(registry.project)] == ["a", "b"]
    for count in (1, 0):
        async with registry.db.write() as session:
            added = await adopt(session, registry.project)
        assert len(added) == count
    async with registry.db.write() as session:
        (await session.get_one(ModelVersion, version_id)).dropped_at = utc_now()
    async with registry.db.write() as session:
        await adopt(session, registry.project)
        assert (await session.get_one(ModelVersion, version_id)).dropped_at is None


async def test_a_start_keeps_what_staff_chose(registry: Registry) -> None:
    """The live model goes on although the examples are others by now; that there are newer ones is said."""
    version_id = await registry.add_version("a")
    await registry.make_live(version_id)
    told: list[str] = []
    chosen = await choose_model(registry.db, registry.project, told.append)
    assert (chosen.version_id, chosen.path) == (version_id, registry.project.model("a".ljust(16, "0")))
    assert chosen.frame == read_inputs(registry.project).frame
    assert len(told) == 1 and "nlu/examples is not what it was trained on" in told[0]
    await settle(registry.db, chosen, registry.project, record)
    assert await list_states(registry) == [(version_id, "done", "console")], "nothing changed, and nothing is noted"


@pytest.mark.parametrize("what", ["domain.yml", "the file"])
async def test_a_start_with_a_model_that_does_not_fit(registry: Registry, what: str) -> None:
    """A model of another domain, or whose file is gone, gives way to that of the present files; why is said."""
    old = await registry.add_version("a")
    await registry.make_live(old)
    if what == "the file":
        registry.project.model("a".ljust(16, "0")).unlink()
    else:
        domain = registry.project.root / "domain.yml"
        domain.write_text(domain.read_text(encoding="utf-8") + "\nslots: {}\n", encoding="utf-8")
    new = await registry.add_version(read_inputs(registry.project).digest)
    told: list[str] = []
    chosen = await choose_model(registry.db, registry.project, told.append)
    assert chosen.version_id == new
    assert len(told) == 1 and told[0].startswith(f"Model {old} can't go on") and what.partition(" ")[2] in told[0]
    await settle(registry.db, chosen, registry.project, record)
    assert await list_states(registry) == [(old, "done", "console"), (new, "done", "start")]
    assert await registry.audited() == [("model_live", f"model:{new}")]


@pytest.mark.timeout(400)
async def test_the_first_start_trains(registry: Registry) -> None:
    """On a bare clone the model of the files is trained, and is live once Rasa answers."""
    chosen = await choose_model(registry.db, registry.project, print)
    assert chosen.path.is_file() and chosen.digest == read_inputs(registry.project).digest
    async with registry.db.read() as session:
        version = await session.get_one(ModelVersion, chosen.version_id)
        assert (version.origin, version.examples) == ("start", {"fr": 15}) and version.train_s
        assert (await find_standing(session)).live is None
    await settle(registry.db, chosen, registry.project, record)
    assert await list_states(registry) == [(chosen.version_id, "done", "start")]
    again = await choose_model(registry.db, registry.project, print)
    assert again == chosen


async def test_a_wish_of_the_terminal_is_met_at_the_start(registry: Registry) -> None:
    """What was asked for while nothing ran is what the next start begins with."""
    old, new = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(old)
    async with registry.db.write() as session:
        await ask(session, registry.project, record, new, "terminal", None)
    chosen = await choose_model(registry.db, registry.project, lambda _: None)
    assert chosen.version_id == new
    await settle(registry.db, chosen, registry.project, record)
    assert await list_states(registry) == [(old, "done", "console"), (new, "done", "terminal")]


async def test_a_model_that_took_the_app_down_is_not_tried_again(registry: Registry) -> None:
    """A change that was begun when the app ended has failed; the start begins with the model before it."""
    old, new = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(old)
    async with registry.db.write() as session:
        switch = await ask(session, registry.project, record, new, "console", None)
        switch.begun_at = utc_now()
    chosen = await choose_model(registry.db, registry.project, lambda _: None)
    assert chosen.version_id == old
    await settle(registry.db, chosen, registry.project, record)
    async with registry.db.read() as session:
        failed = await session.get_one(ModelSwitch, switch.id)
        assert failed.state == "failed" and failed.error == "the assistant ended while it was being loaded"


async def test_what_can_not_go_live(any_registry: Registry) -> None:
    """Each refusal names its reason; a second wish waits for the first one to be over."""
    registry = any_registry
    live, other, gone = [await registry.add_version(name) for name in ("a", "b", "c")]
    await registry.make_live(live)
    registry.project.model("c".ljust(16, "0")).unlink()

    async def refuse(version_id: int) -> str:
        with pytest.raises(SwitchRefused) as refused:
            async with registry.db.write() as session:
                await ask(session, registry.project, record, version_id, "console", None)
        return refused.value.reason

    assert [await refuse(number) for number in (99, live, gone)] == ["unknown", "live", "dropped"]
    now = utc_now()
    async with registry.db.write() as session:
        session.add(ModelServer(name="here:1", frame="another", beat_at=now))
    assert await refuse(other) == "misfit"
    async with registry.db.write() as session:
        (await session.get_one(ModelServer, "here:1")).beat_at = now - GONE - timedelta(seconds=1)
    async with registry.db.write() as session:
        switch = await ask(session, registry.project, record, other, "console", None)
    assert await refuse(other) == "busy"
    async with registry.db.write() as session:
        assert await withdraw(session, record, switch.id, None)
    async with registry.db.write() as session:
        assert not await withdraw(session, record, switch.id, None)
        assert await find_open_switch(session) is None
    assert await registry.audited() == [
        ("model_live_asked", f"model:{other}"),
        ("model_live_withdrawn", f"model:{other}"),
    ]


def test_checks() -> None:
    """The plain messages of the product are of every script, and of intents that the domain has."""
    checks = load_checks()
    domain = (Path(__file__).parents[2] / "domain.yml").read_text(encoding="utf-8")
    assert len(checks) >= 10 and all(f"- {intent}\n" in domain for _, intent in checks)
    assert any("\u0600" <= letter <= "\u06ff" for text, _ in checks for letter in text)
