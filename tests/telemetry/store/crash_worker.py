"""Run by test_crash: dies by SIGKILL at a chosen step of the store's own code, then checks what is left.

Prints one JSON line per round: {"at": n, "acknowledged": steps, "problem": text or null}; the last one has
``at`` null and tells how many steps of the code an undisturbed run takes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from tests.telemetry.store.kit import DAY, HOUR, MIDNIGHT, Model, open_store, same, steady, tuples

import parksight.telemetry.store
from parksight.telemetry.store.warm import warm

POINTS = range(1, 13)
EVERYTHING = (0, 2**41)
CODE = str(Path(parksight.telemetry.store.__file__).parent)


def script() -> list[tuple[Any, ...]]:
    """Appends (in time, late, again), compactions of every kind, marks, retention."""
    block = [steady(POINTS, MIDNIGHT + i * 700_000, 140, 5_000) for i in range(6)]
    late = steady(range(5, 9), MIDNIGHT - DAY, 300, 60_000)
    return [
        ("append", block[0]), ("compact", HOUR), ("append", block[1]), ("append", late), ("compact", HOUR),
        ("append", block[2]), ("mark", 3, MIDNIGHT + 60_000, MIDNIGHT + 900_000, 2), ("compact", HOUR),
        ("append", block[1]), ("append", block[3]), ("compact", 2 * DAY), ("append", block[4]),
        ("compact", 2 * DAY), ("append", block[5]), ("append", late), ("compact", 40 * DAY),
        ("append", block[0]),
    ]  # fmt: skip


def apply(target: Any, step: tuple[Any, ...]) -> None:
    match step:
        case ("append", rows):
            target.append(rows)
        case ("mark", *arguments):
            target.mark(*arguments)
        case ("compact", after) if not isinstance(target, Model):
            target.compact(MIDNIGHT + after)


def work(folder: Path, die_at: int | None, acknowledge: int) -> int:
    """Run the script; returns how many calls within the store it took."""
    store = open_store(folder, raw_retention_days=400)
    # Smaller than the settings allow, so that a few rows seal several tables.
    store.settings = store.settings.model_copy(update={"compact_after_rows": 3_000})
    count = 0

    def tick(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        if frame.f_code.co_filename.startswith(CODE):
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(tick)
    for step in script():
        apply(store, step)
        os.write(acknowledge, b".")
    sys.setprofile(None)
    store.close()
    return count


def verify(folder: Path, acknowledged: int) -> str | None:
    """Everything acknowledged is there once; the step under way is there whole or not at all."""
    store = open_store(folder)
    found = tuples(store.raw(POINTS, *EVERYTHING))
    steps = script()
    for done in (acknowledged, acknowledged + 1):
        model = Model()
        for step in steps[:done]:
            apply(model, step)
        if same(found, model.raw(POINTS, *EVERYTHING)):
            break
    else:
        return f"{len(found)} rows are neither before nor after the step under way"
    counted = int(store.buckets(list(POINTS), MIDNIGHT - 3 * DAY, MIDNIGHT + 3 * DAY, HOUR).count.sum())
    if counted != len(found):
        return f"aggregates count {counted} rows of {len(found)}"
    store.compact(MIDNIGHT + 3 * DAY)
    if not same(tuples(store.raw(POINTS, *EVERYTHING)), found):
        return "the rows changed with the next compaction"
    daily = int(store.buckets(list(POINTS), MIDNIGHT - 3 * DAY, MIDNIGHT + 3 * DAY, DAY).count.sum())
    if daily != len(found):
        return f"day aggregates count {daily} rows of {len(found)}"
    names = {
        p.name for s in store._versions.now.segments() for p in (s.rows_path(folder), s.roll_path(folder))
    }
    left = {p.name for p in (folder / "segments").iterdir()}
    store.close()
    return None if names == left else f"files nobody names: {sorted(left - names)}"


def in_child(function: Any, *arguments: Any) -> tuple[int, str]:
    """Exit status and output of a function run in a forked process."""
    out, inside = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            text = json.dumps(function(*arguments))
        except BaseException as problem:
            text = json.dumps(f"{type(problem).__name__}: {problem}")
        os.write(inside, text.encode())
        os._exit(0)
    os.close(inside)
    with os.fdopen(out, "rb") as pipe:
        text = pipe.read().decode()
    return os.waitpid(child, 0)[1], text


def one_round(die_at: int | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        heard, say = os.pipe()
        status, text = in_child(work, path, die_at, say)
        os.close(say)
        with os.fdopen(heard, "rb") as pipe:
            acknowledged = len(pipe.read())
        if die_at is not None and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return {"at": die_at, "acknowledged": acknowledged, "problem": f"did not die: {text}"}
        problem = json.loads(in_child(verify, path, acknowledged)[1])
        steps = json.loads(text) if die_at is None else None
        return {"at": die_at, "acknowledged": acknowledged, "problem": problem, "steps": steps}


if __name__ == "__main__":
    warm()  # the forked rounds share the loaded kernels
    whole = one_round(None)
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    chosen = random.Random(seed)
    for i in range(rounds):
        low = whole["steps"] * i // rounds
        high = whole["steps"] * (i + 1) // rounds
        print(json.dumps(one_round(max(1, chosen.randrange(low, high)))), flush=True)
    print(json.dumps(whole), flush=True)
