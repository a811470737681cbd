"""An RTSP server for tests: replays a film to whoever asks, with the faults of real cameras on demand."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import random
import re
import secrets
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from parksight.gateways.cameras.rtsp import rtcp

Film = Sequence[tuple[tuple[bytes, ...], bool]]
PAYLOAD = 1400


@dataclass
class Faults:
    """What is wrong with the camera."""

    loss: float = 0.0
    loss_pictures: tuple[int, ...] = ()
    no_report: bool = False
    clock_off_s: float = 0.0
    no_marker: bool = False
    marker_per_nal: bool = False
    garbage: bool = False
    sdp: str | None = None
    mute: bool = False
    no_aggregate: bool = False
    no_tcp: bool = False
    shuffle: bool = False
    redirect: str | None = None
    timeout_s: int = 60
    no_get_parameter: bool = False
    stale_every: int = 0


@dataclass
class Peer:
    """Run with ``async with``; ``url`` then works."""

    film: Film
    codec: str = "h264"
    username: str = ""
    password: str = ""
    algorithms: tuple[str, ...] = ("MD5",)
    basic: bool = False
    faults: Faults = field(default_factory=Faults)
    fps: float = 25.0
    port: int = 0
    requests: list[str] = field(default_factory=list)
    feedback: list[int] = field(default_factory=list)
    connections: set[_Client] = field(default_factory=set)

    async def __aenter__(self) -> Peer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._nonce = secrets.token_hex(8)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Every connection ends without a word."""
        for client in list(self.connections):
            client.end()
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/cam/main"

    @property
    def playing(self) -> int:
        return sum(c.task is not None for c in self.connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(self, reader, writer)
        self.connections.add(client)
        try:
            await client.serve()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self.connections.discard(client)
            client.end()

    def description(self) -> str:
        if self.faults.sdp is not None:
            return self.faults.sdp
        sets = self.film[0][0]
        if self.codec == "h264":
            named = [n for n in sets if n[0] & 31 in (7, 8)]
            sprop = ",".join(base64.b64encode(n).decode() for n in named)
            extra = (
                f"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sprop}\r\n"
            )
        else:
            extra = "a=rtpmap:96 H265/90000\r\n"
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 8\r\na=control:track2\r\n"
            f"m=video 0 RTP/AVP 96\r\n{extra}a=control:track1\r\n"
        )

    def challenges(self) -> list[str]:
        out = [
            f'WWW-Authenticate: Digest realm="cam", nonce="{self._nonce}", qop="auth", algorithm={a}'
            for a in self.algorithms
        ]
        return [*out, 'WWW-Authenticate: Basic realm="cam"'] if self.basic else out

    def accepts(self, method: str, header: str) -> bool:
        if not self.username:
            return True
        if self.basic and header.startswith("Basic "):
            return header[6:] == base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        found = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
        if found.get("nonce") != self._nonce:
            return False
        hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[found.get("algorithm", "MD5")]

        def h(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        a1, a2 = h(f"{self.username}:cam:{self.password}"), h(f"{method}:{found['uri']}")
        return found["response"] == h(f"{a1}:{found['nonce']}:{found['nc']}:{found['cnonce']}:auth:{a2}")


class _Client:
    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer, self.reader, self.writer = peer, reader, writer
        self.task: asyncio.Task[None] | None = None
        self.udp: tuple[asyncio.DatagramTransport, asyncio.DatagramTransport, str, int] | None = None
        self.session = secrets.token_hex(4)
        self.ssrc = random.getrandbits(32)
        self.sequence = random.getrandbits(16)
        self.asked = 0

    def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None
        if self.udp is not None:
            self.udp[0].close(), self.udp[1].close()
        self.writer.close()

    async def serve(self) -> None:
        while True:
            first = await self.reader.readexactly(1)
            if first == b"$":
                head = await self.reader.readexactly(3)
                data = await self.reader.readexactly(int.from_bytes(head[1:], "big"))
                self.peer.feedback.append(data[1])
                continue
            lines = (first + await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, url, _ = lines[0].split(" ")
            headers = {
                k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)
            }
            self.peer.requests.append(method)
            if not await self._answer(method, url, headers):
                return

    async def _answer(self, method: str, url: str, headers: dict[str, str]) -> bool:
        peer, faults = self.peer, self.peer.faults
        status, out, body = "200 OK", [f"CSeq: {headers['cseq']}"], ""
        self.asked += 1
        if faults.stale_every and self.asked % faults.stale_every == 0:
            peer._nonce = secrets.token_hex(8)
        if not peer.accepts(method, headers.get("authorization", "")):
            status = "401 Unauthorized"
            out += peer.challenges()
        elif method == "DESCRIBE" and faults.redirect:
            status = "302 Moved"
            out.append(f"Location: {faults.redirect}")
        elif method == "DESCRIBE":
            body = peer.description()
            out += [f"Content-Base: {url}/", "Content-Type: application/sdp"]
        elif method == "SETUP":
            wanted = headers["transport"]
            out.append(f"Session: {self.session};timeout={faults.timeout_s}")
            if "TCP" in wanted and faults.no_tcp:
                status = "461 Unsupported Transport"
            elif "TCP" in wanted:
                out.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            else:
                port = int(wanted.split("client_port=")[1].split("-")[0])
                out.append(await self._open_udp(port))
        elif method == "GET_PARAMETER" and faults.no_get_parameter:
            status = "405 Method Not Allowed"
        elif method == "TEARDOWN":
            return False
        if body:
            out.append(f"Content-Length: {len(body)}")
        self.writer.write(f"RTSP/1.0 {status}\r\n".encode())
        self.writer.write(("\r\n".join(out) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status.startswith("200") and self.task is None:
            self.task = asyncio.create_task(self._play())
        return True

    async def _open_udp(self, port: int) -> str:
        loop = asyncio.get_running_loop()
        host = self.writer.get_extra_info("peername")[0]
        media, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        control, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        self.udp = (media, control, host, port)
        a, b = (t.get_extra_info("sockname")[1] for t in (media, control))
        return f"Transport: RTP/AVP;unicast;client_port={port}-{port + 1};server_port={a}-{b}"

    async def _play(self) -> None:
        peer, faults = self.peer, self.peer.faults
        base, begun, number, reported = random.getrandbits(32), time.time(), 0, 0.0
        with contextlib.suppress(ConnectionError):
            while True:
                due = begun + number / peer.fps
                await asyncio.sleep(max(0.0, due - time.time()))
                nals, _ = peer.film[number % len(peer.film)]
                timestamp = (base + round(number * 90000 / peer.fps)) & 0xFFFFFFFF
                if not faults.mute:
                    if not faults.no_report and time.time() - reported > 1:
                        reported = time.time()
                        wall = (due + faults.clock_off_s) * 1000
                        self._send(1, rtcp.sender_report(self.ssrc, wall, timestamp))
                    packets = [self._packet(p, m, timestamp) for p, m in self.packets(nals)]
                    lossy = not faults.loss_pictures or number in faults.loss_pictures
                    if faults.shuffle and self.udp is not None and len(packets) > 2:
                        packets[0], packets[1] = packets[1], packets[0]
                    for packet in packets:
                        if not (faults.loss and lossy and random.random() < faults.loss):
                            self._send(0, packet)
                    if faults.garbage:
                        self._send(0, random.randbytes(random.randrange(0, 60)))
                        self._send(
                            0, b"\x80" + bytes([96]) + self.sequence.to_bytes(2, "big") + random.randbytes(40)
                        )
                        self._send(1, random.randbytes(20))
                        if self.udp is None:
                            self.writer.write(b"\r\nrubbish between packets")
                    if self.udp is None:
                        await self.writer.drain()
                number += 1

    def packets(self, nals: Sequence[bytes]) -> list[tuple[bytes, bool]]:
        """Payloads with their marker: small ones aggregated, large ones cut."""
        faults, h265 = self.peer.faults, self.peer.codec == "h265"
        out: list[bytes] = []
        last_of_nal: set[int] = set()
        small: list[bytes] = []

        def flush() -> None:
            if len(small) > 1:
                head = b"\x60\x01" if h265 else b"\x78"
                out.append(head + b"".join(struct.pack(">H", len(n)) + n for n in small))
            else:
                out.extend(small)
            small.clear()

        for nal in nals:
            if len(nal) < 300 and not faults.no_aggregate:
                small.append(nal)
                continue
            flush()
            last_of_nal.add(len(out) - 1)
            if len(nal) <= PAYLOAD:
                out.append(nal)
            else:
                skip = 2 if h265 else 1
                what = nal[0] >> 1 & 63 if h265 else nal[0] & 31
                head = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]) if h265 else bytes([nal[0] & 0xE0 | 28])
                for at in range(skip, len(nal), PAYLOAD):
                    flags = 0x80 * (at == skip) | 0x40 * (at + PAYLOAD >= len(nal))
                    out.append(head + bytes([flags | what]) + nal[at : at + PAYLOAD])
            last_of_nal.add(len(out) - 1)
        flush()
        if faults.no_marker:
            return [(p, False) for p in out]
        return [
            (p, i == len(out) - 1 or (faults.marker_per_nal and i in last_of_nal)) for i, p in enumerate(out)
        ]

    def _packet(self, payload: bytes, marker: bool, timestamp: int) -> bytes:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return struct.pack(">BBHII", 0x80, 0x80 * marker | 96, self.sequence, timestamp, self.ssrc) + payload

    def _send(self, channel: int, data: bytes) -> None:
        if self.udp is not None:
            self.udp[channel].sendto(data, (self.udp[2], self.udp[3] + channel))  # type: ignore[union-attr]
        else:
            self.writer.write(b"$" + bytes([channel]) + struct.pack(">H", len(data)) + data)
