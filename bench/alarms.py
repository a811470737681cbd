"""Alarm evaluation: 100,000 rules of four steps, batches of 100,000 rows, against a plain Python loop in one run.

python -m bench.alarms [--rules N] [--rows N] [--batches N] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from bench.alarms_reference import PlainEvaluator

from parksight.alarms.evaluation import Evaluator, RuleRow, compile_rules
from parksight.telemetry.protocols import Columns

NOW = 1_772_337_600_000


def definition(seed: int) -> dict[str, Any]:
    """Four steps with delays and deadband, around values of mean 50."""
    step = {"deadband": 1.0, "on_delay_s": float(seed % 3), "off_delay_s": 5.0}
    return {
        "hh": {**step, "limit": 95.0, "priority": 1}, "h": {**step, "limit": 90.0, "priority": 2},
        "l": {**step, "limit": 10.0, "priority": 3}, "ll": {**step, "limit": 5.0, "priority": 2},
    }  # fmt: skip


def batch(rng: np.random.Generator, points: int, rows: int, at: int, wild: float) -> Columns:
    """Rows of distinct times; a share ``wild`` of them is beyond a limit."""
    point = rng.permutation(points)[:rows].astype(np.int32) + 1
    if len(point) < rows:
        point = rng.integers(1, points + 1, rows).astype(np.int32)
    value = rng.normal(50, 5, rows)
    beyond = rng.random(rows) < wild
    value[beyond] = rng.choice([2.0, 7.0, 92.0, 99.0], int(beyond.sum()))
    observed = np.full(rows, at, np.int64)
    return Columns(point, observed, value, np.zeros(rows, np.uint8), observed.copy())


def run(rules: int = 100_000, rows: int = 100_000, batches: int = 20, seed: int = 1) -> dict[str, Any]:
    """Figures of both evaluations over the same batches; both must find the same."""
    rng = np.random.default_rng(seed)
    made = [(i, i, definition(i)) for i in range(1, rules + 1)]
    begun = time.perf_counter()
    evaluator = Evaluator(compile_rules(RuleRow(i, 1, p, d, 1.0) for i, p, d in made), NOW)
    compiled_s = time.perf_counter() - begun
    plain = PlainEvaluator(made)
    evaluator.on_tick(batch(rng, rules, 10, NOW, 0.0), NOW)  # compile the kernel outside the measurement
    parts = [batch(rng, rules, rows, NOW + 1000 * (i + 1), 0.002) for i in range(batches)]

    begun = time.perf_counter()
    found = sum(
        len(t)
        for i, part in enumerate(parts)
        if (t := evaluator.on_tick(part, NOW + 1000 * (i + 1))) is not None
    )
    fast_s = time.perf_counter() - begun

    few = parts[: max(1, batches // 5)]
    lists = [
        list(zip(p.point.tolist(), p.observed_at.tolist(), p.value.tolist(), p.quality.tolist(), strict=True))
        for p in few
    ]
    begun = time.perf_counter()
    for i, part in enumerate(lists):
        plain.on_rows(part, NOW + 1000 * (i + 1))
    plain_s = time.perf_counter() - begun

    again = Evaluator(compile_rules(RuleRow(i, 1, p, d, 1.0) for i, p, d in made), NOW)
    second = PlainEvaluator(made)
    same = True
    for i, (columns, listed) in enumerate(zip(few[:2], lists[:2], strict=True)):
        t = again.on_tick(columns, NOW + 1000 * (i + 1))
        same = same and (0 if t is None else len(t)) == len(second.on_rows(listed, NOW + 1000 * (i + 1)))

    fast_rate, plain_rate = batches * rows / fast_s, len(few) * rows / plain_s
    begun = time.perf_counter()
    for second_ in range(5):
        evaluator.on_second(NOW + 1000 * (batches + second_))
    return {
        "rules": rules, "steps": 4 * rules, "rows_per_batch": rows,
        "compile_s": round(compiled_s, 2),
        "batch_ms": round(1000 * fast_s / batches, 2),
        "rows_per_s": round(fast_rate), "evaluations_per_s": round(4 * fast_rate), "transitions": found,
        "plain_rows_per_s": round(plain_rate), "ratio": round(fast_rate / plain_rate, 1), "same_result": same,
        "clock_ms": round(1000 * (time.perf_counter() - begun) / 5, 2),
        "floor": 10, "aim": 20,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = run(args.rules, args.rows, args.batches)
    if args.json:
        print(json.dumps(figures))
        return
    print(
        f"alarms: {figures['rules']:,} rules x 4 steps, batches of {figures['rows_per_batch']:,}: {figures['batch_ms']} ms a batch, "
        f"{figures['rows_per_s']:,} rows/s = {figures['evaluations_per_s']:,} evaluations/s; plain Python {figures['plain_rows_per_s']:,} rows/s; "
        f"ratio {figures['ratio']}x (floor {figures['floor']}, aim {figures['aim']}); same result: {figures['same_result']}; "
        f"compile {figures['compile_s']} s, clock step {figures['clock_ms']} ms"
    )


if __name__ == "__main__":
    main()
