"""A PostgreSQL server of the tests' own, from Debian's binaries, gone with them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from running import free_port


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's server programs, the newest installed; None when there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


class PostgresServer:
    """One server on a free port of the loopback interface; trusts every local connection."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="assistant-postgres-"))
        self._databases = 0
        # initdb and postgres refuse to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._folder, self._user)

    def start(self) -> None:
        """Make a cluster and start it."""
        data = str(self._folder / "data")
        self._call(
            "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync", "--encoding", "UTF8"
        )
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories={self._folder} -c fsync=off"
        )
        self._call(
            "pg_ctl", "--pgdata", data, "--log", str(self._folder / "log"), "--options", options, "--wait", "start"
        )

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._call("pg_ctl", "--pgdata", str(self._folder / "data"), "--mode", "immediate", "--wait", "stop")
        shutil.rmtree(self._folder)

    def create_database(self) -> str:
        """A new empty database; its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._call("createdb", "--host", "127.0.0.1", "--port", str(self._port), "--username", "postgres", name)
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self._port}/{name}"

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        account = pwd.getpwnam(self._user) if self._user else None
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            env={**os.environ, "HOME": str(self._folder)},
        )
