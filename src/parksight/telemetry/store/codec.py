"""Values as scaled integers: what an instrument with three decimals says is an integer count of thousandths.

Random walks of such counts delta-encode to well under a byte per value, doubles do not (0.6 against 3.5 bytes
measured, docs/decisions/010). The number of decimals is found per point and segment; a value is written as an
integer only where dividing by the power of ten gives back the very same double, every other one stays a double.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from parksight.telemetry.protocols import F64, I32, I64

I8 = NDArray[np.int8]

#: Most decimals tried; more are stored as doubles.
MAX_DIGITS = 7
#: In the ``digits`` column: the value is in the column of doubles.
FLOAT = -1
#: In the ``digits`` column: there is no value (NaN).
NOTHING = -2

_POWERS: F64 = np.power(10.0, np.arange(MAX_DIGITS + 1)).astype(np.float64)
#: Integers beyond this are not exact enough for the round trip to be worth trying.
_LARGEST = float(2**51)


@njit(cache=True, nogil=True)
def encode(point: I32, value: F64, powers: F64, largest: float) -> tuple[I64, I8, F64, int]:
    """Scaled integers, decimals and doubles of values sorted by point.

    Returns:
        ``(k, digits, x, floats)``: where ``digits >= 0`` the value is ``k / 10**digits``; where it is
        :data:`FLOAT` it is ``x``; ``floats`` counts those.
    """
    n = point.shape[0]
    k = np.zeros(n, np.int64)
    digits = np.empty(n, np.int8)
    x = np.full(n, np.nan)
    floats = 0
    i = 0
    while i < n:
        j = i
        finite = 0
        while j < n and point[j] == point[i]:
            if value[j] == value[j]:
                finite += 1
            j += 1
        best, best_hits = -1, finite // 2
        for d in range(powers.shape[0]):
            hits = 0
            misses = 0
            for r in range(i, j):
                v = value[r]
                if v == v:
                    s = v * powers[d]
                    if abs(s) < largest and np.rint(s) / powers[d] == v:
                        hits += 1
                    else:
                        misses += 1
                        if misses > finite - best_hits:
                            break
            if hits > best_hits:
                best, best_hits = d, hits
            if best_hits >= 0.98 * finite:
                break
        previous = np.int64(0)
        for r in range(i, j):
            v = value[r]
            if v != v:
                digits[r] = -2
            else:
                s = v * powers[best] if best >= 0 else np.inf
                if abs(s) < largest and np.rint(s) / powers[best] == v:
                    previous = np.int64(np.rint(s))
                    digits[r] = best
                else:
                    digits[r] = -1
                    x[r] = v
                    floats += 1
            k[r] = previous
        i = j
    return k, digits, x, floats


@njit(cache=True, nogil=True)
def decode(k: I64, digits: I8, x: F64, powers: F64) -> F64:
    """The doubles of :func:`encode`; ``x`` may be empty when no row is :data:`FLOAT`."""
    n = k.shape[0]
    out = np.empty(n)
    for i in range(n):
        d = digits[i]
        if d >= 0:
            out[i] = k[i] / powers[d]
        elif d == -1:
            out[i] = x[i]
        else:
            out[i] = np.nan
    return out


def to_scaled(point: I32, value: F64) -> tuple[I64, I8, F64, int]:
    """:func:`encode` with this module's limits."""
    result: tuple[I64, I8, F64, int] = encode(point, value, _POWERS, _LARGEST)
    return result


def from_scaled(k: I64, digits: I8, x: F64) -> F64:
    """:func:`decode` with this module's powers."""
    out: F64 = decode(k, digits, x, _POWERS)
    return out
