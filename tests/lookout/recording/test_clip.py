from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.lookout.pictures import WALL, encode, moving

from parksight.gateways.cameras.protocols import AccessUnit, FramePose
from parksight.lookout.decoding import UndecodableError, decode
from parksight.lookout.recording import track
from parksight.lookout.recording.ring import Ring, size_of
from parksight.lookout.recording.writer import ClipFullError, ClipWriter, CodingChangedError

HEAD = {"camera_id": 3, "calibration": 2, "simulated": True}


def pose(wall_ms: float) -> FramePose | None:
    return FramePose((wall_ms - WALL) / 100, -5.0, 2.0) if wall_ms < WALL + 1500 else None


def written(folder: Path, units: list[AccessUnit], max_bytes: int = 1 << 24) -> ClipWriter:
    writer = ClipWriter(folder, "a", max_bytes, pose, HEAD)
    keys = [i for i, u in enumerate(units) if u.key] + [len(units)]
    for begin, end in pairwise(keys):
        after = units[end].dts if end < len(units) else None
        writer.group(units[begin:end], after, [(units[begin].wall_ms + 1, {"alarms": [begin]})])
    return writer


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_another_decoder_plays_every_picture_at_its_time(tmp_path: Path, codec: str) -> None:
    units = encode(moving(45), codec=codec)
    done = written(tmp_path, units).finish()
    assert done is not None
    assert done.frames == 45
    assert (done.width, done.height) == (320, 180)
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = list(file.decode(video=0))
        assert [round(f.time * 90_000) for f in frames] == [u.dts for u in units]
        assert [i for i, f in enumerate(frames) if f.key_frame] == [0, 10, 20, 30, 40]
    assert abs(done.ended_ms - done.began_ms - 44 * 40) < 1e-6
    assert done.wall_exact


def test_the_track_beside_it_holds_each_pose_and_what_the_labels_said(tmp_path: Path) -> None:
    units = encode(moving(45))
    written(tmp_path, units).finish()
    found = track.read((tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert (found.camera_id, found.calibration, found.simulated) == (3, 2, True)
    assert [p.dts for p in found.poses] == [u.dts for u in units]
    assert [p.pose for p in found.poses] == [pose(u.wall_ms) for u in units]
    assert found.poses[-1].pose is None, "an unknown pose must stay unknown"
    assert [(line.dts, line.state["alarms"]) for line in found.labels] == [(units[i].dts, [i]) for i in (0, 10, 20, 30, 40)]  # fmt: skip


def test_a_clip_that_is_full_keeps_what_it_has(tmp_path: Path) -> None:
    units = encode(moving(40))
    two = sum(size_of(u) for u in units[:20]) + 4000
    with pytest.raises(ClipFullError):
        written(tmp_path, units, two)
    writer = ClipWriter(tmp_path, "b", two, pose, HEAD)
    writer.group(units[:10], units[10].dts)
    writer.group(units[10:20], units[20].dts)
    with pytest.raises(ClipFullError):
        writer.group(units[20:], None)
    done = writer.finish()
    assert done is not None
    assert done.bytes <= two
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert len(list(file.decode(video=0))) == done.frames == 20


def test_another_picture_size_does_not_go_into_the_same_clip(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path, "a", 1 << 24, pose, HEAD)
    writer.group(encode(moving(10)), None)
    with pytest.raises(CodingChangedError):
        writer.group(encode(moving(10, size=(640, 360))), None)


def test_nothing_recorded_leaves_nothing_behind(tmp_path: Path) -> None:
    assert ClipWriter(tmp_path, "a", 1000, pose, HEAD).finish() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "nals", [(), (b"",), (b"\x65",), (b"\x67\x42", b"\x68", b"\x65abc"), (b"\xff" * 500,)]
)
def test_garbage_as_key_picture_is_refused(tmp_path: Path, nals: tuple[bytes, ...]) -> None:
    unit = AccessUnit("h264", nals, True, 0, WALL, True, WALL)
    with pytest.raises(UndecodableError):
        ClipWriter(tmp_path, "a", 1000, pose, HEAD).group([unit], None)


def test_decoding_begins_only_at_a_key_picture() -> None:
    units = encode(moving(12))
    with pytest.raises(UndecodableError):
        decode(units[1:])
    assert len(decode(units, last_only=False)) == 12


@given(st.data())
def test_a_damaged_track_is_refused_or_read_never_worse(data: st.DataObject) -> None:
    line = track.pose_line(AccessUnit("h264", (), True, 0, WALL, True, WALL), 7, FramePose(1, 2, 3))
    text = track.head_line(1, None, False) + "\n" + line
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=5)) + text[at + data.draw(st.integers(0, 9)) :]
    try:
        found = track.read(io.StringIO(damaged))
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    assert all(p.dts is not None for p in found.poses)


def unit(dts: int, size: int, key: bool, lost: int = 0) -> AccessUnit:
    return AccessUnit("h264", (bytes(size),), key, dts, WALL + dts / 90, True, WALL + dts / 90, lost)


@given(
    st.lists(
        st.tuples(st.integers(-5, 400_000), st.integers(1, 400), st.booleans(), st.sampled_from([0, 0, 0, 0, 1])),
        max_size=120,
    ),
    st.floats(0, 10),
    st.integers(1, 2000),
)  # fmt: skip
def test_the_ring_keeps_its_bounds_and_its_time_never_runs_back(
    steps: list[tuple[int, int, bool, int]], seconds: float, most: int
) -> None:
    ring, dts, kept, dropped = Ring(seconds, most), 0, 0, 0
    for step, size, key, lost in steps:
        dts += step
        if ring.add(unit(dts, size, key, lost)) is None:
            dropped += 1
        else:
            kept += 1
        have = ring.since()
        assert ring.size == sum(size_of(u) for u in have) <= most
        assert not have or have[0].key
        assert all(a.dts < b.dts for a, b in pairwise(have))
    assert kept + dropped == len(steps)


def test_the_ring_goes_on_over_a_reconnected_camera() -> None:
    ring = Ring(30, 1 << 20)
    for i in range(50):
        ring.add(unit(i * 3600, 100, i % 10 == 0))
    again = [replace(unit(i * 3600, 100, i % 10 == 0), wall_ms=WALL + 5000 + i * 40) for i in range(20)]
    for u in again:
        ring.add(u)
    times = [u.dts for u in ring.since()]
    assert ring.breaks == 1
    assert len(times) == 70
    assert times[50] - times[49] == pytest.approx((5000 - 49 * 40) * 90, abs=1)


def test_the_ring_returns_the_pre_roll_from_a_key_picture() -> None:
    ring = Ring(4, 1 << 20)
    for i in range(500):
        ring.add(unit(i * 3600, 100, i % 25 == 0))
    assert 4 <= ring.seconds < 5
    assert ring.since()[0].dts % (25 * 3600) == 0
    part = ring.since(ring.end - 90_000)
    assert part[0].key
    assert 1.0 <= (part[-1].dts - part[0].dts) / 90_000 < 2.0
