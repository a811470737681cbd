"""The pictures agree with the camera's formulas, and the depth oracle with the sight lines."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from parksight.physics import geodesy
from parksight.physics.camera import Camera, Pose
from parksight.physics.sightlines import Prism, Terrain, ground
from parkzone.cameras.cast import filmers
from parkzone.cameras.renderer import Renderer
from parkzone.cameras.scenery import Chunk, Scenery
from parkzone.cameras.sketch import Sketcher
from parkzone.cameras.solids import CENTRE, Material, Soup, lone, lonlat
from parkzone.cameras.stage import Fire, Shot
from parkzone.geometry import frame
from parkzone.geometry.buildings import build
from parkzone.geometry.plan import Plan
from parkzone.geometry.terrain import relief
from parkzone.seeds import DEFAULT_SEED

F64 = npt.NDArray[np.float64]
#: One o'clock in the afternoon of the zone in November: full light.
NOON_S = 1_795_755_600.0
CAST = filmers(DEFAULT_SEED)


def _boards(camera: Camera, count: int, zoom: float) -> tuple[Scenery, F64]:
    """Small bright boxes around a camera, and their centres in its frame."""
    rng = np.random.default_rng(5)
    u0, v0 = CAST["T09"].at
    angle, away = rng.uniform(0, 2 * math.pi, count), rng.uniform(150.0, 2500.0, count)
    up = rng.uniform(2.0, 40.0, count)
    half = away * 0.004 / zoom
    at = np.column_stack([u0 + away * np.cos(angle), v0 + away * np.sin(angle)])
    soup = Soup(snapped=False)
    lone(soup, np.column_stack([at, half, half, up - half, up + half]), (1.0, 0.0, 0.0), Material.PLAIN)
    rows = soup.vertices()
    chunk = Chunk(0, len(rows), (0.0, 0.0, 0.0), 20_000.0, "bodies")
    degrees = lonlat(at)
    enu = geodesy.to_enu(degrees[:, 0], degrees[:, 1], up, camera.origin)
    return Scenery(rows, (chunk,), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 3))), enu


def _centre(picture: npt.NDArray[np.uint8], near: F64) -> F64 | None:
    """Centroid of red around a pixel, pixel centres at the halves; None where the window cuts it."""
    u, v = int(near[0]), int(near[1])
    window = picture[v - 20 : v + 21, u - 20 : u + 21].astype(np.float64)
    red = np.clip(window[..., 0] - np.maximum(window[..., 1], window[..., 2]) - 15.0, 0.0, None)
    if red.sum() < 200 or red[0].any() or red[-1].any() or red[:, 0].any() or red[:, -1].any():
        return None
    rows, columns = np.nonzero(red)
    weight = red[rows, columns] > 0
    return np.array([u - 20 + (columns + 0.5)[weight].mean(), v - 20 + (rows + 0.5)[weight].mean()])


@pytest.mark.parametrize("kind", [Renderer, Sketcher])
@pytest.mark.parametrize("zoom", [1.0, 2.5, 7.0])
def test_landmarks_stand_where_the_camera_model_says(kind: type[Renderer | Sketcher], zoom: float) -> None:
    camera = replace(CAST["T09"].truth, axis_x=0.01, axis_y=-0.008, roll=0.012, k1=-0.08, k2=0.012)
    boards, enu = _boards(camera, 240, zoom)
    renderer = kind(boards, DEFAULT_SEED)
    errors = []
    for pan in np.linspace(0.0, 2 * math.pi, 9)[:-1]:
        pose = Pose(float(pan), math.radians(-3.0), zoom)
        picture = renderer.film(Shot(camera, pose, NOON_S, NOON_S, camera.size, traffic=False))
        pixels, seen = camera.project(enu, pose)
        for pixel in pixels[seen]:
            if 25 < pixel[0] < 1255 and 25 < pixel[1] < 695:
                alone = np.linalg.norm(pixels[seen] - pixel, axis=1)
                found = _centre(picture, pixel) if (alone < 45).sum() == 1 else None
                if found is not None:
                    errors.append(float(np.linalg.norm(found - pixel)))
    assert len(errors) >= (25 if zoom < 5 else 6)
    assert np.median(errors) < 0.5
    assert np.percentile(errors, 95) < 1.0


def _world(camera: Camera) -> tuple[Terrain, list[Prism]]:
    """Terrain and bodies in a camera's frame, from what the map holds."""
    ground_ = relief(DEFAULT_SEED)
    east = north = np.arange(-1500.0, 1501.0, 50.0)
    x, y = np.meshgrid(east, north)
    degrees = geodesy.from_enu(np.stack([x, y, np.zeros_like(x)], axis=-1), camera.origin)
    u, v = frame.to_uv((degrees[..., 0] - frame.LON0) * frame.KX, (degrees[..., 1] - frame.LAT0) * frame.KY)
    terrain = Terrain(east, north, ground_.at(u, v) - camera.origin[2])
    prisms = []
    for parcel in Plan().parcels:
        for body in build(parcel, DEFAULT_SEED).buildings:
            ring = np.round(lonlat(np.array(body.ring)), 6)
            at = geodesy.to_enu(ring[:, 0], ring[:, 1], 0.0, camera.origin)
            if np.hypot(*at[0, :2]) > 1000.0:
                continue
            fall = float(at[:, 2].mean()) + 0.13 * float((at[:, :2] ** 2).sum(axis=1).mean()) / (
                2 * 6_371_000.0
            )
            base = body.base if body.base else -2.0
            prisms.append(Prism(at[:, :2], fall + base, fall + body.height))
    return terrain, prisms


def test_depth_and_sight_lines_agree(park_renderer: Renderer) -> None:
    camera = CAST["T09"].truth
    terrain, prisms = _world(camera)
    rng = np.random.default_rng(11)
    gaps = []
    while len(gaps) < 120:
        pose = Pose(
            rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(-25.0, -6.0)), rng.uniform(1.0, 6.0)
        )
        pixel = (float(rng.uniform(0, 1280)), float(rng.uniform(0, 720)))
        ray = camera.ray(pixel, pose)
        filmed = park_renderer.distance(Shot(camera, pose, NOON_S, NOON_S, camera.size), ray)
        hit = ground(camera, pixel, pose, terrain, prisms, farthest=900.0)
        if hit is None or filmed is None:
            assert filmed is None or filmed > 800.0
            continue
        if hit.distance > 800.0:
            continue
        gaps.append(abs(hit.distance - filmed))
    # what no map holds (posts, bund walls, panels) and the very edges of bodies are the rest
    assert np.percentile(gaps, 50) < 0.02
    assert np.percentile(gaps, 90) < 0.1


def test_the_picture_is_lit_by_the_clock(park_renderer: Renderer) -> None:
    f = CAST["T09"]
    pose = Pose(math.radians(f.rest[0]), math.radians(f.rest[1]))
    day, night = (
        park_renderer.film(Shot(f.truth, pose, NOON_S, at, (640, 360))).mean() for at in (NOON_S, NOON_S + 43_200)
    )  # fmt: skip
    assert day > 90
    assert 8 < night < 60


@pytest.mark.parametrize(("kind", "test"), [("smoke", "grey"), ("flame", "red")])
def test_fire_is_seen_where_it_is_placed(park_renderer: Renderer, kind: str, test: str) -> None:
    f = CAST["T09"]
    lon, lat = frame.to_lonlat(f.at[0] + 300.0, f.at[1] + 20.0)
    target = geodesy.to_enu(lon, lat, 12.0, f.truth.origin)
    pose = f.truth.aim(target, width=30.0, fill=0.3)
    bare = Shot(f.truth, pose, NOON_S, NOON_S, (640, 360), traffic=False)
    fire = Fire(kind, lon, lat, 8.0, 4.0, NOON_S - 60.0)
    before = park_renderer.film(bare).astype(int)
    after = park_renderer.film(replace(bare, fires=(fire,))).astype(int)
    changed = np.abs(after - before).sum(axis=2) > 30
    assert changed[120:240, 220:420].mean() > 0.04
    if test == "red":
        middle = after[changed]
        assert (middle[:, 0] > middle[:, 2] + 40).mean() > 0.5


def test_spoilt_pictures(park_renderer: Renderer) -> None:
    f = CAST["T09"]
    shot = Shot(f.truth, Pose(0.3, -0.1), NOON_S, NOON_S, (640, 360), traffic=False)
    plain = park_renderer.film(shot).astype(float)
    assert park_renderer.film(replace(shot, dark=True)).mean() < 10

    def sharpness(p: npt.NDArray[np.float64]) -> float:
        return float(np.abs(np.diff(p[..., 1], axis=1)).mean())

    assert sharpness(park_renderer.film(replace(shot, blurred=True)).astype(float)) < 0.4 * sharpness(plain)
    moved = park_renderer.film(replace(shot, shift_px=40.0)).astype(float)
    assert (
        np.abs(moved[:, 40:, :] - plain[:, 20:-20, :]).mean() < np.abs(moved[:, 40:] - plain[:, 40:]).mean()
    )


def test_the_same_seed_films_the_same(park_scenery: Scenery) -> None:
    from parkzone.cameras.scenery import scenery

    again = scenery(DEFAULT_SEED)
    assert np.array_equal(again.vertices, park_scenery.vertices)
    assert np.array_equal(again.paint, park_scenery.paint)
    assert CENTRE[2] == 0.0
