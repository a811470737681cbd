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
    """:func:`round_half_even` over an array of any shape; a value too large to have such decimals stays as it is.

    A number reads as a tie exactly when it is the double nearest to that tie's decimal. The nearest double is had
    without text: a quotient of two whole numbers is rounded correctly.
    """
    x = np.asarray(values, dtype=np.float64)
    if decimals >= 0:
        scale = 10.0**decimals
        low = np.floor(x * scale)
        tie, step = (2.0 * low + 1.0) / (2.0 * scale), 1.0 / scale
    else:
        step = 10.0**-decimals
        low = np.floor(x / step)
        tie = (low + 0.5) * step
    with np.errstate(invalid="ignore"):
        up = (x > tie) | ((x == tie) & (np.mod(low, 2.0) != 0.0))
    whole = low + up
    out: npt.NDArray[np.float64] = whole / scale if decimals >= 0 else whole * step
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(low) < 2.0**52, out, x)


def round_mean_array(values: npt.ArrayLike, decimals: int = 0) -> npt.NDArray[np.float64]:
    """:func:`round_half_even_array` for computed values, which carry binary noise: 101.49999999999999 is 101.5.

    Noise below the ninth decimal is shed first, so that a mean of decimals meets its tie.
    """
    return round_half_even_array(np.round(np.asarray(values, dtype=np.float64), 9), decimals)
