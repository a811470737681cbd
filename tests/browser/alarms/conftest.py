"""A platform of its own for the alarm desk: nobody else raises alarms there, so that what a page shows is what a test did."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.living import Site, free_port

from parksight.kernel.settings import Settings
from parksight.serve import create_account, prepare

PEOPLE = {
    "admin": "administrator",
    "duty": "duty_operator",
    "safety": "safety_officer",
    "integrator": "integrator",
}
ENTERPRISES = ("北山化工", "南岭肥业")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """``parksight serve`` with an account per role and two enterprises with a tank each; in place of the living park."""
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(data_dir=folder / "data")
    prepare(settings)
    accounts = {}
    for username, role in PEOPLE.items():
        accounts[username] = secrets.token_urlsafe(18)
        create_account(settings, username, f"{username} 值班", role, accounts[username])
    port, output = free_port(), folder / "printed.txt"
    env = {
        **os.environ, "PARKSIGHT_PORT": str(port), "PARKSIGHT_HJ212__PORT": str(free_port()),
        "PARKSIGHT_SECURITY__SIGN_IN_PER_MINUTE": "600",
    }  # fmt: skip
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "parksight", "serve", "--port", str(port), "--data-dir", str(folder / "data")],
            stdout=file, stderr=subprocess.STDOUT, env=env, cwd=folder,
        )  # fmt: skip
    found = Site(f"http://127.0.0.1:{port}", folder, process, output, accounts)
    try:
        listening(found)
        furnish(found)
        yield found
    finally:
        try:
            found.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listening(site: Site, seconds: float = 300.0) -> None:
    """Wait until it answers; kernels are compiled where no cache of them exists."""
    until = time.monotonic() + seconds
    while True:
        try:
            site.health()
        except (httpx.HTTPError, ValueError):
            if time.monotonic() > until or site.process.poll() is not None:
                raise AssertionError(site.output.read_text("utf-8")) from None
            time.sleep(0.2)
        else:
            return


def furnish(site: Site) -> None:
    with site.client() as client:
        for index, name in enumerate(ENTERPRISES):
            firm = client.post("/api/v1/enterprises", json={"code": f"E{index:03d}", "name": name})
            assert firm.is_success, firm.text
            body = {
                "code": f"T-{index:02d}", "name": f"{name}储罐", "kind": "tank", "enterprise_id": firm.json()["id"],
                "geometry": {"type": "Point", "coordinates": [120.7 + index / 100, 41.8]},
            }  # fmt: skip
            made = client.post("/api/v1/equipment", json=body)
            assert made.is_success, made.text
