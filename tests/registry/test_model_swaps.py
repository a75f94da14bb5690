"""Several processes and one live model: who takes a wish, who follows, and what is told when it fails.

Rasa stands in by what it answers; the real one goes live in tests/e2e/test_going_live.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from registry_kit import Registry
from sqlalchemy import select

from bot.clock import utc_now
from bot.console.audit import record
from bot.db.models import ModelServer, ModelSwitch
from bot.errors import RasaError, RasaUnreachable
from bot.rasa import Rasa
from bot.registry.swaps import LOADING, OwnRasa, Swaps, ask
from bot.registry.versions import find_standing
from bot.training import read_inputs


class AnsweringRasa:
    """What Rasa answers to who asks it for another model.

    Attributes:
        model: the file that it answers messages with.
        error: raised instead of an answer.
        takes_it_all_the_same: whether the model is loaded although the answer is lost.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.error: RasaError | None = None
        self.takes_it_all_the_same = False
        self.loads = 0

    async def load_model(self, name: str, checks: Sequence[tuple[str, str]]) -> None:
        assert checks
        self.loads += 1
        if self.error is None or self.takes_it_all_the_same:
            self.model = name
        if self.error is not None:
            raise self.error

    async def find_model(self) -> str | None:
        return self.model


def name_file(name: str) -> str:
    return f"{name.ljust(16, '0')}.tar.gz"


def make_process(registry: Registry, name: str, frame: str | None = None) -> tuple[Swaps, AnsweringRasa]:
    """A process with a Rasa of its own that was started with model a."""
    rasa = AnsweringRasa(name_file("a"))
    own = OwnRasa("a".ljust(16, "0"), frame or read_inputs(registry.project).frame)
    return Swaps(registry.db, cast(Rasa, rasa), own, name, registry.project, record), rasa


async def want(registry: Registry, version_id: int) -> ModelSwitch:
    async with registry.db.write() as session:
        return await ask(session, registry.project, record, version_id, "console", None)


async def read_switch(registry: Registry, switch: ModelSwitch) -> ModelSwitch:
    async with registry.db.read() as session:
        return await session.get_one(ModelSwitch, switch.id)


async def read_servers(registry: Registry) -> dict[str, tuple[str | None, str | None]]:
    """Every process that is there: the model that it answers with, and why not with the live one."""
    async with registry.db.read() as session:
        servers = await session.scalars(select(ModelServer).order_by(ModelServer.name))
        return {server.name: (server.digest and server.digest[0], server.error) for server in servers}


async def test_one_takes_it_and_the_others_follow(any_registry: Registry) -> None:
    """One process loads and tries the model, which is live with that; the other one comes after it."""
    registry = any_registry
    one, two = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(one)
    first, first_rasa = make_process(registry, "one:1")
    second, second_rasa = make_process(registry, "two:2")
    for process in (first, second):
        await process.look()
    assert await read_servers(registry) == {"one:1": ("a", None), "two:2": ("a", None)}
    switch = await want(registry, two)
    await first.look()
    assert (first_rasa.model, second_rasa.model) == (name_file("b"), name_file("a"))
    done = await read_switch(registry, switch)
    assert done.state == "done" and done.load_s is not None and done.begun_at is not None
    await second.look()
    await second.look()
    assert (second_rasa.model, second_rasa.loads) == (name_file("b"), 1)
    assert await read_servers(registry) == {"one:1": ("b", None), "two:2": ("b", None)}
    assert await registry.audited() == [("model_live_asked", f"model:{two}"), ("model_live", f"model:{two}")]
    await first.leave()
    assert list(await read_servers(registry)) == ["two:2"]


async def test_a_model_that_fails(any_registry: Registry) -> None:
    """The live one stays, the row says why, and nobody tries it again."""
    registry = any_registry
    one, two = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(one)
    process, rasa = make_process(registry, "one:1")
    rasa.error = RasaError("the model misunderstands 9 of 12 plain messages")
    switch = await want(registry, two)
    for _ in range(2):
        await process.look()
    failed = await read_switch(registry, switch)
    assert (failed.state, failed.error) == ("failed", "the model misunderstands 9 of 12 plain messages")
    assert (rasa.model, rasa.loads) == (name_file("a"), 1)
    async with registry.db.read() as session:
        standing = await find_standing(session)
    assert standing.live is not None and standing.live.id == one
    assert (await registry.audited())[-1] == ("model_live_failed", f"model:{two}")


async def test_an_answer_that_is_lost(registry: Registry) -> None:
    """A model that Rasa loaded although its answer did not come is live; Rasa is asked which one it has."""
    await registry.make_live(await registry.add_version("a"))
    switch = await want(registry, await registry.add_version("b"))
    process, rasa = make_process(registry, "one:1")
    rasa.error, rasa.takes_it_all_the_same = RasaUnreachable("no answer"), True
    await process.look()
    assert (await read_switch(registry, switch)).state == "done"


async def test_a_process_of_another_release_stays_behind(registry: Registry) -> None:
    """It can't follow to a model that was made for another program, says so, and does not ask Rasa for it."""
    one, two = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(one)
    old, rasa = make_process(registry, "old:1", frame="another")
    await registry.make_live(two)
    await old.look()
    assert rasa.loads == 0
    ((digest, error),) = (await read_servers(registry)).values()
    assert digest == "a" and error is not None and "another state of the program" in error


async def test_a_process_that_died_while_loading(registry: Registry) -> None:
    """A load that was begun long ago is over: another process closes it, and the next wish can come."""
    one, two = await registry.add_version("a"), await registry.add_version("b")
    await registry.make_live(one)
    switch = await want(registry, two)
    process, rasa = make_process(registry, "one:1")
    for begun_at, state in ((utc_now(), "open"), (utc_now() - LOADING - timedelta(seconds=1), "failed")):
        async with registry.db.write() as session:
            (await session.get_one(ModelSwitch, switch.id)).begun_at = begun_at
        await process.look()
        assert (await read_switch(registry, switch)).state == state
    assert rasa.loads == 0


async def test_without_a_rasa_of_its_own(registry: Registry) -> None:
    """A process that did not start Rasa does nothing, and is not counted as one that could."""
    process = Swaps(registry.db, cast(Rasa, AnsweringRasa("x")), None, "serve:1", registry.project, record)
    await process.run_for_ever()
    await process.leave()
    assert await read_servers(registry) == {}
