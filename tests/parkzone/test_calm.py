from __future__ import annotations

import numpy as np

from parkzone.behaviour.model import CALIBRATION, Model
from parkzone.catalogue.specs import Limits
from parkzone.park import Park

from .conftest import MIDNIGHT_MS
from .limits import evaluate


def test_a_calm_day_has_few_alarms(park: Park, model: Model) -> None:
    step = 30_000
    at = MIDNIGHT_MS + np.arange(0, 86_400_000, step, dtype=np.int64)
    watched = [i for i, p in enumerate(park.catalogue.points) if p.limits]
    part = model.part(watched)
    values, usable = part.values(at), part.quality(at) != CALIBRATION
    raised: list[int] = []
    standing = np.zeros(len(at), int)
    for row, i in enumerate(watched):
        limits = park.catalogue.points[i].limits
        assert limits is not None
        outcome = evaluate(values[row], usable[row], limits, step / 1000)
        raised += outcome.raised
        standing += outcome.open
    per_hour = np.bincount(np.array(raised) * step // 3_600_000, minlength=24)
    assert per_hour.mean() <= 4
    assert per_hour.max() <= 10
    # after the delays of the first hour: some alarms stand, never a flood
    dead = sum(len(points) for device, points in dead_devices(park))
    assert 1 <= dead <= 3
    assert 3 <= standing[120:].mean() + dead <= 10
    assert standing.max() + dead <= 12


def dead_devices(park: Park) -> list[tuple[str, list[object]]]:
    of_device = park.catalogue.of_device()
    return [(d.code, list(of_device[d.code])) for d in park.catalogue.devices if d.dead]


def test_gas_detectors_are_far_from_alarm_when_calm(park: Park, model: Model) -> None:
    at = MIDNIGHT_MS + np.arange(0, 7 * 86_400_000, 600_000, dtype=np.int64)
    detectors = [i for i, p in enumerate(park.catalogue.points) if p.kind.startswith("gas.")]
    values = model.part(detectors).values(at)
    for i, series in zip(detectors, values, strict=True):
        limits = park.catalogue.points[i].limits
        assert limits is not None
        assert limits.high is not None
        assert series.max() < 0.5 * limits.high, park.catalogue.points[i].code


def test_the_judge_itself() -> None:
    limits = Limits(high=10.0, deadband=1.0, on_delay_s=20, off_delay_s=10)
    series = np.array([9, 10, 11, 11, 9.5, 9.5, 8, 8, 8], float)
    outcome = evaluate(series, np.ones(9, bool), limits, 10.0)
    assert outcome.raised == [3]
    assert outcome.open.tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0]
