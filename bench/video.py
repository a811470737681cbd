"""Seventeen cameras and fifty-one viewers through the real application.

    python -m bench.video [--cameras 17] [--viewers 51] [--seconds 20] [--browser]

Cameras (720p25, 3.3 Mb/s, RTSP over TCP) and viewers (WebSocket, MSE form) are processes of their own on loopback. Prints
the CPU time of the whole ParkSight process as a share of one core, ingest alone and with the viewers, and the delay from a
camera's socket to a viewer's. Reference of the same run: PyAV demuxing one stream. With ``--browser``: from the camera's
socket to the picture in Chromium, by MSE and WebCodecs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from bench.video_peer import sent_at

PAGE = Path(__file__).with_name("video_page.html")
_HEAD = 40


# -- the application as a process of its own ------------------------------------------------------------


def gateway(folder: Path, peer: int, cameras: int) -> None:
    """Serve a real installation with ``cameras`` links; prints port, token and session cookie."""
    from parksight import serve
    from parksight.app import create_app
    from parksight.gateways.cameras.models import CameraLink
    from parksight.kernel.clock import SystemClock
    from parksight.kernel.identity.callers import TOKEN_PREFIX, new_token, session_cookie, token_hash
    from parksight.kernel.identity.models import ApiToken, Assignment, User, UserSession
    from parksight.kernel.settings import Settings
    from parksight.registry.models import Camera

    settings = Settings.model_validate(
        {"data_dir": folder, "hj212": {"port": 0}, "log_level": "warning", "server": {"port": free_port()}}
    )
    serve.prepare(settings)
    db, now = serve.records(settings), SystemClock().now()
    token, secret = new_token(TOKEN_PREFIX), new_token()
    with db.session() as session:
        user = User(username="bench", username_key="bench", name="Bench", created_at=now, updated_at=now)
        session.add(user)
        session.flush()
        later = now + timedelta(hours=2)
        session.add(Assignment(user_id=user.id, role="duty_operator", scope="zone"))
        session.add(
            ApiToken(user_id=user.id, name="t", token_hash=token_hash(token), hint="", grants=["*"], created_at=now, expires_at=later)
        )  # fmt: skip
        session.add(
            UserSession(
                user_id=user.id,
                token_hash=token_hash(secret),
                created_at=now,
                last_seen_at=now,
                expires_at=later,
            )
        )
        for number in range(1, cameras + 1):
            session.add(
                Camera(
                    id=number,
                    code=f"T{number:02d}",
                    name=f"T{number:02d}",
                    kind="lookout",
                    created_at=now,
                    updated_at=now,
                )
            )
            session.flush()
            url = f"rtsp://127.0.0.1:{peer}/{number}/main"
            session.add(
                CameraLink(
                    camera_id=number,
                    protocol="rtsp",
                    main_url=url,
                    options={},
                    created_at=now,
                    updated_at=now,
                )
            )
    db.close()
    print(
        json.dumps(
            {"port": settings.server.port, "token": token, "cookie": [session_cookie(settings), secret]}
        ),
        flush=True,
    )
    with asyncio.Runner(loop_factory=serve._loop_factory()) as runner:
        runner.run(serve._serve(serve.server(create_app(settings), settings)))


def free_port() -> int:
    import socket

    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


# -- viewers --------------------------------------------------------------------------------------------


class Viewer(asyncio.Protocol):
    """A WebSocket client that only counts; a library's costs would fill the second core."""

    def __init__(self, port: int, token: str, camera: int, delays: list[float]) -> None:
        self._hello = (
            f"GET /api/v1/cameras/{camera}/video HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        ).encode()
        self._delays, self._rest, self._open = delays, bytearray(), False
        self.frames = self.gaps = self.bytes = 0
        self._last: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._hello)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        rest = self._rest
        rest += data
        self.bytes += len(data)
        if not self._open:
            end = rest.find(b"\r\n\r\n")
            if end < 0:
                return
            if not rest.startswith(b"HTTP/1.1 101"):
                raise SystemExit(rest[:200].decode("latin-1"))
            del rest[: end + 4]
            self._open = True
        while len(rest) >= 10:
            size, at = rest[1] & 127, 2
            if size == 126:
                size, at = int.from_bytes(rest[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(rest[2:10], "big"), 10
            if len(rest) < at + size:
                return
            if rest[0] & 15 == 2 and rest[at + 1] == 1:
                self._frame(bytes(rest[at : at + min(size, 600)]))
            del rest[: at + size]

    def _frame(self, message: bytes) -> None:
        self.frames += 1
        sequence = int.from_bytes(message[4:8], "little")
        self.gaps += self._last is not None and sequence != self._last + 1
        self._last = sequence
        sent = sent_at(message[_HEAD:])
        if sent is not None:
            self._delays.append((time.time() - sent) * 1000)


async def watch(port: int, token: str, cameras: int, viewers: int, seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    delays: list[float] = []
    made: list[Viewer] = []
    for number in range(viewers):
        viewer = Viewer(port, token, number % cameras + 1, delays)
        await loop.create_connection(lambda v=viewer: v, "127.0.0.1", port)  # type: ignore[misc]
        made.append(viewer)
    await asyncio.sleep(4)
    print("ready", flush=True)
    delays.clear()
    before = [(v.frames, v.bytes) for v in made]
    await asyncio.sleep(seconds)
    frames = [v.frames - f for v, (f, _) in zip(made, before, strict=True)]
    total = sum(v.bytes - b for v, (_, b) in zip(made, before, strict=True))
    p50, p95, p99 = np.percentile(delays, [50, 95, 99]) if delays else (0.0, 0.0, 0.0)
    return {
        "viewers": viewers, "fps_least": round(min(frames) / seconds, 1), "fps_mean": round(sum(frames) / len(frames) / seconds, 1),
        "gaps": sum(v.gaps for v in made), "mbit_per_s": round(8 * total / seconds / 1e6, 1), "delay_p50_ms": round(float(p50), 1),
        "delay_p95_ms": round(float(p95), 1), "delay_p99_ms": round(float(p99), 1),
    }  # fmt: skip


def demux(url: str, seconds: float) -> None:
    """The reference: PyAV takes one stream apart."""
    import av

    with av.open(url, options={"rtsp_transport": "tcp", "fflags": "nobuffer"}, timeout=10) as container:
        begun, used, packets = time.monotonic(), time.process_time(), 0
        for packet in container.demux(video=0):
            packets += packet.size > 0
            if time.monotonic() - begun > seconds:
                break
        share = (time.process_time() - used) / (time.monotonic() - begun)
    print(json.dumps({"share": share, "packets": packets}), flush=True)


# -- the run --------------------------------------------------------------------------------------------


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int
    token: str
    cookie: tuple[str, str]

    def cpu(self) -> float:
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = process.stdout.readline()
    if not found:
        raise SystemExit(f"{process.args!r} ended")
    return found


@contextlib.contextmanager
def site(cameras: int, folder: Path) -> Iterator[tuple[Served, int]]:
    """Cameras and the application, each a process."""
    film = Path(tempfile.gettempdir()) / "parksight-bench-film.pickle"
    peer = start("-m", "bench.video_peer", str(film))
    app: subprocess.Popen[str] | None = None
    try:
        port = int(line(peer).split()[0])
        app = start(
            "-m", "bench.video", "--gateway", str(folder), "--peer", str(port), "--cameras", str(cameras)
        )
        told = json.loads(line(app))
        import httpx

        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{told['port']}/api/v1/health", timeout=5).status_code < 500:
                    break
            time.sleep(0.2)
        yield Served(app, told["port"], told["token"], (told["cookie"][0], told["cookie"][1])), port
    finally:
        for process in (app, peer):
            if process is not None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)


def run(cameras: int, viewers: int, seconds: float, browser: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, site(cameras, Path(folder)) as (served, peer):
        idle_used, begun = served.cpu(), time.monotonic()
        time.sleep(5)
        idle = (served.cpu() - idle_used) / (time.monotonic() - begun)
        reference = start(
            "-m", "bench.video", "--demux", f"rtsp://127.0.0.1:{peer}/1/main", "--seconds", str(seconds)
        )
        shares, told = {}, {}
        for name, number in (("one_each", cameras), ("all", viewers)):
            watching = start(
                "-m", "bench.video", "--watch", str(served.port), "--token", served.token, "--cameras", str(cameras),
                "--viewers", str(number), "--seconds", str(seconds),
            )  # fmt: skip
            line(watching)
            used, begun = served.cpu(), time.monotonic()
            told[name] = json.loads(line(watching))
            shares[name] = (served.cpu() - used) / (time.monotonic() - begun)
            watching.wait(20)
        plain = json.loads(line(reference))
        out = {
            "cameras": cameras, "idle_percent": round(100 * idle, 2),
            **{f"{n}_core_percent": round(100 * s, 2) for n, s in shares.items()}, **told,
            "reference_pyav_demux_one_stream_percent": round(100 * plain["share"], 2),
            "ratio_all_to_reference_times_cameras": round(shares["all"] / (plain["share"] * cameras), 2),
            "load": os.getloadavg()[0],
        }  # fmt: skip
        print(json.dumps(out, indent=2), flush=True)
        if browser:
            found = {form: look(served, form, seconds) for form in ("mse", "raw")}
            print(json.dumps(found, indent=2), flush=True)


def look(served: Served, form: str, seconds: float) -> dict[str, Any]:
    """Socket to picture in Chromium; the page is served as the application's own, so that its origin is right."""
    from playwright.sync_api import sync_playwright

    origin = f"http://127.0.0.1:{served.port}"
    with sync_playwright() as tool:
        chromium = tool.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-features=LocalNetworkAccessChecks",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        context = chromium.new_context()
        context.add_cookies([{"name": served.cookie[0], "value": served.cookie[1], "url": origin}])
        page = context.new_page()
        page.route(
            "**/bench-video?*", lambda route: route.fulfill(body=PAGE.read_text(), content_type="text/html")
        )
        page.on("console", lambda said: print(said.text, file=sys.stderr))
        page.on("pageerror", lambda said: print(said, file=sys.stderr))
        page.goto(f"{origin}/bench-video?form={form}")
        page.wait_for_function("window.seen && window.seen.length > 50", timeout=60_000)
        page.evaluate("window.seen.length = 0")
        page.wait_for_timeout(seconds * 1000)
        delays = page.evaluate("window.seen")
        first = page.evaluate("window.first")
        chromium.close()
    p50, p90 = np.percentile(delays, [50, 90])
    return {
        "pictures": len(delays),
        "p50_ms": round(float(p50), 1),
        "p90_ms": round(float(p90), 1),
        "first_ms": round(first),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cameras", type=int, default=17)
    parser.add_argument("--viewers", type=int, default=51)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--gateway", type=Path)
    parser.add_argument("--peer", type=int)
    parser.add_argument("--watch", type=int)
    parser.add_argument("--token")
    parser.add_argument("--demux")
    given = parser.parse_args()
    if given.gateway is not None:
        gateway(given.gateway, given.peer, given.cameras)
    elif given.watch is not None:
        import uvloop

        print(
            json.dumps(
                uvloop.run(watch(given.watch, given.token, given.cameras, given.viewers, given.seconds))
            ),
            flush=True,
        )
    elif given.demux is not None:
        demux(given.demux, given.seconds)
    else:
        run(given.cameras, given.viewers, given.seconds, given.browser)


if __name__ == "__main__":
    main()
