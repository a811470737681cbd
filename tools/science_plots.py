"""Draw the validation plots of the Science pages and print the scores they state.

    python -m tools.science_plots [folder] [--print]

Needs matplotlib, which the product does not: with ``--print`` only the scores are computed. Data and model calls are those of
``tests/physics``, so plots and tests cannot drift apart.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.physics.decks import burro_8, desert_tortoise_4
from tests.physics.test_prairie_grass_scores import Maxima, Trials, attribution, maxima, measured, park
from tests.physics.test_reference_values import DATA

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures" / "science"
BINS = (0.0, 0.4, 0.6, 0.8, 0.95, 1.0001)
F64 = npt.NDArray[np.float64]


def dense_gas() -> dict[str, float]:
    """SLAB: distance of Burro 8 to the lower flammable limit (m), and median deviations from the reference table."""
    found = desert_tortoise_4()
    with (DATA / "dense_gas" / "slab_reference_desert_tortoise4.csv").open(encoding="utf-8") as handle:
        table = list(csv.DictReader(handle))
    x = np.array([float(r["x"]) for r in table])
    ok = (x > 1.01) & (x < 2800)
    out = {"burro8_lfl_m": burro_8().distance_to(0.05)}
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


def _scatter(plt: Any, data: dict[str, Maxima], file: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained")
    line = np.array([0.05, 3000.0])
    titles = {"measured": "measured turbulence", "park": "one mast, the hour, clear sky"}
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        points = data[name]
        for stable, mark, label in ((False, "o", "unstable"), (True, "^", "stable")):
            pick = points.stable == stable
            axis.scatter(
                points.observed[pick], points.modelled[pick], s=14, marker=mark, alpha=0.7, label=label
            )
        axis.plot(line, line, "k-", lw=1)
        for factor in (0.5, 2.0):
            axis.plot(line, factor * line, "k--", lw=0.7)
        s = points.score()
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


def _print_attribution(name: str, trials: Trials, draws: int) -> None:
    first, third = trials.shares()
    each = np.array([trials.shares(trials.draw == d) for d in range(draws)])
    print(f"{name}: {len(trials.rank)} trials, first {first:.3f}, first three {third:.3f}; draws "
          f"{each[:, 0].min():.3f} to {each[:, 0].max():.3f}, {each[:, 1].min():.3f} to {each[:, 1].max():.3f}")  # fmt: skip
    for label, half in (("odd", trials.run % 2 == 1), ("even", trials.run % 2 == 0)):
        print(f"  {label} runs: first {trials.shares(half)[0]:.3f}, first three {trials.shares(half)[1]:.3f}")
    for low, high in ((0.8, 1.01), (0.8, 0.95)):
        sure = (trials.given >= low) & (trials.given < high)
        print(f"  given {low} to {high}: {sure.sum()} trials, mean {trials.given[sure].mean():.3f}, "
              f"right {np.mean(trials.rank[sure] == 0):.3f}")  # fmt: skip
    for verdict in sorted(set(trials.verdict.tolist())):
        of = trials.verdict == verdict
        print(f"  {verdict}: {of.sum()}, right one first {np.mean(trials.rank[of] == 0):.3f}")
    print("  reliability", json.dumps(trials.reliability(BINS)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--print", action="store_true", help="scores only, no plots")
    parser.add_argument("--draws", type=int, default=10, help="draws of samplers and candidates per run")
    chosen = parser.parse_args()
    data = {"measured": maxima(measured), "park": maxima(park)}
    for name, points in data.items():
        odd = points.run % 2 == 1
        for label, pick in (("all", points.run > 0), ("odd", odd), ("even", ~odd)):
            print(name, label, points.score(pick))
    trials = attribution(chosen.draws)
    _print_attribution("measured turbulence, 20 samplers", trials, chosen.draws)
    few = min(chosen.draws, 3)
    _print_attribution("one mast, hour, clear sky, 20 samplers", attribution(few, state=park), few)
    _print_attribution("measured turbulence, 10 samplers", attribution(few, samplers=10), few)
    unlisted = attribution(few, listed=False)
    print(f"right source not listed: none {np.mean(unlisted.verdict == 'none_of_the_candidates'):.3f}, "
          f"identified {np.mean(unlisted.verdict == 'identified'):.3f}, given 0.8 and more "
          f"{np.mean(unlisted.given >= 0.8):.3f} of {len(unlisted.rank)}")  # fmt: skip
    print("dense gas", json.dumps(dense_gas()))
    if not chosen.print:
        from importlib import import_module

        plt = import_module("matplotlib.pyplot")
        chosen.folder.mkdir(parents=True, exist_ok=True)
        _scatter(plt, data, chosen.folder / "prairie-grass.png")
        _calibration(plt, trials.reliability(BINS), chosen.folder / "attribution-calibration.png")


if __name__ == "__main__":
    main()
