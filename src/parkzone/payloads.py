"""Everything the zone tells ParkSight about itself, as the files and rows its import routes take."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from parkzone.addresses import Endpoints, device_row
from parkzone.catalogue.specs import Point
from parkzone.geometry import frame, layers
from parkzone.geometry.layers import Feature, collection, feature
from parkzone.lookouts import lookouts, low_cameras
from parkzone.park import Park

SIMULATED = {"simulated": True}
POINT_COLUMNS = (
    "code", "name", "name_en", "quantity", "unit", "source_unit", "period_s", "resolution", "plausible_low",
    "plausible_high", "enterprise_code", "thing_code", "kind", "priority", "simulated", "properties",
)  # fmt: skip


def registry_files(park: Park) -> list[tuple[str, str, bytes]]:
    """(registry kind, file name, GeoJSON bytes) in the order in which references resolve."""
    owners = park.owners
    areas = layers.areas(park.plan)
    built = layers.structures(park.stands, owners, park.seed)
    drawn = layers.lines(park.plan)
    order: list[tuple[str, str, list[Feature]]] = [
        ("zones", "boundary", areas["boundary"]),
        ("zones", "districts", [f for f in areas["zones"] if f["properties"]["kind"] != "zone"]),
        ("zones", "zones", [f for f in areas["zones"] if f["properties"]["kind"] == "zone"]),
        ("parcels", "parcels", layers.parcels(park.plan, {})),
        ("enterprises", "enterprises", enterprises(park)),
        ("parcels", "parcel-owners", layers.parcels(park.plan, owners)),
        ("sites", "sites", sites(park)),
        ("units", "units", units(park)),
        ("equipment", "equipment", equipment(park)),
        ("people", "people", people(park)),
        ("cameras", "cameras", cameras(park)),
        ("roads", "roads", drawn["roads"]),
        ("places", "terrain", drawn["rail"] + drawn["river"] + layers.contours(park.seed)),
        ("buildings", "buildings", built["buildings"]),
        ("places", "ground", built["shadows"] + built["bunds"] + built["solar"]),
    ]
    return [
        (kind, f"parkzone-{park.seed}-{name}.geojson", encode(collection(rows))) for kind, name, rows in order
    ]


def encode(document: Any) -> bytes:
    """JSON without blanks; the same document always gives the same bytes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def enterprises(park: Park) -> list[Feature]:
    return [
        feature(
            frame.point(*f.parcel.centre), code=f.code, name=f.name, name_en=f.name_en, industry=f.industry,
            credit_code=f.credit_code, status="producing", chemical=f.chemical,
            legal_representative=f.representative, contact_name=f.contact[0], contact_phone=f.phone,
            address=f"青原经济开发区 {f.parcel.code} 地块", parcel_code=f"PC-{f.parcel.code}",
            zone_code=f.parcel.zone,
            properties={**SIMULATED, "short": f.short, "short_en": f.short_en, "product": f.trade.product,
                        "product_en": f.trade.product_en, "load_mw": f.load_mw, "shift": f.trade.shift},
        )
        for f in park.firms
    ]  # fmt: skip


def sites(park: Park) -> list[Feature]:
    return [
        feature(
            frame.polygon(f.parcel.ring), code=f"{f.code}.S1", name=f"{f.short} 厂区", name_en=f"{f.short_en} plant",
            enterprise_code=f.code, parcel_code=f"PC-{f.parcel.code}",
        )
        for f in park.firms
    ]  # fmt: skip


def units(park: Park) -> list[Feature]:
    return [
        feature(
            frame.polygon(u.enterprise.parcel.ring), code=u.code, name=u.name, name_en=u.name_en,
            enterprise_code=u.enterprise.code, site_code=f"{u.enterprise.code}.S1",
        )
        for u in park.catalogue.units
    ]  # fmt: skip


def equipment(park: Park) -> list[Feature]:
    out = []
    for e in park.catalogue.equipment:
        props: dict[str, Any] = {"code": e.code, "name": e.name, "name_en": e.name_en, "kind": e.kind}
        if e.enterprise:
            props |= {"enterprise_code": e.enterprise.code, "site_code": f"{e.enterprise.code}.S1"}
        if e.unit:
            props["unit_code"] = e.unit
        if e.height_m is not None:
            props["height_m"] = e.height_m
        out.append(feature(frame.point(*e.at), **props, properties={**SIMULATED, **e.properties}))
    return out


def people(park: Park) -> list[Feature]:
    """Two placeholder people per firm: the contact and the safety officer."""
    out = []
    for i, f in enumerate(park.firms):
        for j, (who, zh, en) in enumerate(
            ((f.contact, "联系人", "contact"), (f.safety_officer, "安全负责人", "safety officer"))
        ):
            out.append({
                "type": "Feature", "geometry": None,
                "properties": {
                    "code": f"{f.code}.P{j + 1}", "name": who[0], "name_en": who[1], "enterprise_code": f.code,
                    "phone": f"000-{8900_0000 + 10 * i + j:08d}", "properties": {**SIMULATED, "duty": zh, "duty_en": en},
                },
            })  # fmt: skip
    return out


def cameras(park: Park) -> list[Feature]:
    return [
        feature(
            frame.point(*c.at), code=c.code, name=c.name, name_en=c.name_en, kind=c.kind, height_m=c.height_m,
            azimuth_deg=c.azimuth_deg, properties=SIMULATED,
        )
        for c in [*lookouts(park.seed), *low_cameras()]
    ]  # fmt: skip


def points_csv(park: Park) -> bytes:
    """All points as the point import takes them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(POINT_COLUMNS)
    for p in park.catalogue.points:
        writer.writerow([
            p.code, p.name, p.name_en, p.quantity, p.unit, p.unit, f"{p.period_s:g}", f"{p.resolution:g}", f"{p.low:.10g}",
            f"{p.high:.10g}", p.enterprise.code if p.enterprise else "", p.equipment.code, p.kind, p.priority, "true",
            json.dumps(_point_properties(p), ensure_ascii=False, separators=(",", ":")),
        ])  # fmt: skip
    return buffer.getvalue().encode()


def _point_properties(p: Point) -> dict[str, Any]:
    props: dict[str, Any] = {}
    if p.substance:
        props["substance"] = p.substance
    if p.limits and p.limits.high is not None:
        props["limit_high"] = p.limits.high
    if p.limits and p.limits.low is not None:
        props["limit_low"] = p.limits.low
    return props


def alarm_rules(park: Park) -> list[dict[str, Any]]:
    """One threshold rule per point with limits, and the stale rule of every point."""
    out = []
    for p in park.catalogue.points:
        rule: dict[str, Any] = {"code": f"AR.{p.code}", "point": p.code, "stale_s": max(60.0, 4 * p.period_s)}
        if p.limits:
            lim = p.limits
            rule |= {
                "high": lim.high, "high_high": lim.high_high, "low": lim.low, "low_low": lim.low_low,
                "deadband": lim.deadband, "on_delay_s": lim.on_delay_s, "off_delay_s": lim.off_delay_s,
                "priority": lim.priority, "priority_outer": max(1, lim.priority - 1), "source": lim.source,
            }  # fmt: skip
        out.append(rule)
    return out


def devices(park: Park, endpoints: Endpoints) -> list[dict[str, Any]]:
    """All devices with their mappings, points and owners by code (resolved to ids by the set-up)."""
    by_device = park.catalogue.of_device()
    return [device_row(d, by_device[d.code], endpoints) for d in park.catalogue.devices]
