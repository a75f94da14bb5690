"""Another model goes live in the real Rasa while people write: every message gets its one answer, in order."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import SECRET, RunningApp, free_port, make_settings, wait_until

from bot.console.audit import record
from bot.db.engine import open_database
from bot.model_commands import ModelError, go_live, list_models
from bot.registry.start import choose_model, settle
from bot.registry.swaps import OwnRasa, SwitchRefused
from bot.training import Inputs, Project, RasaProcess, ensure_model, read_inputs, write_manifest
from e2e.databases import new_database

OTHER = "b".rjust(16, "0")
BROKEN = "c".rjust(16, "0")
#: Questions with a fixed answer, and what answers them.
QUESTIONS = {
    "bonsoir, faut payer combien pour JobInTech ?": "utter_jobintech_cost",
    "bonjour": "utter_greet",
    "واش فابور؟": "utter_jobintech_cost",
}
WRITERS = 3


class Stage:
    """The real app with a Rasa of its own, whose models lie in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        inputs, product = read_inputs(), ensure_model()
        self.live = inputs.digest
        self.project = Project(models=folder / "models")
        self.project.models.mkdir()
        for digest in (self.live, OTHER, BROKEN):
            model = self.project.model(digest)
            shutil.copy(product, model)
            if digest == BROKEN:  # cut short, as by a full disk
                model.write_bytes(model.read_bytes()[:100_000])
            write_manifest(model, Inputs(digest, inputs.frame, inputs.examples), None)
        self.settings = make_settings(
            port=free_port(), rasa_url=f"http://127.0.0.1:{free_port()}", database_url=new_database(folder)
        )

    def start(self) -> RunningApp:
        """Start both as `python -m bot run` does."""
        chosen = self._act(lambda db: choose_model(db, self.project, print))
        self.rasa = RasaProcess(self.settings, chosen.path)
        wait_until(lambda: self.model() == f"{chosen.digest}.tar.gz", 120, "Rasa's start")
        self._act(lambda db: settle(db, chosen, self.project, record))
        app = RunningApp(self.settings, own_rasa=OwnRasa(chosen.digest, chosen.frame), project=self.project)
        app.assistant.swaps.begin()
        return app

    def _act(self, work: Any) -> Any:
        async def act() -> Any:
            db = open_database(self.settings.database_url)
            try:
                return await work(db)
            finally:
                await db.aclose()

        return asyncio.run(act())

    def model(self) -> str | None:
        """The file that Rasa answers with."""
        assert self.rasa.exit_status() is None, self.rasa.log.read_text(encoding="utf-8")[-2_000:]
        try:
            answer = httpx.get(
                f"{self.settings.rasa_url}/webhooks/app/ready", headers={"X-Rasa-Secret": SECRET}, timeout=10
            )
        except httpx.TransportError:
            return None
        return str(answer.json()["model"]) if answer.status_code == 200 else None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Models in a folder; Rasa is ended with the test."""
    stage = Stage(tmp_path)
    yield stage
    if hasattr(stage, "rasa"):
        asyncio.run(stage.rasa.aclose())


class Stream:
    """People who write one message after the other until it ends, two at a time each."""

    def __init__(self, app: RunningApp) -> None:
        self._app = app
        self._ended = threading.Event()
        self.errors: list[str] = []
        self.sent: dict[str, int] = defaultdict(int)
        self._threads = [
            threading.Thread(target=self._write, args=(f"writer-{n // 2}",), daemon=True) for n in range(2 * WRITERS)
        ]

    def _write(self, sender: str) -> None:
        texts = list(QUESTIONS)
        number = 0
        while not self._ended.is_set():
            try:
                answer = self._app.ask(sender, texts[number % len(texts)])
                if not answer["replies"]:
                    self.errors.append(f"{sender}: no reply")
            except (AssertionError, httpx.HTTPError) as error:
                self.errors.append(f"{sender}: {error!r}")
            self.sent[sender] += 1
            number += 1
            time.sleep(0.02)

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.timeout(600)
def test_no_message_is_lost(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Going live, failing to, and going back while people write: each message has exactly one answer, in order."""
    with stage.start() as app:
        ids = {row["digest"]: row["id"] for row in app.rows("SELECT id, digest FROM model_versions")}
        wait_until(lambda: app.rows("SELECT 1 FROM model_servers"), 30, "the process's first sign")
        with Stream(app) as stream:
            wait_until(lambda: sum(stream.sent.values()) > 20, 120, "the first messages")
            asyncio.run(go_live(app.settings, stage.project, ids[OTHER]))
            assert stage.model() == f"{OTHER}.tar.gz"
            with pytest.raises(ModelError, match="can't be loaded"):
                asyncio.run(go_live(app.settings, stage.project, ids[BROKEN]))
            assert stage.model() == f"{OTHER}.tar.gz"
            with pytest.raises(SwitchRefused, match="live already"):
                asyncio.run(go_live(app.settings, stage.project, ids[OTHER]))
            asyncio.run(go_live(app.settings, stage.project, ids[stage.live]))
            assert stage.model() == f"{stage.live}.tar.gz"
            after = sum(stream.sent.values())
            wait_until(lambda: sum(stream.sent.values()) > after + 10, 120, "messages after it")
        asyncio.run(list_models(app.settings, stage.project))
        assert stream.errors == []
        check_answers(app, sum(stream.sent.values()))
        switches = app.rows("SELECT version_id, state, error, load_s FROM model_switches ORDER BY id")
    assert [(row["version_id"], row["state"]) for row in switches] == [
        (ids[stage.live], "done"),
        (ids[OTHER], "done"),
        (ids[BROKEN], "failed"),
        (ids[stage.live], "done"),
    ]
    told = capsys.readouterr().out
    assert f"Model {ids[OTHER]} is live, loaded in" in told
    assert [line.split()[1] for line in told.splitlines() if f"{stage.live}.tar.gz" in line] == ["live"]


def check_answers(app: RunningApp, count: int) -> None:
    """Every message has the one answer that belongs to it, and each person's answers come in the order of theirs."""
    inbound = app.rows("SELECT id, contact_id, text, state, error FROM messages WHERE direction = 'in' ORDER BY id")
    assert len(inbound) == count
    assert [row for row in inbound if row["state"] != "answered" or row["error"]] == []
    replies = app.rows(
        "SELECT id, reply_to_id, contact_id, answer_key FROM messages WHERE direction = 'out' ORDER BY id"
    )
    by_message = defaultdict(list)
    for reply in replies:
        by_message[reply["reply_to_id"]].append(reply["answer_key"])
    assert {row["id"]: [QUESTIONS[row["text"]]] for row in inbound} == dict(by_message)
    for contact_id in {row["contact_id"] for row in inbound}:
        answered = [reply["reply_to_id"] for reply in replies if reply["contact_id"] == contact_id]
        assert answered == sorted(answered)


@pytest.mark.timeout(300)
def test_a_wish_without_a_running_app(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """What the terminal asks for while nothing runs is what the next start answers with."""
    chosen = stage._act(lambda db: choose_model(db, stage.project, print))
    stage._act(lambda db: settle(db, chosen, stage.project, record))
    other_id = stage._act(lambda db: _find_id(db, OTHER))
    asyncio.run(go_live(stage.settings, stage.project, other_id))
    assert f"The next `make run` begins with model {other_id}." in capsys.readouterr().out
    with stage.start() as app:
        assert stage.model() == f"{OTHER}.tar.gz"
        (newest,) = app.rows("SELECT state, origin FROM model_switches ORDER BY id DESC LIMIT 1")
        assert newest == {"state": "done", "origin": "terminal"}


async def _find_id(db: Any, digest: str) -> int:
    from bot.registry.versions import find_version

    async with db.read() as session:
        version = await find_version(session, digest)
    assert version is not None
    return int(version.id)
