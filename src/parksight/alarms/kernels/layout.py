"""The plan (compiled rules, read only) and the state (rewritten in place): as columns, and as the kernels take them.

Steps are numbered through: those that compare the value itself come first, sorted by point, then those of operations,
sorted by operation. ``x_start[i] : x_start[i + 1]`` are the things of ``i``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from parksight.telemetry.protocols import F64, I32, I64, U8


class Plan(NamedTuple):
    """Compiled rules.

    Attributes:
        start: by point: its plain steps. ``watched`` 1 where anything listens to the point.
        hush: by point: ms of silence after which nobody knows its value any more.
        need: by point: transitions one of its readings can bring about at most.
        listen_start: by point: ``listener``, operations that read it.
        key: of the step (see ``evaluation/keys.py``); ``point`` it belongs to; ``gate`` or -1; ``service`` 2 while out
            of service; ``high`` 1 compares upwards; limits in the unit of the signal, times in ms;
            ``shown_limit`` what people see of it.
        op_key, op_sig: identity of an operation and of its parameters, for taking its state over.
        op_kind, op_point: what it computes, and for which point; ``op_gate`` the gate it sets.
        op_start: by operation: its steps. ``op_whole`` 1 where silence of the point makes its steps unknown.
        parameter: by operation, see ``kernels/signals.py``.
        const_start: by operation: ``const``, numbers it compares with.
        program_start: by operation: its programs; ``code_start`` by program: ``code`` (operation, argument).
        ring_start: by operation: its entries in the rings.
        gate_start: by gate: ``gate_step``.
        stale_*: steps of silence. silent_point: points whose silence is watched.
    """

    start: I32
    watched: U8
    hush: I64
    need: I32
    listen_start: I32
    listener: I32
    key: I64
    point: I32
    version: I32
    step: U8
    kind: U8
    priority: U8
    service: U8
    gate: I32
    high: U8
    limit: F64
    back: F64
    on_ms: I64
    off_ms: I64
    shown_limit: F64
    op_key: I64
    op_sig: I64
    op_kind: U8
    op_point: I32
    op_gate: I32
    op_start: I32
    op_whole: U8
    parameter: F64
    const_start: I32
    const: F64
    program_start: I32
    code_start: I32
    code: I32
    number: F64
    ring_start: I32
    gate_start: I32
    gate_step: I32
    stale_point: I32
    stale_key: I64
    stale_version: I32
    stale_priority: U8
    stale_service: U8
    stale_gate: I32
    stale_ms: I64
    silent_point: I32

    @property
    def rules(self) -> int:
        """How many rules have a step here."""
        return int(np.unique(np.concatenate([self.key, self.stale_key]) >> 36).size)


class State(NamedTuple):
    """What is remembered between readings.

    Attributes:
        seen: by point: newest observation time, -1 before the first; ``begun`` when its watch began; ``value`` its
            newest usable value, NaN where that was unusable; ``silent`` 1 once its silence was noticed.
        state: by step; ``since`` when it left its former state; ``arrived`` platform time of that; ``held`` the value
            shown with it.
        stale: by stale step: 1 while it stands.
        whole, broken: by operation: figures, see ``kernels/signals.py``; ``op_time`` its newest time.
        ring_time, ring_value: windows of the operations.
        gate: by gate: 1 while its condition is true.
    """

    seen: I64
    begun: I64
    value: F64
    silent: U8
    state: U8
    since: I64
    arrived: I64
    held: F64
    held_quality: U8
    stale: U8
    op_time: I64
    whole: I64
    broken: F64
    ring_time: I64
    ring_value: F64
    gate: U8


#: Room for transitions; ``step`` counts stale steps on after the others.
OUT = np.dtype(
    [("at", "i8"), ("value", "f8"), ("step", "i4"), ("what", "u1"), ("quality", "u1"), ("closed", "u1")],
    align=True,
)
_POINT = np.dtype(
    [("hush", "i8"), ("start", "i4"), ("listen_start", "i4"), ("need", "i4"), ("watched", "u1")], align=True
)
_STEP = np.dtype([("back", "f8"), ("on_ms", "i8"), ("off_ms", "i8"), ("gate", "i4")], align=True)
_OP = np.dtype(
    [("point", "i4"), ("gate", "i4"), ("start", "i4"), ("const_start", "i4"), ("program_start", "i4"),
     ("ring_start", "i4"), ("kind", "u1"), ("whole", "u1")], align=True,
)  # fmt: skip
_STALE = np.dtype([("ms", "i8"), ("point", "i4"), ("gate", "i4")], align=True)
_STATE_POINT = np.dtype([("seen", "i8"), ("begun", "i8"), ("value", "f8"), ("silent", "u1")], align=True)
_STATE_STEP = np.dtype(
    [("since", "i8"), ("arrived", "i8"), ("held", "f8"), ("held_quality", "u1")], align=True
)
_RING = np.dtype([("time", "i8"), ("value", "f8")], align=True)


class Records(NamedTuple):
    """What the kernels read of a plan, as records: what is used together lies together, and few arrays are passed.

    ``point`` and ``op`` have one record more than there are points and operations: where the last one's things end.
    ``limit`` and ``high`` of the steps lie apart: with them alone nearly every reading is found to be ordinary.
    """

    point: Any
    step: Any
    limit: F64
    high: U8
    op: Any
    stale: Any
    listener: I32
    parameter: F64
    const: F64
    code_start: I32
    code: I32
    number: F64
    gate_start: I32
    gate_step: I32
    silent_point: I32


class Memory(NamedTuple):
    """A state as the kernels rewrite it; :class:`State` has its fields as columns, ``condition`` as ``state``."""

    point: Any
    step: Any
    condition: U8
    stale: U8
    op_time: I64
    whole: I64
    broken: F64
    ring: Any
    gate: U8


def _records(dtype: Any, length: int, **columns: Any) -> Any:
    out = np.zeros(length, dtype)
    for name, column in columns.items():
        out[name][: len(column)] = column
    return out


def records(plan: Plan) -> Records:
    """A plan as the kernels take it."""
    return Records(
        point=_records(
            _POINT, len(plan.start), hush=plan.hush, start=plan.start, listen_start=plan.listen_start, need=plan.need,
            watched=plan.watched,
        ),
        step=_records(
            _STEP, len(plan.key), back=plan.back, on_ms=plan.on_ms, off_ms=plan.off_ms, gate=plan.gate
        ),
        limit=plan.limit, high=plan.high,
        op=_records(
            _OP, len(plan.op_start), point=plan.op_point, gate=plan.op_gate, start=plan.op_start,
            const_start=plan.const_start, program_start=plan.program_start, ring_start=plan.ring_start,
            kind=plan.op_kind, whole=plan.op_whole,
        ),
        stale=_records(_STALE, len(plan.stale_key), ms=plan.stale_ms, point=plan.stale_point, gate=plan.stale_gate),
        listener=plan.listener, parameter=plan.parameter, const=plan.const, code_start=plan.code_start, code=plan.code,
        number=plan.number, gate_start=plan.gate_start, gate_step=plan.gate_step, silent_point=plan.silent_point,
    )  # fmt: skip


def memory_of(state: State) -> tuple[State, Memory]:
    """A state moved into records: its columns, now views of them, and the records."""
    point = _records(
        _STATE_POINT, len(state.seen), **{n: getattr(state, n) for n in _STATE_POINT.names or ()}
    )
    step = _records(_STATE_STEP, len(state.state), **{n: getattr(state, n) for n in _STATE_STEP.names or ()})
    ring = _records(_RING, len(state.ring_time), time=state.ring_time, value=state.ring_value)
    moved = Memory(
        point, step, state.state, state.stale, state.op_time, state.whole, state.broken, ring, state.gate
    )
    columns = {n: point[n] for n in _STATE_POINT.names or ()} | {n: step[n] for n in _STATE_STEP.names or ()}
    return state._replace(**columns, ring_time=ring["time"], ring_value=ring["value"]), moved
