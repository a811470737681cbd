"""Points of a test's own in the living park, with rules, raised and cleared through the HTTP gateway."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect
from tests.living import Site

LIMIT = 100.0
STEP = {"limit": LIMIT, "deadband": 1.0, "on_delay_s": 0.0, "off_delay_s": 0.0}


@dataclass
class Meter:
    """A point and the device that feeds it.

    Attributes:
        point: as the API shows it.
        rule_id: its rule, limit :data:`LIMIT`.
    """

    site: Site
    point: dict[str, Any]
    rule_id: int
    token: str

    @property
    def name(self) -> str:
        return str(self.point["name"])

    def push(self, *values: float, apart_s: float = 1.0) -> None:
        """Readings of the last seconds, the newest now."""
        now = int(time.time() * 1000)
        readings = [
            {"address": "P", "t": now - round((len(values) - 1 - i) * apart_s * 1000), "v": v, "q": "good"}
            for i, v in enumerate(values)
        ]
        answer = httpx.post(
            f"{self.site.url}/api/v1/ingest/observations", json={"readings": readings},
            headers={"Authorization": f"Bearer {self.token}"}, timeout=30,
        )  # fmt: skip
        assert answer.json()["stored"] == len(values), answer.text

    def alarm(self, **wanted: Any) -> dict[str, Any]:
        """Its newest alarm once it has these fields."""
        until = time.monotonic() + 60
        found: list[dict[str, Any]] = []
        with self.site.client() as client:
            while time.monotonic() < until:
                query = {"point_id": self.point["id"], "state": "all", "limit": 1}
                found = client.get("/api/v1/alarms", params=query).json()["items"]
                if found and all(found[0][k] == v for k, v in wanted.items()):
                    return found[0]
                time.sleep(0.3)
        raise AssertionError(f"no alarm with {wanted} within a minute: {found}")

    def raised(self) -> dict[str, Any]:
        """Raise it; the alarm."""
        self.push(LIMIT * 2)
        return self.alarm(condition="active")


def meter(site: Site, name: str, *, priority: int = 3, thing_id: int | None = None) -> Meter:
    """A point with a rule of one step, on a thing of the registry if one is given."""
    code = f"TEST.{time.time_ns()}"
    with site.client() as client:

        def made(path: str, body: object, method: str = "POST") -> dict[str, Any]:
            answer = client.request(method, f"/api/v1{path}", json=body)
            assert answer.is_success, answer.text
            found: dict[str, Any] = answer.json()
            return found

        body = {
            "code": code, "name": f"{name} {code[-6:]}", "quantity": "power", "unit": "kW", "period_s": 600.0,
            "thing_id": thing_id,
        }  # fmt: skip
        point = made("/points", body)
        device = made(
            "/devices", {"code": f"{code}.D", "protocol": "http", "name": name, "address": f"{code}.D"}
        )
        made(f"/devices/{device['id']}/mappings", [{"address": "P", "point_id": point["id"]}], "PUT")
        token = made(f"/devices/{device['id']}/credentials", {"name": "test", "days": 1})["token"]
        definition = {"h": {**STEP, "priority": priority}}
        rule = made("/alarm-rules", {"point_id": point["id"], "definition": definition})
    time.sleep(1.5)  # the evaluation takes changed rules with its next second
    return Meter(site, point, int(rule["id"]), token)


def things(site: Site, count: int) -> list[int]:
    """Things of different enterprises."""
    with site.client() as client:
        items = client.get("/api/v1/equipment", params={"limit": 500}).json()["items"]
    whose: dict[int, int] = {}
    for item in items:
        whose.setdefault(item["enterprise_id"], item["id"])
    assert len(whose) >= count
    return list(whose.values())[:count]


def deed(page: Page, name: str) -> Locator:
    """Press a button of an alarm's page; its dialog."""
    page.locator("[data-test=actions]").get_by_role("button", name=name, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def sent(dialog: Locator) -> None:
    """Send a dialog and wait until it is gone."""
    dialog.locator("footer .solid").click()
    expect(dialog).to_be_hidden()


def opened(page: Page, site: Site, alarm: dict[str, Any]) -> Locator:
    """The page of an alarm; its main part."""
    page.goto(f"{site.url}/alarms/{alarm['id']}")
    main = page.get_by_role("main")
    expect(main.locator(".now .state")).to_be_visible()
    return main
