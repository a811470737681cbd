"""Cameras for the video bench: one film, replayed to everybody who plays ``/n/main``; each picture says when it left."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pickle
import random
import re
import struct
import time
from fractions import Fraction
from pathlib import Path

from parksight.gateways.cameras.rtsp import rtcp
from parksight.gateways.cameras.video.nal import split_annex_b

FPS, SIZE, KBIT, GROUP, PICTURES = 25, (1280, 720), 3300, 50, 100
UUID = bytes.fromhex("7061726b736967687462656e63680001")
Film = list[tuple[list[bytes], bool]]


def film(path: Path) -> Film:
    """720p25 at 3.3 Mb/s, encoded on the first run."""
    if path.exists():
        found: Film = pickle.loads(path.read_bytes())
        return found
    import av
    import numpy as np

    made = av.CodecContext.create("libx264", "w")
    made.width, made.height = SIZE
    made.pix_fmt, made.framerate, made.time_base = "yuv420p", Fraction(FPS), Fraction(1, FPS)
    made.bit_rate, made.gop_size, made.thread_count = KBIT * 1000, GROUP, 1
    rate = (
        f"nal-hrd=cbr:vbv-maxrate={KBIT}:vbv-bufsize={KBIT // 2}:scenecut=0:keyint={GROUP}:min-keyint={GROUP}"
    )
    made.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": f"{rate}:repeat-headers=1"}
    rng = np.random.default_rng(1)
    canvas = rng.integers(0, 255, (SIZE[1] // 4, SIZE[0] // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    out: Film = []
    for number in range(PICTURES):
        frame = av.VideoFrame.from_ndarray(np.roll(canvas, 5 * number, axis=1), format="rgb24")
        frame.pts = number
        out += [
            ([n for n in split_annex_b(bytes(p)) if n[0] & 31 != 12], bool(p.is_keyframe))
            for p in made.encode(frame)
        ]
    path.write_bytes(pickle.dumps(out))
    return out


def stamp(at: float) -> bytes:
    """SEI with the moment, in digits so that nothing needs escaping."""
    text = UUID + f"{at:017.6f}".encode()
    return b"\x06\x05" + bytes([len(text)]) + text + b"\x80"


def sent_at(payload: bytes) -> float | None:
    at = payload.find(UUID, 0, 400)
    return float(payload[at + 16 : at + 33]) if at >= 0 else None


class Camera(asyncio.Protocol):
    def __init__(self, clip: Film) -> None:
        self._clip = clip
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's is none of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        for head in re.findall(rb"([A-Z_]+) (\S+) RTSP/1.0\r\n(.*?)\r\n\r\n", data, re.DOTALL):
            method, url, rest = head[0].decode(), head[1].decode(), head[2].decode()
            found = re.search(r"CSeq: *(\d+)", rest)
            lines, body = [f"CSeq: {found[1] if found else 0}", "Session: 1;timeout=60"], ""
            if method == "DESCRIBE":
                body = (
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
                )
                lines += [
                    f"Content-Base: {url}/",
                    "Content-Type: application/sdp",
                    f"Content-Length: {len(body)}",
                ]
            elif method == "SETUP":
                lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            elif method == "OPTIONS":
                lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
            self._transport.write(("RTSP/1.0 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n" + body).encode())
            if method == "PLAY" and self._task is None:
                self._task = asyncio.create_task(self._play())

    async def _play(self) -> None:
        base, sequence, ssrc = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
        await asyncio.sleep(random.random() / FPS)  # cameras are not in step
        begun, number, reported = time.time(), 0, 0.0
        with contextlib.suppress(ConnectionError):
            while not self._transport.is_closing():
                due = begun + number / FPS
                await asyncio.sleep(max(0.0, due - time.time()))
                nals, _ = self._clip[number % len(self._clip)]
                timestamp, now = (base + number * 3600) & 0xFFFFFFFF, time.time()
                out: list[bytes] = []
                if now - reported > 1:
                    reported = now
                    report = rtcp.sender_report(ssrc, due * 1000, timestamp)
                    out.append(b"$\x01" + len(report).to_bytes(2, "big") + report)
                sets = [n for n in nals if n[0] & 31 in (7, 8)]
                rest = [n for n in nals if n[0] & 31 in (1, 5)]
                payloads = [*sets, stamp(now)]
                for nal in rest:
                    for at in range(1, len(nal), 1398):
                        flags = 0x80 * (at == 1) | 0x40 * (at + 1398 >= len(nal))
                        payloads.append(
                            bytes([nal[0] & 0xE0 | 28, flags | nal[0] & 31]) + nal[at : at + 1398]
                        )
                for i, payload in enumerate(payloads):
                    sequence = (sequence + 1) & 0xFFFF
                    marker = 0x80 * (i == len(payloads) - 1)
                    head = struct.pack(">BBHII", 0x80, 96 | marker, sequence, timestamp, ssrc)
                    out.append(b"$\x00" + (12 + len(payload)).to_bytes(2, "big") + head + payload)
                self._transport.write(b"".join(out))
                number += 1


async def main(path: Path) -> None:
    clip = film(path)
    server = await asyncio.get_running_loop().create_server(lambda: Camera(clip), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], os.getpid(), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("film", type=Path)
    import uvloop

    uvloop.run(main(parser.parse_args().film))
