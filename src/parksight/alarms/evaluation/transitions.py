"""What the evaluation hands over: the border to the life of alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from parksight.alarms.evaluation.compiler import STALE
from parksight.alarms.evaluation.keys import point_of, step_of
from parksight.alarms.kernels import codes
from parksight.alarms.kernels.layout import Plan, State
from parksight.alarms.models.words import KINDS
from parksight.telemetry.protocols import F64, I32, I64, U8

#: What a whole set has in common; everything else is a column.
_OF_ALL = ("now", "why")
_STALE_KIND = KINDS.index("stale")


@dataclass(slots=True)
class Transitions:
    """Things that happened, equally long columns in the order of judgement.

    Attributes:
        key: the step, see :mod:`~parksight.alarms.evaluation.keys`.
        at: observation time.
        limit: in the unit of the signal; seconds of silence for STALE.
        value: of the signal, or the reading where that is only true or false; NaN where there is none.
        kind: place in ``models.words.KINDS``.
        suppressed: whether the rule keeps it from being announced: ``kernels.ANNOUNCED``, ``BY_DESIGN``,
            ``OUT_OF_SERVICE``.
        now: platform time.
        why: what brought all of them about, for the journal, where it was neither a reading nor the clock.
    """

    key: I64
    point: I32
    version: I32
    step: U8
    priority: U8
    limit: F64
    what: U8
    at: I64
    value: F64
    quality: U8
    kind: U8
    suppressed: U8
    now: int
    why: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.key)


def of_steps(
    plan: Plan, state: State, step: I32, what: int | U8, at: Any, now_ms: int, value: F64 | None = None,
    quality: U8 | None = None, closed: U8 | None = None,
) -> Transitions:  # fmt: skip
    """Transitions of steps by their place; those of silence come after the others.

    Args:
        closed: whether the gate of each was closed then; None looks at it as it is now.
    """
    n, plain = len(step), len(plan.key)
    silent = step >= plain
    s = np.where(silent, 0, step)
    t = np.where(silent, step - plain, 0)

    def pick(of_plain: Any, of_stale: Any) -> Any:
        if not silent.any():
            return of_plain[s]
        if silent.all():
            return of_stale[t]
        return np.where(silent, of_stale[t], of_plain[s])

    gate = pick(plan.gate, plan.stale_gate)
    if closed is None:
        closed = np.where(gate >= 0, state.gate[gate], 0) if len(state.gate) else np.zeros(n, np.uint8)
    service = pick(plan.service, plan.stale_service)
    constant = (
        np.full(len(plan.stale_key), STALE, np.uint8),
        np.full(len(plan.stale_key), _STALE_KIND, np.uint8),
    )
    return Transitions(
        key=pick(plan.key, plan.stale_key), point=pick(plan.point, plan.stale_point),
        version=pick(plan.version, plan.stale_version), step=pick(plan.step, constant[0]),
        priority=pick(plan.priority, plan.stale_priority), limit=pick(plan.shown_limit, plan.stale_ms / 1000),
        what=np.full(n, what, np.uint8) if isinstance(what, int) else what, at=np.array(at, np.int64),
        value=np.full(n, math.nan) if value is None else value,
        quality=np.zeros(n, np.uint8) if quality is None else quality, kind=pick(plan.kind, constant[1]),
        suppressed=np.where(service, service, np.where(closed == 1, codes.BY_DESIGN, codes.ANNOUNCED)).astype(np.uint8),
        now=now_ms,
    )  # fmt: skip


def join(*parts: Transitions) -> Transitions:
    """Several sets in their order."""
    if len(parts) == 1:
        return parts[0]
    merged: dict[str, Any] = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in Transitions.__slots__
        if name not in _OF_ALL
    }
    return Transitions(**merged, now=parts[-1].now)


def keep(batch: Transitions, where: Any) -> Transitions:
    """Some of them."""
    kept = {name: getattr(batch, name)[where] for name in Transitions.__slots__ if name not in _OF_ALL}
    return Transitions(**kept, now=batch.now, why=batch.why)


def of_keys(keys: Iterable[int], what: int, now_ms: int) -> Transitions:
    """Transitions of steps that nothing is known of but their key: enough to close their records."""
    key = np.fromiter(keys, np.int64)
    n = len(key)
    return Transitions(
        key=key, point=np.asarray(point_of(key), np.int32), version=np.zeros(n, np.int32),  # type: ignore[arg-type]  # columns of keys
        step=np.asarray(step_of(key), np.uint8), priority=np.ones(n, np.uint8), limit=np.zeros(n),  # type: ignore[arg-type]
        what=np.full(n, what, np.uint8), at=np.full(n, now_ms, np.int64), value=np.full(n, np.nan),
        quality=np.zeros(n, np.uint8), kind=np.zeros(n, np.uint8), suppressed=np.zeros(n, np.uint8), now=now_ms,
    )  # fmt: skip
