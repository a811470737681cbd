"""What the zone says of itself is taken by the platform's own importers without a single refusal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from parksight.alarms.rules import RuleService
from parksight.gateways.modbus.config import ModbusDeviceConfig, normal_address
from parksight.gateways.modbus.templates import TemplateLibrary
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM
from parksight.registry.kinds import kind_named
from parksight.registry.models import Camera, Enterprise, ImportRun, Place
from parksight.registry.transfer.importer import Importer
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points.service import PointService
from parksight.telemetry.points.transfer import PointImporter
from parkzone import payloads, rulebook
from parkzone.addresses import Endpoints, device_row
from parkzone.modbus.layout import layout
from parkzone.park import Park

ENDPOINTS = Endpoints(tuple(range(8630, 8700)), 8620)


@pytest.fixture(scope="module")
def db(park: Park, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("records")
    db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus(), SystemClock())
    db.create_all()
    importer = Importer(db, SystemClock())
    for kind, name, data in payloads.registry_files(park):
        importer.run(SYSTEM, kind_named(kind), io.BytesIO(data), name)
    yield db
    db.close()


def test_every_row_of_the_registry_is_accepted(park: Park, db: Database) -> None:
    with db.read() as session:
        runs = session.scalars(select(ImportRun)).all()
        assert [(r.filename, r.problem, r.refused) for r in runs if r.problem or r.refused] == []
        assert sum(r.accepted for r in runs) > 5000
        assert session.scalar(select(func.count()).select_from(Enterprise)) == 90
        assert session.scalar(select(func.count()).select_from(Camera)) == 25
        owned = (
            select(func.count())
            .select_from(Place)
            .where(Place.kind == "parcel", Place.enterprise_id.is_not(None))
        )
        assert session.scalar(owned) == 90


def test_importing_again_changes_nothing(park: Park, db: Database) -> None:
    importer = Importer(db, SystemClock())
    for kind, name, data in payloads.registry_files(park)[:8]:
        if name.endswith("-parcels.geojson"):
            continue
        run_id = importer.run(SYSTEM, kind_named(kind), io.BytesIO(data), name)
        with db.read() as session:
            run = session.get_one(ImportRun, run_id)
            assert (run.accepted, run.updated, run.refused) == (0, 0, 0), name
            assert run.unchanged == run.total > 0


def test_points_and_rules_are_accepted_and_stay(park: Park, db: Database) -> None:
    clock = SystemClock()
    points = PointImporter(db, clock, PointService(db, clock, LiveTable(Catalogue(db))))
    file = payloads.points_csv(park)
    first = points.run(SYSTEM, io.BytesIO(file), "points.csv")
    assert (first.problem, first.refused, first.accepted) == (None, 0, len(park.catalogue.points)), (
        first.rows[:3]
    )
    again = points.run(SYSTEM, io.BytesIO(file), "points.csv")
    assert (again.accepted, again.updated, again.refused) == (0, 0, 0)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Point).where(~Point.simulated)) == 0
    rules = payloads.alarm_rules(park) + rulebook.rules(park)
    service = RuleService(clock)
    with db.session() as session:
        outcome = service.load(session, SYSTEM, rules)
    assert (list(outcome.problems), outcome.accepted) == ([], len(rules))
    with db.session() as session:
        outcome = service.load(session, SYSTEM, rules)
    assert (list(outcome.problems), outcome.accepted, outcome.updated) == ([], 0, 0)


def test_modbus_configurations_are_understood(park: Park, tmp_path: Path) -> None:
    library = TemplateLibrary(tmp_path)
    seen = 0
    for row in payloads.devices(park, ENDPOINTS):
        if row["protocol"] == "modbus":
            config = ModbusDeviceConfig.model_validate(row["config"])
            assert normal_address(row["address"]) == row["address"]
            known = {r.key for r in config.registers}
            if config.template:
                template = library.get(config.template)
                assert template is not None
                known |= {r.key for r in template.registers}
            assert {m["address"] for m in row["mappings"]} <= known, row["code"]
            seen += 1
    assert seen > 300


def test_registers_lie_where_the_platform_reads_them(park: Park, tmp_path: Path) -> None:
    library = TemplateLibrary(tmp_path)
    of_device = park.catalogue.of_device()
    words = {"f32": "float32", "u32": "uint32", "u16": "uint16"}
    for device in park.catalogue.devices:
        if device.protocol != "modbus":
            continue
        points = of_device[device.code]
        config = ModbusDeviceConfig.model_validate(device_row(device, points, ENDPOINTS)["config"])
        registers = {r.key: r for r in config.registers}
        if config.template:
            template = library.get(config.template)
            assert template is not None
            assert template.zero_based
            registers |= {r.key: r for r in template.registers}
        for point, here in zip(points, layout(device, points), strict=True):
            there = registers[point.address]
            assert (there.function, there.address, there.type) == (
                here.function,
                here.address,
                words[here.form],
            )
            assert there.order == here.order or here.words == 1, (device.code, point.address)
            assert there.scale == pytest.approx(here.scale)


def test_everything_is_marked_simulated(park: Park) -> None:
    assert all(row["simulated"] for row in payloads.devices(park, ENDPOINTS))
    assert payloads.points_csv(park).count(b",true,") == len(park.catalogue.points)
