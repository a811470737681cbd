from __future__ import annotations

import math

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tests.lookout.pictures import landscape

from parksight.lookout.drift.correcting import Drift, correction
from parksight.lookout.health.measures import Shift, grey, shift
from parksight.physics.camera import Camera, Pose

CAMERA = Camera((0.0, 0.0, 0.0), focal=554.0, size=(640, 360))


@settings(deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-20, 10), st.floats(1, 6))
def test_the_correction_undoes_the_error_of_the_encoder(
    pan: float, tilt: float, at: float, zoom: float
) -> None:
    """A far point at the middle of the tile is seen beside it by a head that stands ``pan``, ``tilt`` off."""
    reported = Pose(0.3, math.radians(at), zoom)
    point = CAMERA.ray((320.0, 180.0), reported) * 1000.0
    true = Pose(reported.pan + math.radians(pan), reported.tilt + math.radians(tilt), zoom)
    seen, _ = CAMERA.project(point, true, refraction=False)
    found = correction(
        Shift(float(seen[0]) - 320.0, float(seen[1]) - 180.0, 0.9), CAMERA.focal_at(zoom), at, 640
    )
    assert found.pan == pytest.approx(pan, abs=0.004)
    assert found.tilt == pytest.approx(tilt, abs=0.004)


def test_only_strong_and_small_shifts_are_believed() -> None:
    assert correction(None, 500, 0, 640).refused == "no_detail"
    assert correction(Shift(3, 1, 0.05), 500, 0, 640).refused == "weak"
    assert correction(Shift(60, 1, 0.9), 500, 0, 640).refused == "large"
    assert correction(Shift(3, 1, 0.9), 500, 0, 640).refused is None
    with pytest.raises(ValueError, match="positive"):
        correction(None, 0, 0, 640)


@pytest.mark.parametrize("seed", range(5))
def test_from_pictures_the_error_falls_under_a_tenth_of_what_it_was(seed: int) -> None:
    rng = np.random.default_rng(seed)
    big = grey(landscape(seed, (704, 424)))
    tile = np.ascontiguousarray(big[32:392, 32:672])
    dx, dy = rng.uniform(-12, 12, 2)
    moved = cv2.warpAffine(big, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (704, 424))[32:392, 32:672]
    view = np.clip(moved * 1.2 + rng.normal(0, 3, moved.shape), 0, 255).astype(np.uint8)
    drift = Drift(0.5)
    assert drift.add(correction(shift(tile, view), 554, 0, 640))
    left = math.hypot(
        math.degrees(math.atan2(-dx, 554)) - drift.pan, math.degrees(math.atan2(dy, 554)) - drift.tilt
    )
    assert left < 0.1 * math.degrees(math.hypot(dx, dy) / 554)


def test_beyond_its_limit_the_camera_asks_for_calibration() -> None:
    drift = Drift(0.5)
    drift.add(correction(Shift(3, 0, 0.9), 554, 0, 640))
    assert not drift.recalibrate
    for _ in range(6):
        drift.add(correction(Shift(8, 0, 0.9), 554, 0, 640))
    assert drift.recalibrate
    moved = Drift(0.5)
    for _ in range(3):
        moved.add(correction(Shift(100, 0, 0.9), 554, 0, 640))
    assert (moved.pan, moved.accepted) == (0.0, 0)
    assert moved.recalibrate, "strong pictures that all stand elsewhere mean that the mount was moved"
