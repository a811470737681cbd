"""Forensic rules as pure functions: arrays of one point in, spans out.

All take ``t`` (int64, ms, strictly ascending) and ``v`` (float64, finite) of one point. None of them knows what
is normal in general: each compares a span with the same point's other behaviour, so that a coarse instrument,
a slow tank or a switched-off motor is not accused. Parameters are in :mod:`.settings`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from parksight.telemetry.protocols import F64, I64

#: Factor from the median absolute deviation to the standard deviation of a normal distribution.
MAD_SIGMA = 1.4826
#: No oscillator is 2 % wrong: a steeper trend of the delay has another cause.
CLOCK_CEILING_PPM = 20_000.0


@dataclass(frozen=True, slots=True)
class Span:
    """A verdict on ``[start, end)``, ms; ``score`` 1 is just over the threshold; ``rows`` are row numbers."""

    start: int
    end: int
    score: float
    rows: tuple[int, int]
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """How a point repeats itself: probability, pairs looked at, longest run (rows)."""

    probability: float
    pairs: int
    longest: int


def repetition(v: F64, skip: tuple[int, int] | None = None) -> Baseline:
    """How often a value equals the one before it, and the longest run of equal values.

    Args:
        skip: rows ``[a, b)`` that are left out (the run under suspicion). The probability is smoothed by one
            imagined change and one imagined repetition, so it is never 0 or 1.
    """
    same = v[1:] == v[:-1]
    if skip is not None:
        keep = np.ones(len(same), bool)
        keep[max(0, skip[0] - 1) : skip[1]] = False
        first, end = _runs(same & keep)
        same = same[keep]
    else:
        first, end = _runs(same)
    p = (float(np.count_nonzero(same)) + 1.0) / (len(same) + 2.0)
    return Baseline(p, len(same), int((end - first).max()) if len(first) else 1)


def _runs(same: npt.NDArray[np.bool_]) -> tuple[I64, I64]:
    """First and one-past-last row of each run of rows equal to their predecessor."""
    edge = np.diff(np.concatenate(([False], same, [False])).astype(np.int8))
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) + 1


def flat_candidates(t: I64, v: F64, *, min_rows: int, min_ms: int) -> list[tuple[int, int]]:
    """Rows ``[a, b)`` of the runs of one value that are long enough to be worth a look."""
    return [
        (int(a), int(b))
        for a, b in zip(*_runs(v[1:] == v[:-1]), strict=True)
        if b - a >= min_rows and t[b - 1] - t[a] >= min_ms
    ]


def flat_line(
    t: I64,
    v: F64,
    *,
    min_rows: int,
    min_ms: int,
    alpha: float,
    baseline: Baseline | None = None,
    min_pairs: int = 30,
) -> list[Span]:
    """Runs of one repeated value that this point's own variation makes improbable.

    With ``p`` the probability that the point repeats a value (outside the run and in ``baseline``, an earlier
    time; the larger counts), a run of ``L`` rows is expected ``n * p**(L-1)`` times by chance; it is a finding
    when that is below ``alpha``, and when it is twice as long as any other run, there or in the baseline. So a
    point that hardly ever changes, or rests every night, is not accused; with fewer than ``min_pairs`` pairs
    to judge by, nothing is said.
    """
    out: list[Span] = []
    for a, b in flat_candidates(t, v, min_rows=min_rows, min_ms=min_ms):
        rows = b - a
        known = [x for x in (repetition(v, (a, b)), baseline) if x is not None and x.pairs >= min_pairs]
        if not known:
            continue
        p, longest = max(x.probability for x in known), max(x.longest for x in known)
        log_expected = math.log(len(v)) + (rows - 1) * math.log(p)
        if log_expected < math.log(alpha) and rows >= 2 * longest:
            evidence = {
                "value": float(v[a]), "rows": rows, "minutes": float(t[b - 1] - t[a]) / 60_000,
                "repeat_probability": p, "pairs": max(x.pairs for x in known), "longest_other_run": longest,
                "expected_by_chance": math.exp(max(-700.0, log_expected)),
            }  # fmt: skip
            score = log_expected / math.log(alpha)
            out.append(Span(int(t[a]), int(t[b - 1]) + 1, score, (a, b), evidence))
    return out


def spikes(
    t: I64, v: F64, *, half_window: int, sigmas: float, resolution: float | None, max_rows: int = 2
) -> list[Span]:
    """Single values (up to ``max_rows`` together) far from their neighbours' median (Hampel identifier).

    The yardstick is the larger of the neighbourhood's MAD, the point's typical step (MAD of differences) and
    the resolution. Where none of them is above zero there is no yardstick and nothing is said. A step is no
    spike: its later neighbours stand with it.
    """
    width = 2 * half_window + 1
    if len(v) < width:
        return []
    windows = sliding_window_view(np.pad(v, half_window, mode="reflect"), width)
    median = np.median(windows, axis=1)
    local = MAD_SIGMA * np.median(np.abs(windows - median[:, None]), axis=1)
    step = MAD_SIGMA * float(np.median(np.abs(np.diff(v))))
    scale = np.maximum(local, max(step, resolution or 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(scale > 0, np.abs(v - median) / scale, 0.0)
    edge = np.diff(np.concatenate(([False], distance > sigmas, [False])).astype(np.int8))
    out: list[Span] = []
    for a, b in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
        if b - a > max_rows or a == 0 or b == len(v):
            continue
        far = int(a + np.argmax(distance[a:b]))
        evidence = {
            "value": float(v[far]), "median": float(median[far]), "scale": float(scale[far]),
            "sigmas": float(distance[far]),
        }  # fmt: skip
        out.append(
            Span(int(t[a]), int(t[b - 1]) + 1, float(distance[far]) / sigmas, (int(a), int(b)), evidence)
        )
    return out


def out_of_range(t: I64, v: F64, *, low: float, high: float, min_rows: int) -> list[Span]:
    """Stretches of at least ``min_rows`` consecutive rows outside ``[low, high]``."""
    edge = np.diff(np.concatenate(([False], (v < low) | (v > high), [False])).astype(np.int8))
    out: list[Span] = []
    for a, b in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
        if b - a < min_rows:
            continue
        part = v[a:b]
        evidence = {
            "low": _finite(low), "high": _finite(high), "rows": int(b - a), "minimum": float(part.min()),
            "maximum": float(part.max()),
        }  # fmt: skip
        out.append(Span(int(t[a]), int(t[b - 1]) + 1, float(b - a) / min_rows, (int(a), int(b)), evidence))
    return out


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def step_entropy(v: F64) -> float:
    """Shannon entropy of the steps between rows, bits per row: how hard a stretch is to repeat by chance."""
    if len(v) < 2:
        return 0.0
    _, counts = np.unique(np.round(np.diff(v), 9), return_counts=True)
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


def _window_hashes(v: F64, width: int) -> npt.NDArray[np.uint64]:
    """Polynomial hash of every window, modulo 2**64, over mixed bits of the values."""
    x = (v + 0.0).view(np.uint64).copy()  # + 0.0 makes -0.0 equal 0.0
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    n = len(v) - width + 1
    hashes = np.zeros(n, np.uint64)
    for j in range(width):
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes += x[j : j + n]
    return hashes


def repeated_blocks(t: I64, v: F64, *, width: int, min_bits: float, min_distinct: int = 8) -> list[Span]:
    """Stretches of at least ``width`` rows that repeat an earlier stretch value by value (copied history).

    A match counts when its content is hard to repeat by chance: entropy of the block's steps times its rows,
    less the pairs that could have matched (``2 log2 n``), is at least ``min_bits``; and it has
    ``min_distinct`` different values. Schedules, set points and switched-off plant stay below both.
    """
    if len(v) < 2 * width:
        return []
    hashes = _window_hashes(v, width)
    order = np.lexsort((np.arange(len(hashes)), hashes))
    twin = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    # The earliest window of each equal group is the original of the later ones.
    first = np.full(len(hashes), -1, np.int64)
    for at in twin:
        a, b = int(order[at]), int(order[at + 1])
        first[b] = first[a] if first[a] >= 0 else a
    out: list[Span] = []
    j, n = 0, len(v)
    chance = 2 * math.log2(n)
    while j < len(first):
        i = int(first[j])
        if i < 0 or j - i < width or not np.array_equal(v[i : i + width], v[j : j + width]):
            j += 1
            continue
        most = min(j - i, n - j)
        differ = np.flatnonzero(v[i : i + most] != v[j : j + most])
        rows = int(differ[0]) if len(differ) else most
        block = v[j : j + rows]
        bits = step_entropy(block) * rows - chance
        if bits >= min_bits and len(np.unique(block)) >= min_distinct:
            evidence = {
                "rows": rows,
                "copied_from": int(t[i]),
                "copied_to": int(t[i + rows - 1]),
                "bits": bits,
            }
            out.append(Span(int(t[j]), int(t[j + rows - 1]) + 1, bits / min_bits, (j, j + rows), evidence))
        j += rows
    return out


def clock_drift(
    t: I64, received: I64, *, bins: int, max_ppm: float, min_drift_ms: float, min_rows: int = 100
) -> list[Span]:
    """Steady growth (or shrinking) of arrival minus observation time: the device's clock runs wrong.

    Each of ``bins`` equal time slices gives its smallest delay (the network only ever adds); their Theil-Sen
    slope is the drift. A finding when it exceeds ``max_ppm``, adds up to ``min_drift_ms`` over the window, and
    stands four times above the scatter around the line. More than :data:`CLOCK_CEILING_PPM` is no clock but
    history handed over in one go.
    """
    if len(t) < min_rows or t[-1] <= t[0]:
        return []
    delay = (received - t).astype(np.float64)
    index = ((t - t[0]) * bins // (t[-1] - t[0] + 1)).astype(np.int64)
    lowest = np.full(bins, np.inf)
    np.minimum.at(lowest, index, delay)
    have = np.flatnonzero(np.isfinite(lowest))
    if len(have) < max(4, bins // 2):
        return []
    x = t[0] + (have + 0.5) * (t[-1] - t[0]) / bins
    y = lowest[have]
    a, b = np.triu_indices(len(have), 1)
    slope = float(np.median((y[b] - y[a]) / (x[b] - x[a])))
    rest = y - slope * (x - x[0])
    scatter = MAD_SIGMA * float(np.median(np.abs(rest - np.median(rest))))
    drift = slope * float(t[-1] - t[0])
    if abs(slope) * 1e6 > CLOCK_CEILING_PPM:
        return []
    if abs(slope) * 1e6 < max_ppm or abs(drift) < max(min_drift_ms, 4 * scatter):
        return []
    evidence = {
        "ppm": slope * 1e6, "drift_ms": drift, "scatter_ms": scatter, "rows": len(t),
        "first_delay_ms": float(y[0]), "last_delay_ms": float(y[-1]),
    }  # fmt: skip
    return [Span(int(t[0]), int(t[-1]) + 1, abs(slope) * 1e6 / max_ppm, (0, len(t)), evidence)]
