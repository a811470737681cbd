"""Rules to a plan: lists while they are gathered, columns in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from parksight.alarms.evaluation.keys import step_key
from parksight.alarms.evaluation.operations import Operation, gate, operation
from parksight.alarms.evaluation.rows import RuleRow
from parksight.alarms.expressions import bytecode
from parksight.alarms.kernels import codes
from parksight.alarms.kernels.layout import Plan
from parksight.alarms.models import STEPS
from parksight.alarms.models.words import KINDS

STALE = STEPS.index("STALE")
_ON = STEPS.index("ON")
_STEP_CODE: Final = {"hh": 0, "h": 1, "l": 2, "ll": 3, "on": _ON}
_LIMIT, _STALE_KIND = KINDS.index("limit"), KINDS.index("stale")
#: Places of operations in keys, above those of steps.
_MAIN, _GATE = 31, 30
#: Silence after which standing alarms of a point without STALE rule become unknown, in expected periods.
SILENT_PERIODS = 3.0
#: A CUSUM stops growing at this many times its highest limit, so that it comes back in finite time.
_CEILING = 2.0


class _Builder:
    def __init__(self, offset_ms: int) -> None:
        self.offset_ms = offset_ms
        self.plain: list[tuple[Any, ...]] = []
        self.of_ops: list[tuple[Any, ...]] = []
        self.stale: list[tuple[int, ...]] = []
        self.hush: dict[int, int] = {}
        self.ops: list[tuple[int, int, int, Operation]] = []  # key, point, gate, operation
        self.gates = 0

    def add(self, rule: RuleRow) -> None:
        definition = rule.definition
        period_ms = max(1, round(rule.period_s * 1000))
        self._listen(rule.point_id, period_ms)
        for point, period_s in rule.inputs.values():
            self._listen(point, max(1, round(period_s * 1000)))
        gate_number = -1
        if rule.suppression:
            gate_number = self.gates
            self.gates += 1
            self.ops.append((step_key(rule.id, rule.point_id, _GATE), rule.point_id, gate_number, gate(rule)))
        service = codes.ANNOUNCED if rule.in_service else codes.OUT_OF_SERVICE
        signal = definition.get("signal")
        kind, target, op, made = _LIMIT, self.plain, 0, None
        if signal is not None:
            limits = [abs(s["limit"]) for n, s in definition.items() if n in ("h", "hh") and s is not None]
            made = operation(rule, signal, self.offset_ms, _CEILING * max(limits, default=1.0))
            kind, target, op = made.kind, self.of_ops, len(self.ops)
            self.ops.append((step_key(rule.id, rule.point_id, _MAIN), rule.point_id, -1, made))
        for name, step in definition.items():
            if step is None or name == "signal":
                continue
            if name == "stale":
                self._stale(rule, step, period_ms, gate_number, service)
                continue
            code = _STEP_CODE[name]
            limit, back = _limits(name, step)
            shown = made.shown_limit if made is not None and name == "on" else limit
            target.append(
                (
                    rule.point_id if made is None else op, step_key(rule.id, rule.point_id, code), rule.point_id,
                    rule.version, code, kind, step["priority"], service, gate_number, 1 if name in ("hh", "h", "on") else 0,
                    limit, back, round(step["on_delay_s"] * 1000), round(step["off_delay_s"] * 1000), shown,
                )
            )  # fmt: skip

    def _listen(self, point: int, period_ms: int) -> None:
        self.hush.setdefault(point, round(SILENT_PERIODS * period_ms))

    def _stale(self, rule: RuleRow, step: Any, period_ms: int, gate_number: int, service: int) -> None:
        after_s = step.get("after_s")
        after = max(1, round(step["factor"] * period_ms if after_s is None else after_s * 1000))
        key = step_key(rule.id, rule.point_id, STALE)
        self.stale.append((rule.point_id, key, rule.version, step["priority"], service, gate_number, after))
        self.hush[rule.point_id] = min(self.hush[rule.point_id], after)


def _limits(name: str, step: Any) -> tuple[float, float]:
    if name == "on":
        return 0.5, 0.5
    deadband = step["deadband"] if name in ("hh", "h") else -step["deadband"]
    return step["limit"], step["limit"] - deadband


def compile_rules(rules: Iterable[RuleRow], offset_ms: int = 0) -> Plan:
    """The plan of the given rules.

    Args:
        offset_ms: civil time minus UTC, for means over hours and days.
    """
    builder = _Builder(offset_ms)
    for rule in rules:
        builder.add(rule)
    return _columns(builder)


def _columns(b: _Builder) -> Plan:
    points = max(b.hush, default=0) + 1
    b.plain.sort(key=lambda row: row[:2])
    b.of_ops.sort(key=lambda row: row[:2])
    steps = [*zip(*(b.plain + b.of_ops), strict=True)] or [()] * 15
    s = np.array(b.stale, dtype=np.int64).reshape(-1, 7)
    watched, hush = np.zeros(points, np.uint8), np.zeros(points, np.int64)
    ids = np.fromiter(b.hush, np.int64, len(b.hush))
    watched[ids], hush[ids] = 1, np.fromiter(b.hush.values(), np.int64, len(b.hush))
    start = _starts(np.array([row[0] for row in b.plain], np.int64), points)
    op_start = (len(b.plain) + _starts(np.array([row[0] for row in b.of_ops], np.int64), len(b.ops))).astype(
        np.int32
    )
    gate_column = np.array(steps[8], np.int32)
    gates = np.concatenate([gate_column, s[:, 5].astype(np.int32)])
    gated = np.flatnonzero(gates >= 0)
    gated = gated[np.argsort(gates[gated], kind="stable")]
    op_kind = np.array([o.kind for *_, o in b.ops], np.uint8)
    op_gate = np.array([g for _, _, g, _ in b.ops], np.int32)
    gate_start = _starts(gates[gated].astype(np.int64), b.gates)
    listener_point = np.array([p for *_, o in b.ops for p in o.reads], np.int64)
    listener = np.array([i for i, (*_, o) in enumerate(b.ops) for _ in o.reads], np.int32)
    order = np.argsort(listener_point, kind="stable")
    weight = np.where(op_kind == codes.AVERAGE, codes.MOST_MEANS, 1) * np.diff(op_start)
    if b.gates:
        closing = op_kind == codes.GATE
        weight[closing] = np.diff(gate_start)[op_gate[closing]]
    need = np.diff(start).astype(np.int64)
    np.add.at(need, listener_point, weight[listener])
    shown = np.array(steps[14], np.float64)
    on = np.array(steps[4], np.uint8) == _ON
    return Plan(
        start=start, watched=watched, hush=hush, need=need.astype(np.int32),
        listen_start=_starts(listener_point, points), listener=listener[order],
        key=np.array(steps[1], np.int64), point=np.array(steps[2], np.int32), version=np.array(steps[3], np.int32),
        step=np.array(steps[4], np.uint8), kind=np.array(steps[5], np.uint8), priority=np.array(steps[6], np.uint8),
        service=np.array(steps[7], np.uint8), gate=gate_column, high=np.array(steps[9], np.uint8),
        limit=np.array(steps[10], np.float64), back=np.array(steps[11], np.float64),
        on_ms=np.array(steps[12], np.int64), off_ms=np.array(steps[13], np.int64),
        shown_limit=np.where(on, shown, np.array(steps[10], np.float64)),
        op_key=np.array([k for k, *_ in b.ops], np.int64), op_sig=np.array([_signature(o) for *_, o in b.ops], np.int64),
        op_kind=op_kind, op_point=np.array([p for _, p, _, _ in b.ops], np.int32), op_gate=op_gate, op_start=op_start,
        op_whole=np.array([o.whole for *_, o in b.ops], np.uint8), **_pools([o for *_, o in b.ops]),
        gate_start=gate_start, gate_step=gated.astype(np.int32),
        stale_point=s[:, 0].astype(np.int32), stale_key=np.ascontiguousarray(s[:, 1]),
        stale_version=s[:, 2].astype(np.int32), stale_priority=s[:, 3].astype(np.uint8),
        stale_service=s[:, 4].astype(np.uint8), stale_gate=s[:, 5].astype(np.int32),
        stale_ms=np.ascontiguousarray(s[:, 6]), silent_point=ids.astype(np.int32),
    )  # fmt: skip


def _pools(ops: list[Operation]) -> dict[str, Any]:
    """Parameters, constants, programs and rings of the operations, one after the other."""
    parameter = np.zeros((len(ops), codes.PARAMETERS))
    code: list[tuple[int, int]] = []
    number: list[float] = []
    code_lengths: list[int] = []
    for i, op in enumerate(ops):
        parameter[i, : len(op.parameters)] = op.parameters
        for program in op.programs:
            code_lengths.append(len(program.code))
            base = len(number)
            code.extend((c, a + base if c == bytecode.CONST else a) for c, a in program.code)
            number.extend(program.constants)
    return {
        "parameter": parameter,
        "const_start": _sums(len(o.constants) for o in ops),
        "const": np.array([c for o in ops for c in o.constants], np.float64),
        "program_start": _sums(len(o.programs) for o in ops),
        "code_start": _sums(code_lengths),
        "code": np.array(code, np.int32).reshape(-1, 2),
        "number": np.array(number, np.float64),
        "ring_start": _sums(o.ring for o in ops),
    }


def _starts(groups: Any, count: int) -> Any:
    """Where each group begins, from the sorted or unsorted group of every member."""
    return np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=count))]).astype(np.int32)


def _sums(lengths: Iterable[int]) -> Any:
    return np.concatenate([[0], np.cumsum(np.fromiter(lengths, np.int64))]).astype(np.int32)


def _signature(op: Operation) -> int:
    """Says whether two operations compute the same: then one may take over the other's state."""
    text = repr((op.kind, op.parameters, op.constants, op.programs, op.ring))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest())
