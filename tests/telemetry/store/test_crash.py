"""kill -9 at any step of appending, marking, compacting: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROUNDS = int(os.environ.get("PARKSIGHT_TEST_CRASHES", "12"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_step_the_store_is_whole(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.telemetry.store.crash_worker", str(ROUNDS), "7"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == ROUNDS + 1
    assert [r for r in rounds if r["problem"]] == []
    # The rounds die all along the way, and the one that was left alone got through.
    assert len({r["acknowledged"] for r in rounds}) > min(ROUNDS, 24) // 4  # there are 17 steps to die in
    assert rounds[-1]["acknowledged"] == 17
