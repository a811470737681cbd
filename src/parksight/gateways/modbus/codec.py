"""Modbus PDUs and both framings, pure: bytes in, frames out.

Modbus Application Protocol V1.1b3 (2012) for PDUs, Messaging on TCP/IP V1.0b for the MBAP header, over Serial
Line V1.02 for RTU framing and CRC. Reading only: functions 1 to 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
FUNCTIONS = (READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT)
#: Most values one request may ask for (V1.1b3 6.1 to 6.4).
MAX_REGISTERS = 125
MAX_BITS = 2000
#: Unit, function and at most 252 bytes more (V1.1b3 4.1: PDU at most 253 bytes).
_MAX_PDU = 253
_EXCEPTION = 0x80

Framing = Literal["tcp", "rtu"]


class CodecError(ValueError):
    """Bytes that are not what Modbus says; ``reason`` is the counter's name."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class ExceptionReplyError(Exception):
    """The device answered with an exception (V1.1b3 7)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


def _table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        reg = byte
        for _ in range(8):
            reg = (reg >> 1) ^ 0xA001 if reg & 1 else reg >> 1
        out.append(reg)
    return tuple(out)


_CRC = _table()


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS (Serial Line V1.02, 6.2.2): start 0xFFFF, reflected 0x8005, sent low byte first."""
    reg = 0xFFFF
    for byte in data:
        reg = (reg >> 8) ^ _CRC[(reg ^ byte) & 0xFF]
    return reg


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of either framing; ``transaction`` is 0 in RTU, which has none."""

    unit: int
    pdu: bytes
    transaction: int = 0


def read_request(function: int, address: int, count: int) -> bytes:
    """PDU asking for ``count`` values from zero-based ``address``.

    Raises:
        CodecError: beyond what one request may ask.
    """
    limit = MAX_BITS if function in (READ_COILS, READ_DISCRETE) else MAX_REGISTERS
    if function not in FUNCTIONS:
        raise CodecError("function", f"{function} does not read")
    if not 0 <= address <= 0xFFFF or not 1 <= count <= limit or address + count > 0x10000:
        raise CodecError("range", f"{count} from {address}")
    return struct.pack(">BHH", function, address, count)


def parse_read_request(pdu: bytes) -> tuple[int, int, int]:
    """Function, address and count of a read request.

    Raises:
        CodecError: not a read request.
    """
    if len(pdu) != 5 or pdu[0] not in FUNCTIONS:
        raise CodecError("request", pdu.hex())
    function, address, count = struct.unpack(">BHH", pdu)
    return function, address, count


def parse_read_reply(pdu: bytes, function: int, count: int) -> bytes:
    """The data bytes of a reply to ``read_request(function, …, count)``.

    Raises:
        ExceptionReplyError: the device refused.
        CodecError: the reply does not fit the request.
    """
    if not pdu:
        raise CodecError("short_reply", "empty PDU")
    if pdu[0] == function | _EXCEPTION:
        if len(pdu) != 2:
            raise CodecError("short_reply", "exception without code")
        raise ExceptionReplyError(pdu[1])
    if pdu[0] != function:
        raise CodecError("wrong_function", f"{pdu[0]} for {function}")
    wanted = (count + 7) // 8 if function in (READ_COILS, READ_DISCRETE) else 2 * count
    if len(pdu) < 2 or pdu[1] != wanted or len(pdu) != 2 + wanted:
        raise CodecError("wrong_length", f"{len(pdu) - 2} bytes for {wanted}")
    return pdu[2:]


def registers(data: bytes) -> tuple[int, ...]:
    """Reply data as unsigned 16-bit registers."""
    return struct.unpack(f">{len(data) // 2}H", data)


def bits(data: bytes, count: int) -> tuple[bool, ...]:
    """Reply data as coils, lowest bit of the first byte first."""
    return tuple(bool(data[i >> 3] >> (i & 7) & 1) for i in range(count))


def encode(framing: Framing, frame: Frame) -> bytes:
    """A frame as it goes over the wire."""
    if framing == "tcp":
        return struct.pack(">HHHB", frame.transaction, 0, len(frame.pdu) + 1, frame.unit) + frame.pdu
    body = bytes((frame.unit,)) + frame.pdu
    return body + struct.pack("<H", crc16(body))


class TcpDeframer:
    """Cuts a stream of MBAP frames; a header that cannot be one makes the stream useless."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by ``data``.

        Raises:
            CodecError: ``bad_mbap``: protocol id or length impossible; close the connection.
        """
        self._buffer += data
        out: list[Frame] = []
        while len(self._buffer) >= 7:
            transaction, protocol, length, unit = struct.unpack_from(">HHHB", self._buffer)
            if protocol != 0 or not 2 <= length <= _MAX_PDU + 1:
                raise CodecError("bad_mbap", bytes(self._buffer[:7]).hex())
            if len(self._buffer) < 6 + length:
                break
            out.append(Frame(unit, bytes(self._buffer[7 : 6 + length]), transaction))
            del self._buffer[: 6 + length]
        return out

    def clear(self) -> None:
        self._buffer.clear()


class RtuDeframer:
    """Finds the reply of one unit to one function in a byte stream that has no frame marks.

    Over TCP the silence between RTU frames is lost, so the length is taken from the reply itself and the CRC
    decides; bytes before a good frame are skipped and counted.

    Args:
        limit: bytes kept while hunting; more without a good frame is garbage.
    """

    def __init__(self, limit: int = 1024) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self.skipped = 0
        self.bad_crc = 0

    def expect(self) -> None:
        """A new request goes out: whatever is left belongs to an older one."""
        self.skipped += len(self._buffer)
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames with a good CRC completed by ``data``; read replies and exceptions only.

        Raises:
            CodecError: ``garbage``: too much without a good frame; close the connection.
        """
        self._buffer += data
        out: list[Frame] = []
        start = 0
        while True:
            frame, size = self._at(start)
            if frame is not None:
                self.skipped += start
                out.append(frame)
                del self._buffer[: start + size]
                start = 0
                continue
            start += 1
            if start + 5 > len(self._buffer):
                break
        if len(self._buffer) > self._limit:
            self._buffer.clear()
            raise CodecError("garbage", f"more than {self._limit} bytes without a frame")
        return out

    def _at(self, start: int) -> tuple[Frame | None, int]:
        buffer = self._buffer
        if start + 5 > len(buffer):
            return None, 0
        function = buffer[start + 1]
        if function & _EXCEPTION and function & ~_EXCEPTION in FUNCTIONS:
            size = 5
        elif function in FUNCTIONS:
            size = 5 + buffer[start + 2]
        else:
            return None, 0
        if start + size > len(buffer):
            return None, 0
        body = bytes(buffer[start : start + size - 2])
        if crc16(body) != buffer[start + size - 2] | buffer[start + size - 1] << 8:
            self.bad_crc += start == 0
            return None, 0
        return Frame(body[0], body[1:]), size

    def clear(self) -> None:
        self._buffer.clear()
