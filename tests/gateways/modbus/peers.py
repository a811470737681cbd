"""Peers of the Modbus gateway: pymodbus's server, and servers that misbehave, all over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def pymodbus_server(
    units: dict[int, dict[int, int]], framing: str = "tcp", silent: frozenset[int] = frozenset()
) -> AsyncIterator[int]:
    """pymodbus 3.16 serving holding registers (unit -> address -> value); yields the port.

    Units in ``silent`` do not answer, as a pulled cable on the serial side.
    """

    def packet(sending: bool, data: bytes) -> bytes:
        unit = data[0 if framing == "rtu" else 6] if data else -1
        return b"" if sending and unit in silent else data

    devices = [
        SimDevice(
            id=unit,
            simdata=[SimData(a, values=v, datatype=DataType.REGISTERS) for a, v in sorted(rows.items())],
        )
        for unit, rows in units.items()
    ]
    server = ModbusTcpServer(
        devices,
        framer=FramerType.SOCKET if framing == "tcp" else FramerType.RTU,
        address=("127.0.0.1", 0),
        trace_packet=packet,
    )
    await server.listen()
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@contextlib.asynccontextmanager
async def raw_server(handler: Handler) -> AsyncIterator[int]:
    """A server that does what ``handler`` says with each connection; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
