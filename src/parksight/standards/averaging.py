"""Means over legal periods with their rules of validity; the common ground of GB 3095, HJ 75 and limits.

Series are regular arrays whose last axis is time; NaN is "no valid value" and never counts as zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def block_mean(values: npt.ArrayLike, size: int, least: int) -> F64:
    """Means of consecutive blocks of ``size`` samples along the last axis.

    Args:
        values: shape (…, n); a tail shorter than ``size`` is left out.
        least: valid (non-NaN) samples a block needs; with fewer its mean is NaN.

    Returns:
        shape (…, n // size).
    """
    blocks = _blocks(values, size, least)
    valid = np.isfinite(blocks)
    count = valid.sum(axis=-1)
    total = np.where(valid, blocks, 0.0).sum(axis=-1)
    out: F64 = np.where(count >= least, total / np.maximum(count, 1), np.nan)
    return out


def rolling_mean(values: npt.ArrayLike, size: int, least: int) -> F64:
    """Means of the ``size`` samples ending at each position; NaN where fewer than ``least`` are valid.

    The first ``size - 1`` positions are NaN. Shape as given.
    """
    if not 1 <= least <= size:
        raise ValueError(f"least must lie in 1..{size}, not {least}")
    x = np.asarray(values, dtype=np.float64)
    out: F64 = np.full(x.shape, np.nan)
    if x.shape[-1] < size:
        return out
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=-1)
    valid = np.isfinite(windows)
    count = valid.sum(axis=-1)
    total = np.where(valid, windows, 0.0).sum(axis=-1)
    out[..., size - 1 :] = np.where(count >= least, total / np.maximum(count, 1), np.nan)
    return out


def exceeds(values: npt.ArrayLike, limit: float, size: int, least: int) -> tuple[F64, npt.NDArray[np.bool_]]:
    """Block means and where they exceed a limit, by the averaging that the limit demands.

    A block without enough valid samples has no mean and is not judged (False, mean NaN): unknown is neither
    compliant nor exceeding, so look at the mean before calling False good.
    """
    if not np.isfinite(limit):
        raise ValueError("a limit must be a finite number; without a limit there is no exceedance")
    mean = block_mean(values, size, least)
    with np.errstate(invalid="ignore"):
        over: npt.NDArray[np.bool_] = mean > limit
    return mean, over


def _blocks(values: npt.ArrayLike, size: int, least: int) -> F64:
    if size < 1:
        raise ValueError(f"a block has at least 1 sample, not {size}")
    if not 1 <= least <= size:
        raise ValueError(f"least must lie in 1..{size}, not {least}")
    x = np.asarray(values, dtype=np.float64)
    whole = x.shape[-1] // size
    blocks: F64 = x[..., : whole * size].reshape(*x.shape[:-1], whole, size)
    return blocks
