"""Programs of Rasa's environment that work in the background: after the conversations, and no longer than the app."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from bot.errors import AssistantError
from bot.training import die_with_parent

#: So that answers go first (nice, 0 to 19).
NICENESS = 10
#: How often a program is looked at.
LOOK_S = 0.25
#: How long it may take to end when asked to, before it is killed.
GRACE_S = 5.0
#: What is shown of the output of one that failed.
LAST_LINES = 8
LINE_CHARS = 240
#: Lines that say nothing by themselves: frames of a traceback with their code, rules, bars of progress, and what
#: Rasa's libraries say of their own old age.
_USELESS = re.compile(
    r"^\s|^Traceback |^[-=~^\s]+$|it/s\]|DeprecationWarning: |^Implementing implicit namespace|^The above exception|"
    r"^During handling"
)


class Cancelled(AssistantError):
    """Somebody wanted the work no more."""


class ChildFailed(AssistantError):
    """A program ended with an error.

    Attributes:
        output: the last lines that say something.
    """

    def __init__(self, output: str) -> None:
        super().__init__(output.splitlines()[-1] if output else "no output")
        self.output = output


async def run_child(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    look: Callable[[], None],
    is_cancelled: Callable[[], bool],
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> None:
    """Run a program to its end.

    Args:
        command: what to run.
        cwd: where.
        environment: its whole environment.
        log: where its output goes, or what `stdout` does not take of it.
        look: called several times a second while it runs.
        is_cancelled: whether it is to be ended.
        stdin: what it reads, if anything.
        stdout: where its standard output goes.

    Raises:
        ChildFailed: it ended with another status than 0.
        Cancelled: it was ended because of `is_cancelled`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  # like Rasa itself: a fork takes milliseconds
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=output if stdout is None else stdout,
            stderr=subprocess.STDOUT if stdout is None else output,
            # A group of its own, to be ended with all that it starts; and Ctrl-C is for us.
            start_new_session=True,
            preexec_fn=_begin,
        )
    try:
        while process.poll() is None:
            if is_cancelled():
                raise Cancelled("cancelled")
            look()
            await asyncio.sleep(LOOK_S)
    finally:
        if process.poll() is None:
            await asyncio.shield(_end(process))
    look()
    if process.returncode != 0:
        raise ChildFailed(read_last_lines(log) or f"status {process.returncode}")


def _begin() -> None:
    # Not added to what the app has itself: that would starve it where the whole app stands back.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if sys.platform == "linux":
        die_with_parent()


async def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + GRACE_S
    while process.poll() is None and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_last_lines(log: Path) -> str:
    """The last lines of an output that say something, each cut to a readable length; never the whole."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 64_000))
        text = file.read().decode("utf-8", "replace")
    # Colours of a terminal are no words.
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in text.replace("\r", "\n").split("\n")]
    useful = [line for line in lines if line and not _USELESS.search(line)]
    return "\n".join(line if len(line) <= LINE_CHARS else line[:LINE_CHARS] + "…" for line in useful[-LAST_LINES:])
