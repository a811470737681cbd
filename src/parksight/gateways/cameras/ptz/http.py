"""A small HTTP/1.1 client for polling devices: kept alive, bounded, with Digest.

A general client costs 2.5 ms of CPU per request on the machine the figures of ``bench/ptz.py`` come from, ten times the
work of reading the answer; 17 heads at 10 Hz would fill half a core. This one sends one buffer and parses with httptools.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from dataclasses import dataclass
from typing import cast

import httptools

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.digest import Challenge, authorization, choose

#: Largest body and head of an answer; a capabilities document of a big recorder has about 200 KB.
MAX_BODY = 4 * 2**20
MAX_HEAD = 64 * 2**10
#: Connections to one device at a time: a stop never queues behind a status that hangs.
MAX_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    challenges: tuple[str, ...]


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.used = False
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but ancestry

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if (
            self._waiter is not None
            and self._parser is not None
            and not self._waiter.done()
            and self._status_known
            and self._until_close
        ):
            self._finish()  # an answer without length ends with the connection
        self._fail(CameraError("connection_lost", str(exc or "closed by the device")))

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._waiter is None or self._waiter.done():
            self.close()  # bytes nobody asked for
            return
        self._seen += len(data)
        if self._seen > MAX_BODY + MAX_HEAD or (not self._head_done and self._seen > MAX_HEAD):
            self._fail(CameraError("answer_too_big", f"more than {MAX_BODY} bytes"))
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(CameraError("not_http", str(error)))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        if key == b"content-type":
            self._type = value.decode("latin-1")
        elif key == b"www-authenticate" and len(self._challenges) < 8:
            self._challenges.append(value.decode("latin-1"))
        elif key in (b"content-length", b"transfer-encoding"):
            self._until_close = False

    def on_headers_complete(self) -> None:
        self._head_done = self._status_known = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._parser is None or self._waiter is None or self._waiter.done():
            return
        status = self._parser.get_status_code()
        if status == 100:  # its real answer follows
            self._reset()
            return
        answer = Answer(status, b"".join(self._body), self._type, tuple(self._challenges))
        if not self._parser.should_keep_alive():
            self.close()
        self._waiter.set_result(answer)

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._challenges: list[str] = []
        self._type = ""
        self._seen = 0
        self._head_done = self._status_known = False
        self._until_close = True

    def send(self, head: bytes) -> asyncio.Future[Answer]:
        assert self.transport is not None
        self.used = True
        self._reset()
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(head)
        return self._waiter

    def _fail(self, error: CameraError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            self.transport.close()


class DeviceHttp:
    """Requests to one device.

    Args:
        host, port, tls: where; certificates of cameras are their own, so a device's name is not checked.
        username, password: None: no sign-in.
        timeout_s: for a whole request, connecting included.
        allow_basic: answer a Basic challenge on a connection anybody can read.
    """

    def __init__(
        self, host: str, port: int, *, tls: bool = False, username: str | None = None, password: str | None = None,
        timeout_s: float = 3.0, allow_basic: bool = False,
    ) -> None:  # fmt: skip
        self.host, self.port, self.tls = host, port, tls
        self.username, self.password, self.timeout_s = username, password, timeout_s
        self.allow_basic = allow_basic
        self.counters: Counter[str] = Counter()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._room = asyncio.Semaphore(MAX_CONNECTIONS)
        self._challenge: Challenge | None = None
        self._closed = False

    async def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", *, sign: bool = True
    ) -> Answer:
        """One request; signed when the device has asked for it (``sign`` False: not even then).

        Raises:
            CameraError: unreachable, timeout, credentials, not_http, connection_lost, answer_too_big.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await self._once(method, path, body, content_type, sign)
                if answer.status == 401 and sign and self.username is not None:
                    found = choose(answer.challenges)
                    if found is None or (found.scheme == "basic" and not (self.allow_basic or self.tls)):
                        raise CameraError("sign_in_unsupported", "; ".join(answer.challenges)[:200])
                    self._challenge = found
                    self.counters["challenges"] += 1
                    answer = await self._once(method, path, body, content_type, sign)
        except TimeoutError:
            self.counters["timeouts"] += 1
            raise CameraError("timeout", f"{self.host}:{self.port}, {self.timeout_s} s") from None
        if answer.status == 401:
            self._challenge = None
            raise CameraError("credentials", f"{self.host}:{self.port}")
        return answer

    async def _once(self, method: str, path: str, body: bytes, content_type: str, sign: bool) -> Answer:
        head = self._head(method, path, body, content_type, sign)
        async with self._room:
            connection, fresh = await self._connection()
            self._busy.add(connection)
            try:
                try:
                    answer = await connection.send(head)
                except CameraError as error:
                    # The device may have closed an idle connection just as we wrote; only then is a repeat safe.
                    if fresh or error.reason != "connection_lost":
                        raise
                    self._busy.discard(connection)
                    self.counters["reopened"] += 1
                    connection = await self._open()
                    self._busy.add(connection)
                    answer = await connection.send(head)
            except BaseException:
                connection.close()
                raise
            finally:
                self._busy.discard(connection)
            self.counters["requests"] += 1
            if not connection.closed:
                self._idle.append(connection)
            return answer

    def _head(self, method: str, path: str, body: bytes, content_type: str, sign: bool) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = f"{method} {path} HTTP/1.1\r\nHost: {host}:{self.port}\r\n"
        if body or method in ("POST", "PUT"):
            lines += f"Content-Length: {len(body)}\r\n"
        if content_type:
            lines += f"Content-Type: {content_type}\r\n"
        if sign and self._challenge is not None and self.username is not None:
            signed = authorization(self._challenge, self.username, self.password or "", method, path)
            lines += f"Authorization: {signed}\r\n"
        return (lines + "\r\n").encode() + body

    async def _connection(self) -> tuple[_Connection, bool]:
        while self._idle:
            found = self._idle.pop()
            if not found.closed:
                return found, False
        return await self._open(), True

    async def _open(self) -> _Connection:
        if self._closed:
            raise CameraError("connection_lost", "closed")
        context: ssl.SSLContext | None = None
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            _, made = await asyncio.get_running_loop().create_connection(
                _Connection, self.host, self.port, ssl=context
            )
        except OSError as error:
            self.counters["unreachable"] += 1
            raise CameraError("unreachable", f"{self.host}:{self.port}: {error.strerror or error}") from error
        self.counters["opened"] += 1
        return made

    async def close(self) -> None:
        """Close all connections; what is under way fails with ``connection_lost``. Idempotent."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            with contextlib.suppress(OSError):
                connection.close()
        self._idle.clear()
