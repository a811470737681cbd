"""One tick of the pipeline: concatenate, judge, gather; and the memory per point that judging needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parksight.telemetry.catalogue import PointColumns
from parksight.telemetry.ingest.dedupe import Window
from parksight.telemetry.ingest.kernels import FLAP_TAU_MS, NOTE_COUNT, REASON_COUNT, check
from parksight.telemetry.ingest.reasons import Note
from parksight.telemetry.protocols import F64, I32, I64, U8, Columns, ReadingBatch


@dataclass(slots=True, frozen=True)
class Limits:
    """Thresholds of the checks."""

    late_ms: int
    skew_ms: int
    future_ms: int
    flap_per_minute: float


@dataclass(slots=True)
class Judged:
    """A tick's outcome.

    Attributes:
        rows: the accepted rows, in order of arrival, in the points' units.
        offset: first row of each batch in the concatenated input (batches + 1).
        verdict: :class:`.reasons.Reason` of each input row.
        rejected: (batches, reasons) counts.
        notes: counts by :class:`.reasons.Note`.
        slots: entries of the accepted rows in the duplicate window.
        point: concatenated input, for the rejects log.
    """

    rows: Columns
    offset: I64
    verdict: U8
    rejected: I32
    notes: dict[str, int]
    slots: I64
    point: I32
    observed: I64
    value: F64
    quality: U8


class Judge:
    """Holds what the checks remember between ticks; used by the ingest thread alone.

    Args:
        limits: thresholds.
        window: duplicate window.
    """

    def __init__(self, limits: Limits, window: Window) -> None:
        self.limits = limits
        self.window = window
        self._newest: I64 = np.empty(0, np.int64)
        self._head: I64 = np.empty(0, np.int64)
        self._value: F64 = np.empty(0)
        self._quality: U8 = np.empty(0, np.uint8)
        self._flap: F64 = np.empty(0)
        self._flap_at: I64 = np.empty(0, np.int64)

    def _grow(self, size: int) -> None:
        extra = size - len(self._newest)
        if extra <= 0:
            return
        self._newest = np.concatenate([self._newest, np.full(extra, -1, np.int64)])
        self._head = np.concatenate([self._head, np.full(extra, -1, np.int64)])
        self._value = np.concatenate([self._value, np.full(extra, np.nan)])
        self._quality = np.concatenate([self._quality, np.zeros(extra, np.uint8)])
        self._flap = np.concatenate([self._flap, np.zeros(extra)])
        self._flap_at = np.concatenate([self._flap_at, np.zeros(extra, np.int64)])

    def remember(self, rows: Columns) -> None:
        """Take in the newest stored row of each point at start: a frame sent again after a crash is known."""
        if not len(rows):
            return
        self._grow(int(rows.point.max()) + 1)
        self._newest[rows.point] = rows.observed_at
        self._head[rows.point] = np.minimum(rows.observed_at, rows.received_at)
        self._value[rows.point] = rows.value
        self._quality[rows.point] = rows.quality
        self.window.seen(rows.point.astype(np.int64), rows.observed_at, rows.value)

    def warm_up(self, points: PointColumns) -> None:
        """Load the compiled kernels now, so that the first readings do not wait for them."""
        none = ReadingBatch(
            np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8), 0, 0
        )
        self.window.seen(none.observed_at, none.observed_at, none.value)
        self.judge([none], points)

    def judge(self, batches: Sequence[ReadingBatch], points: PointColumns) -> Judged:
        """Check all rows of the batches, in order."""
        lengths = [len(b.point) for b in batches]
        offset = np.zeros(len(batches) + 1, np.int64)
        np.cumsum(lengths, out=offset[1:])
        n = int(offset[-1])
        point = np.concatenate([b.point for b in batches])
        observed = np.concatenate([b.observed_at for b in batches])
        value = np.concatenate([b.value for b in batches])
        quality = np.concatenate([b.quality for b in batches])
        received = np.fromiter((b.received_at for b in batches), np.int64, len(batches))
        backfill = np.fromiter((b.backfill for b in batches), np.uint8, len(batches))
        self._grow(len(points))
        self.window.prepare(n)
        verdict = np.zeros(n, np.uint8)
        rejected = np.zeros((len(batches), REASON_COUNT), np.int32)
        notes = np.zeros(NOTE_COUNT, np.int64)
        o_point, o_observed = np.empty(n, np.int32), np.empty(n, np.int64)
        o_value, o_quality = np.empty(n), np.empty(n, np.uint8)
        o_received, o_slot = np.empty(n, np.int64), np.empty(n, np.int64)
        limits = self.limits
        accepted, entries = check(
            point, observed, value, quality, offset, received, backfill,
            points.flags, points.known, points.factor, points.shift, points.low, points.high,
            points.reject_low, points.reject_high, points.or_quality,
            self._newest, self._head, self._value, self._quality, self._flap, self._flap_at,
            self.window.young, self.window.old, self.window.seed,
            limits.late_ms, limits.skew_ms, limits.future_ms, limits.flap_per_minute,
            verdict, rejected, notes, o_point, o_observed, o_value, o_quality, o_received, o_slot,
        )  # fmt: skip
        self.window.used += entries
        rows = Columns(
            o_point[:accepted], o_observed[:accepted], o_value[:accepted], o_quality[:accepted],
            o_received[:accepted],
        )  # fmt: skip
        counted = {note.key: int(notes[note]) for note in Note if notes[note]}
        return Judged(
            rows, offset, verdict, rejected, counted, o_slot[:accepted], point, observed, value, quality
        )

    def undo(self, judged: Judged) -> None:
        """The accepted rows were not stored: when they are sent again they are no duplicates."""
        self.window.forget(judged.slots)

    def flapping(self, now_ms: int) -> dict[int, float]:
        """Point id -> changes of state per minute, of the points above the limit now."""
        weight = self._flap * np.exp(np.minimum(0.0, (self._flap_at - now_ms) / FLAP_TAU_MS))
        return {
            int(p): round(float(weight[p]), 1) for p in np.flatnonzero(weight > self.limits.flap_per_minute)
        }
