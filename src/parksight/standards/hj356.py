"""HJ 356-2019: waste-water monitoring: filling gaps, flow-weighted and median daily values. All unverified."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import valid_count
from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]


def replacement(
    before: npt.ArrayLike, gap: int, quantity: str, on: date, rules: RulePack | None = None
) -> tuple[float, Rule]:
    """Stand-in value of a gap with its rule: mean (pH: median) of the equally long span immediately before.

    Args:
        before: values before the gap, oldest first, on the gap's own step.
        gap: length of the gap in steps.
        quantity: ``concentration``, ``flow`` or ``ph``.

    Raises:
        ValueError: the span before is too short or holds no valid value.
        RuleMissing: no rule for the quantity or the day.
    """
    rule = (rules or builtin()).get("hj356.replacement", on, quantity=quantity)
    x = np.asarray(before, dtype=np.float64).ravel()
    if not 1 <= gap <= x.size:
        raise ValueError(f"a gap of {gap} steps needs as many before it, {x.size} are there")
    x = x[-gap:]
    x = x[np.isfinite(x)]
    if x.size == 0:
        raise ValueError("no valid value before the gap: nothing can stand in")
    return float(np.median(x) if rule.value == "median_before" else x.mean()), rule


def flow_weighted_means(concentration: npt.ArrayLike, flow: npt.ArrayLike, size: int = 24) -> F64:
    """Daily means ``sum(C Q) / sum(Q)`` of blocks of ``size`` steps, (…, size n) to (…, n).

    Only steps with both values count; NaN where none has, or where no water flowed.
    """
    c, q = np.broadcast_arrays(
        np.asarray(concentration, dtype=np.float64), np.asarray(flow, dtype=np.float64)
    )
    if np.any(q < 0):
        raise ValueError("flow must be 0 or more; mark a reverse reading invalid first")
    valid = np.isfinite(c) & np.isfinite(q)
    whole = c.shape[-1] // size
    shape = (*c.shape[:-1], whole, size)
    weight = np.where(valid, q, 0.0)[..., : whole * size].reshape(shape)
    load = np.where(valid, c * np.where(valid, q, 0.0), 0.0)[..., : whole * size].reshape(shape).sum(axis=-1)
    total = weight.sum(axis=-1)
    out: F64 = np.where(total > 0, load / np.where(total > 0, total, 1.0), np.nan)
    return out


def daily_medians(ph: npt.ArrayLike, size: int = 24) -> F64:
    """Medians of blocks of ``size`` steps (daily pH); NaN values are left out, an empty block is NaN."""
    x = np.asarray(ph, dtype=np.float64)
    whole = x.shape[-1] // size
    blocks = x[..., : whole * size].reshape(*x.shape[:-1], whole, size)
    out: F64 = np.full(blocks.shape[:-1], np.nan)
    some = valid_count(x, size) > 0
    if some.any():
        out[some] = np.nanmedian(np.where(np.isfinite(blocks[some]), blocks[some], np.nan), axis=-1)
    return out
