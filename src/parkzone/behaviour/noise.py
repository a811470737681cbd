"""Stateless noise: the value at an instant follows from a key and the instant alone.

Lattice values are drawn by hashing (splitmix64, Steele et al. 2014) and joined by Catmull-Rom splines, which are
smooth enough to have a usable slope; so integrals of the noise are known in closed form and counters agree with
their rates for ever, without any state.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LANE = np.uint64(0xFFFF)
#: Sum of four 16-bit uniforms: mean, and inverse standard deviation.
_MEAN, _INV_SD = 4 * 65535 / 2.0, float(1.0 / (65536.0 * np.sqrt(4.0 / 12.0)))


def _mix(h: U64) -> U64:
    h = (h ^ (h >> np.uint64(30))) * _M1
    h = (h ^ (h >> np.uint64(27))) * _M2
    mixed: U64 = h ^ (h >> np.uint64(31))
    return mixed


def _hash(keys: U64, index: I64) -> U64:
    """(P,) keys x (K,) indices -> (P, K) hashes; uint64 wraps on purpose."""
    with np.errstate(over="ignore"):
        steps = index.astype(np.uint64) * _GOLDEN
        return _mix(keys[:, None] + steps[None, :])


def normal(keys: U64, index: I64) -> F64:
    """Nearly normal numbers (sum of four uniforms, so within 3.47 standard deviations), shape (P, K)."""
    h = _hash(keys, index)
    total = np.zeros(h.shape, np.float64)
    for shift in (0, 16, 32, 48):
        np.add(total, (h >> np.uint64(shift)) & _LANE, out=total)
    np.subtract(total, _MEAN, out=total)
    np.multiply(total, _INV_SD, out=total)
    return total


def uniform(keys: U64, index: I64) -> F64:
    """Numbers in 0..1, element by element: ``keys`` and ``index`` have the same shape."""
    with np.errstate(over="ignore"):
        h = _mix(keys + index.astype(np.uint64) * _GOLDEN)
    out: F64 = (h >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))
    return out


def _weights(x: F64) -> tuple[F64, F64, F64, F64]:
    x2, x3 = x * x, x * x * x
    return (
        (-x + 2 * x2 - x3) / 2, (2 - 5 * x2 + 3 * x3) / 2, (x + 4 * x2 - 3 * x3) / 2, (x3 - x2) / 2,
    )  # fmt: skip


def _slopes(x: F64) -> tuple[F64, F64, F64, F64]:
    x2 = x * x
    return (-1 + 4 * x - 3 * x2) / 2, (-10 * x + 9 * x2) / 2, (1 + 8 * x - 9 * x2) / 2, (3 * x2 - 2 * x) / 2


def _joined(keys: U64, seconds: F64, scale: float, slope: bool) -> F64:
    position = seconds / scale
    cell = np.floor(position).astype(np.int64)
    first = int(cell.min()) - 1
    values = normal(keys, np.arange(first, int(cell.max()) + 3, dtype=np.int64))
    x = position - cell
    at = cell - first
    out = np.zeros((len(keys), len(seconds)))
    for step, weight in enumerate(_slopes(x) if slope else _weights(x)):
        out += values[:, at + (step - 1)] * weight
    return out


def smooth(keys: U64, seconds: F64, scale: float) -> F64:
    """Smooth noise of standard deviation about 0.85 with a new value every ``scale`` seconds, shape (P, T)."""
    return _joined(keys, seconds, scale, slope=False)


def slope(keys: U64, seconds: F64, scale: float) -> F64:
    """Slope of :func:`smooth` times ``scale``: its integral over seconds is ``scale * smooth``."""
    return _joined(keys, seconds, scale, slope=True)
