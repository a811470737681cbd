"""The 17 high lookout cameras, as records."""

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


@dataclass(frozen=True)
class Lookout:
    """A camera on a tower; ``azimuth_deg`` clockwise from north at rest."""

    code: str
    name: str
    name_en: str
    at: Point
    height_m: float
    azimuth_deg: float


def lookouts(seed: int) -> list[Lookout]:
    rng = stream(seed, "lookouts")
    out = []
    for i, (a, s) in enumerate(_CROSSINGS, 1):
        height = float(rng.choice([35.0, 40.0, 45.0, 48.0]))
        at = (AVENUES[a] + 28.0, STREETS[s] + 28.0)
        azimuth = round(float(rng.uniform(0, 359)), 1)
        out.append(Lookout(f"T{i:02d}", f"云眼 T{i:02d}", f"Lookout T{i:02d}", at, height, azimuth))
    return out
