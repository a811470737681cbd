"""Probits: what heat, over-pressure and toxic load do to unprotected people. ``P = Phi(Pr - 5)``.

Heat dose ``V = sum q^(4/3) dt`` with q in kW/m2, in (kW/m2)^(4/3) s; over-pressure in Pa; toxic load ``sum C^n dt`` in
(mg/m3)^n min. Laws and constants: HSE SPC/Tech/OSD/30 (table 17, equation 4), TNO Purple Book ch. 5. Toxic constants
are law or doctrine and live with their confidence in ``parksight.standards`` (table ``toxic``); here they are given.

Valid for healthy adults without shelter, within the doses the laws were drawn from (1 to 99 % lethality); they say nothing
about injury, and laws for heat differ by a factor of 2.3 in dose at 50 %: show which one was used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

F64 = npt.NDArray[np.float64]

#: ``Pr = a + b ln V`` by law: (a, b). Eisenberg counts infrared of nuclear flashes, Tsao and Perry hydrocarbon fires.
HEAT_LAWS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"eisenberg": (-14.9, 2.56), "tsao_perry": (-12.8, 2.56), "lees": (-10.7, 1.99)}
)
#: Deaths from over-pressure, ``Pr = a + b ln P``, P in psi gauge (HSE equation 4, after the Health and Safety Commission).
OVERPRESSURE_LAW = (1.47, 1.37)
PASCAL_PER_PSI = 6894.757293168361


def probability(probit: npt.ArrayLike) -> F64:
    """Share of people killed, 0…1, any shape; -inf gives 0."""
    pr = np.asarray(probit, dtype=np.float64)
    if np.isnan(pr).any():
        raise ValueError("a probit is unknown")
    out: F64 = np.asarray(ndtr(pr - 5.0), dtype=np.float64)
    return out


def heat_dose(flux: npt.ArrayLike, step: float) -> F64:
    """Dose of flux series, shape (…, times) in W/m2 at a step of seconds; shape (…)."""
    q = _known(flux, "heat flux")
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"the step must be above 0 s, not {step}")
    out: F64 = ((q / 1000.0) ** (4.0 / 3.0)).sum(axis=-1) * step
    return out


def heat_probit(dose: npt.ArrayLike, law: str = "tsao_perry") -> F64:
    """Probit of a heat dose, shape of ``dose``; ValueError for a law that is not in :data:`HEAT_LAWS`."""
    if law not in HEAT_LAWS:
        raise ValueError(f"{law!r} is no heat law: {', '.join(HEAT_LAWS)}")
    return toxic_probit(dose, *HEAT_LAWS[law])


def overpressure_probit(pressure: npt.ArrayLike) -> F64:
    """Probit of death outdoors from side-on over-pressure, Pa above ambient; shape of ``pressure``."""
    return toxic_probit(_known(pressure, "over-pressure") / PASCAL_PER_PSI, *OVERPRESSURE_LAW)


def toxic_probit(load: npt.ArrayLike, a: float, b: float) -> F64:
    """``Pr = a + b ln(load)``, shape of ``load`` (>= 0); no load gives -inf.

    Raises ValueError for an unknown or negative load, or constants that are unknown or do not rise (b <= 0).
    """
    if not (math.isfinite(a) and math.isfinite(b) and b > 0):
        raise ValueError(f"the probit's constants must be known and rise with the load, not {a}, {b}")
    with np.errstate(divide="ignore"):
        out: F64 = a + b * np.log(_known(load, "load"))
    return out


def load_for(share: npt.ArrayLike, a: float, b: float) -> F64:
    """The load that kills a share (0…1, both excluded) of people: inverse of :func:`toxic_probit`."""
    s = np.asarray(share, dtype=np.float64)
    if not ((s > 0) & (s < 1)).all():
        raise ValueError("a share lies between 0 and 1")
    out: F64 = np.exp((5.0 + np.asarray(ndtri(s), dtype=np.float64) - a) / b)
    return out


def _known(values: npt.ArrayLike, name: str) -> F64:
    v = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(v) & (v >= 0)).all():
        raise ValueError(f"the {name} must be known and 0 or more")
    return v
