"""All rules that apply to one point, over one window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parksight.telemetry.forensics import rules
from parksight.telemetry.forensics.settings import PointRules
from parksight.telemetry.protocols import Columns
from parksight.telemetry.quality import Quality, QualityFlag, code, usable

_MINUTE = 60_000
#: Rows that took longer to arrive are history, whatever their flags say.
MAX_DELAY_MS = 15 * _MINUTE


@dataclass(frozen=True, slots=True)
class Subject:
    """A point as forensics see it; limits in its unit."""

    id: int
    enterprise_id: int | None
    resolution: float | None
    low: float
    high: float
    rules: PointRules


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's span; ``rows`` are row numbers in ``usable`` data (see :func:`examine`)."""

    rule: str
    span: rules.Span


def clean(rows: Columns) -> Columns:
    """The rows the value rules look at: usable or suspect code, finite value, one per instant, ascending."""
    codes = code(rows.quality)
    keep = (usable(rows.quality) | (codes == Quality.SUSPECT)) & np.isfinite(rows.value)
    where = np.flatnonzero(keep)
    where = where[np.argsort(rows.observed_at[where], kind="stable")]
    t = rows.observed_at[where]
    last = np.ones(len(where), bool)
    last[:-1] = t[1:] != t[:-1]
    where = where[last]
    return Columns(
        rows.point[where], rows.observed_at[where], rows.value[where], rows.quality[where],
        rows.received_at[where],
    )  # fmt: skip


def wants_baseline(subject: Subject, rows: Columns) -> bool:
    """Whether a run of one value is long enough that the point's earlier behaviour should be known."""
    if (p := subject.rules.rules.get("flat_line")) is None:
        return False
    data = clean(rows)
    return bool(
        rules.flat_candidates(
            data.observed_at, data.value, min_rows=int(p["min_rows"]), min_ms=int(p["min_minutes"] * _MINUTE)
        )
    )


def baseline_of(rows: Columns) -> rules.Baseline:
    """How a point repeated itself."""
    return rules.repetition(clean(rows).value)


def examine(
    subject: Subject, rows: Columns, baseline: rules.Baseline | None = None
) -> tuple[Columns, list[Verdict]]:
    """Judge one point's rows; returns the rows looked at and the verdicts that refer to them.

    Args:
        baseline: how the point repeated itself at an earlier time (see :func:`wants_baseline`).
    """
    data = clean(rows)
    t, v = data.observed_at, data.value
    found: list[Verdict] = []
    if not len(t):
        return data, found
    chosen = subject.rules.rules
    if (p := chosen.get("flat_line")) is not None:
        for span in rules.flat_line(
            t, v, min_rows=int(p["min_rows"]), min_ms=int(p["min_minutes"] * _MINUTE), alpha=p["alpha"],
            baseline=baseline,
        ):  # fmt: skip
            near = (subject.resolution or 0.0) / 2
            if not any(abs(span.evidence["value"] - x) <= near for x in subject.rules.ignore_flat_at):
                found.append(Verdict("flat_line", span))
    if (p := chosen.get("spike")) is not None:
        spans = rules.spikes(
            t, v, half_window=int(p["half_window"]), sigmas=p["sigmas"], resolution=subject.resolution
        )
        found += [Verdict("spike", s) for s in spans]
    if (p := chosen.get("out_of_range")) is not None and (
        np.isfinite(subject.low) or np.isfinite(subject.high)
    ):
        spans = rules.out_of_range(t, v, low=subject.low, high=subject.high, min_rows=int(p["min_rows"]))
        found += [Verdict("out_of_range", s) for s in spans]
    if (p := chosen.get("repeated_block")) is not None:
        spans = rules.repeated_blocks(t, v, width=max(8, int(p["width"])), min_bits=p["min_bits"])
        found += [Verdict("repeated_block", s) for s in spans]
    if (p := chosen.get("clock_drift")) is not None:
        # Late and re-sent rows and history say something about the line, not about the clock.
        live = (data.quality & np.uint8(QualityFlag.LATE | QualityFlag.RESENT)) == 0
        live &= np.abs(data.received_at - t) <= MAX_DELAY_MS
        spans = rules.clock_drift(
            t[live], data.received_at[live], bins=max(4, int(p["bins"])), max_ppm=p["max_ppm"],
            min_drift_ms=p["min_drift_s"] * 1000,
        )  # fmt: skip
        found += [Verdict("clock_drift", s) for s in spans]
    return data, found
