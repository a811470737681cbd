"""The RTSP server of all cameras: ``rtsp://host:port/<code>/main`` and ``/sub``."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import re
import secrets
import socket
from collections import Counter
from typing import Any

from parkzone.cameras.digest import Digest
from parkzone.cameras.order import FPS
from parkzone.cameras.rtsp.messages import (
    BadRequestError,
    Interleaved,
    Request,
    Transport,
    receive,
    transport,
)
from parkzone.cameras.rtsp.packets import PAYLOAD, Packetiser
from parkzone.cameras.source import Picture, Source
from parkzone.cameras.studio import Studio

MAX_CLIENTS = 128
#: A session that says nothing for this long is dropped, s.
TIMEOUT_S = 60
#: Pictures that wait for a slow client; more, and it starts anew at the next key picture.
QUEUE = 24
REPORT_S = 1.0
_PATH = re.compile(
    r"rtsps?://[^/]+/(?P<code>[^/?]+)/(?P<stream>main|sub)(?:/track1)?/?(?:\?.*)?$", re.IGNORECASE
)
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"


class RtspServer:
    """Serves the studio's streams."""

    def __init__(self, studio: Studio, username: str, password: str) -> None:
        self.studio = studio
        self.digest = Digest("parkzone", username, password)
        self.counters: Counter[str] = Counter()
        self.sessions: set[_Session] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        self._server = await asyncio.start_server(self._client, host, port, limit=4096)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.close()

    def drop(self, code: str) -> None:
        """Cut everybody off one camera."""
        for session in list(self.sessions):
            if session.source is not None and session.source.code == code:
                session.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self.sessions) >= MAX_CLIENTS:
            self.counters["refused"] += 1
            writer.close()
            return
        session = _Session(self, reader, writer)
        self.sessions.add(session)
        self.counters["connections"] += 1
        try:
            await session.serve()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except BadRequestError:
            self.counters["bad_requests"] += 1
        finally:
            self.sessions.discard(session)
            session.close()


class _Session:
    """One connection; one stream."""

    def __init__(
        self, server: RtspServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._id = secrets.token_hex(8)
        self.source: Source | None = None
        self._stream = "main"
        self._way: Transport | None = None
        self._packets: Packetiser | None = None
        self._sockets: list[socket.socket] = []
        self._queue: asyncio.Queue[Picture] = asyncio.Queue(QUEUE)
        self._waits_for_key = True
        self._sending: asyncio.Task[None] | None = None
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def serve(self) -> None:
        while True:
            # UDP clients show life by requests; those over TCP by taking what is sent as well
            limit = TIMEOUT_S + 15 if self._way is None or self._way.ports else None
            async with asyncio.timeout(limit):
                got = await receive(self._reader)
            if isinstance(got, Interleaved):
                continue
            if not await self._answer(got):
                return

    def close(self) -> None:
        self._pause()
        for sock in self._sockets:
            sock.close()
        self._sockets = []
        if not self._writer.is_closing():
            self._writer.close()

    # -- requests ------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> bool:
        """Serve one request; False: the connection ends."""
        if request.method == "OPTIONS":
            await self._say(request, 200, Public=_METHODS)
            return True
        found = _PATH.fullmatch(request.url)
        source = self._server.studio.sources.get(found["code"]) if found else None
        if source is None and request.method in ("DESCRIBE", "SETUP"):
            await self._say(request, 404)
            return True
        target = source or self.source
        if target is not None and (target.knobs.cut or target.knobs.off):
            return False
        if not await self._signed_in(request):
            return True
        handler = {
            "DESCRIBE": self._describe, "SETUP": self._setup, "PLAY": self._play, "PAUSE": self._paused,
            "GET_PARAMETER": self._alive, "SET_PARAMETER": self._alive, "TEARDOWN": self._teardown,
        }.get(request.method)  # fmt: skip
        if handler is None:
            await self._say(request, 501)
            return True
        if found is not None and source is not None and request.method in ("DESCRIBE", "SETUP"):
            self.source, self._stream = source, found["stream"].lower()
        if request.method not in ("DESCRIBE", "SETUP") and self._way is None and request.method != "TEARDOWN":
            await self._say(request, 200 if request.method.endswith("PARAMETER") else 454)
            return True
        await handler(request)
        return request.method != "TEARDOWN"

    async def _signed_in(self, request: Request) -> bool:
        digest = self._server.digest
        verdict = digest.check(request.method, request.headers.get("authorization", ""))
        if verdict:
            return True
        if request.headers.get("authorization") and verdict is False:
            self._server.counters["sign_in_failed"] += 1
        await self._say(request, 401, **{"WWW-Authenticate": digest.challenge(stale=verdict is None)})
        return False

    async def _describe(self, request: Request) -> None:
        assert self.source is not None
        units = await self._server.studio.parameters(self._stream)
        format_ = f"a=fmtp:{PAYLOAD} packetization-mode=1"
        if units:
            sets = ",".join(base64.b64encode(u).decode() for u in units)
            format_ += f";profile-level-id={units[0][1:4].hex().upper()};sprop-parameter-sets={sets}"
        lines = [
            "v=0", "o=- 1 1 IN IP4 0.0.0.0", f"s=SIMULATED {self.source.code}", "c=IN IP4 0.0.0.0", "t=0 0",
            "a=control:*", f"m=video 0 RTP/AVP {PAYLOAD}", f"a=rtpmap:{PAYLOAD} H264/90000", format_,
            f"a=framerate:{FPS}", "a=control:track1", "",
        ]  # fmt: skip
        base = request.url.rstrip("/") + "/"
        await self._say(
            request, 200, "\r\n".join(lines), **{"Content-Base": base, "Content-Type": "application/sdp"}
        )

    async def _setup(self, request: Request) -> None:
        wished = transport(request.headers.get("transport", ""))
        if wished is None:
            await self._say(request, 461)
            return
        self._pause()
        self._way = wished
        self._packets = Packetiser(self._server.studio.clock())
        mark = f"ssrc={self._packets.ssrc:08X}"
        if wished.channels:
            way = f"RTP/AVP/TCP;unicast;interleaved={wished.channels[0]}-{wished.channels[1]};{mark}"
        else:
            assert wished.ports is not None
            ports = self._open_sockets()
            way = (
                f"RTP/AVP;unicast;client_port={wished.ports[0]}-{wished.ports[1]};"
                f"server_port={ports[0]}-{ports[1]};{mark}"
            )
        await self._say(request, 200, Transport=way, Session=f"{self._id};timeout={TIMEOUT_S}")

    def _open_sockets(self) -> tuple[int, int]:
        for sock in self._sockets:
            sock.close()
        host = self._writer.get_extra_info("sockname")[0]
        for _ in range(50):
            first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first.bind((host, 0))
            port = first.getsockname()[1]
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                second.bind((host, port + 1))
                for sock in (first, second):
                    sock.setblocking(False)
                self._sockets = [first, second]
                return port, port + 1
            first.close()
            second.close()
        raise OSError("no pair of UDP ports")

    async def _play(self, request: Request) -> None:
        assert self.source is not None
        assert self._packets is not None
        info = f"url={request.url.rstrip('/')}/track1;seq={self._packets.sequence}"
        await self._say(request, 200, Session=self._id, Range="npt=now-", **{"RTP-Info": info})
        if self._sending is None:
            self._waits_for_key = True
            self._sending = asyncio.create_task(self._send())
            self.source.watch(self._stream, self._take)

    async def _paused(self, request: Request) -> None:
        self._pause()
        await self._say(request, 200, Session=self._id)

    async def _alive(self, request: Request) -> None:
        await self._say(request, 200, Session=self._id)

    async def _teardown(self, request: Request) -> None:
        self._pause()
        await self._say(request, 200, Session=self._id)

    async def _say(self, request: Request, status: int, body: str = "", **headers: str) -> None:
        words = {200: "OK", 401: "Unauthorized", 404: "Not Found", 454: "Session Not Found",
                 461: "Unsupported Transport", 501: "Not Implemented"}  # fmt: skip
        lines = [
            f"RTSP/1.0 {status} {words[status]}",
            f"CSeq: {request.cseq}",
            "Server: parkzone (simulated)",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await self._writer.drain()

    # -- pictures ------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        if self.source is not None:
            self.source.leave(self._stream, self._take)
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _take(self, picture: Picture) -> None:
        if self._waits_for_key and not picture.key:
            return
        if self._queue.full():
            self._server.counters["pictures_dropped"] += self._queue.qsize() + 1
            while not self._queue.empty():
                self._queue.get_nowait()
            self._waits_for_key = not picture.key
            if self._waits_for_key:
                return
        self._waits_for_key = False
        self._queue.put_nowait(picture)

    async def _send(self) -> None:
        assert self.source is not None
        assert self._packets is not None
        told = 0.0
        try:
            while True:
                picture = await self._queue.get()
                wall = picture.wall_ms / 1000.0
                now = self._server.studio.clock()
                if now - told >= REPORT_S:
                    told = now
                    await self._put([self._packets.report(wall, self.source.knobs.clock_offset_s)], 1)
                packets = self._packets.packets_of(picture.units, wall)
                await self._put(self._spoilt(packets), 0)
                self._server.counters["pictures"] += 1
        except OSError:
            self.close()

    def _spoilt(self, packets: list[bytes]) -> list[bytes]:
        """Lost on the way (UDP), or damaged."""
        assert self.source is not None
        assert self._way is not None
        knobs: Any = self.source.knobs
        if knobs.packet_loss and self._way.ports:
            packets = [p for p in packets if random.random() >= knobs.packet_loss]
        if knobs.garbage:
            packets = [random.randbytes(len(p)) if random.random() < knobs.garbage else p for p in packets]
        return packets

    async def _put(self, packets: list[bytes], which: int) -> None:
        assert self._way is not None
        if self._way.channels:
            channel = self._way.channels[which]
            self._writer.write(
                b"".join(b"$" + bytes([channel]) + len(p).to_bytes(2, "big") + p for p in packets)
            )
            await self._writer.drain()
            return
        assert self._way.ports is not None
        to = (self._writer.get_extra_info("peername")[0], self._way.ports[which])
        for i, packet in enumerate(packets):
            with contextlib.suppress(BlockingIOError):  # a full buffer loses packets, as networks do
                self._sockets[which].sendto(packet, to)
            if i % 16 == 15:
                await asyncio.sleep(0)
