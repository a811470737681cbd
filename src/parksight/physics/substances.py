"""Physical properties of substances handled in chemical parks, SI units, with the origin of each value.

Source: ``data/substances.csv``, compiled from the open data collections of ``chemicals`` and ``thermo`` (both MIT); every
value names package, version and method. A value nobody measured is absent: asking for it raises, nothing is estimated.

Confidence: ``agreed`` - several collections agree, ``single`` - only one has it, ``disputed`` - they differ by more than
they should (the value given is the one named in its origin; treat the difference as uncertainty). An absent flammable
limit means "not in the collections", not "does not burn".
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from parksight.physics.slab import Liquid

F64 = npt.NDArray[np.float64]
GAS_CONSTANT = 8.31446261815324  # J/(mol K), CODATA 2018

CONFIDENCES = ("agreed", "single", "disputed")
QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "molar_mass": "kg/mol",
        "boiling_point": "K",  # at 101325 Pa
        "critical_temperature": "K",
        "liquid_temperature": "K",  # at which the next two hold
        "liquid_density": "kg/m3",
        "liquid_heat_capacity": "J/(kg K)",
        "vapour_heat_capacity": "J/(kg K)",  # ideal gas, constant pressure, 298.15 K
        "latent_heat": "J/kg",  # of evaporation at the boiling point
        "heat_of_combustion": "J/kg",  # net: water stays vapour
        "heat_capacity_ratio": "1",  # cp/cv, ideal gas, 298.15 K
        "lower_flammable_limit": "1",  # volume fraction in air
        "upper_flammable_limit": "1",
    }
)
_CAS = re.compile(r"(\d{2,7})-(\d{2})-(\d)")


class PropertyMissing(LookupError):  # noqa: N818 - reads as what happened
    """The table holds no such value for this substance; it must be given by hand, with its source."""


class OutsideRange(ValueError):  # noqa: N818 - reads as what happened
    """The temperature lies outside the range over which the constants were determined."""


@dataclass(frozen=True, slots=True)
class Value:
    """One number with its unit, where it comes from, and ``agreed``, ``single`` or ``disputed``."""

    value: float
    unit: str
    origin: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Antoine:
    """``log10(p / Pa) = a - b / (T + c)`` for ``minimum <= T <= maximum`` (K)."""

    a: float
    b: float
    c: float
    minimum: float
    maximum: float
    origin: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Substance:
    """A substance; ``values`` holds what is known, keyed by the names in ``QUANTITIES``."""

    cas: str
    name_zh: str
    name_en: str
    aliases: tuple[str, ...]
    formula: str
    values: Mapping[str, Value]
    antoine: Antoine | None

    def get(self, quantity: str) -> Value | None:
        """The value with its origin, or None when nobody measured it; KeyError for a quantity the table does not know."""
        if quantity not in QUANTITIES:
            raise KeyError(f"no quantity {quantity!r}; known are {', '.join(QUANTITIES)}")
        return self.values.get(quantity)

    def require(self, quantity: str) -> float:
        """The value in the SI unit of ``QUANTITIES``; raises PropertyMissing when the table has none."""
        found = self.get(quantity)
        if found is None:
            raise PropertyMissing(
                f"{self.name_en} ({self.cas}): {quantity} is not in the table; "
                f"give a value in {QUANTITIES[quantity]} from the safety data sheet"
            )
        return found.value


def valid_cas(text: str) -> bool:
    """Whether the text is a CAS number whose check digit is right."""
    parts = _CAS.fullmatch(text)
    if parts is None:
        return False
    digits = parts[1] + parts[2]
    return sum(i * int(d) for i, d in enumerate(reversed(digits), 1)) % 10 == int(parts[3])


@cache
def table() -> tuple[Substance, ...]:
    """All substances, in the order of the file; ValueError names line and column of a fault."""
    file = resources.files("parksight.physics") / "data" / "substances.csv"
    reader = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return tuple(_substance(row, line) for line, row in enumerate(reader, 2))


def find(text: str) -> Substance:
    """The substance with this CAS number, Chinese or English name, formula or alias; case and blanks do not matter.

    Raises LookupError when nothing has that name: near misses are not guessed, as a wrong substance is worse than none.
    """
    found = _index().get(_key(text))
    if found is None:
        raise LookupError(f"no substance {text!r} in the table; give its CAS number, Chinese or English name")
    return found


def vapour_pressure(substance: Substance, temperature: float) -> float:
    """Saturation pressure over the liquid, Pa, at ``temperature`` (K), by Antoine's equation.

    Raises:
        PropertyMissing: the table has no constants.
        OutsideRange: the constants do not reach there (they are never extrapolated); also for NaN.
    """
    constants = substance.antoine
    if constants is None:
        raise PropertyMissing(
            f"{substance.name_en} ({substance.cas}): no vapour-pressure constants in the table"
        )
    if not constants.minimum <= temperature <= constants.maximum:
        raise OutsideRange(
            f"{substance.name_en}: vapour pressure is known from {constants.minimum} to {constants.maximum} K, "
            f"not at {temperature} K"
        )
    return float(10.0 ** (constants.a - constants.b / (temperature + constants.c)))


def gas_density(substance: Substance, temperature: float, pressure: float = 101325.0) -> float:
    """Density of the ideal gas, kg/m3; not for associating vapours (hydrogen fluoride, organic acids) near saturation."""
    if not (temperature > 0 and pressure > 0 and math.isfinite(temperature) and math.isfinite(pressure)):
        raise ValueError("temperature (K) and pressure (Pa) must be known and above 0")
    return pressure * substance.require("molar_mass") / (GAS_CONSTANT * temperature)


def liquid(substance: Substance) -> Liquid:
    """What SLAB needs; its saturation line follows from latent heat and boiling point (Clausius-Clapeyron).

    Raises PropertyMissing when one of the six properties is absent.
    """
    return Liquid(
        name=substance.name_en,
        molar_mass=substance.require("molar_mass"),
        vapour_heat_capacity=substance.require("vapour_heat_capacity"),
        liquid_heat_capacity=substance.require("liquid_heat_capacity"),
        latent_heat=substance.require("latent_heat"),
        boiling_point=substance.require("boiling_point"),
        liquid_density=substance.require("liquid_density"),
    )


def _key(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


@cache
def _index() -> Mapping[str, Substance]:
    index: dict[str, Substance] = {}
    for s in table():
        for name in (s.cas, s.name_zh, s.name_en, *s.aliases):
            other = index.setdefault(_key(name), s)
            if other is not s:
                raise ValueError(f"substances.csv: {name!r} names both {other.cas} and {s.cas}")
    # A formula finds a substance only where no isomer shares it.
    shared: dict[str, list[Substance]] = {}
    for s in table():
        shared.setdefault(_key(s.formula), []).append(s)
    for key, owners in shared.items():
        if len(owners) == 1:
            index.setdefault(key, owners[0])
    return MappingProxyType(index)


def _number(row: Mapping[str, str], column: str, line: int) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"substances.csv line {line}, column {column}: {row[column]!r} is no number")
    return number


def _confidence(row: Mapping[str, str], column: str, line: int) -> tuple[str, str]:
    origin, confidence = row[f"{column}_origin"], row[f"{column}_confidence"]
    if not origin or confidence not in CONFIDENCES:
        raise ValueError(f"substances.csv line {line}: {column} lacks its origin or confidence")
    return origin, confidence


def _substance(row: Mapping[str, str], line: int) -> Substance:
    if not valid_cas(row["cas"]):
        raise ValueError(f"substances.csv line {line}, column cas: {row['cas']!r} has a wrong check digit")
    values = {
        q: Value(_number(row, q, line), unit, *_confidence(row, q, line))
        for q, unit in QUANTITIES.items()
        if row[q]
    }
    antoine = None
    if row["antoine_a"]:
        a, b, c, low, high = (
            _number(row, f"antoine_{c}", line) for c in ("a", "b", "c", "minimum", "maximum")
        )
        if not 0 < low < high:
            raise ValueError(
                f"substances.csv line {line}: the range of the vapour-pressure constants is empty"
            )
        antoine = Antoine(a, b, c, low, high, *_confidence(row, "antoine", line))
    return Substance(
        cas=row["cas"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        aliases=tuple(a for a in row["aliases"].split(";") if a),
        formula=row["formula"],
        values=MappingProxyType(values),
        antoine=antoine,
    )
