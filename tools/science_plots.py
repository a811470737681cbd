"""Draw the validation plots of the Science pages and print the scores they state.

    python -m tools.science_plots [folder] [--print]

Needs matplotlib, which the product does not: with ``--print`` only the scores are computed. Data and model calls are those of
``tests/physics``, so plots and tests cannot drift apart.
"""

from __future__ import annotations

import argparse
import csv
import json
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.physics.prairie_grass import RECEPTOR_HEIGHT, SOURCE_HEIGHT, arc_maxima, rows, runs
from tests.physics.test_prairie_grass_scores import layout, maximum, measured, park
from tests.physics.decks import burro_8, desert_tortoise_4

from parksight.physics import slab
from parksight.physics.inversion import Prior, steady
from parksight.physics.plume import spread_table
from parksight.physics.scores import Score, score
from parksight.physics.spread import monin_obukhov

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures" / "science"
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)
F64 = npt.NDArray[np.float64]


def maxima() -> dict[str, F64]:
    """Arc maxima of Prairie Grass, mg/m3: observed, with measured turbulence, with what a park has; and the arc, m."""
    found: dict[str, list[float]] = {"arc": [], "observed": [], "measured": [], "park": [], "stable": []}
    for run, x, c in arc_maxima():
        at = np.array([x])
        found["arc"].append(x)
        found["observed"].append(c)
        found["stable"].append(float(run.obukhov > 0))
        sy, sz, u = monin_obukhov(at, measured(run))
        found["measured"].append(maximum(run, float(sy[0]), float(sz[0]), float(u[0])))
        sy, sz, u = spread_table(park(run), 2000.0).at(at)
        found["park"].append(maximum(run, float(sy[0]), float(sz[0]), float(u[0])))
    return {name: np.array(values) for name, values in found.items()}


def attribution(draws: int) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Probabilities (trials, 90), whether the candidate is the source, the rank of the right one and the draw, per trial.

    Draw 0 is the trial of the tests; further draws take other samplers and candidates of the same runs, so the trials of
    one run are not independent.
    """
    samplers: dict[int, list[tuple[float, float, float]]] = {}
    for r in rows("arc_samples.csv"):
        if r["so2_mg_m3"] and float(r["so2_mg_m3"]) >= 0 and float(r["arc_m"]) >= 100:
            a, d = np.radians(float(r["azimuth_deg"])), float(r["arc_m"])
            samplers.setdefault(int(r["run"]), []).append(
                (d * np.sin(a), d * np.cos(a), float(r["so2_mg_m3"]) * 1e-6)
            )
    prior = Prior(strengths=tuple(np.geomspace(1e-3, 1.0, 25)))
    probability, rank, drawn = [], [], []
    for number, run in sorted(runs().items()):
        every = np.array(samplers[number])
        for draw in range(draws):
            s = every[np.random.default_rng(1000 * number + draw).choice(len(every), 20, replace=False)]
            if (s[:, 2] > 1e-7).sum() < 3:
                continue
            c = layout(number * 10 + draw * 10_000)
            found = steady(
                s[:, 0], s[:, 1], s[:, 2], c[:, 0], c[:, 1], SOURCE_HEIGHT, run.wind_from, measured(run),
                sensor_height=RECEPTOR_HEIGHT, detection=5e-8, prior=prior,
            )  # fmt: skip
            drawn.append(draw)
            probability.append(np.asarray(found.probability)[:90])
            rank.append(int(np.flatnonzero(np.asarray(found.order) == 0)[0]))
    p = np.array(probability)
    truth = np.zeros(p.shape, dtype=np.bool_)
    truth[:, 0] = True
    return p, truth, np.array(rank, dtype=np.intp), np.array(drawn, dtype=np.intp)


def calibration(p: F64, truth: npt.NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """(mean probability, share right, count) of the first-ranked candidates, per bin of the probability given."""
    best = p.argmax(axis=1)
    given, right = p[np.arange(len(p)), best], truth[np.arange(len(p)), best]
    found = []
    for low, high in pairwise(BINS):
        inside = (given >= low) & (given < high)
        if inside.any():
            found.append((float(given[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return found


def dense_gas() -> dict[str, float]:
    """SLAB: distance of Burro 8 to the lower flammable limit (m), and median deviations from the reference table."""
    spill = slab.Release("pool", 116.93, 116.93 / 0.167, 107.0)
    weather = slab.Weather(1.94, 3.0, 290.0, 0.5, 2e-4, "E")
    burro = slab.run(spill, LNG, weather, farthest=2000.0, averaging_s=80.0)
    jet = slab.Release("jet", 107.87, 0.93, 381.0, 0.81, 1.0)
    weather = slab.Weather(4.5, 2.0, 306.2, 0.213, 0.003, inverse_obukhov=0.0221)
    found = slab.run(jet, AMMONIA, weather, farthest=2800.0)
    with (DATA / "dense_gas" / "slab_reference_desert_tortoise4.csv").open(encoding="utf-8") as handle:
        table = list(csv.DictReader(handle))
    x = np.array([float(r["x"]) for r in table])
    ok = (x > 1.01) & (x < 2800)
    out = {"burro8_lfl_m": burro.distance_to(0.05)}
    for name, values in (
        ("cm", found.mass_fraction),
        ("t", found.temperature),
        ("h", found.depth),
        ("bbc", found.half_width),
    ):
        reference = np.array([float(r[name]) for r in table])[ok]
        out[f"median_{name}"] = float(
            np.median(np.abs(np.interp(np.log(x[ok]), np.log(found.x), values) / reference - 1))
        )
    return out


def _scatter(plt: Any, data: dict[str, F64], scores: dict[str, Score], file: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained")
    line = np.array([0.05, 3000.0])
    titles = {"measured": "measured turbulence", "park": "one mast, the hour, clear sky"}
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        for stable, mark, label in ((0, "o", "unstable"), (1, "^", "stable")):
            pick = data["stable"] == stable
            axis.scatter(data["observed"][pick], data[name][pick], s=14, marker=mark, alpha=0.7, label=label)
        axis.plot(line, line, "k-", lw=1)
        for factor in (0.5, 2.0):
            axis.plot(line, factor * line, "k--", lw=0.7)
        s = scores[name]
        axis.set(xscale="log", yscale="log", xlim=line, ylim=line, aspect="equal", xlabel="observed, mg/m³",
                 title=f"{title}\nn {s.n}  FAC2 {s.fac2:.2f}  FB {s.fb:+.2f}  MG {s.mg:.2f}  VG {s.vg:.2f}")  # fmt: skip
    axes[0].set_ylabel("modelled, mg/m³")
    axes[0].legend(loc="upper left", frameon=False)
    figure.savefig(file, dpi=90)


def _calibration(plt: Any, bins: list[tuple[float, float, int]], file: Path) -> None:
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    axis.plot([0, 1], [0, 1], "k--", lw=0.8)
    given, right, count = (np.array(v) for v in zip(*bins, strict=True))
    # Wilson's interval, 95 %
    z = 1.96
    centre = (right + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(right * (1 - right) / count + z**2 / (4 * count**2))
    low, high = np.maximum(right - centre + half, 0), np.maximum(centre + half - right, 0)
    axis.errorbar(given, right, yerr=(low, high), fmt="o", capsize=3)
    for x, y, n in bins:
        axis.annotate(f"{n}", (x, y), textcoords="offset points", xytext=(7, -11), fontsize=8)
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xlabel="probability given to the first-ranked source",
             ylabel="share that were right", title="Source attribution, Prairie Grass (trials beside the points)")  # fmt: skip
    axis.title.set_fontsize(10)
    figure.savefig(file, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--print", action="store_true", help="scores only, no plots")
    parser.add_argument(
        "--draws", type=int, default=10, help="sampler draws per run for the calibration plot"
    )
    chosen = parser.parse_args()
    data = maxima()
    scores = {name: score(data["observed"], data[name]) for name in ("measured", "park")}
    p, truth, rank, drawn = attribution(chosen.draws)
    bins = calibration(p, truth)
    for name, s in scores.items():
        print(name, s)
    for label, limit in (("first", 1), ("first three", 3)):
        shares = [float(np.mean(rank[drawn == draw] < limit)) for draw in range(chosen.draws)]
        print(f"{label}: tests {shares[0]:.3f}; all {np.mean(rank < limit):.3f} of {len(rank)}, "
              f"draws {min(shares):.3f} to {max(shares):.3f}")  # fmt: skip
    given, right = p.max(axis=1), truth[np.arange(len(p)), p.argmax(axis=1)]
    for low, high in ((0.8, 1.01), (0.8, 0.95)):
        sure = (given >= low) & (given < high)
        print(
            f"given {low} to {high}: {sure.sum()} trials, mean {given[sure].mean():.3f}, right {right[sure].mean():.3f}"
        )
    print("calibration", json.dumps(bins))
    print("SLAB", json.dumps(dense_gas()))
    if not chosen.print:
        matplotlib = import_module("matplotlib")
        matplotlib.use("Agg")
        plt = import_module("matplotlib.pyplot")
        chosen.folder.mkdir(parents=True, exist_ok=True)
        _scatter(plt, data, scores, chosen.folder / "prairie-grass.png")
        _calibration(plt, bins, chosen.folder / "attribution-calibration.png")


if __name__ == "__main__":
    main()
