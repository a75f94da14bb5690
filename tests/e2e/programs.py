"""The command line in processes of its own, and what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from running import SECRET, wait_until

from bot.settings import ROOT

#: What would change a test if the developer had set it.
_OURS = ("TELEGRAM", "TWILIO", "WHATSAPP", "PUBLIC_URL", "HOST", "LOG_LEVEL", "SESSION", "CONCURRENT", "RASA")


class Program:
    """`python -m bot <command>` with the given settings; killed at the end if it still runs."""

    def __init__(self, command: str, **settings: object) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        environment |= {"RASA_SECRET": SECRET, **{name: str(value) for name, value in settings.items()}}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self.out, self._process.stdout), (self.err, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait_for_line(self, start: str, timeout_s: float = 90.0) -> str:
        """The first line of its output that starts so."""

        def find() -> str | None:
            found = next((line for line in list(self.out) if line.startswith(start)), None)
            assert found or not self.ended, f"it ended: {''.join(self.out + self.err)}"
            return found

        return str(wait_until(find, timeout_s, f"a line that starts with {start!r}"))

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self.wait()

    def wait(self, timeout_s: float = 60.0) -> int:
        """Wait for its end; the exit status."""
        status = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join(10)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return status


def list_descendants(pid: int) -> set[int]:
    """The processes that a process started, and those that these started."""
    children: dict[int, set[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has just ended
        children.setdefault(parent, set()).add(int(path.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = children.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
