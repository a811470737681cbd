"""The 17 high lookout cameras and the low ones at streets and tanks, as records."""

from __future__ import annotations

from dataclasses import dataclass

from parkzone.geometry.frame import Point
from parkzone.geometry.plan import AVENUES, STREETS
from parkzone.seeds import stream

COUNT = 17
#: Street crossings (avenue index, street index) at which the towers stand.
_CROSSINGS = (
    (1, 6), (3, 7), (6, 7), (9, 7), (2, 4), (4, 5), (5, 4), (7, 5), (9, 5), (1, 2), (3, 3), (5, 2), (7, 3),
    (9, 3), (2, 1), (5, 1), (8, 1),
)  # fmt: skip


#: Low cameras: name, English name, place in zone axes, height over ground, azimuth at rest.
_LOW = (
    ("化工园中央路口", "Chemical park crossing", (-1090.0, -1490.0), 12.0, 40.0),
    ("化工园东门", "Chemical park east gate", (798.0, -1432.0), 10.0, 285.0),
    ("储罐区北侧", "Tank farm north side", (-90.0, -690.0), 15.0, 200.0),
    ("储罐区南侧", "Tank farm south side", (-150.0, -2150.0), 14.0, 20.0),
    ("冶金区路口", "Metals zone crossing", (-2920.0, -690.0), 12.0, 320.0),
    ("装备区路口", "Equipment zone crossing", (-2920.0, 1510.0), 12.0, 130.0),
    ("食品区路口", "Food zone crossing", (1830.0, 760.0), 11.0, 60.0),
    ("中央大街广场", "Central avenue square", (-160.0, 770.0), 13.0, 350.0),
)  # fmt: skip


@dataclass(frozen=True)
class Lookout:
    """A camera on a tower or a pole; ``azimuth_deg`` clockwise from north at rest."""

    code: str
    name: str
    name_en: str
    at: Point
    height_m: float
    azimuth_deg: float
    kind: str = "lookout"


def lookouts(seed: int) -> list[Lookout]:
    rng = stream(seed, "lookouts")
    out = []
    for i, (a, s) in enumerate(_CROSSINGS, 1):
        height = float(rng.choice([35.0, 40.0, 45.0, 48.0]))
        at = (AVENUES[a] + 28.0, STREETS[s] + 28.0)
        azimuth = round(float(rng.uniform(0, 359)), 1)
        out.append(Lookout(f"T{i:02d}", f"云眼 T{i:02d}", f"Lookout T{i:02d}", at, height, azimuth))
    return out


def low_cameras() -> list[Lookout]:
    """Cameras on poles along the streets; fixed places, so that drills know what they see."""
    return [
        Lookout(
            f"C{i:02d}", f"低点 C{i:02d} {name}", f"Low camera C{i:02d} {name_en}", at, height, azimuth, "low"
        )
        for i, (name, name_en, at, height, azimuth) in enumerate(_LOW, 1)
    ]
