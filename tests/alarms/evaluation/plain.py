"""Every kind of rule as one would explain it: whole histories in lists, looked at from the beginning each time.

Slow on purpose and written apart from the kernels: the second opinion of the property tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.alarms_reference import PlainEvaluator, Step

from parksight.alarms.evaluation import RuleRow
from parksight.alarms.expressions import Node, Reference, parse, references

#: What a reading is: point, time, value, quality.
Row = tuple[int, int, float, int]
#: A signal: a number or truth, None for unknown; SAYS_NOTHING where it is not judged.
Signal = float | None
SAYS_NOTHING = object()
_USABLE = (0, 1, 4)


def usable(value: float, quality: int) -> bool:
    return quality & 15 in _USABLE and math.isfinite(value)


@dataclass
class Told:
    """A reading as it was accepted; ``value`` None when it cannot be used."""

    at: int
    value: float | None
    raw: float
    quality: int


@dataclass
class PlainRule:
    """One rule on one point."""

    row: RuleRow
    history: dict[int, list[Told]]
    hush: dict[int, int]
    steps: list[Step] = field(default_factory=list)
    newest: int = -1
    events: list[int] = field(default_factory=list)
    was_true: bool = False

    def __post_init__(self) -> None:
        for name in ("hh", "h", "l", "ll", "on"):
            d = self.row.definition.get(name)
            if d is None:
                continue
            sign = -1 if name in ("hh", "h") else 1
            limit, back = (0.5, 0.5) if name == "on" else (d["limit"], d["limit"] + sign * d["deadband"])
            self.steps.append(
                Step(self.row.id, name.upper(), limit, back, round(d["on_delay_s"] * 1000), round(d["off_delay_s"] * 1000))
            )  # fmt: skip

    @property
    def reads(self) -> set[int]:
        texts = self._texts()
        if not texts:
            return {self.row.point_id}
        return {self.row.point_of(r) for text in texts for r in references(parse(text))}

    def _texts(self) -> list[str]:
        s = self.row.definition.get("signal") or {}
        if s.get("kind") == "deviation":
            return ["self", s["other"]]
        return [t for t in (s.get("text"), s.get("when"), *s.get("voters", ())) if t]

    def hear(self, told: Told) -> list[tuple[int, str, str, int]]:
        self.newest = t = max(self.newest, told.at)
        signal = self.signal(t, told)
        out: list[tuple[int, str, str, int]] = []
        if signal is SAYS_NOTHING:
            return out
        for step in self.steps:
            if signal is None or (isinstance(signal, float) and math.isnan(signal)):
                PlainEvaluator._unusable(step, t, out)
            elif step.name in ("HH", "H", "ON"):
                PlainEvaluator._usable(step, signal >= step.limit, signal < step.back, t, out)
            else:
                PlainEvaluator._usable(step, signal <= step.limit, signal > step.back, t, out)
        return out

    # --- signals --------------------------------------------------------------------------------------

    def signal(self, t: int, told: Told) -> Any:
        s = self.row.definition.get("signal")
        if s is None:
            return told.value
        kind = s["kind"]
        if kind in ("expression", "deviation", "vote", "count"):
            return getattr(self, f"_{kind}")(s, t)
        if kind == "suspect":
            code = told.quality & 15
            return float(code == 2 or (s["bad"] and code == 3))
        if kind == "range":
            if not math.isfinite(told.raw) or told.quality & 15 not in (*_USABLE, 2):
                return None
            low = self.row.low if s.get("low") is None else s["low"]
            high = self.row.high if s.get("high") is None else s["high"]
            return float(not low <= told.raw <= high)
        if told.value is None:
            return None
        good = [h for h in self.history[self.row.point_id] if h.value is not None]
        return getattr(self, f"_{kind}")(s, t, good)

    def _rate(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        window = round(s["window_s"] * 1000)
        part = math.ceil(window / 32)
        firsts: dict[int, Told] = {}
        for h in good:
            firsts.setdefault(h.at // part, h)
        oldest = next(h for h in firsts.values() if h.at >= t - window)
        if 2 * (t - oldest.at) < window:
            return SAYS_NOTHING
        assert good[-1].value is not None
        assert oldest.value is not None
        rate = (good[-1].value - oldest.value) / (t - oldest.at) * (s["per_s"] * 1000)
        return abs(rate) if s["absolute"] else rate

    def _flat(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        around, since, last = math.inf, 0, -(10**18)
        for h in good:
            assert h.value is not None
            if abs(h.value - around) > s["tolerance"] or h.at - last > self.hush[self.row.point_id]:
                around, since = h.value, h.at
            last = h.at
        return float(t - since >= round(s["after_s"] * 1000))

    def _state(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        return float(good[-1].value in s["values"])

    def _change(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        changed = None
        for a, b in itertools.pairwise(good):
            fits = (not s["before"] or a.value in s["before"]) and (not s["after"] or b.value in s["after"])
            if a.value != b.value and fits:
                changed = b.at
        return float(changed is not None and t - changed < round(s["hold_s"] * 1000))

    def _baseline(self, s: Any, good: Sequence[Told]) -> tuple[float, float, list[float]] | None:
        values = [h.value for h in good if h.value is not None]
        b = s["baseline"]
        if b["how"] == "given":
            return b["mean"], b["sigma"], values
        n = b["readings"]
        if len(values) <= n:
            return None
        first = values[:n]
        mean = sum(first) / n
        sigma = math.sqrt(sum((v - mean) ** 2 for v in first) / (n - 1))
        return mean, max(sigma, b["least_sigma"]), values[n:]

    def _ewma(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        base = self._baseline(s, good)
        if base is None:
            return SAYS_NOTHING
        mean, sigma, values = base
        w, average = s["weight"], mean
        for v in values:
            average = w * v + (1 - w) * average
        return (average - mean) / (sigma * math.sqrt(w / (2 - w)))

    def _cusum(self, s: Any, t: int, good: Sequence[Told]) -> Any:
        base = self._baseline(s, good)
        if base is None:
            return SAYS_NOTHING
        mean, sigma, values = base
        ceiling = 2 * max(abs(step.limit) for step in self.steps)
        up = down = 0.0
        for v in values:
            z = (v - mean) / sigma
            up = min(ceiling, max(0.0, up + z - s["slack"]))
            down = min(ceiling, max(0.0, down - z - s["slack"]))
        return {"up": up, "down": down, "both": max(up, down)}[s["direction"]]

    def _expression(self, s: Any, t: int) -> Any:
        return self.value(parse(s["text"]), t, s.get("max_age_s"))

    def _deviation(self, s: Any, t: int) -> Any:
        own = self.look(Reference("self"), t, s.get("max_age_s"))
        node = parse(s["other"])
        other = self.value(node, t, s.get("max_age_s"))
        if other is not None and node.reference in self.row.conversions:
            assert node.reference is not None
            factor, shift = self.row.conversions[node.reference]
            other = other * factor + shift
        if own is None or other is None or (s["relative"] and other == 0):
            return None
        difference = (own - other) / (abs(other) / 100) if s["relative"] else own - other
        return abs(difference) if s["absolute"] else difference

    def _vote(self, s: Any, t: int) -> Any:
        votes = [self.value(parse(text), t, s.get("max_age_s")) for text in s["voters"]]
        yes, lost = sum(v == 1.0 for v in votes), votes.count(None)
        if s["bad"] == "trips":
            return float(yes + lost >= s["least"])
        if lost == len(votes):
            return None
        if s["bad"] == "drops":
            return float(yes >= s["least"])
        if s["bad"] == "degrades":
            return float(yes >= max(1, s["least"] - lost))
        outcomes = {float(yes + extra >= s["least"]) for extra in range(lost + 1)}
        return outcomes.pop() if len(outcomes) == 1 else None

    def _count(self, s: Any, t: int) -> Any:
        now = self.value(parse(s["when"]), t, s.get("max_age_s"))
        if now is not None:
            if now and (s["every_reading"] or not self.was_true):
                self.events.append(t)
            self.was_true = bool(now)
        within = sum(e > t - round(s["window_s"] * 1000) for e in self.events)
        if now is None and within < s["least"]:
            return None
        return float(within >= s["least"])

    # --- expressions ----------------------------------------------------------------------------------

    def look(self, reference: Reference, t: int, max_age_s: float | None) -> float | None:
        point = self.row.point_of(reference)
        told = self.history[point]
        age = round(max_age_s * 1000) if max_age_s else self.hush[point]
        return told[-1].value if told and t - told[-1].at <= age else None

    def value(self, node: Node, t: int, max_age_s: float | None) -> float | None:
        """A tree by plain recursion; None is unknown."""
        if node.op == "number":
            return node.value
        if node.op == "load":
            assert node.reference is not None
            return self.look(node.reference, t, max_age_s)
        parts = [self.value(child, t, max_age_s) for child in node.children]
        if node.op == "good":
            return float(parts[0] is not None)
        if node.op == "and":
            return 0.0 if 0.0 in parts else None if None in parts else 1.0
        if node.op == "or":
            return 1.0 if 1.0 in parts else None if None in parts else 0.0
        known = [p for p in parts if p is not None]
        if len(known) < len(parts):
            return None
        plain = _PLAIN[node.op](*known)
        return plain if plain is None or math.isfinite(plain) else None


_PLAIN: dict[str, Callable[..., float | None]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: None if b == 0 else a / b, "negate": lambda a: -a, "not": lambda a: 1.0 - a,
    "<": lambda a, b: float(a < b), "<=": lambda a, b: float(a <= b), ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b), "==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b),
    "min": min, "max": max, "abs": abs, "avg": lambda *v: sum(v) / len(v),
}  # fmt: skip
_PLAIN["min"] = lambda *v: min(v)
_PLAIN["max"] = lambda *v: max(v)


class PlainWatch:
    """Rules over readings, one at a time."""

    def __init__(self, rules: Sequence[RuleRow]) -> None:
        self.history: dict[int, list[Told]] = {}
        hush: dict[int, int] = {}
        for row in rules:
            hush.setdefault(row.point_id, round(3 * row.period_s * 1000))
            for point, period in row.inputs.values():
                hush.setdefault(point, round(3 * period * 1000))
        self.history = {point: [] for point in hush}
        self.rules = [PlainRule(row, self.history, hush) for row in rules]

    def on_rows(self, rows: Sequence[Row]) -> list[tuple[int, str, str, int]]:
        """What happened: (rule, step, what, at)."""
        out: list[tuple[int, str, str, int]] = []
        for point, at, value, quality in rows:
            told = self.history.get(point)
            if told is None or (told and at < told[-1].at):
                continue
            one = Told(at, value if usable(value, quality) else None, value, quality)
            told.append(one)
            for rule in self.rules:
                if point in rule.reads:
                    out += rule.hear(one)
        return out
