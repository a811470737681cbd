"""The evaluation of alarm rules as one writes it first: a dictionary per point, a loop over rows.

The reference of ``bench/alarms.py``, and the second opinion of the property tests: same rules, written apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Happening = tuple[int, str, str, int]
_USABLE = (0, 1, 4)


@dataclass(slots=True)
class Step:
    rule: int
    name: str
    limit: float
    back: float
    on_ms: int
    off_ms: int
    state: str = "normal"
    since: int = 0


class PlainEvaluator:
    """Args: rules as (rule id, point, definition)."""

    def __init__(
        self, rules: Iterable[tuple[int, int, Mapping[str, Any]]], history_ms: int = 1_800_000
    ) -> None:
        self.history_ms = history_ms
        self.steps: dict[int, list[Step]] = {}
        self.seen: dict[int, int] = {}
        for rule, point, definition in rules:
            for name in ("hh", "h", "l", "ll"):
                d = definition.get(name)
                if d is not None:
                    sign = -1 if name in ("hh", "h") else 1
                    self.steps.setdefault(point, []).append(
                        Step(rule, name.upper(), d["limit"], d["limit"] + sign * d["deadband"],
                             round(d["on_delay_s"] * 1000), round(d["off_delay_s"] * 1000))
                    )  # fmt: skip

    def on_rows(self, rows: Iterable[tuple[int, int, float, int]], now: int) -> list[Happening]:
        """Rows (point, observed at, value, quality) to (rule, step, what, at)."""
        out: list[Happening] = []
        for point, observed, value, quality in rows:
            steps = self.steps.get(point)
            if steps is None:
                continue
            t = min(observed, now)
            if t < self.seen.get(point, -1) or now - t > self.history_ms:
                continue
            self.seen[point] = t
            usable = quality & 15 in _USABLE and math.isfinite(value)
            for step in steps:
                if not usable:
                    self._unusable(step, t, out)
                elif step.name in ("HH", "H"):
                    self._usable(step, value >= step.limit, value < step.back, t, out)
                else:
                    self._usable(step, value <= step.limit, value > step.back, t, out)
        return out

    @staticmethod
    def _unusable(step: Step, t: int, out: list[Happening]) -> None:
        if step.state == "pending":
            step.state = "normal"
        elif step.state in ("active", "clearing"):
            step.state = "unknown"
            out.append((step.rule, step.name, "doubted", t))

    @staticmethod
    def _usable(step: Step, beyond: bool, back: bool, t: int, out: list[Happening]) -> None:
        if step.state in ("normal", "pending"):
            if not beyond:
                step.state = "normal"
                return
            if step.state == "normal":
                step.state, step.since = "pending", t
            if t - step.since >= step.on_ms:
                step.state = "active"
                out.append((step.rule, step.name, "raised", step.since + step.on_ms))
            return
        before = step.state
        if not back:
            step.state = "active"
        else:
            if step.state != "clearing":
                step.state, step.since = "clearing", t
            if t - step.since >= step.off_ms:
                step.state = "normal"
                out.append((step.rule, step.name, "cleared", step.since + step.off_ms))
                return
        if before == "unknown":
            out.append((step.rule, step.name, "confirmed", t))
