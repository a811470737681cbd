"""The little that is never quite right in the calm zone: standing alarms and points that live near a limit.

Every entry changes the signal of one point (or one device is dead), named by the brand of its firm, so that the
calm zone shows a handful of believable alarms instead of none.
"""

from __future__ import annotations

from dataclasses import replace

from parkzone.catalogue.specs import Catalogue
from parkzone.firms.enterprises import Enterprise

#: (brand, point suffix) -> changes of the signal, as factors of base and noise, and new values.
RESTLESS: tuple[tuple[str, str, float, float], ...] = (
    # brand, suffix of the point code, added to the base (in the unit, or to the logarithm), factor on the noise
    ("范铸", "EM01.PF", -0.13, 1.0),  # no compensation: power factor low all day
    ("瓮香里", "DW001.COD", 0.60, 1.0),  # a brewery near its discharge limit
    ("赤铸", "FU01.PCOOL", -0.070, 1.3),  # cooling water pressure near its low limit
    ("青原碧渠", "TR01.DO", -1.55, 1.2),  # aeration at its limit
    ("曜锂", "DA001.NMHC", 0.78, 1.0),  # a VOC stack near its limit
    ("炽循", "FU01.TCOOL", 7.2, 1.2),  # a furnace's cooling water return warm
)
#: A tank filled to the brim waiting for its train: high level stands.
FULL_TANK = ("汇储乙", "TK09.LEVEL")
#: Devices that died some days ago and that nobody has replaced.
DEAD = (("溶岳", "NG01.DTU"),)


def apply(catalogue: Catalogue, firms: list[Enterprise]) -> None:
    """Change the catalogue in place.

    Raises:
        LookupError: an entry names a point that the zone does not have.
    """
    codes = {brand: f.code for f in firms for brand in _brands() if f.short.startswith(brand)}
    points = {p.code: p for p in catalogue.points}
    for brand, suffix, shift, factor in RESTLESS:
        point = points[f"{codes[brand]}.{suffix}"]
        s = point.signal
        a, b, c, d = s.noise
        point.signal = replace(s, base=s.base + shift, noise=(a * factor, b * factor, c * factor, d * factor))
    full = points[f"{codes[FULL_TANK[0]]}.{FULL_TANK[1]}"]
    height = full.high
    full.signal = replace(full.signal, base=0.868 * height, cycle=0.012 * height)
    devices = {d.code: d for d in catalogue.devices}
    for brand, suffix in DEAD:
        devices[f"{codes[brand]}.{suffix}"].dead = True


def _brands() -> set[str]:
    return {b for b, *_ in RESTLESS} | {FULL_TANK[0]} | {b for b, _ in DEAD}
