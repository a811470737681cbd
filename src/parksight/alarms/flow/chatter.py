"""The flicker guard: an alarm that comes three times within a minute is chattering (ISA-18.2), until it is calm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from parksight.alarms.events import AlarmNotice


@dataclass(frozen=True, slots=True)
class Chatter:
    """A chattering alarm: its running suppression, the occurrence that stands for all, when it came last (ms)."""

    suppression_id: int
    notice: AlarmNotice
    last_at: int


class ChatterGuard:
    """Remembers when each alarm came; observation times in ms, so that replayed data behave like live ones.

    Args:
        repeats: times within ``span_ms`` that make chattering.
        quiet_ms: calm after which it ends.
    """

    def __init__(self, repeats: int, span_ms: int, quiet_ms: int) -> None:
        self.repeats = repeats
        self.span_ms = span_ms
        self.quiet_ms = quiet_ms
        self.running: Mapping[int, Chatter] = {}
        self._came: dict[int, tuple[int, ...]] = {}

    def times(self, key: int) -> tuple[int, ...]:
        return self._came.get(key, ())

    def calm(self, now_ms: int) -> dict[int, Chatter]:
        """Alarms that have been calm long enough."""
        return {k: c for k, c in self.running.items() if now_ms - c.last_at > self.quiet_ms}

    def end(self, keys: Mapping[int, Chatter], now_ms: int) -> None:
        """They chatter no more; old memories go as well."""
        self.running = {k: c for k, c in self.running.items() if k not in keys}
        self._came = {k: t for k, t in self._came.items() if now_ms - t[-1] <= self.span_ms}

    def take(self, flicker: Flicker) -> None:
        """What a burst found out, once it is written."""
        self._came |= flicker.came_at
        self.running = {**self.running, **flicker.running}


class Flicker:
    """The guard during one burst; nothing is kept unless the burst is written."""

    def __init__(self, guard: ChatterGuard) -> None:
        self._guard = guard
        self.came_at: dict[int, tuple[int, ...]] = {}
        self.running: dict[int, Chatter] = {}

    def of(self, key: int) -> Chatter | None:
        return self.running.get(key) or self._guard.running.get(key)

    def came(self, key: int, at_ms: int) -> bool:
        """Note that an alarm came; True when with this it has begun to chatter."""
        before = self.came_at.get(key) or self._guard.times(key)
        times = self.came_at[key] = (*before, at_ms)[-self._guard.repeats :]
        return len(times) == self._guard.repeats and at_ms - times[0] <= self._guard.span_ms

    def again(self, key: int, at_ms: int) -> None:
        chatter = self.of(key)
        if chatter is not None:
            self.running[key] = replace(chatter, last_at=max(chatter.last_at, at_ms))
