"""Signatures on a real site: with a fresh password, counted like signing in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.cases.kit import TRIAL, Zone
from tests.kernel.site import PASSWORD, add_user, make_app, make_settings, serve, sign_in

from parksight.cases.api import router
from parksight.cases.declaration import Transition, Who


@pytest.fixture
def client(tmp_path: Path) -> Iterator[tuple[httpx.Client, Zone]]:
    from dataclasses import replace

    finishing = Transition(
        "verify", ("reported",), "closed", Who(anyone=True), signature="approved", comment="none"
    )
    signed = replace(
        TRIAL, transitions=tuple(finishing if t.code == "verify" else t for t in TRIAL.transitions)
    )
    zone = Zone(f"sqlite:///{tmp_path / 'records.sqlite'}", tmp_path, signed)
    zone.furnish()
    app = make_app(make_settings(tmp_path), zone.db, zone.clock)
    app.include_router(router)
    app.state.cases = zone.service
    add_user(app, "signer", "safety_officer")
    with serve(app) as address, httpx.Client(base_url=address, timeout=30, trust_env=False) as http:
        assert sign_in(http, "signer").status_code == 200
        yield http, zone
    zone.close()


def test_a_signature_needs_the_password_anew(client: tuple[httpx.Client, Zone]) -> None:
    http, zone = client
    case_id = zone.open()
    path = f"/api/v1/cases/{case_id}"
    missing = http.post(f"{path}/act", json={"transition": "verify"})
    assert (missing.status_code, missing.json()["code"]) == (422, "cases.missing.signature")
    body = {"meaning": "approved", "statement": "本人核实现场已恢复", "password": "wrong"}
    assert http.post(f"{path}/signatures", json=body).json()["code"] == "kernel.password.wrong"
    signed = http.post(f"{path}/signatures", json={**body, "password": PASSWORD})
    assert signed.status_code == 201, signed.text
    signature = signed.json()["signatures"][0]
    assert (signature["method"], signature["meaning"], len(signature["statement_hash"])) == (
        "password",
        "approved",
        64,
    )
    assert PASSWORD not in signed.text
    assert http.post(f"{path}/act", json={"transition": "verify"}).json()["state"] == "closed"
    assert zone.verdict().sound


def test_guessing_the_password_of_an_unattended_screen_is_locked_out(
    client: tuple[httpx.Client, Zone],
) -> None:
    http, zone = client
    path = f"/api/v1/cases/{zone.open()}/signatures"
    answers = [
        http.post(path, json={"meaning": "approved", "statement": "x", "password": f"guess {n}"}).status_code
        for n in range(12)
    ]
    assert answers[-1] == 429
    right = {"meaning": "approved", "statement": "x", "password": PASSWORD}
    assert http.post(path, json=right).status_code == 429
