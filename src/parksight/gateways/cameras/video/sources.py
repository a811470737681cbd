"""Where pictures come from: an RTSP session kept alive by trying again, or what another protocol registers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import structlog

from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.gateways.cameras.rtsp.session import Session, Target
from parksight.kernel.clock import Clock

log = structlog.get_logger(__name__)

#: First and longest wait before trying again, s.
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
#: A session that delivered pictures for so long was good: waiting begins anew, s.
GOOD_S = 10.0
#: Reasons that no trying again will cure soon; tried again at the longest wait.
LASTING = frozenset({"credentials", "forbidden", "codec", "no_video", "address", "no_link", "disabled"})


@dataclass(slots=True)
class SourceState:
    """What a source tells about itself.

    Attributes:
        state: ``connecting``, ``playing``, ``lost``.
        error: why it is lost.
        tries: since pictures came.
    """

    state: str = "connecting"
    error: CameraError | None = None
    since_ms: int = 0
    tries: int = 0
    transport: str = ""
    skew_ms: float | None = None
    delay_ms: float | None = None
    exact: bool = False
    counters: Counter[str] = field(default_factory=Counter)


Deliver = Callable[[AccessUnit], None]


class Source(Protocol):
    """Delivers pictures until it is cancelled; survives the camera's absence by itself."""

    state: SourceState

    async def run(self, deliver: Deliver, changed: Callable[[], None]) -> None:
        """``changed`` is called whenever ``state`` says something new."""
        ...


class RtspSource:
    """An RTSP stream that is there again as soon as the camera is.

    Args:
        target: asked before each try, so that a changed link or a new address is followed; raises CameraError.
        clock: ours.
        offset: the device's clock less ours, where its telemetry knows it.
    """

    def __init__(
        self, target: Callable[[], Awaitable[Target]], clock: Clock,
        offset: Callable[[], float | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._target = target
        self._offset = offset
        self._clock = clock
        self.state = SourceState()
        self._over_tcp = False
        self._session: Session | None = None

    async def run(self, deliver: Deliver, changed: Callable[[], None]) -> None:
        state = self.state
        take = partial(self._take, deliver, changed)
        while True:
            pictures = state.counters["pictures"]
            begun = self._clock.monotonic()

            try:
                target = await self._target()
                if self._over_tcp:
                    target = replace(target, transport="tcp")
                self._session = Session(target, take, self._now, state.counters, self._offset)
                await self._session.run()
            except CameraError as error:
                failed = error
            except (OSError, ValueError, RuntimeError) as error:
                # A camera may break anything; one that broke us in a new way is tried again like the others.
                log.exception("camera_session_failed")
                failed = CameraError("internal", f"{type(error).__name__}: {error}"[:200])
            state.counters[f"end_{failed.reason}"] += 1
            if failed.reason == "udp_loss":
                self._over_tcp = True
                state.counters["udp_to_tcp"] += 1
            good = state.counters["pictures"] > pictures and self._clock.monotonic() - begun > GOOD_S
            state.tries = 0 if good else state.tries + 1
            if state.state != "lost" or state.error is None or state.error.reason != failed.reason:
                state.state, state.error, state.since_ms = "lost", failed, self._clock.now_ms()
                changed()
            await asyncio.sleep(self.wait(failed.reason, state.tries))

    def _take(self, deliver: Deliver, changed: Callable[[], None], unit: AccessUnit) -> None:
        state, session = self.state, self._session
        assert session is not None
        if state.state != "playing":
            state.state, state.error = "playing", None
            state.since_ms, state.transport = self._clock.now_ms(), session.transport
            changed()
        if session.track is not None:
            timing = session.track.timing
            state.skew_ms, state.delay_ms, state.exact = timing.skew_ms, timing.delay_ms, unit.wall_exact
        deliver(unit)

    @staticmethod
    def wait(reason: str, tries: int) -> float:
        """Seconds before the next try; a third of it by chance, so that a park does not come back in one beat."""
        longest = (
            LONGEST_WAIT
            if reason in LASTING
            else min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(max(tries - 1, 0), 10))
        )
        return longest * (0.67 + 0.33 * random.random())  # noqa: S311 - spreading load, not a secret

    def _now(self) -> float:
        return float(self._clock.now_ms())
