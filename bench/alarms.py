"""Alarm evaluation: 100,000 rules of four steps, batches of 100,000 rows, against a plain Python loop in one run.

Then as many rules of all kinds mixed (rates, deviations, votes, means …): what share of one core a batch a second needs.

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
from parksight.alarms.expressions import Reference
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


_ON = {"on": {"on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2}}


def _limits(low: float, high: float) -> dict[str, Any]:
    step = {"deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0}
    return {"hh": {**step, "limit": high, "priority": 2}, "ll": {**step, "limit": low, "priority": 2}}


#: Kinds besides plain limits; each reads its own point, some the two after it.
MIXED: tuple[dict[str, Any], ...] = (
    {"signal": {"kind": "rate", "window_s": 30.0, "per_s": 1.0, "absolute": False}, **_limits(-20.0, 20.0)},
    {"signal": {"kind": "deviation", "other": "[A]", "relative": False, "absolute": True}, **_limits(-1.0, 60.0)},
    {"signal": {"kind": "flat", "tolerance": 0.1, "after_s": 60.0}, **_ON},
    {"signal": {"kind": "expression", "text": "self > 90 and [A] > 90 or avg(self, [A], [B]) > 85"}, **_ON},
    {"signal": {"kind": "vote", "least": 2, "voters": ["self > 90", "[A] > 90", "[B] > 90"], "bad": "unknown"}, **_ON},
    {"signal": {"kind": "count", "when": "self > 90", "least": 5, "window_s": 600.0, "every_reading": False}, **_ON},
    {"signal": {"kind": "ewma", "weight": 0.2, "baseline": {"how": "given", "mean": 50.0, "sigma": 5.0}}, **_limits(-6.0, 6.0)},
    {"signal": {"kind": "average", "period": "10min", "settle_s": 60.0}, **_limits(40.0, 60.0)},
)  # fmt: skip


def mixed_rules(rules: int) -> list[RuleRow]:
    """Half plain limits, half the kinds of :data:`MIXED` in turn, one rule per point."""
    out = []
    for i in range(1, rules + 1):
        others = {
            Reference("code", "A"): (i % rules + 1, 1.0), Reference("code", "B"): ((i + 1) % rules + 1, 1.0),
        }  # fmt: skip
        made = definition(i) if i % 2 else MIXED[i // 2 % len(MIXED)]
        out.append(RuleRow(i, 1, i, made, 1.0, inputs=others))
    return out


def run_mixed(rules: int = 100_000, rows: int = 100_000, batches: int = 20, seed: int = 2) -> dict[str, Any]:
    """Time of a batch and of the clock with rules of all kinds."""
    rng = np.random.default_rng(seed)
    begun = time.perf_counter()
    evaluator = Evaluator(compile_rules(mixed_rules(rules)), NOW)
    compiled_s = time.perf_counter() - begun
    parts = [batch(rng, rules, rows, NOW + 1000 * (i + 1), 0.002) for i in range(batches + 3)]
    for i, part in enumerate(parts[:3]):
        evaluator.on_tick(part, NOW + 1000 * (i + 1))  # fill the windows
    begun = time.perf_counter()
    for i, part in enumerate(parts[3:], 4):
        evaluator.on_tick(part, NOW + 1000 * i)
        evaluator.on_second(NOW + 1000 * i)
    per_second = (time.perf_counter() - begun) / batches
    return {
        "mixed_rules": rules, "mixed_second_ms": round(1000 * per_second, 1),
        "mixed_share_of_core": round(per_second, 3), "mixed_rows_per_s": round(rows / per_second),
        "mixed_compile_s": round(compiled_s, 2),
        "snapshot_mb": round(sum(c.nbytes for c in evaluator.snapshot().state) / 1e6, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = {**run(args.rules, args.rows, args.batches), **run_mixed(args.rules, args.rows, args.batches)}
    if args.json:
        print(json.dumps(figures))
        return
    print(
        f"alarms: {figures['rules']:,} rules x 4 steps, batches of {figures['rows_per_batch']:,}: {figures['batch_ms']} ms a batch, "
        f"{figures['rows_per_s']:,} rows/s = {figures['evaluations_per_s']:,} evaluations/s; plain Python {figures['plain_rows_per_s']:,} rows/s; "
        f"ratio {figures['ratio']}x (floor {figures['floor']}, aim {figures['aim']}); same result: {figures['same_result']}; "
        f"compile {figures['compile_s']} s, clock step {figures['clock_ms']} ms"
    )
    print(
        f"alarms, all kinds mixed: {figures['mixed_rules']:,} rules, one batch and one look at the clock: "
        f"{figures['mixed_second_ms']} ms = {figures['mixed_share_of_core']:.1%} of one core at a batch a second; "
        f"compile {figures['mixed_compile_s']} s, state {figures['snapshot_mb']} MB"
    )


if __name__ == "__main__":
    main()
