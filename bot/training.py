"""Train Rasa when what it learns from has changed, and run it; both in its own environment (.venv-nlu)."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import AssistantError
from bot.settings import ROOT, Settings

logger = logging.getLogger(__name__)

MODELS = ROOT / "var" / "models"
LOGS = ROOT / "var" / "log"
RASA_PYTHON = ROOT / ".venv-nlu" / "bin" / "python"
#: What staff add to; a model that was made from others still fits the program.
EXAMPLES = ("nlu/examples", "nlu/lookups")
#: What a model is made from; a change of any of these files makes a new one.
INPUTS = (
    "domain.yml",
    "config.yml",
    "nlu/rules.yml",
    *EXAMPLES,
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


#: A training message of `nlu/examples`.
_EXAMPLE = re.compile(rb"^ {4}- ", re.MULTILINE)


#: No training takes so long, in seconds.
PART_KEPT_S = 24 * 3600
#: The sentence encoder's threads wait for each other by spinning; our code lies in the project's root.
ON_ONE_CORE = {"OMP_NUM_THREADS": "1", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}


class TrainingError(AssistantError):
    """Rasa could not be trained; the text says where its output is."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where a Rasa project lies: what it is trained from, its models, and the output of its trainings."""

    root: Path = ROOT
    models: Path = MODELS
    logs: Path = LOGS

    def model(self, digest: str) -> Path:
        """The file of a model."""
        return self.models / f"{digest}.tar.gz"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model is made from.

    Attributes:
        digest: a hash of all of it, 16 hexadecimal digits: the model's name.
        frame: a hash of all but examples and look-up tables: models with the same one can stand in for each other.
        examples: how many training messages there are in each variety.
    """

    digest: str
    frame: str
    examples: dict[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is noted beside a model's file, so that it is known wherever the file goes.

    `train_s` is how long the training took, in seconds; None when nobody measured it.
    """

    inputs: Inputs
    trained_at: datetime
    train_s: float | None


def read_inputs(project: Project = Project()) -> Inputs:  # frozen
    """What a model would be made from now; 60 MB are read, unless no file changed since they were read last."""
    files = []
    for name in INPUTS:
        path = project.root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in INPUT_SUFFIXES:
                state = file.stat()
                files.append((file, name in EXAMPLES, state.st_mtime_ns, state.st_size))
    return _hash_inputs(project.root, tuple(files))


@lru_cache(maxsize=4)
def _hash_inputs(root: Path, files: tuple[tuple[Path, bool, int, int], ...]) -> Inputs:
    digest, frame = hashlib.sha256(), hashlib.sha256()
    examples: Counter[str] = Counter()
    for file, is_example, _, _ in files:
        content = file.read_bytes()
        part = str(file.relative_to(root)).encode() + b"\0" + content + b"\0"
        digest.update(part)
        if not is_example:
            frame.update(part)
        elif file.parent.name == "examples":
            variety = file.stem.rpartition(".")[2]
            examples[variety] += len(_EXAMPLE.findall(content))
    return Inputs(digest.hexdigest()[:16], frame.hexdigest()[:16], dict(sorted(examples.items())))


def model_path() -> Path:
    """Where the model of the present inputs is, or will be: its name is a hash of them."""
    return MODELS / f"{read_inputs().digest}.tar.gz"


def manifest_path(model: Path) -> Path:
    """Where it is noted what a model was made from: beside it."""
    return model.with_name(model.name.removesuffix(".tar.gz") + ".manifest")


def write_manifest(model: Path, inputs: Inputs, train_s: float | None) -> None:
    """Note what a model was made from."""
    trained_at = datetime.fromtimestamp(model.stat().st_mtime, UTC)
    noted = {**asdict(inputs), "trained_at": trained_at.isoformat(), "train_s": train_s}
    whole = manifest_path(model).with_suffix(".part")
    whole.write_text(json.dumps(noted) + "\n", encoding="utf-8")
    whole.replace(manifest_path(model))


def list_manifests(project: Project) -> list[Manifest]:
    """The models that are there and of which it is known what they were made from, the oldest first.

    One that can't be read is passed over: its model is not known.
    """
    found = []
    for path in project.models.glob("*.manifest"):
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
            inputs = Inputs(noted["digest"], noted["frame"], noted["examples"])
            manifest = Manifest(inputs, datetime.fromisoformat(noted["trained_at"]), noted["train_s"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s can't be read: %s", path, error)
            continue
        if project.model(inputs.digest).is_file():
            found.append(manifest)
    return sorted(found, key=lambda manifest: manifest.trained_at)


def part_path(model: Path) -> Path:
    """Where Rasa writes a model: in place, so one that a crash or a full disk cut short must not be taken for it.

    A name of this process: a start and the console may train the same inputs at once.
    """
    return model.with_name(f"part-{os.getpid()}-{model.name}")


def drop_parts(folder: Path) -> None:
    """Delete what trainings left that were ended by force, once nothing can be writing it any more."""
    for path in folder.glob("part-*.tar.gz"):
        if time.time() - path.stat().st_mtime > PART_KEPT_S:
            path.unlink(missing_ok=True)


def training_command(project: Project, model: Path) -> list[str]:
    """The command that trains the model of a project into `part_path`; it runs in the project's root."""
    return [
        # Forced: Rasa's own cache knows neither the encoder nor the tuning set, and would hand out an old component.
        *(str(RASA_PYTHON), "-m", "rasa", "train", "--force", "--domain", "domain.yml", "--config", "config.yml"),
        # It reads every message once more, to find what `make check` finds.
        "--skip-validation",
        # Which component is at work, for the console.
        "--verbose",
        *("--data", "nlu/examples", "nlu/rules.yml", "--out", str(project.models)),
        *("--fixed-model-name", part_path(model).name.removesuffix(".tar.gz")),
    ]


def ensure_model(project: Project = Project(), *, force: bool = False) -> Path:
    """The model of the present inputs, trained now if there is none yet. No other model goes (`bot.registry.versions`).

    Raises:
        TrainingError: the training failed, or left no model.
    """
    inputs = read_inputs(project)
    path = project.model(inputs.digest)
    if path.exists() and not force:
        if not manifest_path(path).exists():
            write_manifest(path, inputs, None)
        return path
    project.models.mkdir(parents=True, exist_ok=True)
    project.logs.mkdir(parents=True, exist_ok=True)
    log = project.logs / "training.log"
    part = part_path(path)
    drop_parts(project.models)
    print("Training the language model …", flush=True)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            training_command(project, path),
            cwd=project.root,
            env=rasa_environment({"PYTHONPATH": str(ROOT)}),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
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
        raise TrainingError(f"the training failed; its output is in {_relative(log)}")
    part.replace(path)
    train_s = round(time.monotonic() - started, 1)
    write_manifest(path, inputs, train_s)
    print(f"\rTrained in {train_s:.0f} s: {_relative(path)}", flush=True)
    return path


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def report_path(model: Path) -> Path:
    """Where the figures of a model are kept (`bot.comparison`): beside it."""
    return model.with_name(model.name.removesuffix(".tar.gz") + ".json")


def outcomes_path(model: Path) -> Path:
    """Where it is kept what a model made of each message that it was measured on: beside it."""
    return model.with_name(model.name.removesuffix(".tar.gz") + ".outcomes")


def evaluation_command(
    model: Path,
    data: Sequence[Path],
    entities: Sequence[Path] = (),
    report: Path | None = None,
    outcomes: Path | None = None,
) -> list[str]:
    """The command that measures a model (`nlu.evaluate`); see `evaluate_model`.

    `outcomes` gets a line a message as soon as it is parsed.
    """
    command = [str(RASA_PYTHON), "-m", "nlu.evaluate", str(model), *(str(path) for path in data)]
    if entities:
        command += ["--entities", *(str(path) for path in entities)]
    if report is not None:
        command += ["--json", str(report)]
    if outcomes is not None:
        command += ["--outcomes", str(outcomes)]
    return command


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
    command = evaluation_command(model, data, entities, report)
    return subprocess.run(command, env=rasa_environment(ON_ONE_CORE), check=False).returncode


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
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
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


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, even by SIGKILL (prctl PR_SET_PDEATHSIG)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
