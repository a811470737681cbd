"""Who turns a head, and that it stops: moves, drags with a dead man's switch, the operator's lock, automation.

A drag (joystick, arrow keys) is a stream of speeds. It must be renewed within ``dead_man_ms``; when it is not, or its
session or connection ends, the head is told to stop, several times if need be. Before that the device stops by itself
where its protocol can be told so. One drag is one entry in the audit log, not one per message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from parksight.gateways.cameras.protocols import CameraError, PtzSample
from parksight.gateways.cameras.ptz.head import Head
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, forbidden, invalid
from parksight.kernel.permissions import SYSTEM, Caller

log = structlog.get_logger(__name__)

TAKEOVER = "cameras.ptz.takeover"
Speed = tuple[float, float, float]
STILL: Speed = (0.0, 0.0, 0.0)


class Journal(Protocol):
    """Writes one move into the audit log."""

    async def __call__(
        self, caller: Caller, action: str, camera_id: int, before: Any, after: Any, reason: str | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Lock:
    """An operator's claim on a head."""

    owner: int | None
    name: str
    taken_at: datetime
    until: datetime
    reason: str


@dataclass(slots=True, eq=False)
class Drag:
    """A stream of speeds under way."""

    caller: Caller
    session: str
    began_ms: int
    begin: PtzSample | None
    wanted: Speed = STILL
    sent: Speed = STILL
    sent_at: float = 0.0
    messages: int = 0
    peak: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    ended: str | None = None
    sending: bool = False


class Control:
    """The only way to turn one head.

    Args:
        head: what is turned.
        clock, limits: of the platform.
        journal: keeps who turned it.
    """

    def __init__(self, head: Head, clock: Clock, limits: PtzLimits, journal: Journal) -> None:
        self.head = head
        self.counters: Counter[str] = Counter()
        self.stop_failed = False
        self._clock, self._limits, self._journal = clock, limits, journal
        self._lock: Lock | None = None
        self._drag: Drag | None = None
        self._dead_man: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._manual_at = self._automatic_at = self._moved_at = float("-inf")

    # --- the lock

    @property
    def lock(self) -> Lock | None:
        """Who holds the head now."""
        if self._lock is not None and self._clock.now() >= self._lock.until:
            self._lock = None
        return self._lock

    @property
    def drag(self) -> Drag | None:
        return self._drag

    async def take(self, caller: Caller, minutes: int, reason: str, *, takeover: bool = False) -> Lock:
        """Claim the head, or renew one's claim.

        Raises:
            ProblemError: 409 somebody else holds it (``takeover`` needs the permission for it).
        """
        held = self.lock
        if held is not None and held.owner != caller.id:
            if not takeover:
                raise self._locked(held)
            if not caller.may(TAKEOVER):
                raise forbidden(TAKEOVER)
        now = self._clock.now()
        minutes = min(minutes, self._limits.lock_minutes)
        lock = Lock(caller.id, caller.name, now, now + timedelta(minutes=minutes), reason)
        self._lock = lock
        if self._drag is not None and self._drag.caller.id != caller.id:
            await self._end(self._drag, "taken_over")
        await self._note(
            caller, "takeover" if held is not None and held.owner != caller.id else "lock",
            {"owner": held.name} if held else None, {"owner": lock.name, "until": lock.until}, reason,
        )  # fmt: skip
        return lock

    async def release(self, caller: Caller) -> None:
        """Give the head back; somebody else's claim ends only by who may take it over."""
        held = self.lock
        if held is None:
            return
        if held.owner != caller.id and not caller.may(TAKEOVER):
            raise forbidden(TAKEOVER)
        self._lock = None
        await self._note(caller, "unlock", {"owner": held.name, "until": held.until}, None, None)

    def _locked(self, held: Lock) -> Exception:
        return conflict("gateways.cameras.ptz.locked", owner=held.name, until=held.until.isoformat())

    def check(self, caller: Caller) -> None:
        """Whether this caller may turn the head now.

        Raises:
            ProblemError: 409 locked, or in the middle of somebody else's drag.
        """
        held = self.lock
        if held is not None and held.owner != caller.id:
            raise self._locked(held)
        if self._drag is not None and self._drag.caller.id != caller.id:
            raise conflict("gateways.cameras.ptz.in_use", owner=self._drag.caller.name)

    # --- single moves

    async def absolute(
        self,
        caller: Caller,
        pan: float,
        tilt: float,
        zoom: float,
        speed: float = 1.0,
        reason: str | None = None,
    ) -> None:
        """Turn to a pose.

        Raises:
            ProblemError: 409 held by another; 422 outside what the head can do.
            CameraError: the device did not do it.
        """
        self.check(caller)
        await self._within(tilt, zoom)
        await self._single(
            caller, "absolute", {"pan": pan, "tilt": tilt, "zoom": zoom}, reason,
            lambda: self.head.device.absolute(pan, tilt, zoom, speed),
        )  # fmt: skip

    async def go_preset(self, caller: Caller, token: str) -> None:
        self.check(caller)
        await self._single(
            caller, "preset", {"preset": token}, None, lambda: self.head.device.go_preset(token)
        )

    async def set_preset(self, caller: Caller, name: str, token: str | None) -> str:
        self.check(caller)
        made = await self.head.device.set_preset(name, token)
        await self._note(caller, "preset_set", None, {"preset": made, "name": name}, None)
        return made

    async def remove_preset(self, caller: Caller, token: str) -> None:
        self.check(caller)
        await self.head.device.remove_preset(token)
        await self._note(caller, "preset_remove", {"preset": token}, None, None)

    async def tour_step(self, caller: Caller, move: Callable[[], Awaitable[None]]) -> None:
        """A step of a patrol: the tour's start is in the audit log, its steps are not."""
        await move()
        self.counters["tour_steps"] += 1
        self.head.hurry()

    async def automatic(self, pan: float, tilt: float, zoom: float, reason: str) -> str | None:
        """A move by the platform itself; the reason it must not happen, or None once it was sent."""
        now = self._clock.monotonic()
        if self.lock is not None:
            return self._refused("locked")
        if self._drag is not None:
            return self._refused("in_use")
        if now - self._manual_at < self._limits.operator_grace_s:
            return self._refused("operator_active")
        if now - self._automatic_at < self._limits.automatic_gap_s:
            return self._refused("too_often")
        able = await self.head.able()
        tilt, zoom = _clamped(tilt, able.tilt), _clamped(zoom, able.zoom)
        self._automatic_at = now
        await self._single(
            SYSTEM, "automatic", {"pan": pan, "tilt": tilt, "zoom": zoom}, reason,
            lambda: self.head.device.absolute(pan, tilt, zoom),
        )  # fmt: skip
        return None

    def _refused(self, reason: str) -> str:
        self.counters[f"automatic_refused_{reason}"] += 1
        return reason

    @property
    def idle_s(self) -> float:
        """Since the last move that was not a tour's; 0 during a drag."""
        return 0.0 if self._drag is not None else self._clock.monotonic() - self._moved_at

    async def _within(self, tilt: float, zoom: float) -> None:
        able = await self.head.able()
        if not able.absolute:
            raise CameraError("not_supported", "absolute")
        for name, value, (low, high) in (("tilt", tilt, able.tilt), ("zoom", zoom, able.zoom)):
            if not low - 0.5 <= value <= high + 0.5:
                raise invalid(
                    "gateways.cameras.ptz.out_of_range", f"/body/{name}", axis=name, value=value, low=low, high=high
                )  # fmt: skip

    async def _single(
        self, caller: Caller, kind: str, goal: dict[str, Any], reason: str | None, move: Callable[[], Awaitable[None]]
    ) -> None:  # fmt: skip
        if self._drag is not None:
            await self._end(self._drag, "other_move")
        before = shown(self.head.now())
        self._moved(caller)
        try:
            await move()
        except CameraError as error:
            self.counters["failed"] += 1
            await self._note(caller, kind, before, {**goal, "failed": error.reason}, reason)
            raise
        self.counters[kind] += 1
        self.head.hurry()
        await self._note(caller, kind, before, goal, reason)

    def _moved(self, caller: Caller) -> None:
        self._moved_at = self._clock.monotonic()
        if caller.kind != "system":
            self._manual_at = self._moved_at

    # --- drags

    async def continuous(self, caller: Caller, session: str, speed: Speed) -> None:
        """One message of a drag: go on at this speed; zeros end it.

        Raises:
            ProblemError: 409 held by another.
            CameraError: the device did not do it; the drag is over then and a stop was sent.
        """
        self.check(caller)
        drag = self._drag
        if speed == STILL:
            await self.stop(caller)
            return
        if drag is None:
            drag = self._drag = Drag(caller, session, self._clock.now_ms(), self.head.now())
            self.counters["drags"] += 1
        drag.messages += 1
        drag.wanted = speed
        drag.peak = [max(p, abs(s)) for p, s in zip(drag.peak, speed, strict=True)]
        self._moved(caller)
        self._arm(drag)
        if drag.sending:
            return  # the one under way takes the newest speed along when it is through
        await self._send(drag)

    async def _send(self, drag: Drag) -> None:
        drag.sending = True
        try:
            while drag.ended is None:
                now = self._clock.monotonic()
                if drag.wanted == drag.sent and now - drag.sent_at < self._limits.resend_ms / 1000:
                    return
                drag.sent, drag.sent_at = drag.wanted, now
                self.head.hurry()
                await self.head.device.continuous(*drag.sent)
        except CameraError:
            self.counters["failed"] += 1
            await self._end(drag, "device_failed")
            raise
        finally:
            drag.sending = False
            if drag.ended is not None:
                # The stop may have overtaken this speed on another connection.
                self._spawn(self._halt())

    async def stop(self, caller: Caller) -> None:
        """Stop now, whatever moves it; who holds the head does not matter for stopping one's own drag."""
        if self._drag is not None and self._drag.caller.id == caller.id:
            await self._end(self._drag, "released")
            return
        self.check(caller)
        self._moved(caller)
        before = shown(self.head.now())
        if not await self._halt():
            raise CameraError("stop_failed")
        await self._note(caller, "stop", before, shown(self.head.now()), None)

    async def lost(self, session: str, why: str) -> None:
        """A connection or session is gone: its drag ends, though whoever served it is being cancelled."""
        if self._drag is not None and self._drag.session == session:
            await asyncio.shield(self._spawn(self._end(self._drag, why)))

    async def close(self) -> None:
        """Nothing is left moving when the platform goes."""
        if self._drag is not None:
            await self._end(self._drag, "closing")
        for task in list(self._tasks):
            with contextlib.suppress(Exception):
                await task

    def _arm(self, drag: Drag) -> None:
        if self._dead_man is not None:
            self._dead_man.cancel()
        self._dead_man = asyncio.get_running_loop().call_later(
            self._limits.dead_man_ms / 1000, self._died, drag
        )

    def _died(self, drag: Drag) -> None:
        if self._drag is drag:
            self.counters["dead_man"] += 1
            self._spawn(self._end(drag, "dead_man"))

    async def _end(self, drag: Drag, why: str) -> None:
        if drag.ended is not None:
            return
        drag.ended = why
        if self._drag is drag:
            self._drag = None
        if self._dead_man is not None:
            self._dead_man.cancel()
            self._dead_man = None
        stopped = await self._halt()
        self._moved(drag.caller)
        after = {
            "to": shown(self.head.now()), "ms": self._clock.now_ms() - drag.began_ms, "messages": drag.messages,
            "peak": [round(p, 3) for p in drag.peak], "ended": why, "stopped": stopped,
        }  # fmt: skip
        await self._note(drag.caller, "drag", shown(drag.begin), after, None)

    async def _halt(self) -> bool:
        """Send stop until the device took it; whether it did."""
        for attempt in range(self._limits.stop_attempts):
            try:
                await self.head.device.stop()
            except CameraError as error:
                self.counters["stop_repeated"] += 1
                log.warning(
                    "stop_not_taken", camera=self.head.camera_id, reason=error.reason, attempt=attempt
                )
                await asyncio.sleep(0.2)
            else:
                self.counters["stops"] += 1
                self.stop_failed = False
                self.head.hurry()
                return True
        self.counters["stop_failed"] += 1
        self.stop_failed = True
        log.error("stop_failed", camera=self.head.camera_id)
        return False

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _note(self, caller: Caller, kind: str, before: Any, after: Any, reason: str | None) -> None:
        await self._journal(caller, f"cameras.ptz.{kind}", self.head.camera_id, before, after, reason)


def shown(sample: PtzSample | None) -> dict[str, float] | None:
    """A pose for the audit log."""
    if sample is None:
        return None
    return {"pan": round(sample.pan, 3), "tilt": round(sample.tilt, 3), "zoom": round(sample.zoom, 3)}


def _clamped(value: float, span: tuple[float, float]) -> float:
    return min(max(value, span[0]), span[1])
