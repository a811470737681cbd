"""What the plants of the zone have filed about their major hazard sources; design maxima from the tanks that stand there."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from parksight.standards import gb18218
from parksight.standards.rulepack import RuleMissing
from parkzone.catalogue.specs import Equipment
from parkzone.park import Park
from parkzone.seeds import stream

#: What is stored -> (substance as GB 18218-2018 finds it, t/m3). Without an entry of Table 1: the class of Table 2.
STORED: dict[str, tuple[str, float]] = {
    "苯": ("71-43-2", 0.88), "甲苯": ("108-88-3", 0.87), "甲醇": ("67-56-1", 0.79), "乙醇": ("64-17-5", 0.79),
    "液氨": ("7664-41-7", 0.60), "液氯": ("7782-50-5", 1.40), "苯乙烯": ("100-42-5", 0.91), "丙酮": ("67-64-1", 0.79),
    "二甲苯": ("W5.4", 0.86), "柴油": ("W5.4", 0.84), "双氧水": ("W9.2", 1.20),
}  # fmt: skip
#: Filling limit of a tank.
FILL = 0.85
#: The day on which the filings of the demo zone are judged; the platform judges them by its own day.
FILED = date(2026, 6, 30)
PARAMETERS = {"tank.level": "level", "tank.temperature": "temperature", "tank.pressure": "pressure"}
#: Kept under pressure: its level and pressure trip the plant.
TRIPPED = ("液氨", "液氯")


def rows(park: Park) -> list[dict[str, Any]]:
    """One row per tank farm that stores anything listed, as the platform's import takes them; stable per seed."""
    farms: dict[str, list[Equipment]] = defaultdict(list)
    for thing in park.catalogue.equipment:
        if thing.kind == "tank" and thing.unit is not None and thing.properties["substance"] in STORED:
            farms[thing.unit].append(thing)
    points: dict[str, list[list[Any]]] = defaultdict(list)
    for p in park.catalogue.points:
        if p.equipment.unit in farms and (p.kind in PARAMETERS or p.kind.startswith("gas.")):
            trips = p.kind != "tank.temperature" and p.equipment.properties.get("substance") in TRIPPED
            points[p.equipment.unit].append([p.code, PARAMETERS.get(p.kind, "gas"), trips])
    return [
        _row(park.seed, unit, farms[unit], points[unit], number) for number, unit in enumerate(sorted(farms))
    ]


def _row(
    seed: int, unit: str, tanks: list[Equipment], points: list[list[Any]], number: int
) -> dict[str, Any]:
    rng = stream(seed, "hazard", unit)
    assessed = FILED - timedelta(days=int(rng.integers(20, 1000)))
    masses: dict[str, float] = defaultdict(float)
    for tank in tanks:
        masses[tank.properties["substance"]] += (
            tank.properties["volume_m3"] * STORED[tank.properties["substance"]][1] * FILL
        )
    chemicals = [
        {
            "substance": STORED[name][0], "name": name, "tonnes": round(mass, 1), "condition_confirmed": True,
            "origin": "安全评价报告（演示）", "as_of": assessed.isoformat(),
        }
        for name, mass in masses.items()
    ]  # fmt: skip
    persons = int(rng.choice([0, 12, 40, 60, 110]))
    counted = None if number == UNCOUNTED else persons
    return {
        "unit_code": unit, "kind": "tank_farm", "persons": counted,
        "declared_level": _declared(chemicals, persons, number), "record_no": f"BA-DEMO-{number + 1:03d}",
        "assessed_on": assessed.isoformat(), "assessment_ends_on": (assessed + timedelta(days=3 * 365)).isoformat(),
        "remark": "演示数据", "chemicals": chemicals, "points": points, "simulated": True,
    }  # fmt: skip


#: The farm whose owner has not counted the neighbours, and the one that filed a level too low.
UNCOUNTED, UNDERSTATED = 3, 8


def _declared(chemicals: list[dict[str, Any]], persons: int, number: int) -> int | None:
    items = [gb18218.Inventory(gb18218.find(c["substance"]), c["tonnes"]) for c in chemicals]
    try:
        level = gb18218.identify(items, persons, FILED).level
    except RuleMissing:
        return None
    if level is None:
        return None
    return min(4, gb18218.LEVELS.index(level) + 1 + (number == UNDERSTATED))
