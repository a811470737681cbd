"""The surveyor's points are worth calibrating with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from parksight.physics import geodesy
from parksight.physics.calibration import ControlPoint, calibrate
from parksight.physics.camera import Camera, Pose
from parkzone.cameras.cast import NOMINAL_FOCAL, filmers
from parkzone.cameras.oracle import Oracle
from parkzone.cameras.renderer import NoGraphicsError
from parkzone.cameras.survey import Surveyed, marks, survey
from parkzone.park import Park


def _control(points: list[Surveyed], camera: Camera) -> list[ControlPoint]:
    out = []
    for p in points:
        e, n, u = (float(v) for v in geodesy.to_enu(p.lon, p.lat, p.height, camera.origin))
        out.append(
            ControlPoint((e, n, u), (p.u, p.v), Pose(math.radians(p.pan), math.radians(p.tilt), p.zoom))
        )
    return out


def test_the_points_find_the_camera_again(park: Park) -> None:
    known = marks(park)
    errors = []
    for filmer in list(filmers(park.seed).values())[:17]:
        points = survey(filmer, known, park.seed)
        assert len(points) == 16
        start = Camera(origin=filmer.origin, focal=NOMINAL_FOCAL)
        found = calibrate(start, _control(points, start)).camera
        rng = np.random.default_rng(3)
        for _ in range(20):
            pose = Pose(rng.uniform(0, 6.28), rng.uniform(-0.2, -0.03), 1.0)
            ray = filmer.truth.ray((rng.uniform(0, 1280), rng.uniform(0, 720)), pose)
            pixel, seen = found.project(
                np.asarray(filmer.truth.position) + ray * 1000.0, pose, refraction=False
            )
            true, _ = filmer.truth.project(
                np.asarray(filmer.truth.position) + ray * 1000.0, pose, refraction=False
            )
            if seen:
                errors.append(float(np.linalg.norm(pixel - true)))
    assert np.median(errors) <= 2.0
    assert np.percentile(errors, 90) <= 6.0


def test_a_blunder_is_one(park: Park) -> None:
    filmer = filmers(park.seed)["T09"]
    known = marks(park)
    good, bad = survey(filmer, known, park.seed), survey(filmer, known, park.seed, blunders=1)
    gap = math.hypot(good[0].u - bad[0].u, good[0].v - bad[0].v)
    assert gap == pytest.approx(80 * math.sqrt(2))
    assert good[1:] == bad[1:]


def test_what_was_surveyed_can_be_seen(park: Park) -> None:
    """The renderer agrees that nothing hides the marks."""
    try:
        oracle = Oracle(park.seed)
    except NoGraphicsError as error:
        pytest.skip(str(error))
    known = marks(park)
    hidden = total = 0
    for code in ("T05", "T09", "T12", "C05"):
        filmer = oracle.cast[code]
        for p in survey(filmer, known, park.seed):
            at = geodesy.to_enu(p.lon, p.lat, p.height, filmer.origin)
            pose = filmer.truth.aim(at)
            away = float(np.linalg.norm(at - np.asarray(filmer.truth.position)))
            # just inside the corner, a little below its top: there is the body itself or nothing before it
            place = oracle.behind(replace(filmer.truth), (640.0, 360.0), pose)
            total += 1
            hidden += place is not None and place.distance < away - 6.0
    assert total >= 40
    assert hidden <= 0.05 * total


def test_the_oracle_stands_on_the_ground_it_tells(park: Park) -> None:
    try:
        oracle = Oracle(park.seed)
    except NoGraphicsError as error:
        pytest.skip(str(error))
    filmer = oracle.cast["T14"]
    rng = np.random.default_rng(2)
    level = []
    for _ in range(60):
        pose = Pose(rng.uniform(0, 6.28), math.radians(-30.0), 2.0)
        pixel = (float(rng.uniform(0, 1280)), float(rng.uniform(0, 720)))
        place = oracle.behind(filmer.truth, pixel, pose)
        assert place is not None
        back, seen = filmer.truth.project(np.asarray(place.enu), pose)
        assert seen
        assert np.linalg.norm(back - np.array(pixel)) < 0.05
        level.append(place.height)
    # most of what lies below a lookout is the zone's level ground, height 0
    assert np.median(np.abs(level)) < 0.05
