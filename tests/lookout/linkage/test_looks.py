"""A real alarm through the real linkage and case engine to a head, a clip and evidence; the head is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.alarms.kit import START, Watch, step
from tests.lookout.kit import Relays, Says, Versions, caller
from tests.lookout.pictures import encode, moving

from parksight.alarms.models import Group, Reaction
from parksight.cases.models import Evidence
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.protocols import FramePose
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import LookoutSettings, Settings
from parksight.lookout.decoding import Pool
from parksight.lookout.linkage.models import Look
from parksight.lookout.linkage.ports import Choice, Option, Target
from parksight.lookout.linkage.service import Lookouts
from parksight.lookout.recording.models import Recording
from parksight.lookout.recording.service import Recorder
from parksight.registry.models import Camera

pytestmark = pytest.mark.anyio
WANTED = (30.0, -5.0, 4.0)
UNITS = encode(moving(48), group=12)


class Chooses:
    def __init__(self) -> None:
        self.targets: list[Target] = []
        self.options = [Option(1, "T01", *WANTED, 400.0, 0.6), Option(2, "T02", 80.0, -4.0, 5.0, 600.0, 1.2)]

    def choose(self, target: Target, caller: Caller) -> Choice:
        self.targets.append(target)
        return Choice(self.options, [{"camera_id": 3, "reason": "hidden"}], [{"camera_id": 9, "metres": 40}])


class Heads:
    """Turns in 0.3 s; ``refuses`` says why not."""

    def __init__(self) -> None:
        self.poses = {1: FramePose(0.0, -2.0, 1.0), 2: FramePose(0.0, -2.0, 1.0)}
        self.refuses: dict[int, str] = {}
        self.moves: list[tuple[int, str]] = []
        self.stuck = False

    async def request_automatic(
        self, camera_id: int, pan: float, tilt: float, zoom: float, reason: str
    ) -> str | None:
        if camera_id in self.refuses:
            return self.refuses[camera_id]
        await self._move(camera_id, pan, tilt, zoom, "automatic")
        return None

    async def turn(self, caller: Caller, camera_id: int, pan: float, tilt: float, zoom: float) -> None:
        await self._move(camera_id, pan, tilt, zoom, caller.name)

    async def _move(self, camera_id: int, pan: float, tilt: float, zoom: float, who: str) -> None:
        self.moves.append((camera_id, who))
        if self.stuck:
            return
        self.poses[camera_id] = FramePose(pan / 2, tilt, zoom, moving=True)
        asyncio.get_running_loop().call_later(
            0.3, self.poses.__setitem__, camera_id, FramePose(pan + 0.02, tilt, zoom)
        )

    def pose(self, camera_id: int) -> FramePose | None:
        return self.poses.get(camera_id)

    def at(self, camera_id: int, wall_ms: float) -> FramePose | None:
        return self.poses.get(camera_id)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.watch = Watch(f"sqlite:///{folder / 'records.sqlite'}")
        self.watch.clock._rate = 1.0  # the head takes real time to turn
        self.watch.furnish()
        stamp = {"created_at": START, "updated_at": START}
        with self.watch.db.session() as session:
            for i in (1, 2):
                session.add(Camera(id=i, code=f"T{i:02}", name=f"塔{i}", kind="lookout", **stamp))
                session.flush()
                session.add(CameraLink(camera_id=i, protocol="onvif", simulated=True, **stamp))
        self.watch.service.start()
        self.watch.bus.attach(asyncio.get_running_loop())
        self.files = Files(Settings(data_dir=folder), self.watch.clock)
        self.watch.cases.room.files = self.files
        self.pool, self.relays, self.heads, self.chooser = Pool(1), Relays(), Heads(), Chooses()
        settings = LookoutSettings(pre_roll_s=1, post_roll_s=2)
        self.recorder = Recorder(
            self.watch.db, self.watch.clock, self.files, settings, self.pool, pictures=self.relays, poses=self.heads,
            labels=Says(), calibrations=Versions(),
        )  # fmt: skip
        self.looks = Lookouts(
            self.watch.db, self.watch.clock, self.recorder, chooser=self.chooser, heads=self.heads,
            cases=self.watch.cases,
        )  # fmt: skip
        self.watch.service.providers.cameras = self.looks
        self.watch.bus.subscribe("alarms.camera.requested", self.looks.on_request)
        self._stream = asyncio.create_task(self._play())

    async def _play(self) -> None:
        """25 pictures a second on both cameras, for as long as the test lasts."""
        count = 0
        while True:
            for unit in UNITS:
                now = float(self.watch.clock.now_ms())
                placed = replace(unit, dts=count * 3600, wall_ms=now, arrived_ms=now)
                for camera in (1, 2):
                    self.relays.push(camera, [placed])
                count += 1
                await asyncio.sleep(0.04)

    def declare(self) -> None:
        body = {
            "code": "L1",
            "name": "转向",
            "definition": {"match": {}, "actions": [{"kind": "camera", "radius_m": 500}]},
        }
        assert self.watch.http.post("/api/v1/alarms/linkages", json=body).status_code == 201

    def fire(self) -> None:
        self.watch.rule(1, h=step(40, priority=1))
        self.watch.clock.advance(10)
        self.watch.feed((1, 1, 50.0))
        self.watch.alarms()

    async def look(self, state: str | None = None, seconds: float = 60.0) -> Look:
        """The newest look once it is over (or in ``state``)."""
        async with asyncio.timeout(seconds):
            while True:
                with self.watch.db.read() as session:
                    row = session.scalar(select(Look).order_by(Look.id.desc()).limit(1))
                if row is not None and row.state in ((state,) if state else ("done", "refused", "failed")):
                    return row
                await asyncio.sleep(0.05)

    def reaction(self) -> tuple[str, dict[str, Any]]:
        with self.watch.db.read() as session:
            row = session.scalars(select(Reaction)).one()
            return row.state, row.result

    async def alarm(self) -> None:
        self.declare()
        await asyncio.to_thread(self.fire)

    async def close(self) -> None:
        self._stream.cancel()
        await self.looks.stop()
        await self.recorder.stop()
        self.watch.bus.detach()
        await asyncio.to_thread(self.watch.close)
        self.pool.close()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    await scene.close()


async def test_an_alarm_turns_the_best_camera_and_its_case_gets_clip_and_picture(scene: Scene) -> None:
    await scene.alarm()
    look = await scene.look()
    assert look.state == "done"
    assert look.camera_id == 1
    assert look.turned
    assert look.target_s is not None
    assert look.target_s >= 0.25
    assert (scene.chooser.targets[0].lon, scene.chooser.targets[0].lat) == (120.77, 41.8)
    state, result = scene.reaction()
    answer = result["answer"]
    assert (state, answer["state"], answer["camera_id"]) == ("done", "done", 1)
    assert answer["others"] == [{"camera_id": 3, "reason": "hidden"}]
    assert answer["low"] == [{"camera_id": 9, "metres": 40}]
    with scene.watch.db.read() as session:
        group = session.scalars(select(Group)).one()
        evidence = session.scalars(select(Evidence).where(Evidence.case_id == group.case_id)).all()
        rows = {r.file_id: r for r in session.scalars(select(Recording))}
    assert sorted(e.kind for e in evidence) == ["file", "photo"]
    assert all(e.sha256 == rows[e.file_id].sha256 for e in evidence)
    assert {(r.kind, r.reason, r.subject_id, r.case_id) for r in rows.values()} == {
        ("clip", "alarm", "1", group.case_id), ("snapshot", "alarm", "1", group.case_id),
    }  # fmt: skip


async def test_the_operators_lock_wins_and_the_next_camera_looks(scene: Scene) -> None:
    scene.heads.refuses[1] = "locked"
    await scene.alarm()
    look = await scene.look()
    assert (look.camera_id, look.state) == (2, "done")
    assert look.tried == [{"camera_id": 1, "code": "T01", "reason": "locked"}]
    assert scene.heads.moves == [(2, "automatic")]


async def test_when_none_may_turn_the_reaction_says_refused_and_why(scene: Scene) -> None:
    scene.heads.refuses = {1: "locked", 2: "too_often"}
    await scene.alarm()
    look = await scene.look()
    assert (look.state, look.reason, look.camera_id) == ("refused", "none_free", None)
    state, result = scene.reaction()
    assert state == "refused"
    assert [t["reason"] for t in result["answer"]["tried"]] == ["locked", "too_often"]


async def test_a_camera_that_looks_there_already_is_not_turned(scene: Scene) -> None:
    scene.heads.poses[1] = FramePose(*WANTED)
    await scene.alarm()
    look = await scene.look()
    assert (look.state, look.camera_id, look.turned) == ("done", 1, False)
    assert scene.heads.moves == []


async def test_a_head_that_never_arrives_is_a_failure_with_what_was_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parksight.lookout.linkage.service._PATIENCE_S", 0.6)
    scene.heads.stuck = True
    await scene.alarm()
    look = await scene.look()
    assert (look.state, look.reason, look.target_s) == ("failed", "never_there", None)
    assert scene.reaction()[0] == "failed"


async def test_the_same_request_twice_is_answered_once(scene: Scene) -> None:
    await scene.alarm()
    await scene.look()
    [event] = [e for e in scene.watch.events if e.subject() == "alarms.camera.requested"]
    await scene.looks.on_request(event)
    await asyncio.sleep(0.1)
    with scene.watch.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Look)) == 1
    assert scene.looks.counters["asked_twice"] == 1


async def test_a_person_asks_in_their_own_name_and_records_only_when_wanted(scene: Scene) -> None:
    person = caller("duty_operator")
    number = await scene.looks.ask(person, Target(120.7, 41.8), None, record=False)
    look = await scene.look()
    assert (look.id, look.by_name, look.clip_id, look.snapshot_id) == (number, "duty_operator", None, None)
    assert scene.heads.moves == [(1, "duty_operator")]


async def test_what_a_dead_process_began_is_settled_as_interrupted(scene: Scene) -> None:
    scene.heads.stuck = True
    await scene.alarm()
    await scene.look("turning")
    await scene.looks.stop()
    assert scene.looks.recover() == 2
    assert (await scene.look()).reason == "interrupted"
    assert scene.reaction()[1]["answer"] == {"state": "failed", "reason": "interrupted"}
