"""The command centre in a real browser over a real platform."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.browser.command.conftest import context_of, enter
from tests.browser.command.zone import GAS, LEVEL, METER, BrowserZone

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def figure(page: Page, label: str) -> str:
    return page.locator(".kpis > div", has_text=label).locator("b").inner_text()


def test_a_wrong_password_is_explained_and_a_right_one_opens_the_wall(
    browser: Browser, zone: BrowserZone
) -> None:
    context = context_of(browser, (1366, 768))
    page = context.new_page()
    enter(page, zone, password="wrong wrong wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    assert "/sign-in" in page.url
    enter(page, zone)
    page.wait_for_url("**/command")
    expect(page.get_by_role("navigation")).to_contain_text("总览")
    context.close()


def test_a_page_asked_for_before_signing_in_opens_after_it(browser: Browser, zone: BrowserZone) -> None:
    context = context_of(browser)
    page = context.new_page()
    page.goto(f"{zone.url}/alarms?tab=journal")
    page.wait_for_url("**/sign-in**")
    page.fill("input[name=username]", "duty")
    page.fill("input[name=password]", "a long enough secret")
    page.click("button[type=submit]")
    page.wait_for_url("**/alarms?tab=journal")
    context.close()


def test_numbers_are_those_of_the_platform(page: Page, zone: BrowserZone) -> None:
    assert figure(page, "入园企业") == "1"
    assert figure(page, "在线测点") == "6"
    expect(page.locator(".kpis")).to_contain_text("/ 7")
    zone.send([(METER, 2500.0)])
    expect(page.locator(".kpis > div", has_text="全园有功")).to_contain_text("2.50", timeout=15_000)
    expect(page.locator(".demo-mark")).to_have_text("演示数据")
    expect(page.get_by_role("region", name="能源负荷")).to_contain_text("MW")


def test_an_alarm_appears_owns_the_screen_and_is_acknowledged(page: Page, zone: BrowserZone) -> None:
    zone.send([(GAS, 18.6)])
    alarms = page.get_by_role("region", name="报警")
    row = alarms.get_by_role("listitem").filter(has_text="一号探测器")
    expect(row).to_contain_text("18.6", timeout=10_000)
    card = page.get_by_role("article", name="一号探测器 · 苯浓度")
    expect(card).to_contain_text("一级报警")
    expect(card).to_contain_text("青原试验化工")
    expect(page.locator(".lines path")).to_be_attached()
    zone.send([(GAS, 21.3)])
    expect(card.locator(".big")).to_have_text("21.3", timeout=5_000)  # live, without a reload of the overview
    row.get_by_role("button", name="确认报警：一号探测器").click()
    expect(row).to_contain_text("已确认")
    expect(card.locator(".steps .done")).to_have_count(2)
    zone.send([(GAS, 2.0)])
    expect(alarms.get_by_text("没有活动报警")).to_be_visible(timeout=10_000)
    expect(card).to_have_count(0)


def test_the_map_draws_the_zone_and_names_it(page: Page, zone: BrowserZone) -> None:
    page.wait_for_selector(".park-map .map[data-idle]", state="attached", timeout=60_000)
    expect(page.locator(".park-map .zone")).to_have_count(2)
    expect(page.locator(".park-map .tower")).to_have_count(1)
    picture = Image.open(BytesIO(page.locator(".park-map").screenshot())).convert("L")
    assert sum(n > 0 for n in picture.histogram()) > 20, "the map is blank"


def test_scrubbing_moves_the_page_into_the_past_and_back(page: Page, zone: BrowserZone) -> None:
    slider = page.get_by_role("slider", name="查看时刻")
    slider.focus()
    slider.press("ArrowDown")
    slider.press("ArrowDown")
    expect(page.get_by_role("banner")).to_contain_text("历史")
    query = parse_qs(urlsplit(page.url).query)
    assert set(query) == {"from", "to"}
    energy = page.get_by_role("region", name="能源负荷")
    expect(energy.locator(".hero b").first).to_have_text(re.compile(r"^1\.5\d$"), timeout=10_000)
    page.reload()
    expect(page.get_by_role("banner")).to_contain_text("历史")
    page.get_by_role("button", name="回到实时").click()
    expect(page.get_by_role("banner")).not_to_contain_text("历史")
    assert urlsplit(page.url).query == ""


def test_language_changes_every_word(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Energy load")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    body = page.locator("body").inner_text()
    names = {
        "青原试验化工",
        "一号探测器",
        "苯储罐",
        "厂界",
        "从未上报",
        "周衡",
        "中",
    }  # records without an English name
    left = [w for w in re.findall(r"[一-鿿]+", body) if not any(n in w or w in n for n in names)]
    assert left == []


def test_a_silent_point_turns_dashed_and_is_never_a_number(page: Page, zone: BrowserZone) -> None:
    trust = page.get_by_role("region", name="数据可信度")
    expect(trust).to_contain_text(re.compile(r"从未上报\s*1"))
    zone.send([(LEVEL, 4.3)])
    expect(page.get_by_role("region", name="储罐液位")).to_contain_text("4.30", timeout=10_000)


@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768), (390, 844)], ids=["wall", "desk", "phone"])
def test_no_barrier_is_found_by_axe(browser: Browser, zone: BrowserZone, size: tuple[int, int]) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm --prefix web ci")
    context = context_of(browser, size)
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Page.setBypassCSP", {"enabled": True})  # for the script of the examiner alone
    found: list[str] = []
    enter(page, zone)
    page.wait_for_selector(".kpis")
    for path in ("command", "map", "alarms", "account"):
        page.goto(f"{zone.url}/{path}")
        page.wait_for_timeout(1200)
        page.evaluate(AXE.read_text())
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [f"{path}: {v['id']} {v['nodes'][0]['html'][:120]}" for v in result["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{path} is wider than its window"
    context.close()
    assert found == []
