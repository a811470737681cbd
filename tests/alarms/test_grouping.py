"""Which alarms have one cause: places, lost sources, the wind; and floods that stay readable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.alarms.kit import NOW, START, Watch

from parksight.alarms.assembly import DeviceSources
from parksight.alarms.events import FloodBegan, FloodEnded
from parksight.alarms.flow.grouping import (
    Candidate,
    Grouper,
    OpenGroup,
    Wind,
    distance_along,
    distance_m,
    key_of,
)
from parksight.alarms.models import Alarm, Flood, Group, JournalEntry
from parksight.gateways.models import Device, PointMapping
from parksight.gateways.sources import sources_of
from parksight.registry.models import Equipment, Unit
from parksight.telemetry.models import Point

#: Metres of a thousandth of a degree of latitude on the sphere of the test.
STEP_M = 111.19


def alarm(i: int, at: int = 0, **more: object) -> Candidate:
    values: dict[str, object] = {"rule_id": i, "step": "H", "priority": 2, "point_id": i, **more}
    return Candidate(i, at, **values)  # type: ignore[arg-type]  # fields by name


def grouper(wind: Wind | None = None) -> Grouper:
    return Grouper([], {}, 600_000, wind, 45.0, 2_000.0)


def test_places_come_before_single_points_and_sources_before_places() -> None:
    assert key_of(alarm(1)) == ("single", "point:1")
    assert key_of(alarm(1, thing_id=4)) == ("thing", "thing:4")
    assert key_of(alarm(1, thing_id=4, unit_id=9)) == ("unit", "unit:9")
    assert key_of(alarm(1, unit_id=9, step="STALE", source_id=3)) == ("source", "source:3")
    assert key_of(alarm(1, unit_id=9, step="STALE")) == ("unit", "silent-unit:9"), "silence is another cause"


def test_the_first_out_is_the_earliest_by_observation_also_when_its_news_come_late() -> None:
    g = grouper()
    group = g.place(alarm(1, 5_000, unit_id=1))
    g.place(alarm(2, 9_000, unit_id=1))
    assert g.place(alarm(3, 1_000, unit_id=1, priority=1)) is group
    assert (group.root_alarm_id, group.opened_at, group.priority, group.grew_worse) == (3, 1_000, 1, True)
    assert g.place(alarm(4, 700_000, unit_id=1)) is not group, "the window is over"


def test_the_same_alarm_comes_back_to_the_group_that_still_handles_it() -> None:
    group = OpenGroup(7, "unit", "unit:1", 2, 0, 0, 1)
    g = Grouper([group], {(5, 5, "H"): group}, 600_000, None, 45.0, 2_000.0)
    assert g.place(alarm(5, 86_400_000, unit_id=2)) is group


def test_gas_alarms_lie_along_the_wind() -> None:
    here, downwind, aside = (120.0, 41.0), (120.0, 41.005), (120.02, 41.0)
    g = grouper(Wind(180.0))  # from the south
    first = g.place(alarm(1, 0, gas=True, position=here, unit_id=1, enterprise_id=1))
    assert g.place(alarm(2, 60_000, gas=True, position=downwind, unit_id=2, enterprise_id=2)) is first
    assert (first.kind, first.wind_from, first.enterprise_id) == ("wind", 180.0, None), "the zone's to handle"
    assert g.place(alarm(3, 60_000, gas=True, position=aside, unit_id=3)) is not first
    assert g.place(alarm(4, 60_000, gas=True, position=(120.0, 41.05), unit_id=4)) is not first, (
        "5 km are no cloud"
    )
    assert g.place(alarm(5, 60_000, position=downwind, unit_id=5)) is not first, "no gas"


@pytest.mark.parametrize(
    ("other", "wind_from", "along"),
    [((120.0, 41.001), 0.0, True), ((120.0, 41.001), 180.0, True), ((120.0, 41.001), 90.0, False),
     ((120.001, 41.0), 270.0, True), ((120.001, 41.001), 225.0, True), ((120.0, 41.0), 90.0, True)],
)  # fmt: skip
def test_upwind_and_downwind(other: tuple[float, float], wind_from: float, along: bool) -> None:
    assert (distance_along((120.0, 41.0), other, wind_from, 30.0) is not None) is along


def test_distances_are_metres() -> None:
    assert distance_m((120.0, 41.0), (120.0, 41.001)) == pytest.approx(STEP_M, rel=1e-3)


@given(
    st.lists(
        st.tuples(st.integers(0, 2_000_000), st.integers(1, 4), st.sampled_from((None, 1, 2)), st.booleans()),
        min_size=1, max_size=60,
    )
)  # fmt: skip
def test_every_alarm_is_in_exactly_one_group_and_no_group_is_empty(
    rows: list[tuple[int, int, int | None, bool]],
) -> None:
    g = grouper(Wind(90.0))
    placed = [
        g.place(alarm(i, at, priority=p, unit_id=unit, gas=gas, position=(120.0 + i / 1e4, 41.0)))
        for i, (at, p, unit, gas) in enumerate(rows, 1)
    ]
    members = [m.alarm_id for group in g.groups for m in group.members]
    assert sorted(members) == list(range(1, len(rows) + 1))
    assert all(group.members for group in g.groups)
    for group in {id(p): p for p in placed}.values():
        assert group.priority == min(m.priority for m in group.members)
        assert (group.opened_at, group.root_alarm_id) == min((m.at, m.alarm_id) for m in group.members)


def test_a_lost_gateway_is_one_alarm_with_its_silent_children(watch: Watch) -> None:
    stamp = {"created_at": START, "updated_at": START}
    with watch.db.session() as session:
        session.add(Device(id=1, code="GW1", protocol="mqtt", name="罐区网关", address="gw1", **stamp))
        session.add(Device(id=2, code="GW2", protocol="mqtt", name="泵房网关", address="gw2", **stamp))
        session.flush()
        for i in range(1, 11):
            session.add(PointMapping(device_id=1, address=f"a{i}", point_id=i))
        session.add(PointMapping(device_id=2, address="a", point_id=11))
    watch.service.providers.sources = DeviceSources(sources_of, lambda device: device == 1)
    for i in range(1, 12):
        watch.rule(i, stale={"factor": 3, "priority": 4})
    watch.feed(*((i, 0, 1.0) for i in range(1, 12)))
    watch.second(31)
    watch.alarms()
    page = watch.http.get("/api/v1/alarms/groups").json()
    assert sorted((g["kind"], g["size"], g["source"]["code"], g["source"]["connected"]) for g in page["items"]) == [
        ("source", 1, "GW2", False), ("source", 10, "GW1", True),
    ], "each child by its own period, whether or not its gateway is connected"  # fmt: skip


def test_a_thousand_alarms_in_ten_minutes_are_one_readable_screen(tmp_path: Path) -> None:
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}")
    stamp = {"created_at": START, "updated_at": START}
    try:
        watch.furnish(1000)
        with watch.db.session() as session:
            for u in range(2, 9):
                session.add(Unit(id=u, code=f"U{u}", name=f"装置{u}", enterprise_id=1 + u % 2, **stamp))
            session.flush()
            for u in range(2, 9):
                session.add(
                    Equipment(
                        id=u,
                        code=f"T{u}",
                        name=f"设备{u}",
                        kind="tank",
                        unit_id=u,
                        enterprise_id=1 + u % 2,
                        **stamp,
                    )
                )
            session.flush()
            for point in session.scalars(select(Point)):
                point.thing_id = 1 + point.id % 8
        rows = [
            {"point": f"P{i:03d}", "high": 40.0, "priority": 1 if i == 777 else 2 + i % 3}
            for i in range(1, 1001)
        ]
        assert watch.http.post("/api/v1/alarm-rules/import", json={"rules": rows}).json()["accepted"] == 1000
        watch.service.start()
        watch.service.recompile()
        for minute in range(10):
            watch.clock.advance(60)
            watch.feed(
                *((i, 60 * minute + 30 + i / 1000, 50.0) for i in range(1 + 100 * minute, 101 + 100 * minute))
            )
            watch.alarms()
        page = watch.http.get("/api/v1/alarms/groups").json()
        assert page["total"] == 8, "eight units, eight cases"
        top = page["items"][0]
        assert (top["priority"], top["worst"]["point"]["code"], top["unacknowledged"]) == (1, "P777", 125)
        assert sum(g["size"] for g in page["items"]) == 1000
        firsts = {g["first_out"]["point"]["code"] for g in page["items"]}
        assert firsts == {f"P{i:03d}" for i in range(1, 9)}, "the first-out of each is named"
        with watch.db.read() as session:
            assert (
                session.scalar(select(func.count(JournalEntry.id)).where(JournalEntry.what == "raised"))
                == 1000
            )
            assert session.scalar(select(func.count(Alarm.id)).where(Alarm.group_id.is_(None))) == 0
            assert session.scalar(select(func.count(Group.id))) == 8
            flood = session.scalars(select(Flood)).one()
            assert (flood.peak, flood.alarms, flood.ended_at) == (1000, 1000, None)
        counts = watch.http.get("/api/v1/alarms/counts").json()
        assert (counts["groups"], counts["flood"]["peak"], counts["budgets"][0]["over"]) == (8, 1000, True)
        assert [e.alarms for e in watch.events if isinstance(e, FloodBegan)] == [100]
        watch.clock.advance(900)
        watch.service.recorder.tidy()
        assert watch.service.recorder.flush()
        ended = [e for e in watch.events if isinstance(e, FloodEnded)]
        assert [(e.alarms, e.peak) for e in ended] == [(1000, 1000)]
        assert watch.http.get("/api/v1/alarms/floods").json()["items"][0]["ended_at"] > NOW
    finally:
        watch.close()
