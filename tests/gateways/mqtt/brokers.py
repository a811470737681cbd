"""Real brokers on loopback: nats-server (MQTT 3.1.1) from its wheel, mosquitto (5) where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

NATS = Path(sys.executable).parent / "nats-server"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker process that can be stopped and started again on its port, with its state kept in ``folder``."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command = command
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(15):
            while True:
                assert self._process.returncode is None, "the broker ended at once"
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[Broker]:
    port = free_port()
    config = folder / "nats.conf"
    config.write_text(
        json.dumps(
            {
                "server_name": "test", "host": "127.0.0.1", "port": -1,
                "jetstream": {"store_dir": str(folder / "store"), "max_memory_store": 16_000_000,
                              "max_file_store": 64_000_000},
                "mqtt": {"host": "127.0.0.1", "port": port, "ack_wait": "1s"},
            }
        )
    )  # fmt: skip
    broker = Broker([str(NATS), "-c", str(config)], port)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@contextlib.asynccontextmanager
async def mosquitto(folder: Path, *lines: str, listen: str = "") -> AsyncIterator[Broker]:
    assert MOSQUITTO is not None
    port = free_port()
    config = folder / "mosquitto.conf"
    (folder / "db").mkdir(exist_ok=True)
    config.write_text(
        "\n".join(
            (f"listener {port} 127.0.0.1", listen, "allow_anonymous true", "persistence true",
             f"persistence_location {folder}/db/", "autosave_interval 1", "user root", *lines)
        )
    )  # fmt: skip
    broker = Broker([MOSQUITTO, "-c", str(config)], port)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
