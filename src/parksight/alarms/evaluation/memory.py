"""The state of an evaluation: made afresh, handed on to another plan, written to and read from a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from parksight.alarms.kernels import codes
from parksight.alarms.kernels.layout import Plan, State
from parksight.telemetry.protocols import I32, I64

#: Grows when the meaning of a stored state changes: an older one is then left aside.
FORMAT: Final = 1


class Identity(NamedTuple):
    """What of a plan is needed to hand its state on."""

    key: I64
    stale_key: I64
    op_key: I64
    op_sig: I64
    op_gate: I32
    ring_start: I32


def identity(plan: Plan) -> Identity:
    return Identity(*(getattr(plan, name) for name in Identity._fields))


def fresh(plan: Plan, begun_ms: int) -> State:
    """Nothing is known; the watch of every point begins at ``begun_ms``."""
    points, steps, ops = len(plan.watched), len(plan.key), len(plan.op_key)
    ring = int(plan.ring_start[-1])
    state = State(
        seen=np.full(points, -1, np.int64), begun=np.full(points, begun_ms, np.int64), value=np.full(points, np.nan),
        silent=np.zeros(points, np.uint8), state=np.zeros(steps, np.uint8), since=np.zeros(steps, np.int64),
        arrived=np.zeros(steps, np.int64), held=np.full(steps, np.nan), held_quality=np.zeros(steps, np.uint8),
        stale=np.zeros(len(plan.stale_key), np.uint8), op_time=np.full(ops, -1, np.int64),
        whole=np.zeros((ops, codes.WHOLES), np.int64), broken=np.zeros((ops, codes.BROKENS)),
        ring_time=np.full(ring, -1, np.int64), ring_value=np.full(ring, np.nan),
        gate=np.zeros(len(plan.gate_start) - 1, np.uint8),
    )  # fmt: skip
    averages = plan.op_kind == codes.AVERAGE
    state.whole[averages, 0] = state.whole[averages, 2] = -1
    return state


def hand_on(old: Identity, before: State, plan: Plan, begun_ms: int) -> tuple[State, Any, Any]:
    """State for ``plan`` with everything that is still asked for.

    Steps keep theirs by key, whatever has become of their limit; operations only if they compute the same as before.

    Returns:
        the state, and which steps and which stale steps of ``old`` have no successor.
    """
    after = fresh(plan, begun_ms)
    points = min(len(before.seen), len(after.seen))
    for name in ("seen", "begun", "value", "silent"):
        getattr(after, name)[:points] = getattr(before, name)[:points]
    at, found = find(plan.key, old.key)
    for name in ("state", "since", "arrived", "held", "held_quality"):
        getattr(after, name)[at[found]] = getattr(before, name)[found]
    stale_at, stale_found = find(plan.stale_key, old.stale_key)
    after.stale[stale_at[stale_found]] = before.stale[stale_found]
    op_at, same = find(plan.op_key, old.op_key)
    same &= plan.op_sig[op_at] == old.op_sig if len(plan.op_sig) else False
    new, was = op_at[same], np.flatnonzero(same)
    for name in ("op_time", "whole", "broken"):
        getattr(after, name)[new] = getattr(before, name)[was]
    gated = old.op_gate[was] >= 0
    after.gate[plan.op_gate[new[gated]]] = before.gate[old.op_gate[was[gated]]]
    source, target = _entries(old.ring_start, was), _entries(plan.ring_start, new)
    after.ring_time[target], after.ring_value[target] = before.ring_time[source], before.ring_value[source]
    return after, ~found, ~stale_found


def _entries(start: I32, which: Any) -> Any:
    """Places of all ring entries of some operations, one operation after the other."""
    lengths = (start[1:] - start[:-1])[which].astype(np.int64)
    offsets = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(start[which] - offsets, lengths)


def find(keys: I64, wanted: I64) -> tuple[Any, Any]:
    """Positions of wanted keys and where they were found at all."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    at = order[at]
    return at, keys[at] == wanted


class Snapshot(NamedTuple):
    """An evaluation at one moment: ``now_ms`` of the last thing it was told."""

    old: Identity
    state: State
    now_ms: int


def write(path: Path, snapshot: Snapshot) -> None:
    """Store a snapshot; the former one stays whole until this one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {
        "format": np.array([FORMAT, snapshot.now_ms], np.int64),
        **{f"i_{n}": v for n, v in snapshot.old._asdict().items()},
        **{f"s_{n}": v for n, v in snapshot.state._asdict().items()},
    }
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **columns)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path) -> Snapshot | None:
    """The stored snapshot; None when there is none, or none of this format.

    Raises:
        ValueError, OSError: the file is there but cannot be read.
    """
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as columns:
        form, now_ms = (int(v) for v in columns["format"])
        if form != FORMAT:
            return None
        old = Identity(*(columns[f"i_{n}"] for n in Identity._fields))
        state = State(*(columns[f"s_{n}"] for n in State._fields))
    return Snapshot(old, state, now_ms)
