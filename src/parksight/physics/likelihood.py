"""Marginal likelihood of sensor readings under trial releases: one table look-up per reading instead of a logarithm.

A reading ``o`` is compared with a modelled concentration ``c`` as ``ln(c + eps) - ln(o + eps)``, Student-t distributed:
multiplicative model error well above the detection limit ``eps``, additive below it, so that "seen nothing" counts as
evidence, and a single wild sensor cannot decide. Concentrations in kg/m3, strengths in kg/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

#: Modelled concentrations below ``eps / 400`` count as none.
_FLOOR = 6.0
#: Largest step of the table in ln c: rounding stays below 0.035, a twentieth of the usual scatter.
_FINEST = 0.07
#: ln c of a sensor the plume never reaches.
UNSEEN = -1.0e3


@dataclass(frozen=True, slots=True)
class Scatter:
    """The error model: detection limit (kg/m3), scale of ln c and degrees of freedom of the Student-t.

    Raises ValueError for a limit or scale not above 0.
    """

    detection: float
    scale: float = 0.8
    degrees: float = 4.0

    def __post_init__(self) -> None:
        for name in ("detection", "scale", "degrees"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be known and above 0, not {value}")

    def log_density(self, log_c: npt.ArrayLike, observed: npt.ArrayLike) -> F64:
        """Log density of ``ln(observed + eps)`` given the modelled ``ln c``; arrays broadcast."""
        c = np.exp(np.minimum(np.asarray(log_c, dtype=np.float64), 700.0))
        miss = np.log(c + self.detection) - np.log(np.asarray(observed, dtype=np.float64) + self.detection)
        nu = self.degrees
        constant = (
            math.lgamma((nu + 1) / 2)
            - math.lgamma(nu / 2)
            - 0.5 * math.log(nu * math.pi)
            - math.log(self.scale)
        )
        out: F64 = constant - (nu + 1) / 2 * np.log1p((miss / self.scale) ** 2 / nu)
        return out


@dataclass(frozen=True, slots=True)
class Evidence:
    """Per trial release, shape (n,): log marginal likelihood, most probable strength (kg/s), and its case."""

    log: F64
    strength: F64
    case: npt.NDArray[np.intp]


def marginal(
    log_unit: npt.ArrayLike, observed: npt.ArrayLike, log_prior: npt.ArrayLike, strengths: npt.ArrayLike, scatter: Scatter,
    weight: float = 1.0,
) -> Evidence:  # fmt: skip
    """Sum out cases and strengths.

    Args:
        log_unit: ln of the concentration of 1 kg/s, shape (n, cases, readings).
        observed: shape (readings,), >= 0.
        log_prior: of the cases, shape (cases,); normalised here. Strengths count alike.
        strengths: kg/s, log-spaced.
        weight: share of independent information in each reading, 0…1: readings that follow one another within the
            life of the model's error repeat it.

    Raises ValueError when the strengths are not log-spaced and increasing.
    """
    unit = np.asarray(log_unit, dtype=np.float32)
    n, cases, readings = unit.shape
    q = np.asarray(strengths, dtype=np.float64)
    step = _spacing(q)
    per_step = math.ceil(step / _FINEST)
    fine = step / per_step
    low = math.log(scatter.detection) - _FLOOR - (q.size - 1) * step
    high = max(float(unit.max(initial=0.0)) + math.log(q[-1]), low + (q.size + 1) * step)
    nodes = low + fine * np.arange(int((high - low) / fine) + 2)
    last = nodes.size - 1 - (q.size - 1) * per_step
    first = np.clip((unit + np.float32(math.log(q[0]) - low)) * np.float32(1.0 / fine) + 0.5, 0, last)
    index = first.astype(np.intp)
    table = (weight * scatter.log_density(nodes, np.asarray(observed)[:, None])).astype(np.float32)
    total = np.zeros((n * cases, q.size), dtype=np.float32)
    row = np.empty_like(total)
    windows = np.lib.stride_tricks.sliding_window_view(table, (q.size - 1) * per_step + 1, axis=1)[
        :, :, ::per_step
    ]
    for k in range(readings):
        np.take(np.ascontiguousarray(windows[k]), index[:, :, k].ravel(), axis=0, out=row, mode="clip")
        total += row
    prior = np.asarray(log_prior, dtype=np.float64)
    prior = prior - log_sum(prior) - math.log(q.size)
    joint = total.reshape(n, cases, q.size) + prior.astype(np.float32)[None, :, None]
    flat = joint.reshape(n, -1)
    best = flat.argmax(axis=1)
    return Evidence(log_sum(flat, axis=1).astype(np.float64), q[best % q.size], best // q.size)


def unstructured(observed: npt.ArrayLike, scatter: Scatter, weight: float = 1.0) -> float:
    """Log likelihood of readings that follow no common plume: each is background or, as likely, anything at all.

    "Anything" is uniform in ln C over a factor of 1e6 from the detection limit.
    """
    seen = np.asarray(observed, dtype=np.float64)
    background = scatter.log_density(UNSEEN, seen)
    anything = np.full(seen.shape, -math.log(math.log(1e6)))
    return float(weight * (np.logaddexp(background, anything) - math.log(2.0)).sum())


def log_sum(values: npt.ArrayLike, axis: int = -1) -> F64:
    """``ln sum exp`` along an axis without overflow."""
    v = np.asarray(values)
    top = v.max(axis=axis, keepdims=True)
    out: F64 = np.log(np.exp(v - top).sum(axis=axis)) + np.squeeze(top, axis=axis)
    return out


def _spacing(strengths: F64) -> float:
    if (
        strengths.ndim != 1
        or strengths.size == 0
        or not (np.isfinite(strengths).all() and (strengths > 0).all())
    ):
        raise ValueError("strengths must be known and above 0 kg/s")
    if strengths.size == 1:
        return 0.5
    steps = np.diff(np.log(strengths))
    if not (steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6)):
        raise ValueError("strengths must be log-spaced and increasing")
    return float(steps[0])
