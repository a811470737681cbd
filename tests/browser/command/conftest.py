"""A platform of a few known things, and pages of its duty operator; the browser is that of all browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from tests.browser.command.zone import PASSWORD, BrowserZone, served
from tests.browser.shoot import watch

from parksight.web import built


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserZone]:
    if not built():
        pytest.skip("the site is not built: npm --prefix web run build")
    with served(tmp_path_factory.mktemp("platform")) as made:
        yield made


def context_of(
    browser: Browser, size: tuple[int, int] = (1366, 768), language: str = "zh-CN"
) -> BrowserContext:
    """A browser context with a muted, flat map; software drawing pays by the pixel."""
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
