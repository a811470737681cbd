"""The real thing for end-to-end tests: ``parksight demo`` as a process of its own in a throw-away folder."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

PASSWORD = "parksight-demo"
ROLES = {
    "admin": "administrator",
    "leader": "zone_leader",
    "duty": "duty_operator",
    "safety": "safety_officer",
    "environment": "environment_officer",
    "energy": "energy_manager",
    "planner": "planner",
    "integrator": "integrator",
    "auditor": "auditor",
    "firm": "enterprise_manager",
    "firm-user": "enterprise_user",
}


@dataclass
class Site:
    """A running demo park.

    Attributes:
        url: where its pages are.
        accounts: username to password.
        folder: its data folder.
        process: the ``parksight demo`` process.
        output: file with what it printed.
    """

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    output: Path
    accounts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ROLES, PASSWORD))

    @contextlib.contextmanager
    def client(self, username: str = "admin") -> Iterator[httpx.Client]:
        """An HTTP client signed in as somebody, with the CSRF header set."""
        with httpx.Client(base_url=self.url, timeout=30.0) as client:
            answer = client.post(
                "/api/v1/session",
                json={"username": username, "password": self.accounts.get(username, PASSWORD)},
            )
            answer.raise_for_status()
            client.headers["x-csrf-token"] = answer.json()["csrf"]
            yield client

    def health(self) -> dict[str, object]:
        found: dict[str, object] = httpx.get(f"{self.url}/api/v1/health", timeout=10.0).json()
        return found

    def wait(self, what: str, seconds: float = 120.0) -> None:
        """Until the process has printed ``what``; the whole output is the message when it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if what in self.output.read_text(encoding="utf-8"):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"{what!r} was not printed:\n{self.output.read_text(encoding='utf-8')}")

    def stop(self, seconds: float = 30.0) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def living_park(folder: Path, *, days: float = 0.05, port: int | None = None) -> Iterator[Site]:
    """A demo park on free ports, its zone introduced; killed at the end if it does not end by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    output = folder / "printed.txt"
    env = {
        **os.environ,
        "PARKSIGHT_PORT": str(port),
        "PARKSIGHT_HJ212__PORT": str(free_port()),
        "PARKSIGHT_SECURITY__SIGN_IN_PER_MINUTE": "600",  # all tests sign in from one address
        "PARKSIGHT_SECURITY__SESSIONS_PER_USER": "1000",  # and often: the page that is open must not lose its own
    }
    command = [
        sys.executable,
        "-m",
        "parksight",
        "demo",
        "--data-dir",
        str(folder / "data"),
        "--days",
        str(days),
    ]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=env, cwd=folder)
    site = Site(f"http://127.0.0.1:{port}", folder, process, output)
    try:
        site.wait("the demo zone is connected", 300.0)  # kernels are compiled where no cache of them exists
        yield site
    finally:
        try:
            site.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
