"""Makes the zone known to ParkSight through its import routes; running it again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from parkzone import hazards, payloads, rulebook
from parkzone.addresses import Endpoints, broker_config
from parkzone.api import Api, ApiError
from parkzone.park import Park

#: Push devices that carry the back-history; several, so that no single source fills its rate guard.
HISTORY_DEVICES = tuple(f"PARKZONE.HISTORY{i}" for i in range(1, 5))
_PORTION = 2000
ADDRESS_TAKEN = "gateways.device.address_taken"

Progress = Callable[[str, int, int], None]


class SetupError(RuntimeError):
    """Rows were refused; names the first of them."""


async def setup(api: Api, park: Park, endpoints: Endpoints, progress: Progress) -> dict[str, int]:
    """Import registry, points, devices and rules; returns counts per step.

    Args:
        progress: called with step name, done and total.

    Raises:
        SetupError: the platform refused rows.
        ApiError: it refused a request.
    """
    files = payloads.registry_files(park)
    total = len(files) + 4
    counts: dict[str, int] = {}
    known = await _imported(api)
    for i, (kind, name, data) in enumerate(files):
        progress(name, i, total)
        if known.get(name) != hashlib.sha256(data).hexdigest():
            report = await api.upload(f"/registry/import/{kind}", name, data, "application/geo+json")
            _check(name, report)
            counts[name] = report["accepted"] + report["updated"]
    progress("points", len(files), total)
    name = f"parkzone-{park.seed}-points.csv"
    report = await api.upload("/points/import", name, payloads.points_csv(park), "text/csv")
    _check(name, report)
    counts["points"] = report["accepted"] + report["updated"]
    progress("devices", len(files) + 1, total)
    counts["broker"] = await _broker(api, endpoints)
    counts["devices"] = await _devices(api, park, endpoints)
    progress("alarm-rules", len(files) + 2, total)
    counts["alarm-rules"] = await _rules(api, park)
    counts["linkages"] = await _linkages(api)
    counts["hazards"] = await _hazards(api, park)
    progress("done", total, total)
    return counts


async def _imported(api: Api) -> dict[str, str]:
    """File name -> hash of its newest import that went through without a refusal."""
    page = await api.get("/registry/imports", limit=200)
    out: dict[str, str] = {}
    for run in page["items"]:
        if not run["dry_run"]:
            whole = run["refused"] == 0 and run["problem"] is None
            out.setdefault(run["filename"], run["sha256"] if whole else "")
    return out


def _check(name: str, report: dict[str, Any]) -> None:
    if report.get("problem"):
        raise SetupError(f"{name}: {report.get('problem_text') or report['problem']}")
    if report["refused"]:
        rows = [r for r in report.get("rows", ()) if r.get("outcome") == "refused"] or report.get("problems")
        raise SetupError(
            f"{name}: {report['refused']} rows refused, first: {rows[0] if rows else 'not reported'}"
        )


async def _broker(api: Api, endpoints: Endpoints) -> int:
    """Tell the platform of the demo's broker, or where it listens this time; 1 when that is news."""
    wanted = broker_config(endpoints)
    try:
        connections = await api.get("/gateways/mqtt/connections")
    except ApiError as error:
        if error.status == 404:  # an installation without the MQTT gateway: the rest of the zone lives
            return 0
        raise
    for known in connections:
        if known["name"] == endpoints.broker:
            if all(known["config"].get(k) == v for k, v in wanted.items() if k in ("host", "port")):
                return 0
            change = {"version": known["version"], "config": wanted, "enabled": True}
            await api.patch(f"/gateways/mqtt/connections/{known['id']}", change)
            return 1
    await api.post("/gateways/mqtt/connections", {"name": endpoints.broker, "config": wanted})
    return 1


async def _devices(api: Api, park: Park, endpoints: Endpoints) -> int:
    firms, things = await api.codes("/enterprises"), await api.codes("/equipment")
    rows: list[dict[str, Any]] = []
    for row in payloads.devices(park, endpoints):
        firm, thing = row.pop("enterprise_code"), row.pop("thing_code")
        row["enterprise_id"] = firms[firm] if firm else None
        row["thing_id"] = things[thing] if thing else None
        row["enabled"] = True
        rows.append(row)
    rows += [
        {
            "code": code,
            "protocol": "http",
            "name": "演示历史数据",
            "name_en": "Demo back-history",
            "simulated": True,
        }
        for code in HISTORY_DEVICES
    ]
    refused, changed = await _import_devices(api, rows)
    if any(r["problem"]["code"] == ADDRESS_TAKEN for r in refused):
        # Ports have changed hands between lines since the last start: make room, then move everybody in.
        parked = [_parked(row, i) for i, row in enumerate(rows) if row["protocol"] == "modbus"]
        await _import_devices(api, parked)
        refused, changed = await _import_devices(api, rows)
    if refused:
        raise SetupError(f"devices: {len(refused)} rows refused, first: {refused[0]}")
    return changed


async def _import_devices(api: Api, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Refused rows of the report, and how many were made or changed."""
    refused: list[dict[str, Any]] = []
    changed = 0
    for i in range(0, len(rows), _PORTION):
        report = await api.post("/devices/import", rows[i : i + _PORTION], update="true")
        refused += [r for r in report["rows"] if r["outcome"] == "refused"]
        changed += report["created"] + report["updated"]
    return refused, changed


def _parked(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The device out of use, at an address that nobody has (RFC 2606)."""
    return {**row, "address": f"parked-{number}.invalid:1/1", "enabled": False}


async def _rules(api: Api, park: Park) -> int:
    rows = payloads.alarm_rules(park) + rulebook.rules(park)
    changed = 0
    for i in range(0, len(rows), _PORTION):
        report = await api.post("/alarm-rules/import", {"rules": rows[i : i + _PORTION]})
        _check("alarm rules", report)
        changed += report["accepted"] + report["updated"]
    return changed


async def _linkages(api: Api) -> int:
    """Declare the zone's reactions that are not known yet; a person's changes to them stay."""
    known = {row["code"] for row in (await api.get("/alarms/linkages", limit=200))["items"]}
    wanted = [row for row in rulebook.linkages() if row["code"] not in known]
    for row in wanted:
        await api.post("/alarms/linkages", row)
    return len(wanted)


async def _hazards(api: Api, park: Park) -> int:
    report = await api.post("/safety/hazards/import", {"rows": hazards.rows(park)})
    _check("hazards", report)
    return int(report["accepted"] + report["updated"])
