"""Camera geometry: round trips, aiming, ground points, fixes, calibration against simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.physics.calibration import PARAMETERS, ControlPoint, calibrate
from parksight.physics.camera import Camera, Candidate, Pose, choose
from parksight.physics.geodesy import from_enu, to_enu
from parksight.physics.sightlines import Prism, Terrain, error_ellipse, ground, two_camera_fix, viewshed

ORIGIN = (120.77, 41.80, 200.0)
CAMERA = Camera(
    ORIGIN, (0.0, 0.0, 60.0), pan0=0.3, tilt0=0.01, axis_x=0.004, axis_y=-0.003, roll=0.005, focal=1100,
    zoom1=-0.02, zoom2=0.003, k1=-0.12, k2=0.01,
)  # fmt: skip
FLAT = Terrain(np.linspace(-4000, 4000, 41), np.linspace(-4000, 4000, 41), np.zeros((41, 41)))


@given(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-50, 900))
def test_wgs84_round_trip(dlon, dlat, height) -> None:
    enu = to_enu(ORIGIN[0] + dlon, ORIGIN[1] + dlat, height, ORIGIN)
    back = from_enu(enu, ORIGIN)
    assert back[:2] == pytest.approx([ORIGIN[0] + dlon, ORIGIN[1] + dlat], abs=1e-10)
    assert back[2] == pytest.approx(height, abs=1e-4)


@given(
    st.floats(20, 1260),
    st.floats(20, 700),
    st.floats(-3, 3),
    st.floats(-0.8, 0.2),
    st.floats(1, 25),
    st.floats(1, 5000),
)
def test_pixel_to_ray_to_pixel(u, v, pan, tilt, zoom, distance) -> None:
    pose = Pose(pan, tilt, zoom)
    point = np.asarray(CAMERA.position) + CAMERA.ray((u, v), pose) * distance
    pixel, seen = CAMERA.project(point, pose, refraction=False)
    assert seen
    assert pixel == pytest.approx([u, v], abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0, 1280), st.floats(0, 720), st.floats(-0.35, 0.35), st.floats(-0.1, 0.1), st.floats(600, 3000), st.floats(1, 10)
)  # fmt: skip
def test_any_lens_goes_there_and_back_or_says_why_not(u, v, k1, k2, focal, zoom) -> None:
    camera = Camera(ORIGIN, (0.0, 0.0, 60.0), focal=focal, k1=k1, k2=k2)
    pose = Pose(0.4, -0.1, zoom)
    try:
        direction = camera.ray((u, v), pose)
    except ValueError as problem:
        assert "lens" in str(problem)
        return
    pixel, seen = camera.project(np.asarray(camera.position) + 800 * direction, pose, refraction=False)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    if seen:  # on the very edge of the monotone range rounding decides
        assert pixel == pytest.approx([u, v], abs=1e-6)


def test_terrain_and_prisms_that_cannot_be_are_refused() -> None:
    axis = np.linspace(0, 100, 11)
    hole = np.zeros((11, 11))
    hole[3, 4] = np.nan
    for make in (
        lambda: Terrain(axis, axis, hole), lambda: Terrain(axis, axis, np.zeros((11, 10))),
        lambda: Terrain(axis**2, axis, np.zeros((11, 11))), lambda: Prism(np.zeros((2, 2)), 0.0, 5.0),
        lambda: Prism(np.array([[0.0, 0], [1, 0], [0, 1]]), 5.0, 5.0), lambda: Candidate("k", True, math.nan, 0.1),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            make()


@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(-50, 150))
def test_aiming_centres_the_target(e, n, u) -> None:
    if math.hypot(e, n) < 30:
        return
    pose = CAMERA.aim((e, n, u), width=20.0)
    pixel, seen = CAMERA.project((e, n, u), pose)
    assert seen
    assert pixel == pytest.approx([640, 360], abs=1e-3)
    assert 1 <= pose.zoom <= 30


def test_click_meets_ground_and_roof() -> None:
    # flat ground 500 m away lies d^2/2R below the camera's tangent plane
    target = np.array([300.0, 400.0, -(500.0**2) / (2 * 6_371_000.0)])
    pose = CAMERA.aim(target)
    hit = ground(CAMERA, (640, 360), pose, FLAT)
    assert hit is not None
    assert math.hypot(hit.enu[0] - 300, hit.enu[1] - 400) < 0.01
    box = np.array([[290.0, 390], [310, 390], [310, 410], [290, 410]])
    roof = ground(CAMERA, (640, 360), pose, FLAT, [Prism(box, 0.0, 12.0)])
    assert roof is not None
    assert roof.prism == 0
    assert roof.distance < hit.distance
    assert ground(CAMERA, (640, 360), Pose(0.0, 0.4), FLAT) is None


def test_error_ellipse_grows_along_the_ray() -> None:
    near, far = (ground(CAMERA, (640, 360), CAMERA.aim((0.0, d, 0.0)), FLAT) for d in (300.0, 1000.0))
    assert near is not None
    assert far is not None
    a, b = (error_ellipse(CAMERA, p, math.radians(0.05)) for p in (near, far))
    assert a.along == pytest.approx(1.36, rel=0.05)
    assert b.along == pytest.approx(14.6, rel=0.05)
    assert b.across < b.along


def test_two_cameras_fix_a_place_and_parallel_ones_do_not() -> None:
    target = np.array([500.0, 800.0, 20.0])
    starts = [np.array([0.0, 0, 60]), np.array([900.0, 100, 55])]
    point, covariance = two_camera_fix(starts, [target - s for s in starts], math.radians(0.05))
    assert point == pytest.approx(target, abs=1e-6)
    assert 0 < math.sqrt(covariance[0, 0]) < 2
    with pytest.raises(ValueError, match="parallel"):
        two_camera_fix([np.zeros(3), np.zeros(3)], [target, target], 1e-3)
    with pytest.raises(ValueError, match="behind"):
        two_camera_fix(starts, [target - starts[0], starts[1] - target], 1e-3)


def test_a_hill_hides_what_lies_behind() -> None:
    axis = np.linspace(-4000, 4000, 161)
    xx, yy = np.meshgrid(axis, axis)
    hill = Terrain(axis, axis, 80 * np.exp(-((xx) ** 2 + (yy - 1000) ** 2) / (2 * 150**2)))
    seen = viewshed(CAMERA, hill, azimuths=4, steps=300, farthest=3000)
    assert seen[0, :60].all()
    assert not seen[0, 150:200].any()
    assert seen[2].mean() > 0.95


def points(truth: Camera, n: int, seed: int, click: float = 2.0) -> tuple[Camera, list[ControlPoint]]:
    rng = np.random.default_rng(seed)
    found: list[ControlPoint] = []
    while len(found) < n:
        d, a = rng.uniform(150, 1500), rng.uniform(0, 2 * math.pi)
        target = np.array([d * math.sin(a), d * math.cos(a), rng.uniform(0, 20)])
        zoom = float(rng.choice([1, 2, 4]))
        aim = truth.aim(target)
        pose = Pose(aim.pan + rng.normal(0, 0.1 / zoom), aim.tilt + rng.normal(0, 0.06 / zoom), zoom)
        pixel, seen = truth.project(target, pose)
        if not seen or not (0 < pixel[0] < 1280 and 0 < pixel[1] < 720):
            continue
        said = Pose(
            pose.pan + rng.normal(0, math.radians(0.02)), pose.tilt + rng.normal(0, math.radians(0.02)), zoom
        )
        found.append(
            ControlPoint(tuple(target + rng.normal(0, 0.3, 3)), tuple(pixel + rng.normal(0, click, 2)), said)  # type: ignore[arg-type]
        )
    start = Camera(
        ORIGIN, tuple(np.array([0, 0, 60.0]) + rng.normal(0, 0.5, 3)), focal=1100, zoom1=-0.02, zoom2=0.003
    )  # type: ignore[arg-type]
    return start, found


def miss(truth: Camera, found: Camera, distance: float) -> float:
    out = []
    for a in np.linspace(0, 2 * math.pi, 12, endpoint=False):
        target = np.array([distance * math.sin(a), distance * math.cos(a), 0.0])
        hit = ground(found, (640, 360), truth.aim(target), FLAT)
        assert hit is not None
        out.append(math.hypot(hit.enu[0] - target[0], hit.enu[1] - target[1]))
    return float(np.median(out))


def truth(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    return Camera(
        ORIGIN, (0.0, 0.0, 60.0), rng.uniform(-3, 3), rng.normal(0, 0.01), rng.normal(0, 0.005),
        rng.normal(0, 0.005), rng.normal(0, 0.005), 1100, -0.02, 0.003, -0.1,
    )  # fmt: skip


def test_twelve_points_calibrate_the_camera() -> None:
    errors = []
    for seed in range(12):
        start, control = points(truth(seed), 12, seed + 100)
        found = calibrate(start, control, zoom_curve_known=True)
        assert np.median(found.residuals_px) < 6
        assert np.linalg.eigvalsh(found.covariance).min() > -1e-9
        errors.append((miss(truth(seed), found.camera, 300), miss(truth(seed), found.camera, 1000)))
    near, far = np.median(errors, axis=0)
    assert near < 1.8
    assert far < 13


def test_the_covariance_says_how_wrong_the_calibration_is() -> None:
    # Normalised squared errors of the parameters, and of places clicked, over many simulated calibrations.
    names = ("e", "n", "u", "pan0", "tilt0", "axis_x", "axis_y", "roll", "ln_focal", "k1")
    pick = [PARAMETERS.index(n) for n in names]
    squares, inside, clicks = [], 0, 0
    for seed in range(20):
        real = truth(seed)
        start, control = points(real, 12, seed + 500)
        found = calibrate(start, control, zoom_curve_known=True)
        values = [
            np.array([*c.position, c.pan0, c.tilt0, c.axis_x, c.axis_y, c.roll, math.log(c.focal), c.k1])
            for c in (found.camera, real)
        ]
        off = values[0] - values[1]
        off[3] = math.remainder(off[3], 2 * math.pi)
        squares.append(off @ np.linalg.solve(found.covariance[np.ix_(pick, pick)], off) / len(pick))
        for azimuth in np.linspace(0, 2 * math.pi, 8, endpoint=False):
            for distance in (300.0, 800.0):
                target = np.array([distance * math.sin(azimuth), distance * math.cos(azimuth), 0.0])
                hit = ground(found.camera, (640, 360), real.aim(target), FLAT)
                assert hit is not None
                ellipse = error_ellipse(found.camera, hit, found.angular_error(azimuth))
                e, n = hit.enu[0] - target[0], hit.enu[1] - target[1]
                along = e * math.sin(azimuth) + n * math.cos(azimuth)
                across = e * math.cos(azimuth) - n * math.sin(azimuth)
                inside += (along / ellipse.along) ** 2 + (across / ellipse.across) ** 2 <= 5.99
                clicks += 1
    assert 0.5 < np.mean(squares) < 2.0
    assert inside / clicks >= 0.85  # the 95 % ellipse


def test_a_blunder_is_named() -> None:
    start, control = points(truth(3), 12, 7)
    p = control[5]
    control[5] = ControlPoint(p.enu, (p.pixel[0] + 80, p.pixel[1] - 40), p.pose)
    assert 5 in calibrate(start, control, zoom_curve_known=True).outliers
    with pytest.raises(ValueError, match="4 control points"):
        calibrate(start, control[:3])


def test_the_nearest_free_camera_is_chosen() -> None:
    rows = [
        Candidate("hidden", False, 100, 0.1), Candidate("locked", True, 100, 0.1, locked=True),
        Candidate("far", True, 2000, 0.1), Candidate("near", True, 400, 1.0), Candidate("busy", True, 300, 0.2, busy=True),
        Candidate("beyond", True, 5000, 0.0),
    ]  # fmt: skip
    assert choose(rows) == ["near", "busy", "far"]
