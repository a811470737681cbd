from __future__ import annotations

import re
from collections import Counter

import shapely

from parksight.registry.words import EQUIPMENT_KINDS
from parksight.telemetry.units import QUANTITIES, UNITS
from parkzone.catalogue.energy import TERMINALS
from parkzone.geometry.frame import to_lonlat
from parkzone.park import Park

TAGS = re.compile(
    r"energy\.(active_power|reactive_power|power_factor|voltage|current|energy|steam|steam_total|steam_pressure|gas|"
    r"gas_total|water|water_total|pv|pv_temperature)|emission\.(stack|outfall)|air\.(fence|ambient)|noise\.boundary|"
    r"tank\.(level|temperature|pressure)|gas\.(combustible|voc|h2s|cl2|nh3)|process\.[a-z]+|"
    r"weather\.(wind_speed|wind_direction|temperature|humidity|pressure|rain|irradiance)"
)


def test_about_2900_points(park: Park) -> None:
    assert 2800 <= len(park.catalogue.points) <= 3000
    assert len({p.code for p in park.catalogue.points}) == len(park.catalogue.points)
    assert len({d.code for d in park.catalogue.devices}) == len(park.catalogue.devices)
    assert len({e.code for e in park.catalogue.equipment}) == len(park.catalogue.equipment)


def test_76_energy_terminals(park: Park) -> None:
    meters = [d for d in park.catalogue.devices if d.kind == "meter"]
    assert len(meters) == TERMINALS == 76
    assert sum(p.kind == "energy.active_power" for p in park.catalogue.points) == 76


def test_every_firm_is_connected(park: Park) -> None:
    assert {p.enterprise.code for p in park.catalogue.points if p.enterprise} == {f.code for f in park.firms}


def test_points_are_measurable_by_the_platform(park: Park) -> None:
    for p in park.catalogue.points:
        quantity = QUANTITIES[p.quantity]
        assert UNITS[p.unit].dimension == UNITS[quantity.unit].dimension, p.code
        assert TAGS.fullmatch(p.kind), p.kind
        assert p.low < p.high, p.code
        assert abs(round(1 / p.resolution) * p.resolution - 1) < 1e-9, p.code


def test_limits_lie_in_order_inside_the_plausible_range(park: Park) -> None:
    limited = 0
    for p in park.catalogue.points:
        if p.limits is None:
            continue
        steps = [
            x for x in (p.limits.low_low, p.limits.low, p.limits.high, p.limits.high_high) if x is not None
        ]
        assert steps == sorted(set(steps)), p.code
        assert p.low < steps[0], p.code
        assert steps[-1] < p.high or p.kind.startswith("tank"), p.code
        assert p.limits.source, p.code
        limited += 1
    assert limited > 1200


def test_addresses_are_unique_per_device(park: Park) -> None:
    for code, points in park.catalogue.of_device().items():
        addresses = Counter(p.address for p in points)
        assert points, code
        assert max(addresses.values()) == 1, code


def test_keys_are_unique_per_protocol(park: Park) -> None:
    keys = Counter((d.protocol, d.key) for d in park.catalogue.devices)
    assert max(keys.values()) == 1


def test_mn_lengths_follow_the_version(park: Park) -> None:
    for d in park.catalogue.devices:
        if d.protocol == "hj212":
            assert re.fullmatch(r"[0-9A-F]{14}" if d.version == 2005 else r"[0-9A-F]{24}", d.key), d.key
    versions = Counter(d.version for d in park.catalogue.devices if d.protocol == "hj212")
    assert set(versions) == {2005, 2017, 2025}


def test_equipment_stands_on_the_land_of_its_firm(park: Park) -> None:
    for e in park.catalogue.equipment:
        assert e.kind in EQUIPMENT_KINDS
        if e.enterprise:
            land = shapely.Polygon(e.enterprise.parcel.ring).buffer(25)
            assert land.contains(shapely.Point(e.at)), e.code
        assert 120.6 < to_lonlat(*e.at)[0] < 120.95


def test_tanks_stand_where_their_bodies_are(park: Park) -> None:
    stands = {s.parcel.code: s for s in park.stands}
    for e in park.catalogue.equipment:
        if e.kind == "tank":
            assert e.enterprise is not None
            bodies = [b for b in stands[e.enterprise.parcel.code].buildings if b.storage]
            assert any((b.u, b.v) == e.at and b.height == e.height_m for b in bodies), e.code


def test_periods_are_what_such_instruments_have(park: Park) -> None:
    bounds = {"gas": (5, 10), "tank": (5, 15), "energy": (15, 30), "emission": (30, 60), "air": (60, 60)}
    for p in park.catalogue.points:
        low, high = bounds.get(p.kind.split(".")[0], (5, 60))
        assert low <= p.period_s <= high, p.code
