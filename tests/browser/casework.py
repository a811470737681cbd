"""What the tests of work and duty do again and again: report, choose, act, look at the case."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect
from tests.living import Site

WORDS = {"category": "safety"}
ZIP = "可独立验证的档案 ZIP"


def photo(name: str = "IMG_0001.jpg") -> FilePayload:
    """A small real picture, as a phone hands it over."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).save(out, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def choose(page: Page, within: Page | Locator, label: str, text: str) -> None:
    """Choose in a select by its label; typed as with the keyboard, for its placeholder lies over the input."""
    box = within.get_by_role("combobox", name=label)
    box.press("Enter")
    box.press_sequentially(text)
    page.get_by_role("option", name=text).first.click()


def report(site: Site, title: str, username: str = "planner", **more: Any) -> dict[str, Any]:
    """Report an event over HTTP; the case."""
    with site.client(username) as client:
        body = {
            "type": "cases.report",
            "title": title,
            "fields": WORDS,
            "key": f"test-{time.time_ns()}",
            **more,
        }
        answer = client.post("/api/v1/cases", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def case(site: Site, case_id: int) -> dict[str, Any]:
    with site.client() as client:
        found: dict[str, Any] = client.get(f"/api/v1/cases/{case_id}").json()
        return found


def act(
    site: Site, username: str, case_id: int, transition: str, status: int = 200, **more: Any
) -> dict[str, Any]:
    """A transition over HTTP; the answer, which must have the status."""
    with site.client(username) as client:
        answer = client.post(f"/api/v1/cases/{case_id}/act", json={"transition": transition, **more})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def do(page: Page, transition: str) -> Locator:
    """Press the button of a transition; its dialog."""
    page.locator(f"[data-action={transition}]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def confirm(dialog: Locator) -> None:
    """Send a dialog and wait until it is gone."""
    dialog.locator("footer .solid").click()
    expect(dialog).to_be_hidden()


def state(page: Page, title: str) -> None:
    """The case page says this state."""
    expect(page.locator(".now .state")).to_have_text(title)


def parksight(*arguments: str) -> str:
    """Run the command line as an auditor does; what it printed. It must say that all is well."""
    done = subprocess.run(
        [sys.executable, "-m", "parksight", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def proven(page: Page, site: Site, folder: Path) -> None:
    """The whole chain of the running platform holds, and so does the export of the case on the page, by itself."""
    parksight("audit", "verify", "--data-dir", str(site.folder / "data"))
    with page.expect_download() as saved:
        page.get_by_role("button", name=ZIP).click()
    file = folder / saved.value.suggested_filename
    saved.value.save_as(file)
    parksight("cases", "verify", str(file))
