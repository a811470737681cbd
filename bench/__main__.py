"""All measurements, each in a process of its own: ``python -m bench [--full] [--only NAME …]``.

Every measurement prints figures with a ratio against a named reference of the same run. Without ``--full`` the short
variants run (about eight minutes); ``--full`` is the acceptance run (five minutes of sustained load, ten of flood,
100 M points in the store).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: name -> (short arguments, full arguments); each list is one process.
RUNS: dict[str, tuple[list[list[str]], list[list[str]]]] = {
    "hj212": ([[]], [[]]),
    "ingest": ([["--store"]], [["--store", "--seconds", "5"]]),
    "alarms": ([[]], [[]]),
    "store": ([["--quick"]], [["--rows", "100000000"]]),
    "pipeline": (
        [["--quick"]],
        [
            ["--rate", "450000", "--seconds", "300", "--half"],
            ["--flood", "600"],
            ["--connections", "10000", "--stations", "10000", "--rate", "50000", "--seconds", "60"],
        ],
    ),
    "fieldbus": ([[]], [[]]),
    "fanout": ([[]], [["--clients", "500"]]),
    "live": ([["--clients", "300", "--seconds", "6"]], [["--seconds", "30"]]),
    "alarm_screen": ([["--quick"]], [[]]),
    "alarm_rows": ([[]], [[]]),
    "video": ([["--seconds", "10"]], [["--seconds", "20", "--browser"]]),
    "ptz": ([[]], [[]]),
    "pixel": ([[]], [["--samples", "300", "--loads", "15", "--idle", "60"]]),
    "registry_import": ([[]], [[]]),
    "physics": ([[]], [[]]),
    "standards": ([[]], [["--points", "200"]]),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true", help="the acceptance run, about an hour")
    parser.add_argument("--only", nargs="+", choices=sorted(RUNS), help="these measurements only")
    asked = parser.parse_args()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"ParkSight bench · {machine}, duckdb {version('duckdb')}, numpy {version('numpy')}", flush=True)
    failed = []
    for name, (short, full) in RUNS.items():
        if asked.only and name not in asked.only:
            continue
        for arguments in full if asked.full else short:
            print(f"\n== {name} {' '.join(arguments)}", flush=True)
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", f"bench.{name}", *arguments], cwd=ROOT, check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )  # fmt: skip
            print(f"-- {name}: {time.monotonic() - began:.0f} s, exit {done.returncode}", flush=True)
            if done.returncode:
                failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
