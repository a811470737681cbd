"""When something is wrong: full disk, damaged files, a second process, another zone. Nothing is lost, all is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.telemetry.store.kit import DAY, HOUR, MIDNIGHT, columns, open_store, steady, tuples

from parksight.kernel import i18n
from parksight.telemetry.store import (
    PartitionDamaged,
    QueryTooSlow,
    StoreClosed,
    StoreInUse,
    StoreMismatch,
    errors,
    time_limit,
)

ROOT = Path(__file__).parents[3]
POINTS = range(1, 11)


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


# The size limit of files stands for the full disk: writes fail in the same place, with another number.
FULL = """
import os, resource, signal, sys
from pathlib import Path
from tests.telemetry.store.kit import MIDNIGHT, open_store, steady
from parksight.telemetry.store import StoreWriteFailed
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
store = open_store(Path(sys.argv[1]), compact_after_rows=50_000)
block = lambda i: steady(range(1, 11), MIDNIGHT + i * 1_000_000, 200, 5_000)
stored = 0
limit(700_000)
refused = 0
for i in range(30):
    try:
        store.append(block(stored))
        stored += 1
    except StoreWriteFailed as problem:
        assert problem.status == 503 and problem.params["reason"], problem
        refused += 1
assert refused >= 3 and stored >= 5, (refused, stored)
assert not store.health()["ok"] and store.health()["last_failure"]
assert len(store.raw(range(1, 11), 0, 2**41)) == stored * 2000
limit(hard)
store.append(block(stored)); stored += 1
assert store.health()["ok"]
limit(5_000)
try:
    store.compact(MIDNIGHT)
    raise SystemExit("the compaction cannot have worked")
except StoreWriteFailed:
    pass
assert len(store.raw(range(1, 11), 0, 2**41)) == stored * 2000
limit(hard)
if sys.argv[2] == "compact":
    store.compact(MIDNIGHT)
store.append(block(stored)); stored += 1
print(stored, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs file size limits")
@pytest.mark.parametrize("way", ["compact", "leave"])
def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, way: str) -> None:
    done = python(FULL, str(tmp_path / "s"), way)
    assert done.returncode == -9, done.stderr[-2000:]
    store = open_store(tmp_path / "s")
    expected = {(p, o) for i in range(int(done.stdout)) for p, o, *_ in tuples(steady(POINTS, MIDNIGHT + i * 1_000_000, 200, 5_000))}  # fmt: skip
    found = tuples(store.raw(POINTS, 0, 2**41))
    assert {(p, o) for p, o, *_ in found} == expected
    assert len(found) == len(expected)
    store.compact(MIDNIGHT + 3 * DAY)
    assert len(store.raw(POINTS, 0, 2**41)) == len(expected)
    store.close()


@pytest.mark.parametrize("harm", ["cut", "flip", "gone"])
def test_a_damaged_partition_is_named_and_the_others_are_read(tmp_path: Path, harm: str) -> None:
    store = open_store(tmp_path)
    for day in range(3):
        store.append(steady(POINTS, MIDNIGHT + day * DAY, 500, 5_000))
    store.compact(MIDNIGHT)
    victim = next(s for s in store._versions.now.segments() if s.first_at == MIDNIGHT + DAY)
    path = victim.rows_path(tmp_path / "segments")
    content = path.read_bytes()
    store.close()
    if harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "flip":
        middle = len(content) // 3
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 0x40]) + content[middle + 1 :])
    else:
        path.unlink()
    store = open_store(tmp_path)
    assert store.health()["ok"] == (harm == "flip")  # a flipped bit shows when it is read
    with pytest.raises(PartitionDamaged) as caught:
        store.raw(POINTS, MIDNIGHT, MIDNIGHT + 3 * DAY)
    assert caught.value.params["day"] == "2026-03-02"
    assert path.name in str(caught.value)
    assert store.health()["damaged"][0]["day"] == "2026-03-02"
    for good in (0, 2):
        assert len(store.raw(POINTS, MIDNIGHT + good * DAY, MIDNIGHT + good * DAY + HOUR)) == 5_000
    assert len(store.buckets(POINTS, MIDNIGHT, MIDNIGHT + 3 * DAY, HOUR).point) == 30  # aggregates are whole
    # Late rows for that day stay beside it instead of being merged into what cannot be read.
    store.append(steady(POINTS, MIDNIGHT + DAY + HOUR, 500, 5_000))
    store.compact(MIDNIGHT + 5 * DAY)
    assert "2026-03-02" in store.health()["merges_skipped"]
    path.write_bytes(content)
    assert len(store.raw(POINTS, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)) == 10_000
    store.compact(MIDNIGHT + 5 * DAY)
    assert store.health() == {"ok": True, "damaged": [], "last_failure": None, "merges_skipped": {}}
    store.close()


def test_an_unreadable_hot_table_is_shown_left_alone_and_tried_again(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(steady(POINTS, MIDNIGHT, 100, 5_000))
    store.compact(MIDNIGHT)
    store.append(steady(POINTS, MIDNIGHT + HOUR, 100, 5_000))
    store.close()
    (file,) = (tmp_path / "hot").glob("*.duckdb")
    content = file.read_bytes()
    file.write_bytes(b"\x00" * len(content))
    for readable in (1_000, 2_000):
        store = open_store(tmp_path)
        assert store.health()["damaged"][0]["file"] == file.name
        assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == readable
        store.append(steady(POINTS, MIDNIGHT + 2 * HOUR, 100, 5_000))
        store.compact(MIDNIGHT + 3 * DAY)
        store.close()
    file.write_bytes(content)
    store = open_store(tmp_path)
    assert store.health()["ok"]
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == 3_000
    store.close()


def test_one_process_owns_the_folder(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    script = "import sys; from pathlib import Path; from tests.telemetry.store.kit import open_store; open_store(Path(sys.argv[1]))"
    done = python(script, str(tmp_path))
    assert "StoreInUse" in done.stderr
    store.close()
    assert python(script, str(tmp_path)).returncode == 0
    assert issubclass(StoreInUse, errors.StoreError)


def test_another_time_zone_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with pytest.raises(StoreMismatch) as caught:
        open_store(tmp_path, "Europe/Berlin")
    assert caught.value.params["found"] == "Asia/Shanghai"
    open_store(tmp_path).close()


def test_every_error_has_its_texts() -> None:
    codes = {
        "telemetry.store.partition_damaged", "telemetry.store.write_failed", "telemetry.store.in_use",
        "telemetry.store.other_format", "telemetry.store.other_timezone", "telemetry.store.closed",
        "telemetry.query.too_slow", "telemetry.store.backup_unusable",
    }  # fmt: skip
    for language in i18n.LANGUAGES:
        assert all(i18n.has(c, language) and i18n.has(f"{c}.action", language) for c in codes)


def test_a_query_stops_when_its_time_is_over(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(steady(POINTS, MIDNIGHT, 500, 5_000))
    with time_limit(0.0), pytest.raises(QueryTooSlow):
        store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)
    assert len(store.raw(POINTS, MIDNIGHT, MIDNIGHT + DAY)) == 5_000
    store.close()


def test_what_must_not_come_in_is_refused_whole(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    good = (1, MIDNIGHT, 1.0, 0, MIDNIGHT)
    for bad in ((-1, MIDNIGHT, 1.0, 0, MIDNIGHT), (1, -5, 1.0, 0, 0), (1, 2**45, 1.0, 0, 0)):
        with pytest.raises(ValueError):
            store.append(columns([good, bad]))
    uneven = columns([good, good])
    uneven.value = uneven.value[:1]
    with pytest.raises(ValueError, match="lengths"):
        store.append(uneven)
    with pytest.raises(ValueError):
        store.mark(1, 0, 2**41, 16)
    with pytest.raises(ValueError):
        store.buckets([1], 0, 1, 0)
    assert len(store.raw([1], 0, 2**41)) == 0
    store.close()
    with pytest.raises(StoreClosed):
        store.append(columns([good]))
    store.close()
