"""Project Prairie Grass (Barad 1958) as the tests read it; origin in data/README.md."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "prairie_grass"
Z0 = 0.006
SOURCE_HEIGHT, RECEPTOR_HEIGHT = 0.46, 1.5


@dataclass(frozen=True)
class Run:
    """One 10-minute release; SI units, friction velocity rescaled from kappa 0.35 to 0.4."""

    number: int
    rate: float
    obukhov: float
    friction_velocity: float
    mixing_height: float
    wind_from: float
    sigma_azimuth_deg: float
    wind_2m: float
    period: str


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@cache
def runs() -> dict[int, Run]:
    """The 53 runs with meteorology and a 0.46 m source."""
    found = {}
    for r in rows("runs.csv"):
        if not r["L_m"] or float(r["source_height_m"]) != SOURCE_HEIGHT:
            continue
        number = int(r["run"])
        found[number] = Run(
            number, float(r["q_g_s"]) / 1000, float(r["L_m"]), float(r["ustar_m_s_kappa0p35"]) * 0.4 / 0.35,
            float(r["mixing_height_m"] or "nan"), float(r["wind_dir_from_deg"]), float(r["sigma_azimuth_deg"]),
            float(r["wind_speed_2m_m_s"]), r["release_period_local"],
        )  # fmt: skip
    return found


@cache
def arc_maxima() -> list[tuple[Run, float, float]]:
    """(run, arc m, loss-corrected maximum mg/m3) of all usable arcs."""
    known = runs()
    return [
        (known[int(r["run"])], float(r["arc_m"]), float(r["cmax_corrected_mg_m3"]))
        for r in rows("arc_summary_derived.csv")
        if int(r["run"]) in known and r["cmax_corrected_mg_m3"] and float(r["cmax_corrected_mg_m3"]) > 0.05
    ]
