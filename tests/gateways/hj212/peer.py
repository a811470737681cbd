"""A data logger for tests: a real TCP client of all three versions, with faults on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.gateways.hj212.cases import MN, SHANGHAI

from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import HISTORY, Cn, ExeRtn, QnRtn, Version
from parksight.gateways.hj212.codec.frame import Framer, crc_error
from parksight.gateways.hj212.codec.segment import Item, Segment, is_answer, parse_segment
from parksight.gateways.hj212.codec.sm4 import Sm4


@dataclass
class Faults:
    """What the device does wrong when the platform asks it something."""

    silent: int = 0
    refuse: QnRtn | None = None
    result: ExeRtn | None = ExeRtn.DONE
    no_ready: bool = False


@dataclass
class Peer:
    """One connection of one device.

    Attributes:
        heard: frames the platform sent, in order.
        history: DataTime (UTC ms) -> items after it, answered to history requests.
        clock_ms: its clock, set by 1012.
    """

    port: int
    mn: str = MN
    version: Version = Version.V2017
    st: str = "31"
    pw: str = "123456"
    key: Sm4 | None = None
    faults: Faults = field(default_factory=Faults)
    history: dict[int, tuple[Item, ...]] = field(default_factory=dict)
    clock_ms: int = 1_767_225_600_000
    heard: list[Segment] = field(default_factory=list)
    seen: Counter[int] = field(default_factory=Counter)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    answers: bool = True
    host: str = "127.0.0.1"

    async def __aenter__(self) -> Peer:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(self.host, 0)
        )
        self._news = asyncio.Condition()
        self._serial = 0
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    # -- uploading -------------------------------------------------------------------------------------

    def qn(self) -> str:
        self._serial += 1
        return SHANGHAI.to_text(self.clock_ms + self._serial, 17)

    def segment(
        self, cn: int, items: Sequence[Item], *, answer: bool = True, split: tuple[int, int] | None = None,
        resent: bool = False, qn: str | None = None,
    ) -> Segment:  # fmt: skip
        flag = builder.flag_value(self.version, answer=answer, split=split is not None)
        pnum, pno = split or (None, None)
        return Segment(
            qn or self.qn(), self.st, cn, self.pw, self.mn, flag, self.version, pnum, pno, resent,
            tuple(items),
        )  # fmt: skip

    def content(self, observed: int, values: dict[str, float | str], flag: str = "N") -> tuple[Item, ...]:
        """DataTime and one item per factor; ``values`` by ``factor-kind``."""
        items: list[Item] = [(("DataTime", SHANGHAI.to_text(observed)),)]
        factors: dict[str, list[tuple[str, str]]] = {}
        for name, value in values.items():
            factors.setdefault(name.rpartition("-")[0], []).append((name, str(value)))
        items += [(*pairs, (f"{f}-Flag", flag)) for f, pairs in factors.items()]
        return tuple(items)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def upload(self, segment: Segment, timeout: float = 5.0) -> Segment:
        """Send and wait for the answer of the same QN."""
        self.send(builder.build(segment, self.key))
        return await self.answer_to(segment.qn, timeout)

    async def answer_to(self, qn: str | None, timeout: float = 5.0) -> Segment:
        async with asyncio.timeout(timeout), self._news:
            while True:
                for heard in self.heard:
                    if heard.qn == qn and is_answer(heard):
                        return heard
                await self._news.wait()

    async def wait_for(self, cn: int, number: int = 1, timeout: float = 5.0) -> Segment:
        """The ``number``-th frame of a command from the platform."""
        async with asyncio.timeout(timeout), self._news:
            while True:
                found = [s for s in self.heard if s.cn == cn]
                if len(found) >= number:
                    return found[number - 1]
                await self._news.wait()

    # -- answering -------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        framer = Framer()
        try:
            while data := await self.reader.read(65_536):
                for framed in framer.feed(data):
                    assert framed.error is None, framed
                    clear = framed.segment
                    if crc_error(clear, framed.crc) is not None:
                        assert self.key is not None
                        clear = self.key.decrypt_segment(clear)
                    assert crc_error(clear, framed.crc) is None
                    segment = parse_segment(clear)
                    async with self._news:
                        self.heard.append(segment)
                        self.seen[segment.cn] += 1
                        self._news.notify_all()
                    if not is_answer(segment) and self.answers:
                        await self._serve(segment)
        except OSError:
            pass
        finally:
            self.closed.set()

    def _reply(self, data: bytes) -> None:
        self.send(data)

    async def _serve(self, asked: Segment) -> None:
        faults = self.faults
        if faults.silent:
            faults.silent -= 1
            return
        if asked.cn in (Cn.STOP_REALTIME, Cn.STOP_STATUS):
            self._reply(builder.notify_answer(asked))
            return
        if not faults.no_ready:
            self._reply(builder.request_answer(asked, faults.refuse or QnRtn.READY))
        if faults.refuse is not None:
            return
        if asked.cn == Cn.SET_TIME:
            self.clock_ms = SHANGHAI.to_ms(asked.get("SystemTime") or "")
        elif asked.cn == Cn.GET_TIME:
            items: tuple[Item, ...] = ((("SystemTime", SHANGHAI.to_text(self.clock_ms)),),)
            self._reply(builder.build(self.segment(asked.cn, items, answer=False, qn=asked.qn)))
        elif asked.cn == Cn.GET_REALTIME_INTERVAL:
            items = ((("RtdInterval", "30"),),)
            self._reply(builder.build(self.segment(asked.cn, items, answer=False, qn=asked.qn)))
        elif asked.cn in HISTORY:
            begin = SHANGHAI.to_ms(asked.get("BeginTime") or "")
            end = SHANGHAI.to_ms(asked.get("EndTime") or "")
            found = [(t, items) for t, items in sorted(self.history.items()) if begin <= t <= end]
            for _, items in found:
                self._reply(builder.build(self.segment(asked.cn, items), self.key))
            if not found and faults.result is ExeRtn.DONE:
                self._reply(builder.result(asked, ExeRtn.NO_DATA))
                return
        if faults.result is not None:
            self._reply(builder.result(asked, faults.result))
