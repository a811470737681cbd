from __future__ import annotations

import numpy as np
import pytest

from parkzone.engine import Engine
from parkzone.geometry.frame import to_xy
from parkzone.park import Park
from parkzone.scenarios.plume import concentration, ppm
from parkzone.scenarios.stage import Stage, UnknownScenarioError
from parkzone.texts import LANGUAGES, preferred, text

from .conftest import MIDNIGHT_MS

NOON_MS = MIDNIGHT_MS + 12 * 3_600_000


class Clock:
    def __init__(self) -> None:
        self.ms = NOON_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(park: Park, clock: Clock) -> Engine:
    return Engine(park, clock)


@pytest.fixture
def dropped() -> set[str]:
    return set()


@pytest.fixture
def stage(engine: Engine, dropped: set[str]) -> Stage:
    return Stage(engine, dropped.update)


def play(engine: Engine, clock: Clock, seconds: int) -> None:
    clock.ms += seconds * 1000
    engine.tick()


def calm(engine: Engine) -> np.ndarray:
    return engine.model.values(np.array([engine.at_ms], np.int64))[:, 0]


def test_all_scenarios_have_texts_in_both_languages(stage: Stage) -> None:
    assert len(stage.scenarios) == 11
    for language in LANGUAGES:
        for view in stage.view(language):
            assert view["title"]
            assert view["description"]
    assert {v["title"] for v in stage.view("en")}.isdisjoint({v["title"] for v in stage.view("zh-CN")})


@pytest.mark.parametrize(
    "name",
    [
        "tank-leak",
        "emission-exceedance",
        "dead-sensor",
        "frozen-value",
        "falsified-data",
        "network-cut",
        "alarm-flood",
        "clock-jump",
    ],
)
def test_a_scenario_starts_works_ends_and_leaves_no_trace(
    stage: Stage, engine: Engine, clock: Clock, name: str
) -> None:
    stage.start(name, 120)
    assert stage.scenarios[name].running
    play(engine, clock, 60)
    changed = (
        not np.array_equal(engine.values, calm(engine))
        or engine.missing.sum() > 2
        or engine.offline
        or engine.clock_offset_ms
    )
    assert changed
    assert stage.scenarios[name].touched
    assert stage.expire() == []
    play(engine, clock, 61)
    assert stage.expire() == [name]
    play(engine, clock, 1)
    assert np.array_equal(engine.values, calm(engine))
    assert not engine.offline
    assert not engine.clock_offset_ms
    assert not engine.overlays


def test_a_leak_is_seen_downwind_only(stage: Stage, engine: Engine, clock: Clock) -> None:
    leak = stage.start("tank-leak")
    play(engine, clock, 120)
    risen = {}
    for i, p in enumerate(engine.points):
        if p.kind == "gas.voc":
            risen[i] = engine.values[i] - calm(engine)[i]
    wind, from_deg = engine.wind()
    bearing = np.radians(from_deg)
    source = leak.source  # type: ignore[attr-defined]  # a TankLeak
    high = [i for i, r in risen.items() if r > 1.0]
    assert high
    for i in high:
        x, y = to_xy(*engine.points[i].equipment.at)
        along = -(np.sin(bearing) * (x - source[0]) + np.cos(bearing) * (y - source[1]))
        assert along > -60, engine.points[i].code  # swinging wind, detector right at the tank
    limits = [engine.points[i].limits for i in high]
    assert any(engine.values[i] > lim.high for i, lim in zip(high, limits, strict=True) if lim and lim.high)
    assert wind > 0


def test_a_leak_obeys_the_wind(engine: Engine) -> None:
    x, y = np.array([0.0, 100.0, -100.0, 0.0]), np.array([100.0, 0.0, 0.0, -100.0])
    z = np.full(4, 1.5)
    for from_deg, hit in ((180.0, 0), (270.0, 1), (90.0, 2), (0.0, 3)):
        c = concentration(x, y, z, (0.0, 0.0), 1.0, 10.0, 3.0, from_deg)
        assert int(np.argmax(c)) == hit
        assert c[hit] > 50 * np.sort(c)[-2]


def test_plume_conserves_mass() -> None:
    # flux through a plane 200 m downwind equals the source rate
    y, z = np.meshgrid(np.linspace(-120, 120, 481), np.linspace(0, 120, 481))
    c = concentration(np.full(y.size, 200.0), y.ravel(), z.ravel(), (0.0, 0.0), 1.0, 25.0, 2.5, 270.0)
    flux = np.trapezoid(np.trapezoid(c.reshape(y.shape), dx=0.5, axis=1), dx=0.25, axis=0) * 2.5 / 1000
    assert flux == pytest.approx(25.0, rel=0.01)


def test_benzene_ppm() -> None:
    # NIOSH pocket guide: 1 ppm of benzene is 3.19 mg/m3 at 25 degC
    assert ppm(np.array([3.19]), 78.11)[0] == pytest.approx(1.0, abs=0.005)


def test_exceedance_crosses_the_limit(stage: Stage, engine: Engine, clock: Clock) -> None:
    run = stage.start("emission-exceedance")
    play(engine, clock, 300)
    point = engine.points[engine.row[run.touched[0]]]
    assert point.limits is not None
    assert point.limits.high is not None
    assert engine.values[engine.row[point.code]] > point.limits.high
    assert calm(engine)[engine.row[point.code]] < point.limits.high


def test_a_dead_sensor_leaves_its_gateway_alive(stage: Stage, engine: Engine, clock: Clock) -> None:
    before = engine.missing.sum()
    run = stage.start("dead-sensor")
    play(engine, clock, 5)
    assert engine.missing.sum() == before + 1
    row = engine.row[run.touched[0]]
    device = engine.points[row].device
    assert len(engine.rows_of[device]) > 5
    assert sum(engine.missing[engine.rows_of[device]]) == 1


def test_frozen_means_exactly_the_same(stage: Stage, engine: Engine, clock: Clock) -> None:
    run = stage.start("frozen-value")
    row = engine.row[run.touched[0]]
    seen, honest = set(), set()
    for _ in range(20):
        play(engine, clock, 30)
        seen.add(float(engine.values[row]))
        honest.add(float(calm(engine)[row]))
    assert len(seen) == 1
    assert len(honest) > 5


def test_falsified_data_is_too_good(stage: Stage, engine: Engine, clock: Clock) -> None:
    run = stage.start("falsified-data")
    cod, ammonia = (engine.row[c] for c in run.touched)
    values, honest = [], []
    for _ in range(40):
        play(engine, clock, 60)
        values.append((engine.values[cod], engine.values[ammonia]))
        honest.append(calm(engine)[cod])
    series = np.array(values)
    assert series[:, 0].std() / series[:, 0].mean() < 0.005
    assert np.std(honest) / np.mean(honest) > 0.015
    limits = engine.points[cod].limits
    assert limits is not None
    assert limits.high is not None
    assert series[:, 0].max() < limits.high
    assert np.array_equal(series[:10, 1], series[10:20, 1])  # a block of ten minutes, copied


def test_a_cut_drops_connections_and_names_who(stage: Stage, engine: Engine, dropped: set[str]) -> None:
    run = stage.start("network-cut")
    assert engine.offline == set(run.touched) == dropped
    assert len(dropped) == 22
    stage.stop("network-cut")
    assert not engine.offline


def test_a_flood_is_a_flood(stage: Stage, engine: Engine, clock: Clock) -> None:
    run = stage.start("alarm-flood")
    rows = [engine.row[c] for c in run.touched]
    crossings, before = 0, np.zeros(len(rows), bool)
    for _ in range(60):
        play(engine, clock, 10)
        over = []
        for r in rows:
            lim = engine.points[r].limits
            assert lim is not None
            v = engine.values[r]
            over.append((lim.high is not None and v >= lim.high) or (lim.low is not None and v <= lim.low))
        now = np.array(over)
        crossings += int((now & ~before).sum())
        before = now
    assert crossings > 1000


def test_clocks_jump_both_ways(stage: Stage, engine: Engine, clock: Clock) -> None:
    run = stage.start("clock-jump")
    play(engine, clock, 1)
    offsets = [engine.device_ms(code) - engine.at_ms for code in run.touched]
    assert offsets == [37 * 60_000, -3 * 3_600_000, -86_400_000]


def test_starting_twice_starts_anew(stage: Stage, engine: Engine, clock: Clock) -> None:
    stage.start("frozen-value", 60)
    play(engine, clock, 30)
    again = stage.start("frozen-value", 60)
    assert again.started_ms == engine.at_ms
    assert len(engine.overlays) == 1


@pytest.mark.parametrize("duration", [0, -5, 1e9, float("nan")])
def test_silly_durations_are_refused(stage: Stage, duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        stage.start("tank-leak", duration)


def test_unknown_names_are_refused(stage: Stage) -> None:
    with pytest.raises(UnknownScenarioError):
        stage.start("volcano")
    with pytest.raises(UnknownScenarioError):
        stage.stop("volcano")


def test_language_choice() -> None:
    assert preferred("en-GB,en;q=0.8") == "en"
    assert preferred("fr, zh-TW;q=0.5") == "zh-CN"
    assert preferred(None) == "zh-CN"
    with pytest.raises(KeyError):
        text("en", "no.such.text")
