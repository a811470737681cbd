"""Signals of rules as operations of the kernels: parameters, constants, programs, room in the rings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from parksight.alarms.evaluation.rows import RuleRow
from parksight.alarms.expressions import Node, Program, Reference, compile_tree, parse, references
from parksight.alarms.kernels import codes
from parksight.alarms.models.words import KINDS

_MINUTE, _HOUR = 60_000, 3_600_000
#: Leaves of an hour that divide it evenly, ms.
_LEAVES: Final = tuple(m * _MINUTE for m in (1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60))
#: Valid share of a period's parts: 45 of 60 minutes (HJ 75-2017), 20 of 24 and 6 of 8 hours (GB 3095).
VALID_SHARE: Final = 0.75
#: Period -> (middle ms, middles, least of them, moving).
PERIODS: Final = {
    "10min": (10 * _MINUTE, 1, 1, 0), "30min": (30 * _MINUTE, 1, 1, 0), "1h": (_HOUR, 1, 1, 0),
    "8h": (_HOUR, 8, 6, 1), "24h": (_HOUR, 24, 20, 0),
}  # fmt: skip
_BAD: Final = {
    "unknown": codes.VOTE_UNKNOWN, "trips": codes.VOTE_TRIPS, "drops": codes.VOTE_DROPS,
    "degrades": codes.VOTE_DEGRADES,
}  # fmt: skip
FINDINGS: Final = ("flat_line", "spike", "out_of_range", "repeated_block", "clock_drift")


@dataclass(slots=True)
class Operation:
    """What the kernels need of one signal.

    Attributes:
        programs: of the expressions; their LOADs name point ids.
        reads: points it listens to.
        ring: entries it needs.
        whole: silence of its point makes its steps unknown.
        shown_limit: limit of an ``on`` step, for people.
    """

    kind: int
    reads: list[int]
    parameters: list[float] = field(default_factory=list)
    constants: list[float] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    ring: int = 0
    whole: bool = True
    shown_limit: float = 1.0


@lru_cache(maxsize=4_096)
def tree(text: str) -> Node:
    """A parsed expression; class rules ask for the same one many times."""
    return parse(text)


def operation(rule: RuleRow, signal: Mapping[str, Any], offset_ms: int, ceiling: float) -> Operation:
    """The operation of a rule's signal.

    Args:
        offset_ms: of the zone's civil time.
        ceiling: where a CUSUM stops growing.

    Raises:
        KeyError: an expression reads a point that was not resolved.
    """
    kind = str(signal["kind"])
    if kind == "average":
        return _average(rule, signal, offset_ms)
    if kind == "cusum":
        made = _cusum(rule, signal)
        made.parameters[6] = ceiling
        return made
    return _MAKERS[kind](rule, signal)


def gate(rule: RuleRow) -> Operation:
    """The suppressing condition of a rule."""
    return _with_programs(rule, codes.GATE, [tree(rule.suppression)])


def _with_programs(rule: RuleRow, kind: int, trees: list[Node], *parameters: float) -> Operation:
    found = dict.fromkeys(r for node in trees for r in references(node))
    slots = {r: rule.point_of(r) for r in found}
    programs = [compile_tree(node, slots) for node in trees]
    reads = list(dict.fromkeys(slots.values()))
    return Operation(kind, reads, list(parameters), programs=programs, whole=False)


def _age(signal: Mapping[str, Any]) -> float:
    age = signal.get("max_age_s")
    return 0.0 if age is None else max(1.0, round(age * 1000))


def _rate(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    window = max(1, round(signal["window_s"] * 1000))
    parameters = [float(window), signal["per_s"] * 1000, float(signal["absolute"])]
    return Operation(codes.RATE, [rule.point_id], parameters, ring=codes.WINDOW_PARTS + 2)


def _flat(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    parameters = [signal["tolerance"], float(round(signal["after_s"] * 1000))]
    return Operation(codes.FLAT, [rule.point_id], parameters, shown_limit=signal["after_s"])


def _range(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    low, high = signal.get("low"), signal.get("high")
    bounds = [rule.low if low is None else low, rule.high if high is None else high]
    shown = next((b for b in reversed(bounds) if math.isfinite(b)), 0.0)
    return Operation(codes.RANGE, [rule.point_id], bounds, shown_limit=shown)


def _state(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    values = list(signal["values"])
    return Operation(codes.STATE, [rule.point_id], constants=values, shown_limit=values[0])


def _change(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    before, after = list(signal["before"]), list(signal["after"])
    parameters = [float(round(signal["hold_s"] * 1000)), float(len(before))]
    return Operation(codes.CHANGE, [rule.point_id], parameters, [*before, *after])


def _expression(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    node = tree(signal["text"])
    return _with_programs(rule, codes.EXPRESSION, [node], _age(signal), float(node.type == "truth"))


def _deviation(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    other = tree(signal["other"])
    if other.reference is not None and other.reference in rule.conversions:
        factor, shift = rule.conversions[other.reference]
        other = _node("+", _node("*", other, _number(factor)), _number(shift))
    own = Node("load", "number", 0, reference=Reference("self"))
    difference = _node("-", own, other)
    if signal["relative"]:
        difference = _node("*", _node("/", difference, _node("abs", other)), _number(100.0))
    if signal["absolute"]:
        difference = _node("abs", difference)
    return _with_programs(rule, codes.DEVIATION, [difference], _age(signal))


def _node(op: str, *children: Node) -> Node:
    return Node(op, "number", 0, children)


def _number(value: float) -> Node:
    return Node("number", "number", 0, value=value)


def _vote(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    least = float(signal["least"])
    trees = [tree(text) for text in signal["voters"]]
    made = _with_programs(rule, codes.VOTE, trees, _age(signal), least, float(_BAD[signal["bad"]]))
    made.shown_limit = least
    return made


def _count(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    least = int(signal["least"])
    window = float(round(signal["window_s"] * 1000))
    parameters = (_age(signal), float(least), window, float(signal["every_reading"]))
    made = _with_programs(rule, codes.COUNT, [tree(signal["when"])], *parameters)
    made.ring, made.shown_limit = least, float(least)
    return made


def _baseline(signal: Mapping[str, Any]) -> list[float]:
    base = signal["baseline"]
    if base["how"] == "given":
        return [base["mean"], base["sigma"], 0.0, 0.0]
    return [0.0, 1.0, float(base["readings"]), base["least_sigma"]]


def _ewma(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    return Operation(codes.EWMA, [rule.point_id], [signal["weight"], *_baseline(signal)])


def _cusum(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    direction = {"up": 1.0, "down": -1.0, "both": 0.0}[signal["direction"]]
    return Operation(codes.CUSUM, [rule.point_id], [signal["slack"], *_baseline(signal), direction, math.inf])


def _suspect(rule: RuleRow, signal: Mapping[str, Any]) -> Operation:
    mask = sum(1 << FINDINGS.index(kind) for kind in signal["findings"])
    parameters = [float(signal["bad"]), float(round(signal["hold_s"] * 1000)), float(mask)]
    return Operation(codes.SUSPECT, [rule.point_id], parameters)


def _average(rule: RuleRow, signal: Mapping[str, Any], offset_ms: int) -> Operation:
    middle, size, least, moving = PERIODS[signal["period"]]
    period = rule.period_s * 1000
    leaf = next((m for m in _LEAVES if m >= period and middle % m == 0), middle)
    leaves = middle // leaf
    parameters = [
        float(leaf), float(middle), float(math.ceil(VALID_SHARE * leaves)), float(size), float(least), float(moving),
        float(offset_ms), float(round(signal["settle_s"] * 1000)),
    ]  # fmt: skip
    return Operation(codes.AVERAGE, [rule.point_id], parameters, ring=size, whole=False)


_MAKERS: Final[dict[str, Callable[[RuleRow, Mapping[str, Any]], Operation]]] = {
    "rate": _rate, "flat": _flat, "range": _range, "state": _state, "change": _change, "expression": _expression,
    "deviation": _deviation, "vote": _vote, "count": _count, "ewma": _ewma, "suspect": _suspect,
}  # fmt: skip
assert {*_MAKERS, "average", "cusum", "limit", "stale"} == set(KINDS)
