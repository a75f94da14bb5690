"""Train Rasa when what it learns from has changed, and run it; both in its own environment (.venv-nlu)."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import AssistantError
from bot.settings import ROOT, Settings

MODELS = ROOT / "var" / "models"
LOGS = ROOT / "var" / "log"
RASA_PYTHON = ROOT / ".venv-nlu" / "bin" / "python"
#: What a model is made from; a change of any of these files makes a new one.
INPUTS = (
    "domain.yml",
    "config.yml",
    "nlu/rules.yml",
    "nlu/examples",
    "nlu/lookups",
    "nlu/components",
    "nlu/tuning",
    "nlu/encoder",
    "nlu/requirements.txt",
)
INPUT_SUFFIXES = frozenset({".yml", ".py", ".txt", ".tsv", ".onnx", ".npy", ".json"})
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    # Rasa's dependencies warn of their own deprecations at every start.
    "PYTHONWARNINGS": "ignore",
}


class TrainingError(AssistantError):
    """Rasa could not be trained; the text says where its output is."""


def model_path() -> Path:
    """Where the model of the present inputs is, or will be: its name is a hash of them."""
    digest = hashlib.sha256()
    for name in INPUTS:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in INPUT_SUFFIXES:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return MODELS / f"{digest.hexdigest()[:16]}.tar.gz"


def ensure_model(*, force: bool = False) -> Path:
    """The model of the present inputs, trained now if there is none yet.

    Raises:
        TrainingError: the training failed, or left no model.
    """
    path = model_path()
    if path.exists() and not force:
        return path
    MODELS.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "training.log"
    # Rasa writes the file in place: one that a crash or a full disk cut short must not be taken for the model.
    part = path.with_name(f"part-{path.name}")
    part.unlink(missing_ok=True)
    command = [
        # Forced: Rasa's own cache knows neither the encoder nor the tuning set, and would hand out an old component.
        *(str(RASA_PYTHON), "-m", "rasa", "train", "--force", "--domain", "domain.yml", "--config", "config.yml"),
        # It reads every message once more, to find what `make check` finds.
        "--skip-validation",
        *(
            "--data",
            "nlu/examples",
            "nlu/rules.yml",
            "--out",
            str(MODELS),
            "--fixed-model-name",
            part.name.removesuffix(".tar.gz"),
        ),
    ]
    print("Training the language model …", flush=True)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=rasa_environment({}),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        try:
            while process.poll() is None:
                time.sleep(0.5)
                if sys.stdout.isatty():
                    print(f"\r  {time.monotonic() - started:4.0f} s", end="", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0 or not part.exists():
        raise TrainingError(f"the training failed; its output is in {log.relative_to(ROOT)}")
    part.replace(path)
    print(f"\rTrained in {time.monotonic() - started:.0f} s: {path.relative_to(ROOT)}", flush=True)
    _drop_old_models(keep=path)
    return path


def report_path(model: Path) -> Path:
    """Where the figures of a model are kept (`bot.comparison`): beside it."""
    return model.with_name(model.name.removesuffix(".tar.gz") + ".json")


def evaluate_model(model: Path, data: Sequence[Path], report: Path | None = None, entities: Sequence[Path] = ()) -> int:
    """Measure a model on TSV files of labelled messages (`nlu.evaluate`), on one core as in service.

    Args:
        model: what `ensure_model` gave.
        data: files of ``intent[|second]<TAB>text``.
        report: where to write the figures as JSON, too.
        entities: files of messages with marked entities, if those are to be measured.

    Returns:
        The exit status of the evaluation: 0, or 2 for data that cannot be read (told on standard error).
    """
    command = [str(RASA_PYTHON), "-m", "nlu.evaluate", str(model), *(str(path) for path in data)]
    if entities:
        command += ["--entities", *(str(path) for path in entities)]
    if report is not None:
        command += ["--json", str(report)]
    extra = {"OMP_NUM_THREADS": "1", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=rasa_environment(extra), check=False).returncode


def _drop_old_models(keep: Path, count: int = 5) -> None:
    """Keep the newest models, so that going back is possible and the folder stays small."""
    models = sorted(MODELS.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in models[count:]:
        if path != keep:
            path.unlink()
            report_path(path).unlink(missing_ok=True)


def rasa_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a Rasa process: ours, quiet, and with `extra`."""
    return {**os.environ, **QUIET, **extra}


class RasaProcess:
    """Rasa as a child of this process: it dies with it, whatever happens."""

    def __init__(self, settings: Settings, model: Path) -> None:
        address = urlsplit(settings.rasa_url)
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / "rasa.log"
        secret = settings.rasa_secret.get_secret_value()
        environment = rasa_environment(
            {
                "RASA_SECRET": secret,
                "ACTIONS_URL": f"http://{settings.host}:{settings.port}/rasa/actions",
                # The sentence encoder's threads wait for each other by spinning: on a busy machine one message then
                # takes over a second. One thread costs a few milliseconds and is steady.
                "OMP_NUM_THREADS": "1",
            }
        )
        command = [
            *(str(RASA_PYTHON), "-m", "rasa", "run", "--model", str(model), "--endpoints", "endpoints.yml"),
            *("--credentials", "credentials.yml", "--interface", "127.0.0.1", "--port", str(address.port or 5005)),
        ]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us; we end Rasa in our own order, after the turns in hand.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """The exit status once it has ended, else None."""
        return self._process.poll()

    async def aclose(self, grace_s: float = 10.0) -> None:
        """End it: politely, then by force."""
        if self._process.poll() is None:
            self._process.terminate()
        deadline = time.monotonic() + grace_s
        while self._process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, even by SIGKILL (prctl PR_SET_PDEATHSIG)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
