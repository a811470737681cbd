from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from sqlalchemy import select
from tests.lookout.kit import DEAD_CAMERA, FIRM_CAMERA, ZONE_CAMERA, EyeSite, caller
from tests.lookout.pictures import WALL, encode, moving

from parksight.cases.requests import NewEvidence
from parksight.gateways.cameras.protocols import AccessUnit
from parksight.kernel.audit import AuditEntry
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.recording.models import Recording

pytestmark = pytest.mark.anyio
SETTINGS = LookoutSettings(
    pre_roll_s=2.0, post_roll_s=2.0, max_recording=2, max_rings=2, keep_days=3, keep_gb=1
)
UNITS = encode(moving(250), group=25)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[EyeSite]:
    site = EyeSite(tmp_path, SETTINGS, WALL)
    yield site
    await site.close()


async def clip(site: EyeSite, camera: int = ZONE_CAMERA, units: list[AccessUnit] = UNITS) -> int:
    """A finished clip of four seconds around second 4 of the stream."""
    site.recorder.arm(camera, "watched")
    site.relays.push(camera, units[:100])
    begun: int = (await site.ok("POST", "/recordings", json={"camera_id": camera}))["id"]
    site.relays.push(camera, units[100:])
    await site.until(begun)
    site.recorder.disarm(camera, "watched")
    return begun


async def test_a_clip_begins_before_it_was_asked_for_and_ends_after(site: EyeSite) -> None:
    found = await site.ok("GET", f"/recordings/{await clip(site)}")
    assert found["state"] == "done"
    assert found["failed"] is None
    assert (found["width"], found["height"], found["codec"]) == (320, 180, "h264")
    asked = WALL + 99 * 40
    assert asked - 3000 <= found["began_ms"] <= asked - 2000, (
        "the pre-roll begins at the key picture before it"
    )
    assert found["ended_ms"] == asked + 2000
    assert found["wall_exact"]
    assert found["simulated"]
    assert found["calibration"] == 4


async def test_it_plays_with_ranges_and_has_the_hash_it_says(site: EyeSite) -> None:
    number = await clip(site)
    found = await site.ok("GET", f"/recordings/{number}")
    whole = await site.http.get(f"/api/v1/lookout/recordings/{number}/media")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["content-disposition"].startswith("inline")
    assert hashlib.sha256(whole.content).hexdigest() == found["sha256"]
    part = await site.http.get(
        f"/api/v1/lookout/recordings/{number}/media", headers={"Range": "bytes=100-299"}
    )
    assert part.status_code == 206
    assert part.content == whole.content[100:300]
    saved = await site.http.get(f"/api/v1/lookout/recordings/{number}/media", params={"download": True})
    assert saved.headers["content-disposition"].startswith("attachment")
    with av.open(io.BytesIO(whole.content)) as file:
        assert sum(1 for _ in file.decode(video=0)) == found["frames"]


async def test_each_picture_of_a_clip_finds_its_pose_and_labels(site: EyeSite) -> None:
    number = await clip(site)
    media = (await site.http.get(f"/api/v1/lookout/recordings/{number}/media")).content
    beside = await site.ok("GET", f"/recordings/{number}/track")
    assert (beside["calibration"], beside["timescale"]) == (4, 90_000)
    poses = {p["dts"]: p for p in beside["poses"]}
    with av.open(io.BytesIO(media)) as file:
        times = [round(f.time * beside["timescale"]) for f in file.decode(video=0)]
    assert [poses[t]["pan"] for t in times] == pytest.approx(
        [(poses[t]["wall_ms"] - WALL) / 1000 for t in times]
    )
    assert len(beside["labels"]) >= 4
    assert all(n["state"]["alarms"] == [10] for n in beside["labels"])


async def test_a_picture_is_taken_without_anything_armed(site: EyeSite) -> None:
    asked = asyncio.create_task(
        site.ok("POST", "/recordings", json={"camera_id": ZONE_CAMERA, "kind": "snapshot"})
    )
    while not site.relays.listeners.get(ZONE_CAMERA):
        await asyncio.sleep(0.01)
    site.relays.push(ZONE_CAMERA, UNITS[:5])
    found = await site.until((await asked)["id"])
    data = (await site.http.get(f"/api/v1/lookout/recordings/{found['id']}/media")).content
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    difference = np.abs(picture.astype(float) - moving(5)[4]).mean()
    assert difference < 12, f"it must show the newest picture, {difference:.1f} levels off"
    beside = await site.ok("GET", f"/recordings/{found['id']}/track")
    assert beside["poses"][0]["pan"] == pytest.approx(0.16)
    assert site.relays.listeners[ZONE_CAMERA] == [], "nobody listens once the picture is taken"


async def test_a_camera_that_cannot_be_reached_says_so(site: EyeSite) -> None:
    for kind in ("clip", "snapshot"):
        answer = await site.refused("POST", "/recordings", json={"camera_id": DEAD_CAMERA, "kind": kind})
        assert answer == (409, "lookout.recording.no_picture")
    rows = (await site.ok("GET", "/recordings"))["items"]
    assert {(r["state"], r["failed"]) for r in rows} == {("failed", "no_picture")}


async def test_a_camera_that_falls_silent_leaves_what_there_was(
    site: EyeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parksight.lookout.recording.service._PATIENCE_S", 0.5)
    site.recorder.arm(ZONE_CAMERA, "watched")
    site.relays.push(ZONE_CAMERA, UNITS[:100])
    begun = (await site.ok("POST", "/recordings", json={"camera_id": ZONE_CAMERA}))["id"]
    site.relays.push(ZONE_CAMERA, UNITS[100:110])
    found = await site.until(begun)
    assert found["state"] == "done"
    assert found["ended_ms"] == WALL + 109 * 40


async def test_damaged_pictures_never_get_into_a_clip(site: EyeSite) -> None:
    site.recorder.arm(ZONE_CAMERA, "watched")
    site.relays.push(ZONE_CAMERA, UNITS[:100])
    begun = (await site.ok("POST", "/recordings", json={"camera_id": ZONE_CAMERA}))["id"]
    holed = [replace(u, lost=2) if i == 110 else u for i, u in enumerate(UNITS)]
    site.relays.push(ZONE_CAMERA, holed[100:])
    found = await site.until(begun)
    beside = await site.ok("GET", f"/recordings/{begun}/track")
    missing = {round(u.wall_ms) for u in UNITS[110:125]}
    assert not missing & {round(p["wall_ms"]) for p in beside["poses"]}
    assert found["frames"] == len(beside["poses"])
    media = (await site.http.get(f"/api/v1/lookout/recordings/{begun}/media")).content
    with av.open(io.BytesIO(media)) as file:
        assert sum(1 for _ in file.decode(video=0)) == found["frames"]


async def test_the_limits_refuse_and_count(site: EyeSite) -> None:
    site.recorder.arm(ZONE_CAMERA, "watched")
    site.relays.push(ZONE_CAMERA, UNITS[:100])
    for _ in range(2):
        await site.ok("POST", "/recordings", json={"camera_id": ZONE_CAMERA})
    assert await site.refused("POST", "/recordings", json={"camera_id": ZONE_CAMERA}) == (
        409,
        "lookout.recording.busy",
    )
    figures = await site.ok("GET", "/recordings/stock")
    assert figures["counters"]["clips_refused"] == 1
    assert figures["recording"] == 2
    assert figures["rings"][0]["recording"] == 2


async def test_an_enterprise_sees_only_what_its_own_cameras_saw(site: EyeSite) -> None:
    zone, own = await clip(site), await clip(site, FIRM_CAMERA)
    site.who = caller("enterprise_manager", 1)
    assert [r["id"] for r in (await site.ok("GET", "/recordings"))["items"]] == [own]
    for path in ("", "/media", "/track"):
        assert (await site.refused("GET", f"/recordings/{zone}{path}"))[0] == 404
    assert (await site.refused("GET", "/recordings/stock"))[0] == 403
    assert (await site.refused("POST", "/recordings", json={"camera_id": FIRM_CAMERA}))[0] == 403
    site.who = caller("enterprise_manager", 2)
    assert (await site.ok("GET", "/recordings"))["total"] == 0
    assert (await site.refused("GET", f"/recordings/{own}"))[0] == 404


async def test_the_retention_takes_old_ones_but_never_evidence(site: EyeSite) -> None:
    shown, held, plain, young = [await clip(site, units=UNITS[25 * i :]) for i in range(4)]
    await site.ok("PUT", f"/recordings/{held}/hold", json={"held": True, "reason": "事故调查"})
    with site.db.session() as session:
        rows = {r.id: r for r in session.scalars(select(Recording))}
        now = site.clock.now()
        for number in (shown, held, plain):
            rows[number].created_at = now - timedelta(days=4)
        case = site.cases.open(session, SYSTEM, "cases.report", title="烟", fields={"category": "safety"})
        site.cases.add_evidence(session, SYSTEM, case.id, NewEvidence("file", rows[shown].file_id))
    path = site.files.path(rows[plain].sha256 or "")
    assert path.is_file()
    cleared = await asyncio.to_thread(site.retention.run)
    assert cleared.recordings == 1
    assert cleared.bytes > rows[plain].bytes
    assert not path.exists(), "the bytes are really gone"
    states = {r["id"]: r["state"] for r in (await site.ok("GET", "/recordings"))["items"]}
    assert states == {shown: "done", held: "done", plain: "deleted", young: "done"}
    assert await site.refused("GET", f"/recordings/{plain}/media") == (409, "lookout.recording.not_done")
    assert (await site.refused("DELETE", f"/recordings/{shown}", params={"reason": "x"}))[
        1
    ] == "lookout.recording.evidence"
    with site.db.read() as session:
        entries = session.scalars(select(AuditEntry.action)).all()
    assert entries.count("lookout.recording.delete") == 1


async def test_the_retention_takes_the_oldest_when_there_is_too_much(site: EyeSite) -> None:
    numbers = [await clip(site, units=UNITS[25 * i :]) for i in range(3)]
    each = (await site.ok("GET", f"/recordings/{numbers[0]}"))["bytes"]
    tight = SETTINGS.model_copy(update={"keep_gb": 2.2 * each / 2**30})
    site.retention.settings = tight
    assert (await asyncio.to_thread(site.retention.run)).recordings == 1
    rows = {r["id"]: r["state"] for r in (await site.ok("GET", "/recordings"))["items"]}
    assert rows == dict(zip(numbers, ["deleted", "done", "done"], strict=True))


async def test_a_stopped_platform_does_not_leave_a_clip_that_grows_for_ever(site: EyeSite) -> None:
    with site.db.session() as session:
        session.add(
            Recording(id=9, camera_id=ZONE_CAMERA, kind="clip", state="recording", reason="person", created_at=site.clock.now())
        )  # fmt: skip
    left = site.files.folder / "incoming" / "clip-9.mp4"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"x")
    assert site.recorder.recover() == 1
    found = await site.ok("GET", "/recordings/9")
    assert (found["state"], found["failed"]) == ("failed", "interrupted")
    assert not left.exists()
