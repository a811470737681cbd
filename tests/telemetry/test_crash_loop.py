"""kill -9 at any moment: what was acknowledged is there when the store is opened again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from tests.telemetry.crash_worker import ROWS, START, open_store, rows_of
from tests.telemetry.kit import add_points, records


def read(stream: IO[bytes], acknowledged: dict[int, tuple[int, int]], ready: threading.Event) -> None:
    for line in stream:
        if line == b"ready\n":
            ready.set()
        elif line.endswith(b"\n"):
            number, stored, duplicates = map(int, line.split())
            acknowledged[number] = (stored, duplicates)


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    db = records(tmp_path)
    add_points(db, ROWS)
    db.close()
    dice = random.Random(4711)
    acknowledged: dict[int, tuple[int, int]] = {}
    sent: set[int] = set()
    number = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.telemetry.crash_worker", str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        ready = threading.Event()
        reader = threading.Thread(target=read, args=(process.stdout, acknowledged, ready))
        reader.start()
        assert ready.wait(60), process.poll()
        again = sorted(sent - acknowledged.keys())  # a device sends what was not acknowledged once more
        before = len(acknowledged)
        timer = threading.Timer(dice.uniform(0.0, 0.5), process.send_signal, (signal.SIGKILL,))
        try:
            while process.poll() is None:
                if not timer.ident and len(acknowledged) > before:
                    timer.start()
                burst = again or list(range(number, number + dice.randrange(1, 40)))
                number = max(number, burst[-1] + 1)
                again = []
                sent.update(burst)
                process.stdin.write("".join(f"{n}\n" for n in burst).encode())
                process.stdin.flush()
                threading.Event().wait(dice.uniform(0, 0.01))
        except BrokenPipeError:
            pass
        timer.join()
        assert process.wait(30) == -signal.SIGKILL
        reader.join()

    store = open_store(tmp_path)
    try:
        rows = store.raw(range(1, ROWS + 1), START - 1, START + (number + 1) * 1000)
    finally:
        store.close()
    found = {
        (int(p), int(t)): float(v) for p, t, v in zip(rows.point, rows.observed_at, rows.value, strict=True)
    }
    assert len(found) == len(rows), "no row comes back twice"
    for n in sorted(acknowledged):
        stored, duplicates = acknowledged[n]
        assert stored + duplicates == ROWS
        expected = rows_of(n)
        for p, t, v in zip(expected.point, expected.observed_at, expected.value, strict=True):
            assert found.get((int(p), int(t))) == v, f"batch {n}, acknowledged, lost point {p}"
    assert {(t - START) // 1000 for _, t in found} <= sent, "nothing is there that nobody sent"
