"""What cases add to the one screen, and what alarms, cases and data say at a handover."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cases.kit import Zone
from tests.command.kit import Doors

from parksight.alarms.handover import AlarmItems
from parksight.alarms.models import Suppression
from parksight.alarms.providers import Providers
from parksight.cases.handover import CaseItems
from parksight.cases.models import Case
from parksight.command.handover import DataItems
from parksight.command.service import CommandService
from parksight.kernel.settings import StoreSettings, ZoneSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.store import DuckDbStore


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Zone]:
    made = Zone(f"sqlite:///{tmp_path / 'records.sqlite'}", tmp_path)
    made.furnish()
    yield made
    made.close()


@pytest.fixture
def command(zone: Zone, tmp_path: Path) -> Iterator[CommandService]:
    store = DuckDbStore(
        tmp_path / "store", StoreSettings(memory_limit_mb=256, threads=1), "Asia/Shanghai", zone.clock
    )
    doors = Doors()
    catalogue = Catalogue(zone.db)
    made = CommandService(
        zone.db, zone.clock, ZoneSettings(), LiveTable(catalogue), store, doors, doors, zone.service
    )
    yield made
    made.close()
    catalogue.close()
    store.close()


def _open(zone: Zone, title: str, enterprise: int) -> dict[str, Any]:
    body = {
        "type": "cases.report",
        "title": title,
        "fields": {"category": "safety"},
        "enterprise_id": enterprise,
    }
    made: dict[str, Any] = zone.as_("planner").post("/api/v1/cases", json=body).json()
    return made


def _kpi(command: CommandService, caller: Any) -> tuple[float | None, float | None] | None:
    command.forget()
    found = next((k for k in command.overview(caller).kpis if k.key == "overdue_cases"), None)
    return None if found is None else (found.figure.value, found.of)


def test_overdue_work_is_counted_of_all_unfinished_and_leads_to_its_list(
    zone: Zone, command: CommandService
) -> None:
    for n in range(3):
        _open(zone, f"裂缝{n}", 1 + n % 2)
    operator, boss = zone.who("operator"), zone.who("boss1")
    assert _kpi(command, operator) == (0, 3)
    zone.minutes(31)  # triage is allowed 30
    assert _kpi(command, operator) == (3, 3)
    assert _kpi(command, boss) == (2, 2)
    listed = zone.as_("operator").get("/api/v1/cases?box=all&light=red").json()
    assert listed["total"] == 3
    drill = next(k for k in command.overview(operator).kpis if k.key == "overdue_cases").figure.drill
    assert drill is not None
    assert (drill.page, drill.params) == ("work", {"box": "all", "light": "red"})


def test_the_draft_of_a_handover_names_what_is_late_new_and_closed(zone: Zone) -> None:
    late = _open(zone, "早先的裂缝", 1)
    zone.minutes(40)
    since = zone.clock.now()
    new = _open(zone, "新的裂缝", 2)
    gone = _open(zone, "不予受理", 1)
    zone.as_("operator").post(
        f"/api/v1/cases/{gone['id']}/act", json={"transition": "dismiss", "comment": "误报"}
    )
    until = zone.clock.now() + timedelta(seconds=1)
    with zone.db.read() as session:
        said = CaseItems(zone.service).contribute(session, zone.who("operator"), since, until)
        own = CaseItems(zone.service).contribute(session, zone.who("boss1"), since, until)
        nothing = CaseItems(zone.service, ["cases.report"]).contribute(
            session, zone.who("operator"), since, until
        )
        assert session.get(Case, gone["id"]).state == "unfounded"
    shown = {s.code: [i.params["number"] for i in s.items] for s in said}
    assert shown == {
        "cases_late": [late["number"]], "cases_soon": [], "cases_new": [new["number"]],
        "cases_closed": [gone["number"]],
    }  # fmt: skip
    assert {s.code: s.total for s in own} == {
        "cases_late": 1,
        "cases_soon": 0,
        "cases_new": 0,
        "cases_closed": 1,
    }
    assert all(s.total == 0 for s in nothing)


def test_silences_and_stopped_doors_are_handed_over(zone: Zone) -> None:
    now = zone.clock.now()
    with zone.db.session() as session:
        for enterprise, kind in ((1, "shelved"), (2, "out_of_service"), (1, "chattering")):
            session.add(
                Suppression(
                    kind=kind, reason="检修", owner_name="何临渊", from_at=now, enterprise_id=enterprise
                )
            )
    operator, boss = zone.who("operator"), zone.who("boss1")
    with zone.db.read() as session:
        everything = AlarmItems(Providers()).contribute(session, operator, now, now)
        own = AlarmItems(Providers()).contribute(session, boss, now, now)
    silences = next(s for s in everything if s.code == "silences")
    assert [i.text.rsplit(".", 1)[1] for i in silences.items] == ["out_of_service", "shelved"]
    assert next(s for s in own if s.code == "silences").total == 1
    catalogue = Catalogue(zone.db)
    with zone.db.read() as session:
        data = DataItems(LiveTable(catalogue), Doors(), zone.clock).contribute(session, operator, now, now)
    catalogue.close()
    assert {s.code for s in data} == {"silent", "gateways"}
