"""System Chromium, the built site and a served platform, shared by the browser tests of one process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.browser.shoot import FLAGS, watch
from tests.browser.zone import PASSWORD, BrowserZone, served

from parksight.web import built

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserZone]:
    if not built():
        pytest.skip("the site is not built: npm --prefix web run build")
    with served(tmp_path_factory.mktemp("platform")) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


def context_of(
    browser: Browser, size: tuple[int, int] = (1920, 1080), language: str = "zh-CN"
) -> BrowserContext:
    made = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    made.add_init_script(
        f"if (!localStorage.getItem('parksight.language')) localStorage.setItem('parksight.language', '{language}');"
        "localStorage.setItem('parksight.muted', 'yes'); localStorage.setItem('parksight.flat', 'yes');"
    )
    return made


def enter(page: Page, zone: BrowserZone, user: str = "duty", password: str = PASSWORD) -> None:
    page.goto(f"{zone.url}/sign-in")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


@pytest.fixture
def page(browser: Browser, zone: BrowserZone) -> Iterator[Page]:
    """The duty operator, signed in at the command centre. What must never happen fails the test at its end."""
    context = context_of(browser)
    made = context.new_page()
    problems: list[str] = []
    watch(made, zone.url, problems)
    enter(made, zone)
    made.wait_for_selector(".kpis")
    yield made
    context.close()
    assert problems == []
