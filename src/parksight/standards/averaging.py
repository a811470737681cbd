"""Means over legal periods with their rules of validity; the common ground of GB 3095, HJ 75 and limits.

Series are regular arrays whose last axis is time; NaN (or an infinity) is "no valid value" and never counts as zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.standards.rule import Confidence, Rule, weakest

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Samples of a slab: 1 MB of float64.
_SLAB = 131_072


@dataclass(frozen=True, slots=True)
class Exceedance:
    """A series judged by the averaging that its limit demands.

    Attributes:
        limit: the limit applied.
        rules: everything it was judged by, the limit among them.
        means: one per period of the limit; NaN where the period has too few valid values.
        exceeded: per mean; False where it is not judged.
        known: per mean; unknown is neither compliant nor exceeding.
        times_over: mean / limit - 1 where exceeded, NaN elsewhere (超标倍数).
    """

    limit: Rule
    rules: tuple[Rule, ...]
    means: F64
    exceeded: Bools
    known: Bools
    times_over: F64

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the rules used."""
        return weakest(self.rules)

    @property
    def judged(self) -> int:
        """Means that could be judged."""
        return int(self.known.sum())

    @property
    def rate(self) -> float:
        """Share of judged means within the limit; NaN when none was judged."""
        return 1.0 - float(self.exceeded.sum()) / self.judged if self.judged else float("nan")


def judge(means: npt.ArrayLike, limit: Rule, *rules: Rule) -> Exceedance:
    """Hold means (rounded as the standard says) against a limit; a mean equal to the limit complies.

    Equal means equal to twelve digits: 35.00000000000001 is 35 computed in binary. ``limit.sense`` ``min`` judges a lower limit: then a mean below it exceeds.
    """
    x = np.asarray(means, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond = limit.number - x if limit.sense == "min" else x - limit.number
        over: Bools = beyond > abs(limit.number) * 1e-12
        times: F64 = np.where(over, np.abs(x / limit.number - 1.0), np.nan)
    return Exceedance(limit, (limit, *rules), x, over, np.isfinite(x), times)


def block_mean(values: npt.ArrayLike, size: int, least: int) -> F64:
    """Means of consecutive blocks of ``size`` samples along the last axis.

    Args:
        values: shape (…, n); a tail shorter than ``size`` is left out.
        least: valid (finite) samples a block needs; with fewer its mean is NaN.

    Returns:
        shape (…, n // size).
    """
    _check(size, least)

    ones = np.ones(size)  # a product with ones sums short rows several times faster than sum() does

    def means(blocks: F64) -> F64:
        with np.errstate(invalid="ignore"):
            total: F64 = blocks @ ones
        if np.isfinite(total).all():
            return total / size
        valid = np.isfinite(blocks)
        count = valid.astype(np.float64) @ ones
        total = np.where(valid, blocks, 0.0) @ ones
        return np.where(count >= least, total / np.maximum(count, 1.0), np.nan)

    return by_slabs(values, size, means)


def by_slabs(values: npt.ArrayLike, size: int, work: Callable[[F64], F64]) -> F64:
    """Apply ``work`` ((k, size) to (k,)) to the blocks of ``size`` samples, shape (…, n) to (…, n // size).

    Blocks go through in slabs that fit the cache: twice as fast as all at once, and no copy of the whole series.
    """
    blocks = _blocks(values, size)
    flat = blocks.reshape(-1, size)
    out: F64 = np.empty(flat.shape[0])
    rows = max(1, _SLAB // size)
    for begin in range(0, flat.shape[0], rows):
        out[begin : begin + rows] = work(flat[begin : begin + rows])
    return out.reshape(blocks.shape[:-1])


def valid_count(values: npt.ArrayLike, size: int) -> npt.NDArray[np.int64]:
    """Valid samples of consecutive blocks of ``size``, shape (…, n // size)."""
    out: npt.NDArray[np.int64] = np.count_nonzero(np.isfinite(_blocks(values, size)), axis=-1)
    return out


def rolling_mean(values: npt.ArrayLike, size: int, least: int) -> F64:
    """Means of the ``size`` samples ending at each position; NaN where fewer than ``least`` are valid.

    The first ``size - 1`` positions are NaN. Shape as given. Windows are summed by doubling: no running total, whose
    error would grow along the series, and no window is copied.
    """
    _check(size, least)
    x = np.asarray(values, dtype=np.float64)
    out: F64 = np.full(x.shape, np.nan)
    if x.shape[-1] < size:
        return out
    valid = np.isfinite(x)
    if valid.all():
        out[..., size - 1 :] = _window_sum(x, size) / size
        return out
    count = _window_sum(valid.astype(np.float64), size)
    total = _window_sum(np.where(valid, x, 0.0), size)
    out[..., size - 1 :] = np.where(count >= least, total / np.maximum(count, 1.0), np.nan)
    return out


def exceeds(values: npt.ArrayLike, limit: float, size: int, least: int) -> tuple[F64, Bools]:
    """Block means and where they exceed a limit, by the averaging that the limit demands.

    A block without enough valid samples has no mean and is not judged (False, mean NaN): unknown is neither
    compliant nor exceeding, so look at the mean before calling False good.
    """
    if not np.isfinite(limit):
        raise ValueError("a limit must be a finite number; without a limit there is no exceedance")
    mean = block_mean(values, size, least)
    with np.errstate(invalid="ignore"):
        over: Bools = mean > limit
    return mean, over


def _window_sum(x: F64, size: int) -> F64:
    """Sums of ``size`` neighbours, shape (…, n - size + 1)."""
    n = x.shape[-1] - size + 1
    out: F64 = np.zeros((*x.shape[:-1], n))
    power, begin, rest = x, 0, size
    width = 1
    while rest:
        if rest & 1:
            out += power[..., begin : begin + n]
            begin += width
        rest >>= 1
        if rest:
            power = power[..., :-width] + power[..., width:]
            width *= 2
    return out


def _check(size: int, least: int) -> None:
    if size < 1:
        raise ValueError(f"a block has at least 1 sample, not {size}")
    if not 1 <= least <= size:
        raise ValueError(f"least must lie in 1..{size}, not {least}")


def _blocks(values: npt.ArrayLike, size: int) -> F64:
    _check(size, 1)
    x = np.asarray(values, dtype=np.float64)
    whole = x.shape[-1] // size
    blocks: F64 = x[..., : whole * size].reshape(*x.shape[:-1], whole, size)
    return blocks
