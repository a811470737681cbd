from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely

from parkzone import payloads
from parkzone.geometry import frame, layers
from parkzone.geometry.contours import contour_lines
from parkzone.park import Park, make_park


@pytest.fixture(scope="module")
def files(park: Park) -> dict[str, tuple[str, bytes]]:
    return {name: (kind, data) for kind, name, data in payloads.registry_files(park)}


def test_same_seed_same_bytes(park: Park, files: dict[str, tuple[str, bytes]]) -> None:
    again = {name: (kind, data) for kind, name, data in payloads.registry_files(make_park(park.seed))}
    assert again == files
    assert payloads.points_csv(make_park(park.seed)) == payloads.points_csv(park)


def test_another_seed_makes_another_zone_of_the_same_size(park: Park) -> None:
    other = make_park(7)
    assert len(other.firms) == len(park.firms)
    assert payloads.points_csv(other) != payloads.points_csv(park)
    assert 2800 <= len(other.catalogue.points) <= 3000


def test_core_area_is_56_12_km2(park: Park) -> None:
    assert park.plan.boundary.area == pytest.approx(56.12e6, rel=1e-9)
    # measured again from the published degrees, spherical excess of the authalic sphere
    ring = np.radians(layers.areas(park.plan)["boundary"][0]["geometry"]["coordinates"][0])
    lon, lat = ring[:, 0], ring[:, 1]
    area = abs(np.sum((lon[1:] - lon[:-1]) * (2 + np.sin(lat[1:]) + np.sin(lat[:-1])))) * 6_371_008.8**2 / 2
    assert area == pytest.approx(56.12e6, rel=2e-3)


def test_two_districts_and_two_parks_cover_the_core_without_overlap(park: Park) -> None:
    parts = [a for a in park.plan.areas if a.kind in ("district", "park")]
    assert sorted(a.kind for a in parts) == ["district", "district", "park", "park"]
    assert sum(a.shape.area for a in parts) == pytest.approx(park.plan.boundary.area, rel=1e-3)
    assert shapely.union_all([a.shape for a in parts]).area == pytest.approx(
        park.plan.boundary.area, rel=1e-3
    )
    chemical = next(a for a in parts if a.code == "P1")
    for firm in park.firms:
        if firm.industry == "fertiliser":
            assert chemical.shape.contains(shapely.Polygon(firm.parcel.ring)), firm.name


def test_every_geometry_is_valid_and_near_the_zone(files: dict[str, tuple[str, bytes]]) -> None:
    seen = 0
    for name, (_, data) in files.items():
        for feature in json.loads(data)["features"]:
            if feature["geometry"] is None:
                continue
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            assert shape.is_valid, (name, feature["properties"]["code"], shapely.is_valid_reason(shape))
            west, south, east, north = shape.bounds
            assert 120.65 < west <= east < 120.90, name
            assert 41.70 < south <= north < 41.90, name
            seen += 1
    assert seen > 5000


def test_codes_are_unique_within_each_kind(files: dict[str, tuple[str, bytes]]) -> None:
    places: set[str] = set()
    for name, (kind, data) in files.items():
        codes = [f["properties"]["code"] for f in json.loads(data)["features"]]
        assert len(codes) == len(set(codes)), name
        if kind in ("zones", "places", "roads", "buildings") or name.endswith("-parcels.geojson"):
            assert not places & set(codes), name
            places |= set(codes)


def test_parcels_do_not_overlap(park: Park) -> None:
    shapes = [shapely.Polygon(p.ring) for p in park.plan.parcels]
    tree = shapely.STRtree(shapes)
    pairs = tree.query(shapes, predicate="overlaps")
    assert pairs.size == 0


def test_lonlat_round_trip_keeps_a_decimetre() -> None:
    for u, v in ((0.0, 0.0), (4660.0, -2870.0), (-4760.0, 2890.0)):
        x, y = frame.to_xy(u, v)
        a, b = frame.xy_of(*frame.to_lonlat(u, v))
        assert math.hypot(a - x, b - y) < 0.12


def test_contours_follow_a_cone() -> None:
    xs, ys = np.linspace(-10, 10, 81), np.linspace(-8, 8, 65)
    heights = 10 - np.hypot(*np.meshgrid(xs, ys))
    (line,) = contour_lines(xs, ys, heights, 4.0)
    assert line[0] == line[-1]
    radii = np.hypot(*np.array(line).T)
    assert radii == pytest.approx(6.0, abs=0.02)


def test_contours_that_leave_the_map_are_open() -> None:
    xs, ys = np.linspace(0, 1, 11), np.linspace(0, 1, 11)
    slope = np.tile(xs, (11, 1))
    (line,) = contour_lines(xs, ys, slope, 0.55)
    assert line[0] != line[-1]
    assert {round(x, 9) for x, _ in line} == {0.55}
    assert len(line) == 11
