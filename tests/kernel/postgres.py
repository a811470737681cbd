"""A throw-away PostgreSQL server for tests: own folder, free loopback port, gone afterwards.

Use ``postgres_url`` for an empty database of one's own. Under root the server runs as user ``postgres``,
since PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pg8000.native
import pytest

_NUMBER = count(1)


def find_program(name: str) -> str | None:
    """A PostgreSQL program on the path or where Debian keeps it (newest version first)."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@dataclass(frozen=True)
class PostgresServer:
    """A running server; ``user`` is its superuser and needs no password from loopback."""

    port: int
    user: str

    def url(self, database: str) -> str:
        return f"postgresql+pg8000://{self.user}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Make a database, empty or as a copy of another one; returns its name."""
        name = f"park_{os.getpid()}_{next(_NUMBER)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, sql: str) -> None:
        with pg8000.native.Connection(
            self.user, host="127.0.0.1", port=self.port, database="postgres"
        ) as connection:
            connection.run(sql)


def start(folder: Path) -> tuple[PostgresServer, subprocess.Popen[bytes]]:
    """Initialise and start a server in ``folder``; waits until it answers."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    as_user: list[str] = []
    user = getpass.getuser()
    if os.geteuid() == 0:
        user = "postgres"
        as_user = ["runuser", "-u", user, "--"]
        shutil.chown(folder, user, user)
    data = folder / "data"
    init = [*as_user, initdb, "-D", str(data), "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    done = subprocess.run(init, check=False, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = {
        "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder),
        "fsync": "off", "shared_buffers": "16MB", "max_connections": "60",
    }  # fmt: skip
    command = [*as_user, postgres, "-D", str(data)]
    for key, value in options.items():
        command += ["-c", f"{key}={value}"]
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    server = PostgresServer(port, user)
    for _ in range(200):
        try:
            server._run("SELECT 1")
            return server, process
        except Exception:
            if process.poll() is not None:
                raise RuntimeError((folder / "server.log").read_text(errors="replace")) from None
            time.sleep(0.05)
    process.terminate()
    raise RuntimeError("PostgreSQL did not answer")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the test session."""
    folder = Path(tempfile.mkdtemp(prefix="parksight-pg-"))
    folder.chmod(0o755)
    process = None
    try:
        server, process = start(folder)
        yield server
    finally:
        if process is not None:
            # runuser passes the signal on; SIGTERM with open sessions would wait, so the databases are forced.
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database that disappears after the test."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)
