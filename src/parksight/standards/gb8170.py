"""GB/T 8170-2008 rounding of numerical values (修约): half to even, on the decimal the number shows.

Binary floats hide decimals (2.675 is 2.67499…), so rounding works on the shortest decimal text of the number,
which is what the person who wrote it meant.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt


def round_half_even(value: float, decimals: int = 0) -> float:
    """Round to ``decimals`` places (negative: tens, hundreds); NaN stays NaN. GB/T 8170-2008, 3.2."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN))


def round_up(value: float, decimals: int = 0) -> float:
    """Round towards plus infinity, for indices that are "rounded up" (进位); NaN stays NaN."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING))


def round_half_even_array(values: npt.ArrayLike, decimals: int = 0) -> npt.NDArray[np.float64]:
    """:func:`round_half_even` over an array of any shape.

    Vectorised: only elements that lie within float error of a tie take the exact decimal way.
    """
    x = np.asarray(values, dtype=np.float64)
    scale = 10.0**decimals
    scaled = x * scale
    out: npt.NDArray[np.float64] = np.rint(scaled) / scale
    with np.errstate(invalid="ignore"):
        near_tie = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < 1e-6 * np.maximum(
            1.0, np.abs(scaled) * 1e-6
        )
    if near_tie.any():
        exact = [round_half_even(float(v), decimals) for v in x[near_tie]]
        out[near_tie] = exact
    return out
