"""One data logger: dials the platform, uploads, waits for acknowledgement, re-sends, back-fills, answers requests.

Sequences after HJ 212-2017 6.2 (upload 2011 -> 9014, request -> 9011 … 9012). After a cut, new data go first and the
gap follows as minute data (2051); 2025 loggers mark them with RF=1.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from parkzone.catalogue.specs import Device, Point
from parkzone.engine import Engine
from parkzone.hj212 import codec
from parkzone.hj212.reports import Reports

LOCAL = timezone(timedelta(hours=8))
PASSWORD = "123456"  # the standard's own default; it protects nothing
#: Waits for an acknowledgement, seconds, and how often a frame is sent before the link counts as lost (6.1).
ACK_TIMEOUT_S, ATTEMPTS = 10.0, 3
#: First and longest wait before dialling again, s.
RECONNECT_S = (1.0, 30.0)
#: A gap shorter than this many periods is no gap.
GAP_PERIODS = 2.5
#: What a logger keeps of a gap, ms.
MEMORY_MS = 30 * 86_400_000


def stamp(ms: int) -> str:
    """DataTime: local time, YYYYMMDDhhmmss."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(LOCAL).strftime("%Y%m%d%H%M%S")


def parse_stamp(text: str) -> int:
    """Milliseconds since the epoch of a local YYYYMMDDhhmmss; raises ValueError when it is none."""
    return int(datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=LOCAL).timestamp() * 1000)


class Station:
    """A data logger with its factors.

    Args:
        device: what it is called and which version it speaks.
        points: its factors, in the order of ``engine.rows_of[device.code]``.
        engine: the zone's present.
        port: where the platform listens, on loopback.

    Attributes:
        counters: frames sent, acknowledged, re-sent, back-filled, requests answered, connections.
    """

    def __init__(self, device: Device, points: Sequence[Point], engine: Engine, host: str, port: int) -> None:
        self.device = device
        self.engine = engine
        self.host, self.port = host, port
        self.rows = engine.rows_of[device.code]
        self.reports = Reports(device, points, self.rows, engine)
        self.counters: Counter[str] = Counter()
        self.connected = False
        self.ack_timeout_s = ACK_TIMEOUT_S
        self._bits = codec.VERSION_BITS[device.version]
        self._phase_ms = (hash_of(device.key) % max(1, int(device.period_s))) * 1000
        self._acked_ms: int | None = None
        self.gaps: deque[tuple[int, int]] = deque()
        self._last_qn = 0
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._turn = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Dial, serve, dial again, until cancelled."""
        wait = RECONNECT_S[0]
        while not self.device.dead:
            if self.device.code in self.engine.offline:
                await asyncio.sleep(1.0)
                continue
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port)
            except OSError:
                self.counters["refused"] += 1
                await asyncio.sleep(wait)
                wait = min(wait * 2, RECONNECT_S[1])
                continue
            wait = RECONNECT_S[0]
            self.counters["connections"] += 1
            self.connected = True
            self._writer = writer
            try:
                await self._session(reader)
            finally:
                self.connected = False
                self._writer = None
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            await asyncio.sleep(wait)

    def drop(self) -> None:
        """The cable is pulled: no goodbye."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader) -> None:
        """Until the link is lost, from whichever side."""
        tasks = [asyncio.create_task(self._listen(reader)), asyncio.create_task(self._upload())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(OSError, LinkLostError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- uploading -------------------------------------------------------------------------------------

    async def _upload(self) -> None:
        filling: asyncio.Task[None] | None = None
        try:
            while True:
                await self._until_due()
                if self.device.code in self.engine.offline:
                    return
                at, before = self.engine.at_ms, self._acked_ms
                own = self.engine.device_ms(self.device.code)
                await self._send_acknowledged("2011", self.reports.live(own))
                self._acked_ms = at
                if before is not None and at - before > GAP_PERIODS * self.device.period_s * 1000:
                    self.gaps.append((self._first_missed(max(before, at - MEMORY_MS)), at))
                if filling is not None and filling.done():
                    filling.result()
                    filling = None
                if self.gaps and filling is None:
                    # new data first, then what was missed (HJ 212-2025 asks for this order; it suits all)
                    filling = asyncio.create_task(self._fill())
        finally:
            if filling is not None:
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)

    def _first_missed(self, acknowledged_ms: int) -> int:
        """Start of the minute with the first missed reading, unless that very instant is acknowledged already."""
        missed = acknowledged_ms + round(self.device.period_s * 1000)
        minute = missed // 60_000 * 60_000
        return minute + 60_000 if minute == acknowledged_ms else minute

    async def _until_due(self) -> None:
        period = int(self.device.period_s * 1000)
        now = self.engine.clock_ms()
        await asyncio.sleep((period - (now - self._phase_ms) % period) / 1000.0)

    async def _fill(self) -> None:
        """Minute data of the gaps, oldest first, each acknowledged; what is done is not sent again."""
        while self.gaps:
            start, end = self.gaps[0]
            for begin, content in self.reports.periods("2051", start, end):
                await self._send_acknowledged("2051", content, again=True)
                self.counters["backfilled"] += 1
                self.gaps[0] = (begin + 1, end)
            self.gaps.popleft()

    async def _send_acknowledged(self, cn: str, cp: str, *, again: bool = False) -> None:
        """Send until the platform says 9014.

        Raises:
            LinkLostError: three times without an answer, or the connection is gone.
        """
        async with self._turn:
            qn = self._qn()
            message = self._segment(qn, cn, cp, self._bits | 1, resent=again)
            for attempt in range(ATTEMPTS):
                if attempt:
                    self.counters["resent"] += 1
                    message = self._segment(qn, cn, cp, self._bits | 1, resent=True)
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting[qn] = future
                await self._write(message)
                try:
                    # not wait_for: in Python 3.11 it swallows a cancellation that meets the answer
                    async with asyncio.timeout(self.ack_timeout_s):
                        await future
                except TimeoutError:
                    continue
                finally:
                    self._waiting.pop(qn, None)
                self.counters["acknowledged"] += 1
                return
            raise LinkLostError(f"{self.device.code}: no acknowledgement of {cn} after {ATTEMPTS} attempts")

    def _qn(self) -> str:
        """Request id: the device's clock to the millisecond, never twice the same."""
        ms = max(
            self.engine.clock_ms() + self.engine.clock_offset_ms.get(self.device.code, 0), self._last_qn + 1
        )
        self._last_qn = ms
        return f"{stamp(ms)}{ms % 1000:03d}"

    def _segment(
        self, qn: str, cn: str, cp: str, flag: int, *, st: str | None = None, resent: bool = False
    ) -> str:
        rf = "RF=1;" if resent and self.device.version == 2025 else ""
        d = self.device
        return (
            f"QN={qn};ST={st or d.system_type};CN={cn};PW={PASSWORD};MN={d.key};Flag={flag};{rf}CP=&&{cp}&&"
        )

    async def _write(self, segment: str) -> None:
        if self._writer is None:
            raise LinkLostError(f"{self.device.code}: not connected")
        self._writer.write(codec.frame(segment))
        self.counters["sent"] += 1
        await self._writer.drain()

    # -- listening -------------------------------------------------------------------------------------

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        deframer = codec.Deframer()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while data := await reader.read(65_536):
                for segment in deframer.feed(data):
                    try:
                        message = codec.parse(segment)
                    except ValueError:
                        self.counters["unreadable"] += 1
                        continue
                    if message.cn in ("9014", "9013"):
                        future = self._waiting.get(message.qn)
                        if future is not None and not future.done():
                            future.set_result(None)
                    elif not message.cn.startswith("9"):
                        task = asyncio.create_task(self._answer(message))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, message: codec.Message) -> None:
        """A request of the platform: 9011, then what was asked, then 9012."""
        self.counters["requests"] += 1
        cn = message.cn
        known = cn in _ACCEPTED or cn in _SINGLE or cn in _HISTORY
        wrong_password = message.fields.get("PW", PASSWORD) != PASSWORD
        if cn in ("2012", "2022"):
            await self._reply(message.qn, "9013", "")
            return
        code = 3 if wrong_password else 1 if known else 8
        await self._reply(message.qn, "9011", f"QnRtn={code}")
        if code != 1:
            return
        if cn in _SINGLE:
            own = self.engine.clock_ms() + self.engine.clock_offset_ms.get(self.device.code, 0)
            content = {
                "1011": f"SystemTime={stamp(own)}",
                "1061": f"RtdInterval={self.device.period_s:.0f}",
                "1063": "MinInterval=1",
            }[cn]
            await self._write(self._segment(message.qn, cn, content, self._bits))
            await self._reply(message.qn, "9012", "ExeRtn=1")
            return
        if cn == "1012" and "SystemTime" in message.cp:
            with contextlib.suppress(ValueError):
                self._set_clock(parse_stamp(message.cp["SystemTime"]))
        if cn in _HISTORY:
            await self._history(message)
            return
        await self._reply(message.qn, "9012", "ExeRtn=1")

    def _set_clock(self, ms: int) -> None:
        """The platform sets our clock: a jumped clock is healed by it."""
        if self.engine.clock_offset_ms.get(self.device.code):
            self.engine.clock_offset_ms[self.device.code] = ms - self.engine.clock_ms()

    async def _history(self, message: codec.Message) -> None:
        try:
            start, end = parse_stamp(message.cp["BeginTime"]), parse_stamp(message.cp["EndTime"])
        except (KeyError, ValueError):
            await self._reply(message.qn, "9012", "ExeRtn=3")
            return
        end = min(end, self.engine.at_ms)
        sent = 0
        for _, content in self.reports.periods(message.cn, max(start, end - MEMORY_MS), end):
            await self._send_acknowledged(message.cn, content, again=True)
            sent += 1
        self.counters["history"] += sent
        await self._reply(message.qn, "9012", f"ExeRtn={1 if sent else 100}")

    async def _reply(self, qn: str, cn: str, cp: str) -> None:
        await self._write(self._segment(qn, cn, cp, self._bits, st="91"))


#: Commands that are accepted and done, that have one answer, that ask for history.
_ACCEPTED = frozenset(("1000", "1012", "1062", "1064", "2011", "2021", "3011", "3013"))
_SINGLE = frozenset(("1011", "1061", "1063"))
_HISTORY = frozenset(("2051", "2061", "2031"))


class LinkLostError(ConnectionError):
    """The platform does not answer any more."""


def hash_of(text: str) -> int:
    """A number from a text, the same in every process."""
    return int(np.frombuffer(text.encode().ljust(8, b"\0")[-8:], np.uint64)[0] % 1_000_003)
