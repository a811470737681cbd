"""Heads that are turned by several people and by automation, over real sockets and with a real audit log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.gateways.cameras.heads import HeadServer

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.control import Control
from parksight.gateways.cameras.ptz.heads import Heads, Mount
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.gateways.cameras.ptz.schemas import PtzPose, TourStep
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer

pytestmark = pytest.mark.anyio

LI = Caller(1, "李值班", grants=("cameras.*",), enterprises=None)
WANG = Caller(2, "Wang", grants=("cameras.ptz.control",), enterprises=None)
CHIEF = Caller(3, "Chief", grants=("cameras.ptz.control", "cameras.ptz.takeover"), enterprises=None)
QUICK = PtzLimits(operator_grace_s=0.3, automatic_gap_s=0.3, tour_resume_s=0.5, stop_attempts=3)
MakeCamera = Callable[..., int]


@asynccontextmanager
async def heads_over(
    db: Database, folder: Path, limits: PtzLimits = QUICK
) -> AsyncIterator[Heads]:  # fmt: skip
    made = Heads(db, SystemClock(), Sealer(folder).open, limits)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def until(wanted: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.02)


async def one(heads: Heads, camera: int) -> Mount:
    mount = heads.mounted(camera)
    assert mount is not None
    # The first set-up of a process loads the library and its WSDL files.
    await until(lambda: mount.head.now() is not None, 30.0)
    return mount


def entries(db: Database, action: str | None = None) -> list[dict[str, Any]]:
    with db.read() as session:
        found = [json.loads(e.body) for e in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]
    return [e for e in found if action is None or e["action"] == action]


@pytest.fixture
def options() -> dict[str, Any]:
    return {"device_path": "/T01/onvif/device_service"}


async def test_a_drag_is_one_audit_entry_and_stops_on_release(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer(wsse=True) as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            for k in range(20):
                await mount.control.continuous(LI, "s1", (0.5 + (k >= 10) * 0.1, 0.0, 0.0))
                await asyncio.sleep(0.03)
            await mount.control.stop(LI)
            assert not server.body.moving
            (entry,) = entries(db)
            assert (entry["action"], entry["subject"]["id"]) == ("cameras.ptz.drag", str(camera))
            after = entry["after"]
            assert (after["messages"], after["ended"], after["stopped"]) == (20, "released", True)
            assert after["peak"][0] == 0.6
            assert server.seen["ContinuousMove"] < 8  # an unchanged speed is not told again every 30 ms
            assert server.seen["Stop"] == 1


async def test_dead_man(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            began = time.monotonic()
            await mount.control.continuous(LI, "s1", (0.2, 0.0, 0.0))
            await until(lambda: server.seen["Stop"])
            assert 0.55 < time.monotonic() - began < 0.9
            await until(lambda: entries(db))
            assert entries(db)[0]["after"]["ended"] == "dead_man"


async def test_a_stop_is_repeated_until_it_is_taken(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            await mount.control.continuous(LI, "s1", (0.2, 0.0, 0.0))
            server.fail = {"Stop"}
            asyncio.get_running_loop().call_later(0.3, server.fail.clear)
            await mount.control.stop(LI)
            assert (server.seen["Stop"] >= 2, mount.control.stop_failed) == (True, False)
            server.fail = {"Stop"}
            with pytest.raises(CameraError) as caught:
                await mount.control.stop(LI)
            assert (caught.value.reason, mount.control.stop_failed) == ("stop_failed", True)
            server.fail = set()


async def test_closing_the_platform_stops_what_moves(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            await mount.control.continuous(LI, "s1", (0.2, 0.0, 0.0))
        assert server.seen["Stop"] >= 1
        assert entries(db)[0]["after"]["ended"] == "closing"


async def test_lock_takeover_and_release(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            control: Control = (await one(heads, camera)).control
            await control.take(LI, 10, "fire at the east gate")
            for refused in (
                control.absolute(WANG, 0, 0, 1),
                control.continuous(WANG, "w", (1, 0, 0)),
                control.stop(WANG),
                control.go_preset(WANG, "1"),
                control.take(WANG, 5, ""),
            ):
                with pytest.raises(ProblemError) as caught:
                    await refused
                assert (caught.value.code, caught.value.params["owner"]) == (
                    "gateways.cameras.ptz.locked",
                    "李值班",
                )
            with pytest.raises(ProblemError) as caught:
                await control.take(WANG, 5, "", takeover=True)
            assert caught.value.code == "kernel.forbidden"
            assert await heads.request_automatic(camera, 0, 0, 1, "alarm 7") == "locked"
            await control.continuous(LI, "l", (0.1, 0, 0))
            await control.take(CHIEF, 5, "my turn", takeover=True)
            assert not server.body.moving
            with pytest.raises(ProblemError):
                await control.release(LI) if not LI.may("cameras.ptz.takeover") else await control.absolute(
                    LI, 0, 0, 1
                )
            await control.release(CHIEF)
            assert control.lock is None
            await control.absolute(WANG, 20, -10, 2)
            assert [e["action"].rpartition(".")[2] for e in entries(db)] == [
                "lock", "drag", "takeover", "unlock", "absolute",
            ]  # fmt: skip


async def test_two_people_at_one_head(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            control = (await one(heads, camera)).control
            await control.continuous(LI, "l", (0.1, 0, 0))
            with pytest.raises(ProblemError) as caught:
                await control.continuous(WANG, "w", (-0.1, 0, 0))
            assert caught.value.code == "gateways.cameras.ptz.in_use"
            assert await heads.request_automatic(camera, 0, 0, 1, "alarm") == "in_use"
            await control.lost("l", "connection_lost")
            assert server.seen["Stop"] == 1
            await control.continuous(WANG, "w", (-0.1, 0, 0))


async def test_automation_gives_way_and_is_rate_limited(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    patient = PtzLimits(operator_grace_s=2.0, automatic_gap_s=4.0)
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path, patient) as heads:
            mount = await one(heads, camera)
            assert await heads.request_automatic(999, 0, 0, 1, "alarm") == "no_head"
            assert await heads.request_automatic(camera, 25.0, 80.0, 99.0, "alarm 7") is None
            await until(lambda: not server.body.moving)
            server.body.advance()
            assert (server.body.pan, server.body.tilt, server.body.zoom) == pytest.approx(
                (25, 20, 30), abs=0.01
            )
            assert await heads.request_automatic(camera, 0, 0, 1, "alarm 8") == "too_often"
            await mount.control.absolute(LI, 0, 0, 1)
            assert await heads.request_automatic(camera, 0, 0, 1, "alarm 9") == "operator_active"
            await asyncio.sleep(4.1)
            assert await heads.request_automatic(camera, 0, 0, 1, "alarm 9") is None
            (first, *_) = entries(db, "cameras.ptz.automatic")
            assert (first["actor"]["kind"], first["reason"]) == ("system", "alarm 7")


async def test_out_of_range_is_refused_before_the_device(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            control = (await one(heads, camera)).control
            with pytest.raises(ProblemError) as caught:
                await control.absolute(LI, 0, 45, 1)
            assert (caught.value.code, caught.value.where) == (
                "gateways.cameras.ptz.out_of_range",
                "/body/tilt",
            )
            assert server.seen["AbsoluteMove"] == 0


async def test_polled_fast_only_while_needed(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path, PtzLimits(fast_after_command_s=0.0)) as heads:
            mount = await one(heads, camera)
            await asyncio.sleep(0.2)
            before = server.seen["GetStatus"]
            await asyncio.sleep(2.0)
            assert 1 <= server.seen["GetStatus"] - before <= 3
            with heads.watched(camera):
                await asyncio.sleep(0.1)
                before = server.seen["GetStatus"]
                await asyncio.sleep(1.0)
                assert 8 <= server.seen["GetStatus"] - before <= 11
                now = time.time() * 1000
                pose = mount.head.at(now - 150)
                assert pose is not None
                assert pose.pan == pytest.approx(10.0)
            assert not mount.head.fast


async def test_a_camera_that_dies_and_comes_back(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            with heads.watched(camera):
                server.raw = b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
                await until(lambda: mount.head.error is not None)
                await asyncio.sleep(0.3)
                assert mount.head.at(time.time() * 1000) is None  # labels hide instead of lying
                assert mount.head.failures["device_fault"] >= 1
                server.raw = None
                await until(lambda: mount.head.error is None)


async def test_refused_credentials_are_not_tried_again_and_again(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer(wsse=True) as server:
        camera = make_camera("T01", port=server.port, options=options, password="wrong")
        async with heads_over(db, tmp_path) as heads:
            mount = heads.mounted(camera)
            assert mount is not None
            await until(lambda: mount.head.error is not None)
            assert mount.head.error is not None
            assert mount.head.error.reason == "credentials"
            asked = sum(server.seen.values())
            await asyncio.sleep(1.5)
            assert sum(server.seen.values()) == asked


async def test_links_are_followed(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    from parksight.gateways.cameras.models import CameraLink

    async with HeadServer() as server, heads_over(db, tmp_path) as heads:
        camera = make_camera("T01", port=server.port, options=options)
        await heads.follow()
        first = await one(heads, camera)
        with db.session() as session:
            row = session.get(CameraLink, camera)
            assert row is not None
            row.version += 1
            row.options = {**options, "telemetry_delay_ms": 80}
        await heads.follow()
        second = heads.mounted(camera)
        assert second is not None
        assert second is not first
        assert second.address.delay_ms == 80
        with db.session() as session:
            row = session.get(CameraLink, camera)
            assert row is not None
            row.enabled = False
        await heads.follow()
        assert heads.mounted(camera) is None


async def test_a_tour_gives_way_and_goes_on(
    db: Database, tmp_path: Path, make_camera: MakeCamera, options: dict[str, Any]
) -> None:
    async with HeadServer() as server:
        server.body.speed = 400.0
        camera = make_camera("T01", port=server.port, options=options)
        async with heads_over(db, tmp_path) as heads:
            mount = await one(heads, camera)
            steps = [
                TourStep(preset="1", dwell_s=2),
                TourStep(pose=PtzPose(pan=-40, tilt=0, zoom=2), dwell_s=2),
            ]
            await heads.begin_tour(mount, LI, 5, "round", steps)
            await until(lambda: server.seen["GotoPreset"] == 1)
            await mount.control.absolute(WANG, 100, 0, 1)
            await until(lambda: server.seen["AbsoluteMove"] == 2, 6)
            server.body.advance()
            await mount.control.take(WANG, 5, "")
            seen = server.seen["GotoPreset"]
            await asyncio.sleep(3)
            assert server.seen["GotoPreset"] == seen
            assert mount.tour is not None
            assert mount.tour.state().waiting
            await mount.control.release(WANG)
            await until(lambda: server.seen["GotoPreset"] == seen + 1, 6)
            await heads.end_tour(mount, LI)
            assert [e["action"].rpartition(".")[2] for e in entries(db)] == [
                "tour_start", "absolute", "lock", "unlock", "tour_stop",
            ]  # fmt: skip
