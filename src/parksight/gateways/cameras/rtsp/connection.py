"""The TCP connection of an RTSP session: one request at a time, interleaved packets straight to the track."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import cast
from urllib.parse import SplitResult

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.digest import Challenge, authorization, choose
from parksight.gateways.cameras.rtsp import messages
from parksight.gateways.cameras.rtsp.messages import Message, NotRtspError, Parser

USER_AGENT = "ParkSight"
#: ``channel, bytes, start, end``
Interleaved = Callable[[int, bytes, int, int], None]


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        username, password: empty username: no sign-in.
        on_packet: interleaved packets, on the event loop.
        counters: what was odd.
    """

    def __init__(self, username: str, password: str, on_packet: Interleaved, counters: Counter[str]) -> None:
        self._username, self._password = username, password
        self._on_packet = on_packet
        self._parser = Parser(counters)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Message] | None = None
        self._sequence = 0
        self._challenge: Challenge | None = None
        self.session: str | None = None
        self.closed: asyncio.Future[CameraError] = asyncio.get_running_loop().create_future()
        self.counters = counters

    # -- asyncio.Protocol ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(CameraError("connection_lost", str(exc or "closed by the camera")))

    def data_received(self, data: bytes) -> None:
        try:
            for found in self._parser.feed(data):
                if type(found) is tuple:
                    self._on_packet(*found)
                else:
                    assert isinstance(found, Message)
                    self._message(found)
        except NotRtspError as error:
            self._end(CameraError("not_rtsp", str(error)))

    # -- requests --------------------------------------------------------------------------------------

    @property
    def peer(self) -> tuple[str, int]:
        assert self._transport is not None
        name = self._transport.get_extra_info("peername")
        return str(name[0]), int(name[1])

    def local(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("sockname")[0])

    async def request(
        self, method: str, uri: str, headers: dict[str, str] | None = None, *, timeout_s: float
    ) -> Message:
        """Ask, signing in where the camera demands it.

        Raises:
            CameraError: ``credentials``, ``timeout``, ``connection_lost``, ``not_rtsp``.
        """
        for attempt in range(3):
            answer = await self._ask(method, uri, headers or {}, timeout_s)
            if answer.status != 401:
                return answer
            fresh = choose(answer.all("www-authenticate"))
            if fresh is None:
                raise CameraError(
                    "credentials", "; ".join(answer.all("www-authenticate"))[:200] or "no challenge"
                )
            if not self._username:
                raise CameraError("credentials", f"{fresh.scheme}: no user name is set")
            stale = fresh.params.get("stale", "").lower() == "true"
            if attempt and not stale:
                raise CameraError("credentials", f"{fresh.scheme} refused for user {self._username}")
            self._challenge = fresh
        raise CameraError("credentials", "the camera asks again and again")

    async def _ask(self, method: str, uri: str, headers: dict[str, str], timeout_s: float) -> Message:
        if self._transport is None or self.closed.done():
            raise self.closed.result() if self.closed.done() else CameraError("connection_lost")
        self._sequence += 1
        sent = {"User-Agent": USER_AGENT, **headers}
        if self._challenge is not None:
            sent["Authorization"] = authorization(
                self._challenge, self._username, self._password, method, uri
            )
        if self.session is not None:
            sent["Session"] = self.session
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(messages.request(method, uri, self._sequence, sent))
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiter
        except TimeoutError:
            raise CameraError("timeout", f"{method} was not answered within {timeout_s:g} s") from None
        finally:
            self._waiter = None

    def send_packet(self, channel: int, data: bytes) -> None:
        """An interleaved packet to the camera."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data)

    def say(self, method: str, uri: str) -> None:
        """A request whose answer nobody waits for."""
        if self._transport is None or self._transport.is_closing():
            return
        self._sequence += 1
        headers = {"User-Agent": USER_AGENT}
        if self._challenge is not None:
            headers["Authorization"] = authorization(
                self._challenge, self._username, self._password, method, uri
            )
        if self.session is not None:
            headers["Session"] = self.session
        self._transport.write(messages.request(method, uri, self._sequence, headers))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._end(CameraError("connection_lost", "closed by us"))

    # -- inside ----------------------------------------------------------------------------------------

    def _message(self, found: Message) -> None:
        if found.method:
            self.counters["server_requests"] += 1
            if self._transport is not None:
                self._transport.write(messages.response(200, "OK", max(found.sequence, 0)))
            return
        waiter = self._waiter
        if waiter is None or waiter.done() or found.sequence not in (self._sequence, -1):
            self.counters["unexpected_answers"] += 1
            return
        waiter.set_result(found)

    def _end(self, reason: CameraError) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(reason)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()


async def connect(
    address: SplitResult, username: str, password: str, on_packet: Interleaved, counters: Counter[str],
    timeout_s: float,
) -> Connection:  # fmt: skip
    """Raises CameraError: ``name`` (DNS), ``refused``, ``unreachable``, ``timeout``, ``tls``."""
    import socket
    import ssl

    loop = asyncio.get_running_loop()
    secure = address.scheme == "rtsps"
    context: ssl.SSLContext | None = None
    if secure:
        # Cameras sign their own certificates; TLS here keeps the password from listeners, no more.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, port = address.hostname or "", address.port or (322 if secure else 554)
    try:
        async with asyncio.timeout(timeout_s):
            _, made = await loop.create_connection(
                lambda: Connection(username, password, on_packet, counters), host, port, ssl=context
            )
    except TimeoutError:
        raise CameraError("timeout", f"{host}:{port} does not answer within {timeout_s:g} s") from None
    except socket.gaierror as error:
        raise CameraError("name", f"{host}: {error.strerror}") from error
    except ConnectionRefusedError as error:
        raise CameraError("refused", f"{host}:{port}") from error
    except ssl.SSLError as error:
        raise CameraError("tls", str(error)[:200]) from error
    except (OSError, UnicodeError) as error:
        raise CameraError("unreachable", f"{host}:{port}: {error}") from error
    return made
