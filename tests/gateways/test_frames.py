"""The raw-frame log keeps its bounds and what matters most."""

from __future__ import annotations

from pathlib import Path

from parksight.gateways.frames import NOBODY, FrameLog


def test_ring_keeps_the_newest_frames_of_each_device(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "f.sqlite", per_device=5, spacing_ms=0)
    log.add(2, 1, b"quiet")
    for i in range(12):
        log.add(1, i, b"frame %d" % i)
        log.flush()
    assert [f.data for f in log.read(1)] == [b"frame %d" % i for i in (11, 10, 9, 8, 7)]
    assert [f.data for f in log.read(2)] == [b"quiet"]
    assert log.total(1) == 12
    log.close()


def test_many_frames_at_once_are_all_written(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "f.sqlite", spacing_ms=0)
    for i in range(251):
        log.add(i % 25 + 1, i, b"frame %d" % i, deviations=("crc_case",) if i % 2 else ())
    assert log.flush() == 251
    for device in range(1, 26):
        expected = [(i, b"frame %d" % i) for i in range(250, -1, -1) if i % 25 + 1 == device]
        assert [(f.at_ms, f.data) for f in log.read(device)] == expected
    log.close()


def test_ordinary_frames_are_spaced_and_deviating_ones_are_not(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "f.sqlite", spacing_ms=1000)
    assert log.add(1, 10_000, b"a")
    assert not log.add(1, 10_500, b"b")
    assert log.add(1, 10_501, b"c", deviations=("crc_case", "missing_qn"))
    assert log.add(1, 10_502, b"d", direction="out")
    assert log.add(1, 11_000, b"e")
    assert [f.data for f in log.read(1)] == [b"e", b"d", b"c", b"a"]
    assert [f.deviations for f in log.read(1, deviating=True)] == [("crc_case", "missing_qn")]
    assert log.counters["skipped_spacing"] == 1
    log.close()


def test_limits_are_enforced_and_counted(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "f.sqlite", spacing_ms=0, max_frame_bytes=10, pending=3, max_devices=2)
    assert log.add(NOBODY, 1, b"x" * 100)
    for i in range(5):
        log.add(1, i, b"%d" % i)
    assert not log.add(2, 1, b"third device")
    (cut,) = log.read(NOBODY)
    assert (cut.length, cut.data) == (100, b"x" * 10)
    assert [f.data for f in log.read(1)] == [b"4", b"3", b"2"]
    assert log.counters["cut"] == 1
    assert log.counters["skipped_pending"] == 2
    assert log.counters["skipped_devices"] == 1
    log.close()


def test_survives_a_restart_and_can_forget(tmp_path: Path) -> None:
    log = FrameLog(tmp_path / "f.sqlite", spacing_ms=0)
    log.add(1, 1, b"before", peer="10.0.0.7:4001")
    log.close()
    log = FrameLog(tmp_path / "f.sqlite", spacing_ms=0)
    log.add(1, 2, b"after")
    assert [(f.seq, f.data, f.peer) for f in log.read(1)] == [
        (2, b"after", ""),
        (1, b"before", "10.0.0.7:4001"),
    ]
    log.forget(1)
    assert log.read(1) == []
    log.close()
