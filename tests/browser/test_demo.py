"""The demo page: start something, see it run, follow it, end it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


def test_a_scenario_is_started_watched_and_stopped(
    sign_in: Callable[..., Page], site: Site, axe: Callable[[Page], list[str]]
) -> None:
    page = sign_in("duty")
    page.goto(f"{site.url}/demo")
    expect(page.locator("[data-test=history]")).to_be_visible()
    scenario = page.locator("[data-scenario=dead-sensor]")
    scenario.get_by_role("button", name="开始").click()
    expect(scenario).to_contain_text("进行中", timeout=15_000)
    expect(scenario.get_by_role("progressbar")).to_be_visible()
    assert axe(page) == []
    with site.client("duty") as api:
        running = [s["name"] for s in api.get("/api/v1/demo").json()["scenarios"] if s["running"]]
        assert "dead-sensor" in running
        scenario.get_by_role("button", name="结束").click()
        expect(scenario.get_by_role("button", name="开始")).to_be_visible(timeout=15_000)
        running = [s["name"] for s in api.get("/api/v1/demo").json()["scenarios"] if s["running"]]
        assert "dead-sensor" not in running
    scenario.get_by_role("link", name=re.compile("报警")).click()
    expect(page).to_have_url(re.compile("/alarms"))


def test_who_may_only_look_finds_no_buttons(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("firm")
    page.goto(f"{site.url}/demo")
    expect(page.locator("[data-scenario]").first).to_be_visible()
    expect(page.get_by_role("button", name="开始")).to_have_count(0)
