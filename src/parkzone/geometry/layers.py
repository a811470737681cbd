"""The zone as GeoJSON layers, as the registry imports them.

Properties follow the registry's vocabulary: ``code, name, name_en, kind, parent_code, enterprise_code`` and
for drawing ``height, base, tone, class, major`` inside the free properties of a place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from parkzone.geometry import frame, terrain
from parkzone.geometry.buildings import Building, Stand, villages
from parkzone.geometry.contours import contour_lines
from parkzone.geometry.plan import USE_NAMES, Plan
from parkzone.geometry.roads import railway, river, roads

Feature = dict[str, Any]
CONTOUR_STEP_M = 12.0


def feature(geometry: dict[str, Any], **properties: Any) -> Feature:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(features: list[Feature]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def areas(plan: Plan) -> dict[str, list[Feature]]:
    """Layers ``boundary`` (one feature) and ``zones`` (districts, parks, functional zones)."""
    out: dict[str, list[Feature]] = {"boundary": [], "zones": []}
    for area in plan.areas:
        geometry = frame.shape(area.shape)
        props = {"code": area.code, "name": area.name, "name_en": area.name_en, "kind": area.kind}
        if area.parent:
            props["parent_code"] = area.parent
        out["boundary" if area.kind == "boundary" else "zones"].append(
            feature(geometry, **props, area_m2=round(area.shape.area))
        )
    return out


def labels(plan: Plan) -> list[Feature]:
    """One point per functional zone, inside its largest part."""
    out = []
    for area in plan.areas:
        if area.kind == "zone":
            largest = max(shapely.get_parts(area.shape), key=lambda p: p.area)
            at = largest.representative_point()
            out.append(feature(frame.point(at.x, at.y), code=area.code, name=area.name, name_en=area.name_en))
    return out


def parcels(plan: Plan, owners: Mapping[str, str]) -> list[Feature]:
    """All parcels; ``owners`` maps parcel codes to enterprise codes."""
    out = []
    for p in plan.parcels:
        name, use = USE_NAMES[p.use]
        owner = owners.get(p.code)
        state = "occupied" if owner or p.use in "ARSL" else "available"
        props: dict[str, Any] = {
            "code": f"PC-{p.code}", "name": f"{p.code} {name}", "name_en": f"{p.code} {use}",
            "kind": "parcel", "parent_code": p.zone or "ZONE", "land_use": use, "area_m2": round(p.area_m2),
            "state": state,
        }  # fmt: skip
        if owner:
            props["enterprise_code"] = owner
        out.append(feature(frame.polygon(p.ring), **props))
    return out


def _building(code: str, b: Building, parent: str, owner: str | None) -> Feature:
    props: dict[str, Any] = {
        "code": code, "name": code, "kind": "building", "class": b.form, "height": b.height, "base": b.base,
        "tone": b.tone, "parent_code": parent,
    }  # fmt: skip
    if owner:
        props["enterprise_code"] = owner
    return feature(frame.polygon(b.ring), **props)


def structures(stands: list[Stand], owners: Mapping[str, str], seed: int) -> dict[str, list[Feature]]:
    """Layers ``buildings``, ``shadows``, ``bunds``, ``solar``."""
    out: dict[str, list[Feature]] = {"buildings": [], "shadows": [], "bunds": [], "solar": []}
    for stand in stands:
        code, parent = stand.parcel.code, f"PC-{stand.parcel.code}"
        owner = owners.get(code)
        for i, b in enumerate(stand.buildings, 1):
            out["buildings"].append(_building(f"B-{code}-{i:03d}", b, parent, owner))
        shadow = stand.shadows()
        if not shadow.is_empty:
            out["shadows"].append(
                feature(
                    frame.shape(shadow),
                    code=f"SH-{code}",
                    name=f"SH-{code}",
                    kind="shadow",
                    parent_code=parent,
                )
            )
        for i, ring in enumerate(stand.bunds, 1):
            props = {"code": f"BD-{code}-{i}", "name": f"{code} 围堰 {i}", "name_en": f"{code} bund {i}"}
            if owner:
                props["enterprise_code"] = owner
            out["bunds"].append(feature(frame.polygon(ring), **props, kind="bund", parent_code=parent))
        if stand.panels:
            rows = shapely.union_all([Polygon(ring) for ring in stand.panels])
            names = {"name": f"{code} 光伏阵列", "name_en": f"{code} PV array"}
            out["solar"].append(
                feature(
                    frame.shape(rows),
                    code=f"PV-{code}",
                    **names,
                    kind="solar",
                    height=3.2,
                    parent_code=parent,
                )
            )
    for i, b in enumerate(villages(seed), 1):
        out["buildings"].append(_building(f"B-OUT-{i:03d}", b, "ZONE", None))
    return out


def lines(plan: Plan) -> dict[str, list[Feature]]:
    """Layers ``roads``, ``rail``, ``river``."""
    road_features = [
        feature(
            frame.line(r.points),
            code=r.code,
            name=r.name,
            name_en=r.name_en,
            kind="road",
            **{"class": r.rank},
        )
        for r in roads(plan)
    ]
    rail = feature(
        frame.line(railway()),
        code="RW-1",
        name="青原货运铁路",
        name_en="Qingyuan freight railway",
        kind="rail",
    )
    water = feature(frame.polygon(river()), code="RV-1", name="青河", name_en="Qing River", kind="river")
    return {"roads": road_features, "rail": [rail], "river": [water]}


def contours(seed: int) -> list[Feature]:
    """Contour lines of the hills every 12 m, every fifth marked ``major``."""
    xs, ys = np.linspace(-8200.0, 8200.0, 150), np.linspace(-6600.0, 6900.0, 124)
    heights = terrain.height(seed, *np.meshgrid(xs, ys))
    out: list[Feature] = []
    for level in np.arange(CONTOUR_STEP_M, 320.0, CONTOUR_STEP_M):
        for points in contour_lines(xs, ys, heights, float(level)):
            if len(points) < 12:
                continue
            index = len(out) + 1
            major = round(level / CONTOUR_STEP_M) % 5 == 0
            out.append(
                feature(
                    frame.line(points), code=f"CT-{index:04d}", name=f"{level:.0f} m", kind="contour",
                    elevation_m=float(level), major=major,
                )
            )  # fmt: skip
    return out
