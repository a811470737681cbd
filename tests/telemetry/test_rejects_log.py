"""The rejects log keeps its limits and survives torn files."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.telemetry.ingest.rejects import MAX_RAW, Reject, RejectsLog


def test_newest_first_filtered_and_paged(tmp_path: Path) -> None:
    log = RejectsLog(tmp_path)
    for i in range(10):
        log.add(Reject(1000 * i, i % 2, "a" if i < 5 else "b", i, b"x" * i))
    assert [r.count for r in log.recent()] == list(range(9, -1, -1))
    assert [r.count for r in log.recent(source=1, reason="b")] == [9, 7, 5]
    assert [r.count for r in log.recent(2, before=5000)] == [4, 3]
    log.close()
    again = RejectsLog(tmp_path)
    again.add(Reject(99_000, 1, "c", 77))
    assert [r.count for r in again.recent(2)] == [77, 9]
    again.close()


def test_rate_size_and_disk_are_limited_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    log = RejectsLog(tmp_path, max_mb=8, per_second=5)
    kept = [log.add(Reject(1000, 1, "a", 1)) for _ in range(8)]
    assert kept == [True] * 5 + [False] * 3
    assert not log.wants(1000)
    assert log.wants(2000)
    assert log.skipped == 4
    log.add(Reject(2000, 1, "a", 1, bytes(MAX_RAW + 500)))
    assert len(log.recent(1)[0].raw or b"") == MAX_RAW
    for second in range(3, 200):
        log.add(Reject(second * 1000, 1, "a", second, bytes(60_000)))
        log.flush()
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 8_000_000
    assert log.recent(1)[0].count == 199
    assert log.figures()["limit_bytes"] == 8_000_000
    log.close()
    assert not log.add(Reject(0, 1, "a", 1))


@given(st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_a_torn_or_damaged_file_is_read_up_to_the_damage(cut: int, byte: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        log = RejectsLog(Path(folder))
        for i in range(6):
            log.add(Reject(i, 1, "reason", i, b"0123456789" * 3, ((1, 2, 3.0, 4),)))
        log.close()
        path = next(Path(folder).iterdir())
        data = bytearray(path.read_bytes())
        at = cut % len(data)
        torn = RejectsLog(Path(folder))
        path.write_bytes(bytes(data[:at]))
        short = [r.count for r in torn.recent()]
        assert short == list(range(len(short) - 1, -1, -1))
        assert len(short) == at * 6 // len(data) or len(short) == at // (len(data) // 6)
        data[at] ^= byte or 1
        path.write_bytes(bytes(data))
        damaged = [r.count for r in torn.recent()]
        assert damaged == list(range(len(damaged) - 1, -1, -1))
        assert len(damaged) < 6
        torn.add(Reject(9, 1, "after", 99))
        assert torn.recent(1)[0].count == 99
        torn.close()


def test_a_full_disk_is_counted_not_raised(tmp_path: Path) -> None:
    log = RejectsLog(tmp_path / "log")
    log.folder.rmdir()
    (tmp_path / "log").write_text("a file where the folder was")
    log.add(Reject(1, 1, "a", 1))
    log.flush()
    log.close()
    assert log.failed >= 1
