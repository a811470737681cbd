"""The zone's own cameras, written by others: set up, turned, and their pose known at any moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gateways.cameras.ptz.test_control import LI, QUICK, heads_over, one, until

from parksight.kernel.db import Database
from parkzone.cameras.house import PASSWORD, USERNAME, House
from parkzone.seeds import DEFAULT_SEED

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_the_zones_heads(db: Database, tmp_path: Path, make_camera: Callable[..., int]) -> None:
    house = House(DEFAULT_SEED, "token")
    await house.start("127.0.0.1", 0, 0)
    try:
        options = {"device_path": "/T09/onvif/device_service"}
        camera = make_camera(
            "T09", port=house.http_port, options=options, username=USERNAME, password=PASSWORD, simulated=True
        )
        async with heads_over(db, tmp_path, QUICK) as heads:
            mount = await one(heads, camera)
            able = await mount.head.able()
            assert (able.absolute, able.position) == (True, True)
            assert await heads.stream_uri(camera, "main") == f"rtsp://127.0.0.1:{house.rtsp_port}/T09/main"
            begin = mount.head.now()
            assert begin is not None
            goal = begin.pan + 40.0
            with heads.watched(camera):
                await mount.control.absolute(LI, goal, begin.tilt, 3.0)
                truth = []
                end = time.monotonic() + 6
                while time.monotonic() < end:
                    await asyncio.sleep(0.02)
                    now = time.time()
                    truth.append((now * 1000, house.studio.sources["T09"].head.true(now)))
                await asyncio.sleep(0.3)
                seen = [(p, t) for wall, t in truth if (p := mount.head.at(wall)) is not None]
                assert len(seen) > 0.8 * len(truth)
                moving = sorted(abs((p.pan - t.pan + 180) % 360 - 180) for p, t in seen if p.moving)
                assert len(moving) > 20
                # 25 Hz encoder, 10 Hz telemetry, a busy machine: the middle of them within what 5 ms turn.
                assert moving[len(moving) // 2] < 0.3, moving
            at = mount.head.now()
            assert at is not None
            assert abs((at.pan - goal + 180) % 360 - 180) < 0.1
            assert at.zoom == pytest.approx(3.0, abs=0.05)
            assert at.exact
            await mount.control.continuous(LI, "s", (0.3, 0.0, 0.0))
            await asyncio.sleep(0.3)
            await mount.control.stop(LI)
            await until(lambda: mount.head.now() is not None and mount.head.now().moving is False)
            presets = await mount.head.device.presets()
            assert isinstance(presets, list)
    finally:
        await house.stop()
