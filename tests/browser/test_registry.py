"""Enterprises and registries as people use them: figures that live, tabs, files in and out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


_FOUND: dict[str, dict] = {}


def first_enterprise(site: Site) -> dict:
    """Asked once: sign-ins are limited per minute."""
    if site.url not in _FOUND:
        with site.client() as client:
            _FOUND[site.url] = client.get("/api/v1/enterprises", params={"limit": 1}).json()["items"][0]
    return _FOUND[site.url]


def test_enterprises_are_found_and_opened(page: Page, site: Site) -> None:
    enterprise = first_enterprise(site)
    page.goto(f"{site.url}/enterprises")
    rows = page.get_by_role("table", name="企业").get_by_role("row")
    expect(rows).to_have_count(51)
    page.get_by_label("名称或编码").fill(enterprise["code"])
    expect(rows).to_have_count(2)
    page.get_by_role("link", name=enterprise["name"]).click()
    expect(page).to_have_url(re.compile(rf"/enterprises/{enterprise['id']}"))
    expect(page.get_by_role("heading", name=enterprise["name"])).to_be_visible()


def test_key_figures_lead_to_their_records(page: Page, site: Site) -> None:
    enterprise = first_enterprise(site)
    page.goto(f"{site.url}/enterprises/{enterprise['id']}")
    power = page.locator("main .figure").first
    expect(power).to_have_text(re.compile(r"[\d,.]+\s*kW"), timeout=60_000)
    power.click()
    expect(page).to_have_url(re.compile(r"/trends\?points="))


@pytest.mark.parametrize("tab", ["equipment", "people", "points", "devices", "history", "alarms"])
def test_each_tab_shows_the_enterprise_and_nothing_else(page: Page, site: Site, tab: str) -> None:
    enterprise = first_enterprise(site)
    page.goto(f"{site.url}/enterprises/{enterprise['id']}?tab={tab}")
    expect(page.locator("nav [aria-current=page]").last).to_be_visible()
    page.wait_for_load_state("networkidle")
    codes = page.locator("td[data-label='编码']").all_inner_texts()
    assert all(code.startswith(enterprise["code"]) for code in codes)
    if tab in ("equipment", "people", "points", "devices"):
        assert codes


def test_a_registry_leaves_as_geojson_and_comes_back_unchanged(
    page: Page, site: Site, tmp_path: Path
) -> None:
    page.goto(f"{site.url}/registry/cameras")
    expect(page.get_by_role("table", name="摄像机")).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("button", name="GEOJSON").click()
    target = tmp_path / "cameras.geojson"
    found.value.save_as(target)
    features = json.loads(target.read_text(encoding="utf-8"))["features"]
    assert len(features) > 3
    page.get_by_role("link", name="导入").click()
    page.locator("input[type=file]").set_input_files(target)
    take = page.get_by_role("button", name="导入", exact=True)
    expect(take).to_be_disabled()
    page.get_by_role("button", name="试算").click()
    said = page.get_by_role("status").filter(has_text="cameras.geojson")
    expect(said).to_contain_text(re.compile(rf"未变\s*{len(features)}"))
    expect(said).to_contain_text(re.compile(r"拒绝\s*0"))
    expect(take).to_be_enabled()


def test_refused_rows_say_why_and_the_report_is_kept(page: Page, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "equipment.csv"
    file.write_text("code,name,kind\nTEST-1,试验罐,tank\nTEST-2,坏行,no_such_kind\n", encoding="utf-8")
    page.goto(f"{site.url}/registry/import?kind=equipment")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="试算").click()
    expect(page.get_by_role("row", name=re.compile("TEST-2.*拒绝"))).to_be_visible()
    page.get_by_role("button", name="导入", exact=True).click()
    expect(page.get_by_text(re.compile("equipment.csv：已导入"))).to_be_visible()
    with site.client() as client:
        assert client.get("/api/v1/equipment", params={"q": "TEST-1"}).json()["total"] == 1
        assert client.get("/api/v1/equipment", params={"q": "TEST-2"}).json()["total"] == 0
    kept = page.get_by_role("table", name="历次导入").get_by_role("row")
    expect(kept.filter(has_text="equipment.csv").first).to_be_visible()


def test_an_enterprise_user_meets_only_the_own_enterprise(sign_in: Callable[..., Page], site: Site) -> None:
    with site.client("firm-user") as client:
        own = client.get("/api/v1/session").json()["enterprises"]
    page = sign_in("firm-user")
    page.goto(f"{site.url}/enterprises")
    expect(page.get_by_role("table", name="企业").get_by_role("row")).to_have_count(1 + len(own))
    with site.client() as client:
        everybody = client.get("/api/v1/enterprises", params={"limit": 100}).json()["items"]
    stranger = next(e for e in everybody if e["id"] not in own)
    page.get_by_label("名称或编码").fill(stranger["code"])
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()
    with site.client("firm-user") as client:
        assert client.get(f"/api/v1/enterprises/{stranger['id']}/summary").status_code == 404
