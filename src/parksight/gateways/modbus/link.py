"""One TCP connection to a line: a request at a time, its reply or the reason why there is none."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from parksight.gateways.modbus.codec import (
    CodecError,
    Frame,
    Framing,
    RtuDeframer,
    TcpDeframer,
    encode,
    parse_read_reply,
    read_request,
)

_READ = 4_096
#: Quiet time after a missed RTU reply before the line is used again: a late reply bears no mark of its own.
_QUIET_S = 0.05


class LinkLostError(Exception):
    """The connection is gone or useless; ``reason`` is the counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoReplyError(Exception):
    """No fitting reply in time; ``reason``: ``timeout``, or what came instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Link:
    """A connected line. Not for concurrent use: Modbus lines take one request at a time.

    Args:
        framing: of the whole line.
        counters: ``requests``, ``replies``, ``bytes_in``, ``late_reply``, ``wrong_unit`` …
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        framing: Framing,
        counters: Counter[str],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._framing: Framing = framing
        self._tcp, self._rtu = TcpDeframer(), RtuDeframer()
        self._counters = counters
        self._transaction = 0
        #: The newest exchange as it went over the wire, for the frame log.
        self.sent = b""
        self.received = b""

    @classmethod
    async def open(
        cls, host: str, port: int, framing: Framing, timeout_s: float, counters: Counter[str]
    ) -> Link:
        """Connect.

        Raises:
            LinkLostError: ``connect_timeout``, ``connect_refused`` or ``connect_failed``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(host, port)
        except TimeoutError as error:
            raise LinkLostError("connect_timeout") from error
        except ConnectionRefusedError as error:
            raise LinkLostError("connect_refused") from error
        except OSError as error:
            raise LinkLostError("connect_failed") from error
        return cls(reader, writer, framing, counters)

    async def read(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> bytes:
        """Data bytes of the reply to one read request.

        Raises:
            ExceptionReplyError: the device refused.
            NoReplyError: nothing that fits came in time.
            LinkLostError: reconnect.
        """
        self._transaction = self._transaction % 0xFFFF + 1
        request = Frame(unit, read_request(function, address, count), self._transaction)
        self.sent, self.received = encode(self._framing, request), b""
        if self._framing == "rtu":
            self._rtu.expect()
        self._counters["requests"] += 1
        instead = "timeout"
        try:
            self._writer.write(self.sent)
            async with asyncio.timeout(timeout_s):
                await self._writer.drain()
                while True:
                    for frame in await self._frames():
                        if not self._fits(frame, request):
                            continue
                        try:
                            data = parse_read_reply(frame.pdu, function, count)
                        except CodecError as error:
                            self._counters[error.reason] += 1
                            instead = error.reason
                            continue
                        self._counters["replies"] += 1
                        return data
        except TimeoutError as error:
            if self._rtu.bad_crc:
                self._counters["bad_crc"] += self._rtu.bad_crc
                self._rtu.bad_crc, instead = 0, "bad_crc"
            self._counters["timeouts"] += 1
            if self._framing == "rtu":
                await self._settle(timeout_s)
            raise NoReplyError(instead) from error
        except OSError as error:
            raise LinkLostError("connection_reset") from error

    async def _frames(self) -> list[Frame]:
        data = await self._reader.read(_READ)
        if not data:
            raise LinkLostError("connection_closed")
        self._counters["bytes_in"] += len(data)
        self.received = (self.received + data)[-_READ:]
        try:
            return self._tcp.feed(data) if self._framing == "tcp" else self._rtu.feed(data)
        except CodecError as error:
            self._counters[error.reason] += 1
            raise LinkLostError(error.reason) from error

    def _fits(self, frame: Frame, request: Frame) -> bool:
        if self._framing == "tcp" and frame.transaction != request.transaction:
            self._counters["late_reply"] += 1
            return False
        if frame.unit != request.unit:
            self._counters["wrong_unit"] += 1
            return False
        return True

    async def _settle(self, timeout_s: float) -> None:
        """Swallow what arrives late, until the line is quiet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_QUIET_S):
                            data = await self._reader.read(_READ)
                            if not data:
                                return
                            self._counters["late_reply"] += 1
                            self._rtu.expect()
                            continue
                    return

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
