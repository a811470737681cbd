"""The directory: conversions by hand, changes that arrive by event."""

from __future__ import annotations

import asyncio

import pytest
from tests.gateways.support import add_device, add_point

from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.events import DevicesChanged
from parksight.gateways.models import Device, PointMapping
from parksight.kernel.db import Database, emit
from parksight.telemetry.protocols import UNMAPPED
from parksight.telemetry.quality import QualityFlag


def test_resolves_addresses_of_one_device_only(db: Database, directory: DeviceDirectory) -> None:
    point = add_point(db, "P1")
    one = add_device(db, "D1", "hj212", "MN1", {"a01001-Rtd": point})
    two = add_device(db, "D2", "hj212", "MN2", simulated=True)
    directory.load()
    assert directory.resolve(one, "a01001-Rtd") == point
    assert directory.resolve(two, "a01001-Rtd") == UNMAPPED
    assert directory.resolve(999, "a01001-Rtd") == UNMAPPED
    found = directory.by_address("hj212", "MN2")
    assert found is not None
    assert found.id == two
    assert found.quality_flags == QualityFlag.SIMULATED
    assert directory.by_address("mqtt", "MN2") is None
    assert [d.id for d in directory.devices("hj212")] == [one, two]
    assert directory.points_of(one) == [point]
    assert directory.devices_of(point) == [one]


@pytest.mark.parametrize(
    ("mapping", "point", "raw", "expected"),
    [
        ({}, {}, 21.5, 21.5),
        ({"scale": 0.1, "offset": -40.0}, {}, 650.0, 25.0),
        ({"source_unit": "K"}, {}, 300.0, 26.85),
        ({"source_unit": "degF"}, {}, 212.0, 100.0),
        # The ingest will apply the point's own scale (0.1) afterwards: hand over ten times the value.
        ({"source_unit": "K"}, {"scale": 0.1}, 300.0, 268.5),
        # The point expects kelvin from its source and converts to degC itself.
        ({"source_unit": "degF"}, {"source_unit": "K"}, 212.0, 373.15),
    ],
)
def test_conversion(
    db: Database,
    directory: DeviceDirectory,
    mapping: dict[str, float | str],
    point: dict[str, float | str],
    raw: float,
    expected: float,
) -> None:
    point_id = add_point(db, "P1", **point)
    device = add_device(db, "D1", "modbus", "h:502/1", {"h1": {"point_id": point_id, **mapping}})
    directory.load()
    found = directory.lookup(device, "h1")
    assert found is not None
    assert raw * found.factor + found.shift == pytest.approx(expected, abs=1e-9)


def test_unit_that_does_not_fit_is_reported_and_not_resolved(
    db: Database, directory: DeviceDirectory
) -> None:
    point = add_point(db, "P1")
    device = add_device(db, "D1", "modbus", "h:502/1", {"h1": {"point_id": point, "source_unit": "kPa"}})
    directory.load()
    assert directory.resolve(device, "h1") == UNMAPPED
    assert directory.broken == {(device, "h1"): "telemetry.unit.not_convertible"}


@pytest.mark.anyio
async def test_follows_events_on_the_loop(db: Database, directory: DeviceDirectory) -> None:
    point = add_point(db, "P1")
    device = add_device(db, "D1", "hj212", "MN1")
    directory.load()
    told = asyncio.Event()
    directory.on_change(told.set)
    db.bus.attach(asyncio.get_running_loop())
    before = directory.version
    with db.session() as session:
        session.add(PointMapping(device_id=device, address="x", point_id=point))
        emit(session, DevicesChanged(ids=(device,)))
    await asyncio.wait_for(told.wait(), 5)
    assert directory.version > before
    assert directory.resolve(device, "x") == point
    told.clear()
    with db.session() as session:
        session.query(PointMapping).delete()
        session.query(Device).delete()
        emit(session, DevicesChanged(ids=(device,)))
    await asyncio.wait_for(told.wait(), 5)
    assert directory.by_address("hj212", "MN1") is None
    assert directory.resolve(device, "x") == UNMAPPED


@pytest.mark.anyio
async def test_many_events_make_few_reloads(db: Database, directory: DeviceDirectory) -> None:
    ids = [add_device(db, f"D{i}", "hj212", f"MN{i}") for i in range(200)]
    told: list[int] = []
    directory.on_change(lambda: told.append(directory.version))
    db.bus.attach(asyncio.get_running_loop())
    with db.session() as session:
        for device in ids:
            emit(session, DevicesChanged(ids=(device,)))
    async with asyncio.timeout(10):
        # the rows are swapped in by a worker; listeners are told on the loop a moment later
        while len(directory.devices()) < 200 or not told:
            await asyncio.sleep(0.01)
    assert len(told) <= 5
