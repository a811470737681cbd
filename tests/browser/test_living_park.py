"""The first minutes of a newcomer: sign in, see the park alive, follow a number down, make something happen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


def test_wrong_password_is_told_and_the_demo_accounts_are_shown(browser, site: Site) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(f"{site.url}/command")
    expect(page).to_have_url(re.compile("/sign-in"))
    expect(page.get_by_role("button", name="duty").first).to_be_visible()
    page.fill("input[name=username]", "duty")
    page.fill("input[name=password]", "not the password")
    page.click("button[type=submit]")
    page.wait_for_timeout(1500)
    expect(page).to_have_url(re.compile("/sign-in"))
    context.close()


def test_the_one_screen_is_alive(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("duty", width=1920, height=1080)
    expect(page).to_have_url(re.compile("/command"))
    expect(page.get_by_text("90", exact=True).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("MW", exact=True).first).to_be_visible(timeout=60_000)
    first = page.locator("body").inner_text()
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and page.locator("body").inner_text() == first:
        page.wait_for_timeout(500)
    assert page.locator("body").inner_text() != first, "nothing on the screen moved in 40 s"


def test_the_one_screen_has_no_accessibility_violations(sign_in: Callable[..., Page], axe) -> None:
    page = sign_in("duty", width=1920, height=1080)
    expect(page.get_by_text("90", exact=True).first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(2000)
    assert axe(page) == []


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_nothing_overflows_on_smaller_screens(sign_in: Callable[..., Page], width: int, height: int) -> None:
    page = sign_in("duty", width=width, height=height)
    expect(page.get_by_text("90", exact=True).first).to_be_visible(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def test_a_scenario_reaches_the_screen_as_an_alarm(sign_in: Callable[..., Page], site: Site) -> None:
    with site.client("duty") as api:
        before = api.get("/api/v1/alarms/counts").json()
        started = api.post("/api/v1/demo/scenarios/tank-leak/start", json={"duration_s": 120})
        assert started.status_code == 200, started.text
        try:
            page = sign_in("duty", width=1920, height=1080)
            page.goto(f"{site.url}/alarms")
            deadline = time.monotonic() + 90
            while time.monotonic() < deadline:
                now = api.get("/api/v1/alarms/counts").json()
                if now != before:
                    break
                time.sleep(1)
            assert now != before, "the leak raised no alarm"
        finally:
            api.post("/api/v1/demo/scenarios/tank-leak/stop")
