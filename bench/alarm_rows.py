"""Whether ten thousand open alarms scroll smoothly: frame times of the list in a browser without a graphics card.

    python -m bench.alarm_rows [--alarms 10000] [--seconds 12]

``parksight serve`` gets as many points and rules, and one reading above its limit for each through the HTTP gateway, so that
every alarm has its record, group and case. The list of single alarms is then scrolled by a page's own animation frames, once
at the pace of a wheel and once as fast as a dragged scroll bar, and walked with a key held down. A frame's time is from one
animation frame to the next; rows that are still being fetched are counted. Reference of the same run: frames of the same
page at rest. Wanted: p95 of 33 ms.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from bench.alarm_screen import platform
from bench.pixel import signed_in
from playwright.sync_api import Page, sync_playwright
from tests.browser.conftest import chromium
from tests.browser.shoot import FLAGS

WANTED_P95_MS = 33.4
PORTION = 1_000
#: Pixels per frame at 60 Hz: a wheel turned quickly, a scroll bar that is dragged.
PACES = {"wheel": 60, "dragged": 1_500}

#: Scrolls down and up again for a while; gives the time of each frame and how many rows were still empty in it.
SCROLL = """
([step, seconds]) => new Promise((done) => {
  const box = document.querySelector('main .grid.scroll'), frames = [], until = performance.now() + seconds * 1000
  let last = 0, way = step, empty = 0, drawn = 0
  const frame = (at) => {
    if (last) frames.push(at - last)
    last = at
    empty += box.querySelectorAll('.row.body .wait').length
    drawn = Math.max(drawn, box.querySelectorAll('.row.body').length)
    if (performance.now() > until) return done({ frames, empty, drawn, height: box.scrollHeight })
    if (way && (box.scrollTop + box.clientHeight >= box.scrollHeight - 1 ? way > 0 : box.scrollTop <= 0 && way < 0)) way = -way
    box.scrollTop += way
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
})
"""


def raised(client: httpx.Client, count: int) -> float:
    """Raise that many alarms for real; seconds until all are on record."""
    points: list[dict[str, Any]] = []
    while len(points) < count:
        query: dict[str, int | str] = {"limit": PORTION, "offset": len(points), "sort": "code"}
        items = client.get("/api/v1/points", params=query).json()["items"]
        points += [p for p in items if p["code"].startswith("S")]
        if len(items) < PORTION:
            break
    points = points[:count]
    made = client.post(
        "/api/v1/devices", json={"code": "ROWS", "protocol": "http", "name": "Bench", "address": "ROWS"}
    )
    made.raise_for_status()
    device = made.json()["id"]
    rows = [{"address": p["code"], "point_id": p["id"]} for p in points]
    client.put(f"/api/v1/devices/{device}/mappings", json=rows).raise_for_status()
    given = client.post(f"/api/v1/devices/{device}/credentials", json={"name": "bench", "days": 1})
    given.raise_for_status()
    header = {"Authorization": f"Bearer {given.json()['token']}"}
    began = time.monotonic()
    with httpx.Client(base_url=client.base_url, headers=header, timeout=120) as sender:
        for start in range(0, len(rows), PORTION):
            at = int(time.time() * 1000)
            readings = [
                {"address": r["address"], "t": at, "v": 1e6, "q": "good"}
                for r in rows[start : start + PORTION]
            ]
            answer = sender.post("/api/v1/ingest/observations", json={"readings": readings})
            if answer.json().get("stored") != len(readings):
                raise SystemExit(f"not stored: {answer.text[:500]}")
    while True:
        total = int(client.get("/api/v1/alarms", params={"limit": 1}).json()["total"])
        if total >= len(rows):
            return float(time.monotonic() - began)
        if time.monotonic() > began + 600:
            raise SystemExit(f"{total} of {len(rows)} alarms on record after ten minutes")
        time.sleep(1)


def line(name: str, got: dict[str, Any], **more: Any) -> dict[str, Any]:
    times: list[float] = sorted(got["frames"])

    def part(q: float) -> float:
        return round(times[min(len(times) - 1, int(q * len(times)))], 1)

    return {
        "bench": f"alarm_rows.{name}", "frames": len(times), "p50_ms": part(0.5), "p95_ms": part(0.95),
        "p99_ms": part(0.99), "max_ms": round(times[-1], 1), "rows_drawn": got["drawn"], "rows_awaited_per_frame":
        round(got["empty"] / max(1, len(times)), 2), **more,
    }  # fmt: skip


def walked(page: Page, presses: int) -> dict[str, Any]:
    """Hold the arrow key down; time from each press to the frame that shows the new cursor."""
    page.locator("main [data-row='0']").focus()
    page.evaluate(
        """() => {
          window.__walk = []
          document.addEventListener('keydown', () => {
            const at = performance.now()
            requestAnimationFrame(() => requestAnimationFrame((then) => window.__walk.push(then - at)))
          }, { capture: true })
        }"""
    )
    for _ in range(presses):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    return {"frames": page.evaluate("window.__walk"), "empty": 0, "drawn": 0}


def measure(alarms: int, seconds: float, folder: Path) -> list[dict[str, Any]]:
    with (
        platform(folder, -(-alarms // 24)) as (site, _),
        site.client() as client,
        sync_playwright() as playwright,
    ):
        took = raised(client, alarms)
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = signed_in(browser, site).new_page()
        page.goto(f"{site.url}/alarms?view=flat")
        page.wait_for_selector("main .row.body .main")
        page.wait_for_timeout(3_000)
        rest = page.evaluate(SCROLL, [0, 3])
        lines = [
            {"bench": "alarm_rows.raised", "alarms": alarms, "seconds": round(took, 1),
             "height_px": rest["height"], "machine_load": [round(x, 1) for x in psutil.getloadavg()]},
            line("at_rest", rest),
        ]  # fmt: skip
        for name, step in PACES.items():
            got = page.evaluate(SCROLL, [step, seconds])
            shown = line(name, got, wanted_p95_ms=WANTED_P95_MS, reference="alarm_rows.at_rest")
            lines.append({**shown, "met": shown["p95_ms"] <= WANTED_P95_MS})
            page.evaluate("document.querySelector('main .grid.scroll').scrollTop = 0")
            page.wait_for_timeout(1_000)
        lines.append(line("key_to_frame", walked(page, 200)))
        lines[-1]["machine_load_after"] = [round(x, 1) for x in psutil.getloadavg()]
        browser.close()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--alarms", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=12.0)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="parksight-bench-") as folder:
        for found in measure(args.alarms, args.seconds, Path(folder)):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
