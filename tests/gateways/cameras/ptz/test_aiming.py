"""Click to centre and box to zoom against the projection they invert."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras.ptz import aiming
from parksight.physics.camera import Camera, Pose

MODEL = Camera(
    (123.0, 41.0, 60.0), position=(0.0, 0.0, 60.0), pan0=0.7, tilt0=0.01, axis_x=0.01, axis_y=-0.02, roll=0.015,
    focal=1100.0, zoom1=0.03, k1=-0.05,
)  # fmt: skip
SHARE = st.floats(0.05, 0.95)


@pytest.mark.parametrize("model", [MODEL, None])
@given(u=SHARE, v=SHARE, pan=st.floats(-180, 180), tilt=st.floats(-50, 10), zoom=st.floats(1, 20))
def test_what_was_clicked_comes_to_the_middle(
    model: Camera | None, u: float, v: float, pan: float, tilt: float, zoom: float
) -> None:
    camera = model or aiming.nominal()
    pose = Pose(math.radians(pan), math.radians(tilt), zoom)
    place = np.asarray(camera.position) + 500 * camera.ray((u * camera.size[0], v * camera.size[1]), pose)
    aim = aiming.centre(model, u, v, pan, tilt, zoom)
    assert abs(aim.pan - pan) <= 180
    pixel, seen = camera.project(
        place, Pose(math.radians(aim.pan), math.radians(aim.tilt), aim.zoom), refraction=False
    )
    assert seen
    assert pixel == pytest.approx((camera.size[0] / 2, camera.size[1] / 2), abs=0.1 * zoom)
    assert (aim.rough, aim.zoom) == (model is None, pytest.approx(zoom))


@given(u=st.floats(0.2, 0.6), v=st.floats(0.2, 0.6), w=st.floats(0.05, 0.3), zoom=st.floats(1, 5))
def test_a_box_fills_the_picture(u: float, v: float, w: float, zoom: float) -> None:
    aim = aiming.box(MODEL, (u, v, u + w, v + w / 2), 0.0, -10.0, zoom, zooms=(1.0, 200.0))
    assert MODEL.focal_at(aim.zoom) == pytest.approx(MODEL.focal_at(zoom) / w, rel=1e-6)
    limited = aiming.box(MODEL, (u, v, u + w, v + w / 2), 0.0, -10.0, zoom, zooms=(1.0, 4.0))
    assert limited.zoom <= 4.0
