"""Small asyncio Modbus servers: Modbus TCP and RTU over TCP, many units per line, functions 3 and 4.

Modbus Application Protocol V1.1b3; RTU framing per Modbus over Serial Line V1.02. A unit that is dead or cut off
does not answer; a TCP gateway says 0x0B (target device failed to respond) instead.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Mapping

from parkzone.engine import Engine
from parkzone.modbus.layout import Bank

MAX_READ = 125
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_RESPONSE = 1, 2, 3, 0x0B
#: Longest request the servers read; anything beyond is not Modbus.
_MAX_ADU = 260


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS, sent low byte first."""
    reg = 0xFFFF
    for byte in data:
        reg ^= byte
        for _ in range(8):
            reg = (reg >> 1) ^ 0xA001 if reg & 1 else reg >> 1
    return reg


class Line:
    """One serial line (or one PLC network) behind one TCP port.

    Args:
        framing: ``tcp`` or ``rtu``.
        banks: unit id -> its registers.
    """

    def __init__(self, number: int, framing: str, banks: Mapping[int, Bank], engine: Engine) -> None:
        self.number = number
        self.framing = framing
        self.banks = banks
        self.engine = engine
        self.counters: Counter[str] = Counter()
        self.cut = False
        self._server: asyncio.Server | None = None
        self._peers: set[_Session] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (0 asks for a free one)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for peer in list(self._peers):
                peer.drop()
            await self._server.wait_closed()
            self._server = None

    def drop(self) -> None:
        """Cut every connection, as a pulled cable does."""
        for peer in list(self._peers):
            peer.drop()

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        """Response PDU to a request PDU; None for silence."""
        engine = self.engine
        bank = self.banks.get(unit)
        self.counters["requests"] += 1
        if self.cut:
            return None
        function = pdu[0]
        if (
            bank is None
            or bank.device.dead
            or bank.device.code in engine.offline
            or engine.missing[bank.rows].all()
        ):
            self.counters["silent"] += 1
            return bytes((function | 0x80, NO_RESPONSE)) if self.framing == "tcp" else None
        if function not in (3, 4):
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        if len(pdu) != 5:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        address, count = struct.unpack(">HH", pdu[1:5])
        if not 1 <= count <= MAX_READ:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        words = bank.read(function, address, count, engine.at_ms, engine.values, engine.missing)
        if words is None:
            return bytes((function | 0x80, ILLEGAL_ADDRESS))
        return struct.pack(f">BB{count}H", function, 2 * count, *words)


class _Session(asyncio.Protocol):
    """One master on a line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._line.cut:
            transport.abort()
            return
        self._line._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line._peers.discard(self)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        take = self._tcp if self._line.framing == "tcp" else self._rtu
        while take():
            pass

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _tcp(self) -> bool:
        """Take one MBAP request off the buffer; whether there may be another."""
        if len(self._buffer) < 8:
            return False
        transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:7])
        if protocol != 0 or not 2 <= length <= _MAX_ADU - 6:
            self._line.counters["not_modbus"] += 1
            self.drop()
            self._buffer.clear()
            return False
        if len(self._buffer) < 6 + length:
            return False
        pdu = bytes(self._buffer[7 : 6 + length])
        del self._buffer[: 6 + length]
        answer = self._line.answer(unit, pdu)
        if answer is not None:
            self._send(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        return True

    def _rtu(self) -> bool:
        """Take one RTU read request (8 bytes) off the buffer, hunting for a good CRC."""
        if len(self._buffer) < 8:
            return False
        frame = bytes(self._buffer[:8])
        if crc16(frame[:6]) != frame[6] | frame[7] << 8:
            self._line.counters["bad_crc"] += 1
            del self._buffer[:1]
            return True
        del self._buffer[:8]
        answer = self._line.answer(frame[0], frame[1:6])
        if answer is not None:
            adu = bytes((frame[0],)) + answer
            self._send(adu + struct.pack("<H", crc16(adu)))
        return True
