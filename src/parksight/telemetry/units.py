"""Quantities and units as data: exact factors, one table each.

Symbols follow UCUM where it has one that people read (``degC``, ``kPa``, ``mg/m3``); ``Nm3/h`` means cubic
metres at 273.15 K and 101.325 kPa. Every unit belongs to one dimension and ``base = value * factor + shift``
with exact rationals (SI brochure 9th ed. 2019; psi, mmHg, mmH2O from NIST SP 811 (2008) App. B). What needs
further knowledge does not convert: ppm to mg/m3 needs the substance, Nm3 to m3 pressure and temperature,
%LEL the gas.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from parksight.kernel.errors import invalid

_PSI = Fraction("0.45359237") * Fraction("9.80665") / Fraction("0.0254") ** 2


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``base = value * factor + shift`` in the base unit of its dimension."""

    symbol: str
    dimension: str
    factor: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured.

    Attributes:
        key: vocabulary word, also the locale key ``telemetry.quantity.<key>``.
        unit: canonical unit, used for ``low``/``high`` and as the default of new points.
        low: values below cannot exist in nature, in ``unit``; None where there is no such bound.
        high: values above cannot exist, in ``unit``.
        discrete: a state or a switch; changes are counted by the flapping detection.
    """

    key: str
    unit: str
    low: float | None = None
    high: float | None = None
    discrete: bool = False


def _units(dimension: str, **factors: Fraction | str | int) -> list[Unit]:
    return [Unit(symbol, dimension, Fraction(f)) for symbol, f in factors.items()]


def _named(dimension: str, rows: dict[str, Fraction | str | int]) -> list[Unit]:
    return [Unit(symbol, dimension, Fraction(f)) for symbol, f in rows.items()]


_ALL: list[Unit] = [
    Unit("K", "temperature"),
    Unit("degC", "temperature", Fraction(1), Fraction("273.15")),
    Unit("degF", "temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    *_units("pressure", Pa=1, hPa=100, kPa=1000, MPa=10**6, mbar=100, bar=10**5, atm=101325, psi=_PSI,
            mmHg="133.322387415", mmH2O="9.80665"),
    *_units("length", m=1, km=1000, cm="1/100", mm="1/1000", um="1/1000000"),
    *_named("volume_flow", {"m3/s": 1, "m3/h": "1/3600", "m3/min": "1/60", "L/s": "1/1000",
                            "L/min": "1/60000", "L/h": "1/3600000"}),
    *_named("normal_flow", {"Nm3/s": 1, "Nm3/h": "1/3600", "Nm3/min": "1/60"}),
    *_named("mass_flow", {"kg/s": 1, "kg/h": "1/3600", "t/h": "1000/3600", "g/s": "1/1000",
                          "t/d": "1000/86400"}),
    *_named("mass_concentration", {"kg/m3": 1, "g/m3": "1/1000", "mg/m3": "1/1000000",
                                   "ug/m3": "1/1000000000", "ng/m3": "1/1000000000000", "g/L": 1,
                                   "mg/L": "1/1000", "ug/L": "1/1000000"}),
    *_named("volume_fraction", {"%vol": 1, "ppm": "1/10000", "ppb": "1/10000000"}),
    *_named("lel_fraction", {"%LEL": 1}),
    *_units("power", W=1, kW=1000, MW=10**6, GW=10**9),
    *_units("reactive_power", var=1, kvar=1000, Mvar=10**6),
    *_units("apparent_power", VA=1, kVA=1000, MVA=10**6),
    *_units("energy", J=1, kJ=1000, MJ=10**6, GJ=10**9, Wh=3600, kWh=3600000, MWh=3600000000,
            GWh=3600000000000),
    *_units("reactive_energy", varh=1, kvarh=1000, Mvarh=10**6),
    *_units("voltage", V=1, mV="1/1000", kV=1000),
    *_units("current", A=1, mA="1/1000", kA=1000),
    *_units("frequency", Hz=1, kHz=1000),
    *_named("rotation", {"1/min": 1, "1/s": 60}),
    *_units("mass", kg=1, g="1/1000", mg="1/1000000", t=1000),
    *_units("volume", m3=1, L="1/1000", mL="1/1000000"),
    *_units("normal_volume", Nm3=1),
    *_units("duration", s=1, ms="1/1000", min=60, h=3600, d=86400),
    *_named("speed", {"m/s": 1, "km/h": "1000/3600", "mm/s": "1/1000"}),
    *_named("acceleration", {"m/s2": 1}),
    *_units("angle", deg=1),
    *_named("ratio", {"1": 1, "%": "1/100", "permil": "1/1000"}),
    *_named("irradiance", {"W/m2": 1, "kW/m2": 1000}),
    *_named("rain_rate", {"mm/h": 1, "mm/min": 60}),
    *_named("ph", {"pH": 1}),
    *_named("conductivity", {"S/m": 1, "mS/cm": "1/10", "uS/cm": "1/10000"}),
    *_units("turbidity", NTU=1),
    *_named("sound", {"dB(A)": 1}),
    *_named("heat_flow", {"GJ/h": 1, "MJ/h": "1/1000"}),
    *_named("dose_rate", {"uSv/h": 1, "mSv/h": 1000}),
    *_named("ringelmann", {"Ringelmann": 1}),
    *_named("state", {"state": 1}),
    *_named("count", {"count": 1}),
]  # fmt: skip

#: Symbol -> unit.
UNITS: dict[str, Unit] = {u.symbol: u for u in _ALL}

_QUANTITIES = (
    Quantity("temperature", "degC", low=-273.15),
    Quantity("pressure", "kPa"),
    Quantity("pressure.absolute", "kPa", low=0.0),
    Quantity("level", "m"),
    Quantity("distance", "m"),
    Quantity("flow", "m3/h"),
    Quantity("flow.normal", "Nm3/h"),
    Quantity("flow.mass", "kg/h"),
    Quantity("concentration", "mg/m3"),
    Quantity("concentration.water", "mg/L"),
    Quantity("gas.fraction", "ppm", high=1_000_000.0),
    Quantity("gas.lel", "%LEL"),
    Quantity("power", "kW"),
    Quantity("power.reactive", "kvar"),
    Quantity("power.apparent", "kVA"),
    Quantity("energy", "kWh"),
    Quantity("energy.reactive", "kvarh"),
    Quantity("voltage", "V"),
    Quantity("current", "A"),
    Quantity("frequency", "Hz", low=0.0),
    Quantity("rotation", "1/min"),
    Quantity("mass", "kg"),
    Quantity("volume", "m3"),
    Quantity("volume.normal", "Nm3"),
    Quantity("duration", "s"),
    Quantity("speed", "m/s"),
    Quantity("acceleration", "m/s2"),
    Quantity("direction", "deg", low=-360.0, high=720.0),
    Quantity("ratio", "%"),
    Quantity("power_factor", "1", low=-1.001, high=1.001),
    Quantity("humidity", "%", low=-5.0, high=110.0),
    Quantity("irradiance", "W/m2"),
    Quantity("rain", "mm/h", low=0.0),
    Quantity("rain.amount", "mm", low=0.0),
    Quantity("ph", "pH", low=-2.0, high=16.0),
    Quantity("conductivity", "uS/cm"),
    Quantity("turbidity", "NTU"),
    Quantity("sound", "dB(A)", low=-20.0, high=220.0),
    Quantity("heat_flow", "GJ/h"),
    Quantity("dose_rate", "uSv/h", low=0.0),
    Quantity("blackness", "Ringelmann", low=0.0, high=6.0),
    Quantity("state", "state", discrete=True),
    Quantity("count", "count"),
)

#: Vocabulary word -> quantity.
QUANTITIES: dict[str, Quantity] = {q.key: q for q in _QUANTITIES}


def unit(symbol: str, where: str | None = None) -> Unit:
    """The unit of a symbol; 422 naming the place when there is none."""
    try:
        return UNITS[symbol]
    except KeyError:
        raise invalid("telemetry.unit.unknown", where, unit=symbol) from None


def quantity(key: str, where: str | None = None) -> Quantity:
    """The quantity of a vocabulary word; 422 naming the place when there is none."""
    try:
        return QUANTITIES[key]
    except KeyError:
        raise invalid("telemetry.quantity.unknown", where, quantity=key) from None


def units_of(key: str) -> list[str]:
    """Symbols in which a quantity may be expressed, canonical first."""
    canonical = UNITS[quantity(key).unit]
    rest = [u.symbol for u in _ALL if u.dimension == canonical.dimension and u is not canonical]
    return [canonical.symbol, *rest]


def conversion(source: str, target: str, where: str | None = None) -> tuple[float, float]:
    """Factor and shift with ``target = value * factor + shift``, exact and rounded once to float.

    Raises:
        ProblemError: a unit is unknown, or the two are of different dimensions.
    """
    a, b = unit(source, where), unit(target, where)
    if a.dimension != b.dimension:
        raise invalid("telemetry.unit.not_convertible", where, source=source, target=target)
    return float(a.factor / b.factor), float((a.shift - b.shift) / b.factor)


def check_unit(key: str, symbol: str, where: str | None = None) -> None:
    """Raise a 422 problem unless the unit measures the quantity."""
    wanted = UNITS[quantity(key, where).unit]
    if unit(symbol, where).dimension != wanted.dimension:
        raise invalid(
            "telemetry.unit.wrong_for_quantity", where, unit=symbol, quantity=key, known=units_of(key)
        )
