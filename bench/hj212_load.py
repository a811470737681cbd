"""A load generator: many HJ 212 stations in one process, cheap enough to share a machine with what it loads.

Frames are templates in one array; time stamps, request ids, values and CRC are patched by compiled code. Every
frame has a DataTime of its own per station, so every (point, time) is distinct. Prints one JSON line at the end.

    python -m bench.hj212_load --port 8612 --stations 4167 --connections 400 --rate 400000 --seconds 60
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from bench.hj212 import FACTORS, mn_of
from numba import njit

from parksight.gateways.hj212.codec.crc import SLICES, TABLE16, crc_span
from parksight.gateways.hj212.codec.times import ZoneTable

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
#: Bytes of a station's frames that may wait for the socket; then it withholds, as a full logger would.
_PENDING = 256 * 1024


def template(station: int) -> bytes:
    """A frame with zeros where digits are patched in."""
    body = ";".join(f"{f}-Rtd=000.00,{f}-Flag=N" for f in FACTORS)
    segment = (
        f"QN={'0' * 17};ST=31;CN=2011;PW=123456;MN={mn_of(station)};Flag=5;CP=&&DataTime={'0' * 14};{body}&&"
    )
    return f"##{len(segment):04d}{segment}0000\r\n".encode()


@njit(cache=True)
def fill(
    templates: U8, first: int, count: int, stamp: I64, serial: int, seed: int, values: I64, qn: int,
    moment: int, out: U8, slices: U8, table: npt.NDArray[np.uint16],
) -> int:  # fmt: skip
    """Write ``count`` frames of consecutive stations; returns the next seed."""
    size = templates.shape[1]
    for k in range(count):
        base = k * size
        for i in range(size):
            out[base + i] = templates[first + k, i]
        number = serial + k
        for i in range(17):
            out[base + qn + 16 - i] = 48 + number % 10
            number //= 10
        for i in range(14):
            out[base + moment + i] = stamp[i]
        for j in range(values.shape[0]):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            v = 40_000 + (seed >> 8) % 20_000
            at = base + values[j]
            out[at] = 48 + v // 10_000
            out[at + 1] = 48 + v // 1_000 % 10
            out[at + 2] = 48 + v // 100 % 10
            out[at + 4] = 48 + v // 10 % 10
            out[at + 5] = 48 + v % 10
        value = crc_span(out, base + 6, base + size - 6, slices, table)
        for i in range(4):
            d = (value >> (12 - 4 * i)) & 15
            out[base + size - 6 + i] = 48 + d if d < 10 else 55 + d
    return seed


@dataclass(slots=True)
class Link:
    """One connection and the stations behind it."""

    sock: socket.socket
    first: int
    count: int
    pending: bytearray = field(default_factory=bytearray)
    sent: deque[tuple[float, int]] = field(default_factory=deque)
    outstanding: int = 0
    half: int = 0
    watching: bool = False


class Load:
    """Stations and their connections.

    Args:
        port: where the platform listens, on loopback.
        stations: how many.
        connections: at most one per station; several stations then share one, as behind a relay.
        start_ms: DataTime of the first frames.
    """

    def __init__(self, port: int, stations: int, connections: int, start_ms: int) -> None:
        self.templates: U8 = np.stack([np.frombuffer(template(s), np.uint8) for s in range(stations)])
        self.size = self.templates.shape[1]
        text = template(0)
        self._qn = text.index(b"QN=") + 3
        self._moment = text.index(b"DataTime=") + 9
        self._values: I64 = np.array([text.index(f"{f}-Rtd=".encode()) + len(f) + 5 for f in FACTORS])
        self._answer = len(
            f"##0000QN={'0' * 17};ST=91;CN=9014;PW=123456;MN={mn_of(0)};Flag=4;CP=&&&&0000\r\n"
        )
        self._zone = ZoneTable("Asia/Shanghai")
        self.stations = stations
        self._start_ms = start_ms
        self._cursor, self._round, self._serial, self._seed = 0, 0, 1, 42
        self._stamp = self._stamp_of(0)
        self.frames = self.acknowledged = self.withheld = self.blocked = self.lost_links = 0
        self.waits: list[tuple[float, int]] = []
        self._epoll = select.epoll()
        self.links: dict[int, Link] = {}
        self._of: list[Link] = []
        edges = np.linspace(0, stations, min(connections, stations) + 1).astype(int)
        for first, after in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            sock = socket.socket()
            # A logger's own small buffer: what waits, waits where it is seen.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
            sock.connect(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            link = Link(sock, first, after - first)
            self.links[sock.fileno()] = link
            self._of.extend([link] * (after - first))
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._room = np.empty(4_096 * self.size, np.uint8)

    def _stamp_of(self, number: int) -> I64:
        text = self._zone.to_text(self._start_ms + number * 1000)
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def send(self, count: int) -> None:
        """Frames of the next stations in turn; a whole turn is one second of their clocks."""
        while count > 0:
            portion = min(count, 4_096, self.stations - self._cursor)
            self._seed = fill(
                self.templates, self._cursor, portion, self._stamp, self._serial, self._seed, self._values,
                self._qn, self._moment, self._room, SLICES, TABLE16,
            )  # fmt: skip
            self._serial += portion
            view = memoryview(self._room.data)
            station, end = self._cursor, self._cursor + portion
            while station < end:
                link = self._of[station]
                after = min(end, link.first + link.count)
                begin = (station - self._cursor) * self.size
                self._give(link, view[begin : begin + (after - station) * self.size], after - station)
                station = after
            count -= portion
            self._cursor = end
            if end == self.stations:
                self._cursor = 0
                self._round += 1
                self._stamp = self._stamp_of(self._round)

    def _give(self, link: Link, data: memoryview, frames: int) -> None:
        if len(link.pending) > _PENDING or link.sock.fileno() < 0:
            self.withheld += frames
            return
        self.frames += frames
        link.outstanding += frames
        link.sent.append((time.perf_counter(), frames))
        done = 0
        if not link.pending:
            try:
                done = link.sock.send(data)
            except BlockingIOError:
                done = 0
            except OSError:
                self._lose(link)
                return
        if done < len(data):
            self.blocked += 1
            link.pending += data[done:]
            self._watch(link, True)

    def _watch(self, link: Link, on: bool) -> None:
        if link.watching != on:
            link.watching = on
            self._epoll.modify(link.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if on else 0))

    def _lose(self, link: Link) -> None:
        if link.sock.fileno() >= 0:
            self.lost_links += 1
            self._epoll.unregister(link.sock.fileno())
            del self.links[link.sock.fileno()]
            link.sock.close()

    def poll(self, timeout: float) -> None:
        """Read answers, write what waited."""
        for handle, events in self._epoll.poll(max(0.0, timeout), 1_024):
            link = self.links.get(handle)
            if link is None:
                continue
            if events & select.EPOLLOUT:
                self._drain(link)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._read(link)

    def _drain(self, link: Link) -> None:
        try:
            done = link.sock.send(link.pending)
        except BlockingIOError:
            return
        except OSError:
            self._lose(link)
            return
        del link.pending[:done]
        if not link.pending:
            self._watch(link, False)

    def _read(self, link: Link) -> None:
        try:
            data = link.sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(link)
            return
        count, link.half = divmod(link.half + len(data), self._answer)
        self.acknowledged += count
        link.outstanding -= count
        now = time.perf_counter()
        while count:
            at, frames = link.sent[0]
            taken = min(count, frames)
            self.waits.append((now - at, taken))
            if taken == frames:
                link.sent.popleft()
            else:
                link.sent[0] = (at, frames - taken)
            count -= taken

    @property
    def outstanding(self) -> int:
        return self.frames - self.acknowledged


def percentile(waits: list[tuple[float, int]], share: float) -> float:
    """Weighted percentile of (seconds, frames), in ms; NaN when there is none."""
    if not waits:
        return float("nan")
    pairs = np.array(sorted(waits))
    at = np.searchsorted(np.cumsum(pairs[:, 1]), share * pairs[:, 1].sum())
    return float(pairs[min(at, len(pairs) - 1), 0] * 1000)


def run(load: Load, rate: float, seconds: float) -> float:
    """Offer ``rate`` points/s evenly for ``seconds``; returns the seconds it took."""
    per_second = rate / len(FACTORS)
    began = time.perf_counter()
    offered = 0
    while (now := time.perf_counter()) - began < seconds:
        due = int((now - began) * per_second) - offered
        if due > 0:
            # A generator that fell behind does not catch up in one burst.
            count = min(due, 2_048)
            load.send(count)
            offered += count if count < due else due
        load.poll(0.004)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--stations", type=int, default=4_167)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--rate", type=float, default=400_000.0, help="points/s")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--warm", type=float, default=10.0, help="seconds at a fifth of the rate, not measured"
    )
    parser.add_argument("--start-ms", type=int, required=True)
    parser.add_argument("--drain", type=float, default=60.0)
    args = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load = Load(args.port, args.stations, args.connections, args.start_ms)
    print("connected", flush=True)
    sys.stdin.readline()
    run(load, args.rate / 5, args.warm)
    load.waits.clear()
    warm = load.acknowledged
    print("begin", flush=True)
    cpu = time.process_time()
    took = run(load, args.rate, args.seconds)
    used = time.process_time() - cpu
    print("end", flush=True)
    acknowledged = load.acknowledged - warm
    end = time.perf_counter() + args.drain
    while (
        load.outstanding or any(link.pending for link in load.links.values())
    ) and time.perf_counter() < end:
        load.poll(0.05)
    factors = len(FACTORS)
    line = {
        "seconds": round(took, 2), "offered_points_s": round(args.rate),
        "acknowledged_points_s": round(acknowledged * factors / took),
        "sent_frames": load.frames, "acknowledged_frames": load.acknowledged,
        "unacknowledged_frames": load.outstanding, "withheld_frames": load.withheld,
        "blocked_sends": load.blocked, "lost_links": load.lost_links, "frame_bytes": load.size,
        "p50_ms": round(percentile(load.waits, 0.5), 1), "p99_ms": round(percentile(load.waits, 0.99), 1),
        "generator_cores": round(used / took, 2), "file_limit": soft,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
