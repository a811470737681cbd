"""A served platform for the browser: real records, store, ingest and alarms, a zone of a few things."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from argon2 import PasswordHasher

from parksight.alarms.models import Rule, RuleVersion
from parksight.app import Platform, create_app
from parksight.kernel.identity.models import Assignment, User
from parksight.kernel.settings import Settings, ZoneSettings
from parksight.registry.models import Camera, Enterprise, Equipment, Place
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import ReadingBatch

PASSWORD = "a long enough secret"
CENTRE = (120.77, 41.80)
SIMULATED = 0x80
GAS, LEVEL, METER, WIND, FROM, AIR, STACK = 1, 2, 3, 4, 5, 6, 7
_METRES = 111_195.0


def _box(x: float, y: float, width: float, depth: float) -> dict[str, Any]:
    """A rectangle, metres from the centre, as GeoJSON."""
    lon, lat = CENTRE
    k = _METRES * math.cos(math.radians(lat))
    corners = [(x, y), (x + width, y), (x + width, y + depth), (x, y + depth), (x, y)]
    return {"type": "Polygon", "coordinates": [[[lon + a / k, lat + b / _METRES] for a, b in corners]]}


def _spot(x: float, y: float) -> dict[str, Any]:
    lon, lat = _box(x, y, 1, 1)["coordinates"][0][0]
    return {"type": "Point", "coordinates": [lon, lat]}


def _located(geometry: dict[str, Any]) -> dict[str, Any]:
    points = [geometry["coordinates"]] if geometry["type"] == "Point" else geometry["coordinates"][0]
    lons, lats = zip(*points, strict=True)
    return {
        "geometry": geometry, "min_lon": min(lons), "max_lon": max(lons), "min_lat": min(lats), "max_lat": max(lats),
    }  # fmt: skip


class BrowserZone:
    """What a test does to the served platform."""

    def __init__(self, platform: Platform, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.platform = platform
        self.url = url
        self._loop = loop

    def send(self, rows: Sequence[tuple[int, float]], observed: int | None = None) -> None:
        """Readings (point, value) through the one door; returns when they are durable."""
        now = time.time_ns() // 1_000_000
        points, values = zip(*rows, strict=True)
        batch = ReadingBatch(
            point=np.array(points, np.int32),
            observed_at=np.full(len(rows), now if observed is None else observed, np.int64),
            value=np.array(values, np.float64),
            quality=np.full(len(rows), SIMULATED, np.uint8),
            received_at=now,
            source=1,
            backfill=observed is not None,
        )
        work = self.platform.telemetry.pipeline.submit(batch)
        receipt = asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
        assert receipt.stored == len(rows), receipt


def _people(session: Any, now: datetime) -> None:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name, role in (("duty", "duty_operator"), ("admin", "administrator")):
        user = User(
            username=name, username_key=name, name=f"{name} 周衡", password_hash=hasher.hash(PASSWORD),
            created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(user)
        session.flush()
        session.add(Assignment(user_id=user.id, role=role, scope="zone", scope_ids=[]))


def _ground(session: Any, stamps: dict[str, datetime]) -> None:
    places: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("ZONE", "boundary", _box(-1500, -900, 3000, 1800), {}),
        ("Z1", "zone", _box(-1400, -800, 1300, 1600), {}),
        ("Z2", "zone", _box(100, -800, 1300, 1600), {}),
        ("R1", "road", {"type": "LineString", "coordinates": _box(0, -900, 1, 1800)["coordinates"][0][:3]}, {"class": 1}),
    ]  # fmt: skip
    for i in range(60):
        size = {"height": 8.0 + i % 7 * 6, "class": "shed", "tone": i % 5 / 5}
        places.append(
            (f"B{i:03d}", "building", _box(-1300 + i % 10 * 260, -700 + i // 10 * 230, 150, 110), size)
        )
    for code, kind, geometry, properties in places:
        box = geometry if geometry["type"] != "LineString" else _box(0, -900, 1, 1800)
        session.add(
            Place(
                code=code, name=f"{code} 区", name_en=f"Area {code}", kind=kind, properties=properties, **stamps,
                **{**_located(box), "geometry": geometry},
            )
        )  # fmt: skip
    session.add(
        Enterprise(
            id=1,
            code="E001",
            name="青原试验化工",
            name_en="Qingyuan Trial Chemicals",
            **stamps,
            **_located(_spot(-700, 0)),
        )
    )
    session.flush()
    for i, (kind, name, x, y) in enumerate(
        (("gas_detector", "一号探测器", -600, 60), ("tank", "T-01 苯储罐", -640, 40), ("meter", "进线电表", 500, 200),
         ("weather_station", "气象站", 20, 20)), start=1,
    ):  # fmt: skip
        owner = None if kind == "weather_station" else 1
        session.add(
            Equipment(
                id=i,
                code=f"EQ{i}",
                name=name,
                kind=kind,
                enterprise_id=owner,
                **stamps,
                **_located(_spot(x, y)),
            )
        )
    session.add(
        Camera(code="T01", name="T01", kind="lookout", azimuth_deg=90.0, **stamps, **_located(_spot(0, 600)))
    )


def _points(session: Any, now: datetime, stamps: dict[str, datetime]) -> None:
    rows: tuple[tuple[int, str, str, str, str, int | None, dict[str, Any]], ...] = (
        (GAS, "苯浓度", "gas.voc", "gas.fraction", "ppm", 1, {"period_s": 60.0}),
        (LEVEL, "液位", "tank.level", "level", "m", 2, {"plausible_low": 0.0, "plausible_high": 9.0}),
        (METER, "有功功率", "energy.active_power", "power", "kW", 3, {}),
        (WIND, "风速", "weather.wind_speed", "speed", "m/s", 4, {}),
        (FROM, "风向", "weather.wind_direction", "direction", "deg", 4, {}),
        (AIR, "厂界 SO2", "air.fence", "concentration", "ug/m3", None, {}),
        (STACK, "从未上报", "emission.stack", "concentration", "mg/m3", None, {}),
    )
    for point, name, kind, quantity, unit, thing, more in rows:
        owner = 1 if thing in (1, 2, 3) else None
        session.add(
            Point(
                id=point, code=f"P{point}", name=name, kind=kind, quantity=quantity, unit=unit, thing_id=thing,
                enterprise_id=owner, simulated=True, **{"period_s": 60.0, **more}, **stamps,
            )
        )  # fmt: skip
    step = {"deadband": 0.5, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 1}
    for point, steps in ((GAS, {"h": 10.0}), (LEVEL, {"h": 7.6, "l": 0.9}), (AIR, {"h": 500.0})):
        definition = {key: {"limit": limit, **step} for key, limit in steps.items()}
        owner = 1 if point != AIR else None
        target = {"kind": "point", "point_id": point}
        rule = Rule(
            code=f"R{point}", point_id=point, enterprise_id=owner, target=target, definition=definition,
            basis="GB/T 50493-2019 5.5.2", **stamps,
        )  # fmt: skip
        session.add(rule)
        session.flush()
        session.add(
            RuleVersion(
                rule_id=rule.id, version=1, target=target, definition=definition, at=now, by_name="test"
            )
        )


@contextmanager
def served(folder: Path) -> Iterator[BrowserZone]:
    """The platform on a loopback port, its zone filled and speaking for an hour."""
    off = {"enabled": False}
    settings = Settings(
        data_dir=folder, zone=ZoneSettings(name="青原试验区", name_en="Qingyuan Trial Zone"),
        hj212=off, mqtt=off, modbus=off, server={"port": 8600},
    )  # type: ignore[arg-type]  # pydantic makes the sections  # fmt: skip
    app = create_app(settings)
    platform: Platform = app.state.platform
    platform.db.create_all()
    now = datetime.now(UTC)
    stamps = {"created_at": now, "updated_at": now}
    with platform.db.session() as session:
        _people(session, now)
        _ground(session, stamps)
        _points(session, now, stamps)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="websockets-sansio")
    )
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the platform did not start")
        threading.Event().wait(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    zone = BrowserZone(platform, f"http://127.0.0.1:{port}", loops[0])
    try:
        ms = time.time_ns() // 1_000_000
        for minute in range(60, 0, -1):
            zone.send([(GAS, 2.0), (LEVEL, 4.2), (METER, 1500.0 + minute), (AIR, 20.0)], ms - minute * 60_000)
        zone.send([(GAS, 2.0), (LEVEL, 4.2), (METER, 1500.0), (WIND, 3.2), (FROM, 292.0), (AIR, 21.0)])
        yield zone
    finally:
        server.should_exit = True
        thread.join(30)
