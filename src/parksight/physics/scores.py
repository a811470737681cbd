"""Scores of dispersion models against observations (Chang and Hanna 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Score:
    """FAC2 share within a factor of two; FB fractional bias (0 best); NMSE; MG and VG geometric mean and variance."""

    n: int
    fac2: float
    fb: float
    nmse: float
    mg: float
    vg: float


def score(observed: npt.ArrayLike, predicted: npt.ArrayLike) -> Score:
    """Score pairs of positive values; raises ValueError for unequal shapes, NaN or observations not above 0."""
    o, p = np.asarray(observed, dtype=np.float64).ravel(), np.asarray(predicted, dtype=np.float64).ravel()
    if o.shape != p.shape or o.size == 0:
        raise ValueError("observed and predicted must be non-empty and of one shape")
    if not (np.isfinite(o).all() and np.isfinite(p).all() and (o > 0).all()):
        raise ValueError("scores need finite pairs with observations above 0")
    ratio = p / o
    logs = np.log(o) - np.log(np.maximum(p, 1e-30))
    return Score(
        n=o.size,
        fac2=float(((ratio >= 0.5) & (ratio <= 2.0)).mean()),
        fb=float(2 * (o.mean() - p.mean()) / (o.mean() + p.mean())),
        nmse=float(((o - p) ** 2).mean() / (o.mean() * p.mean())),
        mg=float(np.exp(logs.mean())),
        vg=float(np.exp((logs**2).mean())),
    )
