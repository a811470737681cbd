"""Decides what is filmed: live where somebody watches something that moves, loops of one picture elsewhere.

Two cameras at most are live at a time. The others that are watched send a loop of their last picture, taken anew every
while, with the truth of the moment it was taken. Nobody watches: nothing happens, and after a while the crew goes home.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from parkzone.cameras.cast import filmers
from parkzone.cameras.crew import Crew, CrewError
from parkzone.cameras.encoder import is_key
from parkzone.cameras.head import Attitude, Head
from parkzone.cameras.order import FPS, LOOP, Order, Taken
from parkzone.cameras.source import Picture, Source
from parkzone.cameras.stage import Fire

MOST_LIVE = 2
#: A loop is taken anew after this, s; one in whose sight something burns, sooner.
LOOP_LASTS_S = 30.0
BURNING_LASTS_S = 4.0
#: A head that has stopped is filmed live for this much longer, s.
SETTLE_S = 2.0
#: The crew goes home when nobody has watched for this long, s.
IDLE_S = 180.0
#: Of the time a live picture took to make, this share is left to everybody else before the next.
REST_SHARE = 0.35
MAX_FIRES = 32
_KEY_S = 2.0
_ZONE_TIME = ZoneInfo("Asia/Shanghai")


@dataclass
class _Loop:
    """The last picture of a camera, going round."""

    source: Source
    attitude: Attitude
    taken_ms: float
    taken: Taken
    look: tuple[object, ...]
    task: asyncio.Task[None] | None = None


@dataclass
class _Live:
    source: Source
    due: float = 0.0
    key_at: dict[str, float] = field(default_factory=dict)
    watchers: dict[str, int] = field(default_factory=dict)


class Studio:
    """All cameras of the zone.

    Args:
        seed: of the zone.
        clock: seconds since the epoch, for tests.
    """

    def __init__(self, seed: int, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.crew = Crew(seed)
        self.sources = {
            code: Source(f, Head(f.rest, clock()), clock, touched=self._wake) for code, f in filmers(seed).items()
        }  # fmt: skip
        self.fires: dict[str, Fire] = {}
        #: Moment whose light is used instead of now's, seconds of UTC; None: now.
        self.light_s: float | None = None
        self.problem = ""
        self._live: dict[str, _Live] = {}
        self._loops: dict[str, _Loop] = {}
        self._frozen: dict[str, dict[str, list[list[bytes]]]] = {}
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._watched_at = clock()
        self.first_picture_s: float | None = None
        self._began = time.monotonic()

    async def start(self, *, warm: bool = False) -> None:
        """Begin to direct; ``warm``: have the crew ready before anybody watches."""
        self._task = asyncio.create_task(self._direct())
        if warm:
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        with contextlib.suppress(CrewError):
            await self.crew.start()

    async def stop(self) -> None:
        tasks = [self._task, getattr(self, "_warming", None), *(loop.task for loop in self._loops.values())]
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(t for t in tasks if t is not None), return_exceptions=True)
        await self.crew.stop()

    def _wake(self) -> None:
        self._awake.set()

    # -- stage ---------------------------------------------------------------------------------------------

    def light_fire(self, key: str, fire: Fire) -> None:
        """Place smoke or flame; ValueError when there is too much already."""
        if key not in self.fires and len(self.fires) >= MAX_FIRES:
            raise ValueError(f"at most {MAX_FIRES} fires at a time")
        self.fires[key] = fire
        self._wake()

    def put_out(self, key: str) -> bool:
        found = self.fires.pop(key, None) is not None
        self._wake()
        return found

    async def photograph(self, code: str) -> bytes:
        """A JPEG of now; CrewError when there is nobody to take it."""
        source = self.sources[code]
        self._watched_at = self.clock()
        taken = await self.crew.take(self._order(source, "jpeg", ("main",), ()))
        if taken.problem:
            raise CrewError(taken.problem)
        return taken.streams["main"][0][0]

    async def parameters(self, stream: str, timeout_s: float = 20.0) -> list[bytes]:
        """SPS and PPS of a stream; [] when the crew is not ready in time (they ride in the stream, too)."""
        with contextlib.suppress(CrewError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                return (await asyncio.shield(asyncio.ensure_future(self.crew.start()))).parameters[stream]
        return []

    # -- direction -----------------------------------------------------------------------------------------

    async def _direct(self) -> None:
        while True:
            self._awake.clear()
            watched = [
                s for s in self.sources.values() if s.watched() and not s.knobs.off and not s.knobs.cut
            ]
            if not watched:
                self._live.clear()
                self._drop_loops(())
                if self.crew.running and self.clock() - self._watched_at > IDLE_S:
                    await self.crew.stop()
                await self._sleep(5.0 if self.crew.running else 3600.0)
                continue
            self._watched_at = self.clock()
            self._cast(watched)
            try:
                wait = await self._next(watched)
            except CrewError as error:
                self.problem = str(error)
                await asyncio.sleep(1.0)
                continue
            except Exception as error:  # whatever one camera brings about, the others are filmed
                self.problem = f"{type(error).__name__}: {error}"[:300]
                sys.stderr.write(f"studio: {self.problem}\n")
                await asyncio.sleep(1.0)
                continue
            if wait > 0:
                await self._sleep(min(wait, 1.0))

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._awake.wait()

    def _cast(self, watched: list[Source]) -> None:
        """Who is live: moving heads first, then the one asked for last; whoever was live stays until replaced."""
        now = self.clock()

        def rank(source: Source) -> tuple[bool, bool, float]:
            return source.head.moving, bool(source.sinks["main"]), source.asked_at

        wanting = sorted((s for s in watched if s.sinks["main"] or s.head.moving), key=rank, reverse=True)
        calm = [s for s in wanting if not s.head.moving and now - s.asked_at > SETTLE_S]
        # with many watchers only what moves is worth its cost; with one or two everything is
        chosen = (
            wanting[:MOST_LIVE]
            if len(wanting) <= MOST_LIVE
            else [s for s in wanting if s not in calm][:MOST_LIVE]
        )
        codes = {s.code for s in chosen}
        for code in [c for c in self._live if c not in codes]:
            del self._live[code]
        for source in chosen:
            if source.code not in self._live:
                self._live[source.code] = _Live(source)
        self._drop_loops([s.code for s in watched if s.code not in codes])

    def _drop_loops(self, keep: list[str] | tuple[str, ...]) -> None:
        for code in [c for c in self._loops if c not in keep]:
            loop = self._loops.pop(code)
            if loop.task is not None:
                loop.task.cancel()

    async def _next(self, watched: list[Source]) -> float:
        """Take the picture that is most overdue; how long until the next, s."""
        now = self.clock()
        due: list[tuple[float, Source]] = [(live.due, live.source) for live in self._live.values()]
        for source in watched:
            if source.code in self._live:
                continue
            loop = self._loops.get(source.code)
            if loop is None:
                due.append((now - 60.0 if not self._live else now - 0.5, source))
            elif loop.look != self._look(source) or not set(source.watched()) <= set(loop.taken.streams):
                due.append((loop.taken_ms / 1000.0 + 1.0, source))
            else:
                lasts = BURNING_LASTS_S if self.fires else LOOP_LASTS_S
                due.append((loop.taken_ms / 1000.0 + lasts, source))
        at, source = min(due, key=lambda d: d[0])
        if at > now:
            return at - now
        if source.code in self._live:
            await self._film(self._live[source.code])
        else:
            await self._film_loop(source)
        return 0.0

    def _look(self, source: Source) -> tuple[object, ...]:
        """Everything but time that a still picture depends on."""
        k, a = source.knobs, source.head.true(self.clock())
        return (
            round(a.pan, 3), round(a.tilt, 3), round(a.zoom, 3), k.mount_x_deg, k.mount_y_deg, k.heading_off_deg, k.dark,
            k.blurred, k.shift_px, k.frozen, tuple(sorted(self.fires)), self.light_s,
        )  # fmt: skip

    async def _film(self, live: _Live) -> None:
        source = live.source
        began = self.clock()
        streams = source.watched()
        if not streams:
            return
        key = []
        for stream in streams:
            newcomers = len(source.sinks[stream]) > live.watchers.get(stream, 0)
            live.watchers[stream] = len(source.sinks[stream])
            if newcomers or began - live.key_at.get(stream, 0.0) >= _KEY_S:
                key.append(stream)
                live.key_at[stream] = began
        attitude = source.head.true(began)
        taken = await self._taken(source, self._order(source, "frame", streams, tuple(key), began, attitude))
        for stream, pictures in taken.streams.items():
            for units in pictures:
                self._send(source, stream, units, attitude, began * 1000.0)
        spent = self.clock() - began
        live.due = max(began + 1.0 / FPS, began + spent * (1.0 + REST_SHARE))

    async def _film_loop(self, source: Source) -> None:
        began, attitude, look = self.clock(), source.head.true(self.clock()), self._look(source)
        streams = source.watched()
        taken = await self._taken(source, self._order(source, "still", streams, (), began, attitude))
        old = self._loops.get(source.code)
        loop = _Loop(source, attitude, began * 1000.0, taken, look, old.task if old else None)
        self._loops[source.code] = loop
        if loop.task is None:
            loop.task = asyncio.create_task(self._go_round(source.code))

    async def _taken(self, source: Source, order: Order) -> Taken:
        """Pictures of a frozen camera are those it took when it froze."""
        if source.knobs.frozen and (kept := self._frozen.get(source.code)) is not None:
            pictures = {s: kept[s] for s in order.streams if s in kept}
            if pictures:
                await asyncio.sleep(0.2)
                return Taken(pictures, 0.0)
        if source.knobs.frozen:
            order = self._order(
                source, "still", order.streams, (), order.wall_s, source.head.true(order.wall_s)
            )
        taken = await self.crew.take(order)
        if taken.problem:
            raise CrewError(taken.problem)
        self.problem = ""
        if source.knobs.frozen:
            self._frozen[source.code] = {s: pictures[:1] for s, pictures in taken.streams.items()}
            return Taken(self._frozen[source.code], taken.cpu_s)
        self._frozen.pop(source.code, None)
        return taken

    async def _go_round(self, code: str) -> None:
        """Send the loop's pictures in time; it is replaced at its seam."""
        loop = self._loops[code]
        at = asyncio.get_running_loop().time()
        while True:
            loop = self._loops[code]
            length = max(len(p) for p in loop.taken.streams.values())
            for i in range(length):
                # the old picture of a head that has moved on would be a lie under a new time
                for stream in loop.source.watched() if self._stands(loop) else ():
                    pictures = loop.taken.streams.get(stream)
                    if pictures and i < len(pictures):
                        self._send(loop.source, stream, pictures[i], loop.attitude, self.clock() * 1000.0)
                at = max(at + LOOP / FPS / length, asyncio.get_running_loop().time())
                await asyncio.sleep(at - asyncio.get_running_loop().time())
                if self._loops[code] is not loop:
                    break

    def _stands(self, loop: _Loop) -> bool:
        now = loop.source.head.true(self.clock())
        then = loop.attitude
        return loop.source.knobs.frozen or (now.pan, now.tilt, now.zoom) == (then.pan, then.tilt, then.zoom)

    def _send(
        self, source: Source, stream: str, units: list[bytes], attitude: Attitude, wall_ms: float
    ) -> None:
        if self.first_picture_s is None:
            self.first_picture_s = time.monotonic() - self._began
        # before the first slice, as the standard wants it
        head = [u for u in units if u[0] & 31 in (7, 8)]
        slices = [u for u in units if u[0] & 31 not in (7, 8)]
        picture = Picture((*head, source.truth(attitude, wall_ms, stream), *slices), is_key(units), wall_ms)
        delay = source.knobs.video_delay_ms / 1000.0
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, source.deliver, stream, picture)
        else:
            source.deliver(stream, picture)

    def _order(
        self, source: Source, what: str, streams: tuple[str, ...], key: tuple[str, ...], wall_s: float | None = None,
        attitude: Attitude | None = None,
    ) -> Order:  # fmt: skip
        wall_s = self.clock() if wall_s is None else wall_s
        attitude = attitude or source.head.true(wall_s)
        k = source.knobs
        return Order(
            source.code, what, streams, key, attitude.pan, attitude.tilt, attitude.zoom, k.mount_x_deg, k.mount_y_deg,
            k.heading_off_deg, wall_s, wall_s if self.light_s is None else self.light_s, tuple(self.fires.values()),
            k.dark, k.blurred, k.shift_px, self._caption(source, wall_s, what),
        )  # fmt: skip

    def _caption(self, source: Source, wall_s: float, what: str) -> tuple[str, ...]:
        at = datetime.fromtimestamp(wall_s + source.knobs.clock_offset_s, UTC).astimezone(_ZONE_TIME)
        moment = at.strftime("%Y-%m-%d %H:%M:%S")
        if what == "still":
            # the same picture goes round for a while: it says since when
            moment += " 定格 STILL"
        return f"模拟 SIMULATED · {source.filmer.name} · {source.filmer.name_en}", moment
