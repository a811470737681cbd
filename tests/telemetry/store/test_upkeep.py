"""Retention, marks, views that last, copies, and all of it at once."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.telemetry.store.kit import (
    DAY,
    HOUR,
    MIDNIGHT,
    Model,
    as_dict,
    close_enough,
    columns,
    open_store,
    same,
    steady,
    tuples,
)

from parksight.kernel.backup import BackupPart
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import BackupUnusable, merging, restore, restore_part
from parksight.telemetry.store.merging import Merger
from parksight.telemetry.store.segment import Segment

POINTS = list(range(1, 9))


def test_retention_drops_rows_and_keeps_every_aggregate(tmp_path: Path) -> None:
    store, model = open_store(tmp_path, raw_retention_days=2), Model()
    for rows in (steady(POINTS[:6], MIDNIGHT, 1440, 60_000), steady(POINTS[6:], MIDNIGHT, 1440, 5_000)):
        store.append(rows)
        model.append(rows)
    young = steady(POINTS, MIDNIGHT + 3 * DAY, 100, 60_000)
    store.append(young)
    model.append(young)
    store.compact(MIDNIGHT + DAY)
    before = {w: as_dict(store.buckets(POINTS, MIDNIGHT, MIDNIGHT + DAY, w)) for w in (60_000, HOUR, DAY)}
    figures = store.compact(MIDNIGHT + 3 * DAY + HOUR)
    assert figures["dropped_days"] == 1
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == 0
    assert len(store.raw(POINTS, MIDNIGHT + 3 * DAY, MIDNIGHT + 4 * DAY)) == 800
    for width, expected in before.items():
        assert close_enough(as_dict(store.buckets(POINTS, MIDNIGHT, MIDNIGHT + DAY, width)), expected)
        assert close_enough(expected, model.buckets(POINTS, MIDNIGHT, MIDNIGHT + DAY, width))
    # History that comes in later still counts; what only comes again does not count twice.
    late = steady([1], MIDNIGHT + DAY - HOUR + 30_000, 1, 1000)
    more = steady([90], MIDNIGHT + 5_000, 60, 60_000)
    again = steady([2], MIDNIGHT, 10, 60_000)
    for rows in (late, more, again):
        store.append(rows)
    for _ in range(2):
        counts = {p: store.buckets([p], MIDNIGHT, MIDNIGHT + DAY, DAY).count.tolist() for p in (2, 90)}
        assert counts == {2: [1440], 90: [60]}
        hours = store.buckets([90], MIDNIGHT, MIDNIGHT + DAY, HOUR)
        assert hours.count.tolist() == [60]
        store.compact(MIDNIGHT + 3 * DAY + 2 * HOUR)
    assert store.stats()["segments"] == 2
    store.close()


def test_marked_rows_keep_value_flags_and_arrival(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    rows = steady([5], MIDNIGHT, 3 * 1440, 60_000)
    rows.quality[:] = 0x80
    store.append(rows)
    store.compact(MIDNIGHT + 4 * DAY)
    start, end = MIDNIGHT + 23 * HOUR, MIDNIGHT + 26 * HOUR
    assert store.mark(5, start, end, 2) == 180
    assert store.mark(5, start, end, 2) == 0
    assert store.mark(6, 0, 2**41, 2) == 0
    for _ in range(2):
        marked = store.raw([5], start, end)
        assert set(marked.quality) == {0x82}
        untouched = (rows.observed_at >= start) & (rows.observed_at < end)
        assert np.array_equal(marked.value, rows.value[untouched])
        assert np.array_equal(marked.received_at, rows.received_at[untouched])
        daily = store.buckets([5], MIDNIGHT, MIDNIGHT + 3 * DAY, DAY)
        assert daily.usable.tolist() == [1380, 1320, 1440]
        assert daily.quality.tolist() == [0x82, 0x82, 0x80]
        store.compact(MIDNIGHT + 4 * DAY)
    assert store.mark(5, 0, 2**42, 0) == 180
    store.close()


def test_newest_values_survive_and_the_future_does_not_hide_them(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(columns([(1, MIDNIGHT + DAY, 9.0, 0, MIDNIGHT), (1, MIDNIGHT + 5, 2.0, 0x20, MIDNIGHT + 6)]))
    assert tuples(store.last()) == [(1, MIDNIGHT + 5, 2.0, 0x20, MIDNIGHT + 6)]
    store.compact(MIDNIGHT)
    store.append(columns([(3, MIDNIGHT, 7.0, 0, MIDNIGHT), (3, MIDNIGHT, 8.0, 0, MIDNIGHT)]))
    store.close()
    store = open_store(tmp_path)
    assert tuples(store.last()) == [
        (1, MIDNIGHT + 5, 2.0, 0x20, MIDNIGHT + 6),
        (3, MIDNIGHT, 8.0, 0, MIDNIGHT),
    ]
    store.mark(3, MIDNIGHT, MIDNIGHT + 1, 3)
    assert store.last().quality.tolist() == [0x20, 3]
    store.close()


def test_tables_that_wait_long_are_read_from_their_files(tmp_path: Path) -> None:
    store, model = open_store(tmp_path), Model()
    many = range(1, 401)
    for i in range(6):
        # Every block comes again in the next table with other values: the last written counts.
        block = steady(many, MIDNIGHT + (i // 2) * HOUR, 5, 60_000)
        block.value += i
        store.append(block)
        model.append(block)
        store._seal()
    held = [hot.mirror is not None for hot in store._versions.now.hots]
    assert held == [False] * 4 + [True] * 3
    for points in ([7], list(range(1, 100)), list(range(20, 380))):
        expected = model.raw(points, MIDNIGHT, MIDNIGHT + DAY)
        assert same(tuples(store.raw(points, MIDNIGHT, MIDNIGHT + DAY)), expected)
        found = as_dict(store.buckets(points, MIDNIGHT, MIDNIGHT + DAY, HOUR))
        assert close_enough(found, model.buckets(points, MIDNIGHT, MIDNIGHT + DAY, HOUR))
    newest = tuples(store.last())
    store.close()
    store = open_store(tmp_path)
    assert tuples(store.last()) == newest
    assert [hot.mirror is not None for hot in store._versions.now.hots] == [False] * 4 + [True] * 3
    store.compact(MIDNIGHT + 2 * DAY)
    assert len(store.raw(many, MIDNIGHT, MIDNIGHT + DAY)) == len(model.rows)
    store.close()


def test_tables_sealed_during_a_long_merge_do_not_wait_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "CHUNK_ROWS", 400)
    store, model = open_store(tmp_path), Model()
    waiting: list[int] = []
    blocks = [steady(POINTS, MIDNIGHT + i * HOUR, 100, 5_000) for i in range(8)]

    def more(rows: Columns) -> None:
        store.append(rows)
        model.append(rows)
        store._seal()

    for block in blocks[:4]:
        more(block)
    merge, spans = Merger._rows, blocks[4:]

    def while_merging(self: Merger, segment: Segment, points: range) -> Columns:
        waiting.append(int(store.stats()["sealed_tables"]))
        if spans:
            more(spans.pop())
        return merge(self, segment, points)

    monkeypatch.setattr(Merger, "_rows", while_merging)
    store.compact(MIDNIGHT + HOUR)
    assert len(waiting) > 4, "the merge took several spans"
    assert max(waiting) >= 1, "and tables were sealed meanwhile"
    assert store.stats()["sealed_tables"] == 0
    assert same(
        tuples(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)), model.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)
    )
    for width in (60_000, HOUR, DAY):
        found = as_dict(store.buckets(POINTS, MIDNIGHT, MIDNIGHT + DAY, width))
        assert close_enough(found, model.buckets(POINTS, MIDNIGHT, MIDNIGHT + DAY, width))
    store.close()


def test_appends_slow_down_while_sorting_is_behind(tmp_path: Path) -> None:
    """Or a flood would fill the memory with tables that nobody had time to sort."""
    store = open_store(tmp_path, compact_after_rows=10_000)
    rows = steady(range(1, 101), MIDNIGHT, 100, 1_000)
    for _ in range(8):
        store.append(rows)
    assert store.stats()["append_paused_seconds"] == 0, "nothing sorts by itself yet: waiting would not help"
    with store._compaction.lock:  # as if the disk were slow
        store.start()
        for _ in range(3):
            store.append(rows)
        behind = store.stats()
    assert behind["sealed_tables"] == 10
    assert behind["append_paused_seconds"] > 0
    until = time.monotonic() + 20
    while store.stats()["sealed_tables"] and time.monotonic() < until:
        time.sleep(0.02)
    store.append(rows)
    assert store.stats()["append_paused_seconds"] == behind["append_paused_seconds"]
    store.close()


def test_the_next_table_is_there_before_it_is_needed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(steady(POINTS, MIDNIGHT, 10, 1_000))
    store.compact(MIDNIGHT)
    first = store._versions.now.hots[-1].number
    spare = store._hots.path(first + 1)
    assert spare.exists()
    made = spare.stat().st_ino
    store.append(steady(POINTS, MIDNIGHT + HOUR, 10, 1_000))
    store._seal()
    assert store._versions.now.hots[-1].number == first + 1
    assert spare.stat().st_ino == made
    store._hots.make_spare(first + 1)  # asked for late, when it is in use
    store.append(steady(POINTS, MIDNIGHT + 2 * HOUR, 10, 1_000))
    assert spare.stat().st_ino == made
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == 240
    store._hots.make_spare(first + 2)
    store.close()
    assert not store._hots.path(first + 2).exists(), "an empty table is not left behind"
    store = open_store(tmp_path)
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == 240
    store.close()


def test_a_long_read_keeps_its_view_while_everything_below_it_changes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for day in range(4):
        store.append(steady(POINTS, MIDNIGHT + day * DAY, 200, 5_000))
    store.compact(MIDNIGHT)
    files = set((tmp_path / "segments").iterdir())
    reading = store.raw_by_day(POINTS, MIDNIGHT, MIDNIGHT + 4 * DAY)
    first = next(reading)
    for i in range(4):
        store.append(steady(POINTS, MIDNIGHT + DAY + (i + 1) * HOUR, 200, 5_000))
        store.compact(MIDNIGHT + 6 * DAY)
    assert files - set((tmp_path / "segments").iterdir()) == set()
    assert [len(first), *(len(part) for part in reading)] == [1600] * 4
    store.compact(MIDNIGHT + 6 * DAY)
    assert len(set((tmp_path / "segments").iterdir())) == 8
    assert len(store.raw(POINTS, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)) == 5 * 1600
    store.close()


def test_a_copy_of_a_running_store_is_consistent(tmp_path: Path) -> None:
    store, model = open_store(tmp_path / "store", compact_after_rows=10_000), Model()
    for i in range(4):
        rows = steady(POINTS, MIDNIGHT + i * DAY, 200, 60_000)
        store.append(rows)
        model.append(rows)
        if i < 3:
            store.compact(MIDNIGHT + i * DAY)
    stop = threading.Event()

    def writing() -> None:
        at = MIDNIGHT + 10 * DAY
        while not stop.is_set():
            store.append(steady([500], at, 50, 1_000))
            at += 50_000

    thread = threading.Thread(target=writing)
    thread.start()
    try:
        store.dump(tmp_path / "copy")
    finally:
        stop.set()
        thread.join()
    with pytest.raises(BackupUnusable):
        store.dump(tmp_path / "copy")
    store.close()
    restored = restore(tmp_path / "copy", tmp_path / "again")
    copy = open_store(tmp_path / "again")
    assert same(tuples(copy.raw(POINTS, 0, 2**41)), model.raw(POINTS, 0, 2**41))
    extra = copy.raw([500], 0, 2**41)
    assert len(extra) % 50 == 0  # whole appends only
    assert restored["rows"] == len(extra) + len(model.rows)
    for width in (HOUR, DAY):
        found = as_dict(copy.buckets(POINTS, MIDNIGHT, MIDNIGHT + 5 * DAY, width))
        assert close_enough(found, model.buckets(POINTS, MIDNIGHT, MIDNIGHT + 5 * DAY, width))
    assert set(POINTS) <= set(copy.last().point.tolist())
    copy.append(steady(POINTS, MIDNIGHT + 20 * DAY, 10, 1_000))
    copy.compact(MIDNIGHT + 30 * DAY)
    assert copy.health()["ok"]
    copy.close()
    with pytest.raises(BackupUnusable):
        restore(tmp_path / "copy", tmp_path / "again")


def test_the_observations_are_a_part_of_the_archive(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.append(steady(POINTS, MIDNIGHT, 100, 1_000))
    part: BackupPart = store.backup_part()
    (tmp_path / "copy").mkdir()
    part.dump(tmp_path / "copy")
    store.close()
    back: BackupPart = restore_part(tmp_path / "again")
    assert (part.name, back.name) == ("observations", "observations")
    back.restore(tmp_path / "copy")
    copy = open_store(tmp_path / "again")
    assert len(copy.raw(POINTS, 0, 2**41)) == 800
    copy.close()


@pytest.mark.parametrize("harm", ["changed", "missing", "foreign", "garbage"])
def test_a_bad_copy_is_refused_before_anything_is_written(tmp_path: Path, harm: str) -> None:
    store = open_store(tmp_path / "store")
    store.append(steady(POINTS, MIDNIGHT, 100, 1_000))
    store.compact(MIDNIGHT)
    store.dump(tmp_path / "copy")
    store.close()
    file = next((tmp_path / "copy").glob("*.rows.parquet"))
    manifest = tmp_path / "copy" / "manifest.json"
    if harm == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif harm == "missing":
        file.unlink()
    elif harm == "foreign":
        manifest.write_text(json.dumps({"kind": "something"}))
    else:
        manifest.write_bytes(b"\x00\xff")
    with pytest.raises(BackupUnusable):
        restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_appends_queries_marks_and_compaction_at_once(tmp_path: Path) -> None:
    store = open_store(tmp_path, compact_after_rows=10_000)
    store.start()
    rounds, seen, troubles = 60, [0], []
    stop = threading.Event()

    def reading() -> None:
        try:
            before = 0
            while not stop.is_set():
                low = seen[0]
                rows = store.raw(POINTS, MIDNIGHT, MIDNIGHT + 2 * DAY)
                keys = rows.point.astype(np.int64) << 40 | (rows.observed_at - MIDNIGHT)
                assert (np.diff(keys) > 0).all(), "not in order, or a row twice"
                assert len(rows) >= max(low, before), "rows vanished"
                before = len(rows)
                counted = int(store.buckets(POINTS, MIDNIGHT, MIDNIGHT + 2 * DAY, HOUR).count.sum())
                assert counted >= before, "aggregates miss rows"
        except Exception as problem:
            troubles.append(problem)

    threads = [threading.Thread(target=reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(rounds):
        rows = steady(POINTS, MIDNIGHT + i * 500_000, 100, 5_000)
        store.append(rows)
        seen[0] += len(rows)
        if i % 10 == 9:
            store.mark(POINTS[i // 10], MIDNIGHT, MIDNIGHT + DAY, 2)
    until = time.monotonic() + 20
    while store.stats()["sealed_tables"] and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert store.stats()["sealed_tables"] == 0  # the store's own thread has compacted
    assert store.stats()["segments"] > 0
    store.compact(MIDNIGHT + 5 * DAY)
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + 2 * DAY)) == rounds * 800
    store.close()
    assert isinstance(rows, Columns)
