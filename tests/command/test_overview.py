"""The one screen adds up, says what it does not know, and shows the past as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.command.kit import DAY, DUTY, MIDNIGHT, MINUTE, NOW, NOW_MS, QUARTER, SIMULATED, Zone

from parksight.command.schemas import Overview
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import ROLES, Caller


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Zone]:
    with Zone(tmp_path) as made:
        yield made


def kpis(view: Overview) -> dict[str, float | None]:
    return {k.key: k.figure.value for k in view.kpis}


def test_an_empty_zone_shows_nothing_it_does_not_have(zone: Zone) -> None:
    view = zone.command.overview(DUTY)
    assert view.live
    assert view.at == NOW_MS
    assert (view.energy, view.tanks, view.environment, view.weather, view.incident) == (None,) * 5
    assert view.alarms is not None
    assert view.alarms.counts == {1: 0, 2: 0, 3: 0, 4: 0}
    assert kpis(view)["enterprises"] == 2
    assert kpis(view)["rate"] is None, "a rate needs two looks"
    assert not view.simulated


def test_power_is_the_sum_of_fresh_meters_in_mw_and_as_old_as_its_oldest_part(zone: Zone) -> None:
    zone.meter(1, 1)
    zone.meter(2, 1, "MW")
    zone.meter(3, 2)
    zone.meter(4, 2)
    zone.observe([(1, NOW_MS - 5_000, 1500.0), (2, NOW_MS - 50_000, 2.0)], SIMULATED)
    zone.observe([(3, NOW_MS - 200_000, 9999.0)])  # older than three periods: no longer counts
    view = zone.command.overview(DUTY)
    assert view.energy is not None
    now = view.energy.now
    assert now.value == pytest.approx(3.5)
    assert now.unit == "MW"
    assert now.observed_at == NOW_MS - 50_000
    assert now.coverage is not None
    assert (now.coverage.n, now.coverage.of) == (2, 4)
    assert now.simulated
    assert view.simulated
    assert [(r.enterprise.id, r.figure.value, r.share) for r in view.energy.ranking] == [
        (1, pytest.approx(3.5), pytest.approx(1.0))
    ]


def test_load_curve_compares_the_same_meters_with_yesterday(zone: Zone) -> None:
    for p in (1, 2):
        zone.meter(p, 1)
    rows = []
    for i in range(DAY // QUARTER):
        at = MIDNIGHT - DAY + i * QUARTER + 5 * MINUTE
        rows += [(1, at, 1000.0), (2, at, 3000.0)]
    for i in range((NOW_MS - MIDNIGHT) // QUARTER + 1):
        at = MIDNIGHT + i * QUARTER + 5 * MINUTE
        if at < NOW_MS:
            rows.append((1, at, 1100.0))
            if i != 3:
                rows.append((2, at, 3300.0))
    zone.observe(rows)
    energy = zone.command.overview(DUTY).energy
    assert energy is not None
    assert len(energy.yesterday) == 96
    assert [p.value for p in energy.yesterday] == pytest.approx([4.0] * 96)
    assert energy.yesterday[0].start == MIDNIGHT - DAY
    assert (energy.today[3].value, energy.today[3].n) == (pytest.approx(1.1), 1)
    assert energy.today[4].n == 2
    assert energy.change == pytest.approx(0.1)


def test_change_is_unknown_when_too_few_meters_can_be_compared(zone: Zone) -> None:
    for p in (1, 2):
        zone.meter(p, 1)
    last = (NOW_MS - MIDNIGHT) // QUARTER - 1
    at = MIDNIGHT + last * QUARTER + MINUTE
    zone.observe([(1, at - DAY, 1000.0), (1, at, 2000.0)])
    energy = zone.command.overview(DUTY).energy
    assert energy is not None
    assert energy.change is None
    assert energy.change_coverage is not None
    assert energy.change_coverage.n == 1


def test_environment_judges_what_has_a_limit_and_a_fresh_value(zone: Zone) -> None:
    for p, kind in ((1, "emission.stack"), (2, "emission.stack"), (3, "air.fence"), (4, "noise.boundary")):
        zone.point(p, kind, "mg/m3" if p < 4 else "dB(A)", "concentration" if p < 4 else "sound")
    for p, limit in ((1, 50.0), (2, 50.0), (3, 4.0)):
        zone.rule(p, h=limit, hh=limit * 1.5)
    zone.observe([(1, NOW_MS - 9_000, 52.0), (2, NOW_MS - 10 * MINUTE, 10.0), (3, NOW_MS - 9_000, 1.0)])
    panel = zone.command.overview(DUTY).environment
    assert panel is not None
    assert (panel.total, panel.judged, panel.exceeding, panel.unknown) == (3, 2, 1, 1)
    assert [r.point_id for r in panel.rows] == [1, 3], "nearest to its limit first, the silent one not at all"
    assert panel.rows[0].limit == 50.0
    assert panel.rows[0].scale > 52.0
    assert panel.rows[0].spark[-1] is None or panel.rows[0].spark[-1] == 52.0


def test_tanks_carry_limits_range_and_the_alarm_level(zone: Zone) -> None:
    zone.thing(7, 1, 120.77)
    zone.point(
        1, "tank.level", "m", "level", plausible_low=0.0, plausible_high=9.0, thing_id=7, enterprise_id=1
    )
    zone.point(2, "tank.level", "m", "level")  # no range: cannot be drawn
    rule = zone.rule(1, ll=0.5, l=0.9, h=7.6, hh=8.3)
    zone.alarm(1, 2, 30, rule, thing_id=7, enterprise_id=1)
    zone.observe([(1, NOW_MS - 1000, 7.9)])
    tanks = zone.command.overview(DUTY).tanks
    assert tanks is not None
    assert tanks.total == 1
    (row,) = tanks.rows
    assert (row.low, row.high, row.bottom, row.top, row.level) == (0.9, 7.6, 0.0, 9.0, 2)
    assert row.thing is not None
    assert (row.thing.name, row.figure.value) == ("设备7", 7.9)


def test_alarms_are_counted_while_they_stand_and_the_worst_is_the_incident(zone: Zone) -> None:
    zone.thing(7, 1, 120.77)
    zone.thing(8, 1)
    for p in (1, 2, 3):
        zone.point(p, "gas.voc", "ppm", "gas.fraction", enterprise_id=1)
    rule = zone.rule(1, h=8.0)
    zone.alarm(1, 3, 100, rule, thing_id=7)
    worst = zone.alarm(2, 2, 300, rule, thing_id=8, enterprise_id=1)
    zone.alarm(2, 2, 200, rule, handling="acknowledged", acknowledged_at=NOW, acknowledged_by="周衡")
    gone = zone.alarm(
        3, 1, 900, rule, condition="cleared", cleared_at=NOW - timedelta(seconds=60)
    )  # highest, but over
    zone.observe([(2, NOW_MS - MINUTE * k, 10.0 + (k == 2) * 5) for k in range(4, -1, -1)])
    view = zone.command.overview(DUTY)
    assert view.alarms is not None
    assert view.alarms.counts == {1: 0, 2: 2, 3: 1, 4: 0}
    assert view.alarms.total == 4
    assert view.alarms.unacknowledged == 3
    assert view.alarms.rate_per_hour == pytest.approx(4 / 6)
    order = [a.id for a in view.alarms.items]
    assert (order[0], order[-1]) == (worst, gone)
    assert view.incident is not None
    top = view.incident.alarm
    assert (top.id, top.value, top.limit, top.peak) == (worst, 10.0, 8.0, 15.0)
    assert (top.lon, top.lat) == (pytest.approx(121.7), 41.8), "no position of its own: its enterprise's"
    assert [s.key for s in view.incident.steps if s.at is not None] == ["raised"]
    assert view.timeline is not None
    assert sum(sum(c) for c in view.timeline.counts) == 4


def test_an_acknowledgement_shows_at_once(zone: Zone) -> None:
    from parksight.alarms.events import AlarmAcknowledged

    zone.point(1, "gas.voc", "ppm", "gas.fraction", enterprise_id=1)
    alarm = zone.alarm(1, 2, 10, zone.rule(1, h=8.0))
    first = zone.command.overview(DUTY)
    assert zone.command.overview(DUTY) is first, "many walls share one answer"
    zone.db.bus.publish(AlarmAcknowledged(id=alarm, enterprise_id=1, by_name="周衡", at=NOW_MS))
    assert zone.command.overview(DUTY) is not first


def test_the_past_is_shown_as_it_was(zone: Zone) -> None:
    zone.meter(1, 1)
    zone.point(2, "gas.voc", "ppm", "gas.fraction", enterprise_id=1)
    zone.observe([(1, NOW_MS - k * MINUTE, 1000.0 + k) for k in range(180, -1, -1)])
    rule = zone.rule(2, h=8.0)
    zone.alarm(
        2, 1, 7200, rule, condition="cleared", cleared_at=NOW - timedelta(seconds=3600),
        handling="acknowledged", acknowledged_at=NOW - timedelta(seconds=5400), acknowledged_by="周衡",
    )  # fmt: skip
    assert zone.command.overview(DUTY).alarms.total == 0  # type: ignore[union-attr]  # the duty operator sees alarms
    then = NOW_MS - 6000 * 1000
    view = zone.command.overview(DUTY, then)
    assert not view.live
    assert view.energy is not None
    assert view.energy.now.value == pytest.approx(1.1)
    assert view.energy.now.observed_at == then
    assert view.energy.today[-1].start <= then
    assert view.alarms is not None
    (row,) = view.alarms.items
    assert (row.state, row.acknowledged, row.cleared_at) == ("active", False, None)
    assert view.ingest is None, "the books have no past"
    assert view.points is not None
    assert (view.points.total, view.points.online, view.points.stale) == (2, 1, 1)
    later = zone.command.overview(DUTY, NOW_MS - 5000 * 1000)
    assert later.alarms is not None
    assert later.alarms.items[0].acknowledged


def test_the_future_is_refused(zone: Zone) -> None:
    with pytest.raises(ProblemError, match=r"command\.at_in_future"):
        zone.command.overview(DUTY, NOW_MS + 120_000)


def test_an_enterprise_sees_only_its_own_parts(zone: Zone) -> None:
    zone.meter(1, 1)
    zone.meter(2, 2)
    zone.meter(3, None)
    for p in (1, 2):
        zone.alarm(p, 3, 60, zone.rule(p, h=1.0), enterprise_id=p)
    zone.observe([(p, NOW_MS - 1000, 1000.0 * p) for p in (1, 2, 3)])
    grants = (*ROLES["enterprise_user"], "command.overview.read")
    firm = Caller(id=2, name="企业用户", grants=grants, enterprises=frozenset({2}))
    view = zone.command.overview(firm)
    assert view.energy is not None
    assert view.energy.now.value == pytest.approx(2.0)
    assert view.energy.meters == 1
    assert view.alarms is not None
    assert [a.point_id for a in view.alarms.items] == [2]
    assert kpis(view)["enterprises"] == 1
    assert view.points is not None
    assert view.points.total == 1
    assert zone.command.overview(DUTY).energy.now.value == pytest.approx(6.0)  # type: ignore[union-attr]  # has meters


def test_a_caller_without_a_permission_gets_no_panel_of_it(zone: Zone) -> None:
    zone.meter(1, 1)
    zone.alarm(1, 3, 60, zone.rule(1, h=1.0))
    bare = Caller(id=3, name="x", grants=("command.overview.read",), enterprises=None)
    view = zone.command.overview(bare)
    assert (view.alarms, view.energy, view.ingest, view.points, view.timeline) == (None,) * 5
    assert view.kpis == []


def test_stale_points_are_named_longest_silent_first(zone: Zone) -> None:
    for p in (1, 2, 3):
        zone.meter(p, 1)
    zone.observe(
        [(1, NOW_MS - 2 * 3_600_000, 1.0), (2, NOW_MS - 5 * 3_600_000, 1.0), (3, NOW_MS - 1000, 1.0)]
    )
    view = zone.command.overview(DUTY)
    assert [s.point_id for s in view.stale] == [2, 1]
    assert view.stale[0].enterprise is not None
    assert view.points is not None
    assert (view.points.online, view.points.stale) == (1, 2)


def test_the_books_of_the_doors_add_up_and_the_rate_is_measured(zone: Zone) -> None:
    first = zone.command.overview(DUTY).ingest
    assert first is not None
    assert first.received == first.stored + sum(first.rejected.values()) + first.in_flight
    assert [(g.name, g.rejected) for g in first.gateways] == [("hj212", 4)]
    zone.clock.advance(10)
    zone.doors.stored += 5000
    second = zone.command.overview(DUTY).ingest
    assert second is not None
    assert second.rate == pytest.approx(500, rel=0.02)


def test_wind_comes_from_a_station_that_speaks(zone: Zone) -> None:
    zone.point(1, "weather.wind_speed", "m/s", "speed", period_s=10.0)
    zone.point(2, "weather.wind_speed", "m/s", "speed", period_s=10.0)
    zone.point(3, "weather.wind_direction", "deg", "direction", period_s=10.0)
    zone.observe([(1, NOW_MS - 3_600_000, 9.0), (2, NOW_MS - 3000, 3.2), (3, NOW_MS - 3000, 292.0)])
    weather = zone.command.overview(DUTY).weather
    assert weather is not None
    assert weather.wind_speed is not None
    assert weather.wind_from is not None
    assert (weather.wind_speed.value, weather.wind_speed.points) == (3.2, [2])
    assert weather.wind_from.value == 292.0
    assert weather.humidity is None
