"""Signing in over a real socket: cookies, CSRF, lock-out, second factor, expiry, WebSockets."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pyotp
import pytest
import websockets
from fastapi import WebSocket
from sqlalchemy import select
from tests.kernel.site import PASSWORD, Site, sign_in
from websockets.sync.client import connect

from parksight.kernel import audit
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.identity.models import User, UserSession
from parksight.kernel.permissions import Caller


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def test_sign_in_use_and_sign_out(site: Site) -> None:
    with site.client() as client:
        assert code_of(client.get("/api/v1/session")) == "kernel.not_signed_in"
        answer = sign_in(client, "ADMIN")
        assert answer.status_code == 200
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("parksight_session="))
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert "secure" not in cookie.lower()
        assert answer.json()["grants"] == ["*"]
        me = client.get("/api/v1/session").json()
        assert (me["user"]["username"], me["enterprises"], me["kind"]) == ("admin", None, "user")
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/session").status_code == 401
    with site.app.state.db.read() as session:
        actions = [e.action for e in session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.seq))]
        assert actions[-2:] == ["kernel.session.start", "kernel.session.end"]
        assert audit.verify(session).sound


def test_a_stolen_cookie_is_useless_after_sign_out(site: Site) -> None:
    with site.client() as client, site.client() as thief:
        sign_in(client, "duty")
        thief.cookies.update(client.cookies)
        assert thief.get("/api/v1/session").status_code == 200
        client.delete("/api/v1/session")
        assert thief.get("/api/v1/session").status_code == 401


def test_wrong_name_wrong_password_and_inactive_look_the_same(site: Site) -> None:
    with site.app.state.db.session() as session:
        session.get_one(User, site.people["firm"]).active = False
    with site.client() as client:
        answers = [
            sign_in(client, "nobody"),
            sign_in(client, "duty", "wrong-password-here"),
            sign_in(client, "firm"),
        ]
    bodies = [{k: v for k, v in a.json().items() if k != "instance"} for a in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "kernel.sign_in.refused"
    assert all(a.status_code == 401 for a in answers)


def test_lock_out_and_its_end(site: Site, clock: SimulatedClock) -> None:
    with site.client() as client:
        for name in ("duty", "ghost"):
            for _ in range(5):
                assert code_of(sign_in(client, name, "guess")) == "kernel.sign_in.refused"
            locked = sign_in(client, name, PASSWORD)
            assert (locked.status_code, code_of(locked)) == (429, "kernel.sign_in.locked")
            assert 800 < int(locked.headers["retry-after"]) <= 901
        assert sign_in(client, "admin").status_code == 200
        clock.advance(15 * 60)
        assert sign_in(client, "duty").status_code == 200


def test_success_forgets_failures(site: Site) -> None:
    with site.client() as client:
        for _ in range(3):
            for _ in range(4):
                sign_in(client, "duty", "guess")
            assert sign_in(client, "duty").status_code == 200


def test_rate_limit_per_address(quick_site: Site, clock: SimulatedClock) -> None:
    with quick_site.client() as client:
        codes = [sign_in(client, f"name{i}", "x").status_code for i in range(60)]
        assert codes.count(401) == 50
        assert codes[50:] == [429] * 10
        clock.advance(61)
        assert sign_in(client, "admin").status_code == 200


def test_csrf_token_is_needed_and_bound_to_the_session(site: Site) -> None:
    body = {"name": "script", "grants": ["registry.enterprise.read"], "days": 1}
    with site.client() as client, site.client() as other:
        sign_in(client, "admin")
        sign_in(other, "duty")
        right = client.headers.pop("X-CSRF-Token")
        assert code_of(client.post("/api/v1/tokens", json=body)) == "kernel.csrf"
        for wrong in (other.headers["X-CSRF-Token"], "", "0" * 64, "ü"):
            headers = {"X-CSRF-Token": wrong.encode()}
            assert code_of(client.post("/api/v1/tokens", json=body, headers=headers)) == "kernel.csrf"
        assert client.cookies["parksight_csrf"] == right
        good = client.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": right})
        assert good.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_origins_cannot_even_sign_in(quick_site: Site, headers: dict[str, str]) -> None:
    with quick_site.client(headers=headers) as client:
        assert code_of(sign_in(client, "admin")) == "kernel.origin_not_allowed"


def test_own_origin_is_fine(quick_site: Site) -> None:
    with quick_site.client(headers={"Origin": quick_site.address}) as client:
        assert sign_in(client, "admin").status_code == 200
        assert client.delete("/api/v1/session").status_code == 204


def test_absolute_and_idle_expiry(site: Site, clock: SimulatedClock) -> None:
    with site.client() as client:
        sign_in(client, "duty")
        for _ in range(7):  # 7 x 100 minutes: always within the idle time of 120, until 12 hours are over
            clock.advance(100 * 60)
            assert client.get("/api/v1/session").status_code == 200
        clock.advance(21 * 60)
        assert client.get("/api/v1/session").status_code == 401
        sign_in(client, "duty")
        clock.advance(121 * 60)
        assert client.get("/api/v1/session").status_code == 401


def test_last_seen_is_written_at_most_once_a_minute(quick_site: Site, clock: SimulatedClock) -> None:
    app = quick_site.app
    with quick_site.client() as client:
        sign_in(client, "duty")
        for _ in range(30):
            clock.advance(5)
            client.get("/api/v1/session")
        app.state.callers.close()
        with app.state.db.read() as session:
            row = session.scalar(select(UserSession))
            # 150 s went by; written at 60 s and 120 s, not at 150 s.
            assert row.last_seen_at - row.created_at == timedelta(seconds=120)


def test_changed_rights_count_at_once(site: Site) -> None:
    with site.client() as admin, site.client() as duty:
        sign_in(admin, "admin")
        sign_in(duty, "duty")
        assert duty.get("/api/v1/users").status_code == 403
        change = {
            "version": 1,
            "assignments": [{"role": "administrator", "scope": "zone", "scope_ids": []}],
        }
        assert admin.patch(f"/api/v1/users/{site.people['duty']}", json=change).status_code == 200
        assert duty.get("/api/v1/users").status_code == 200
        off = {"version": 2, "active": False}
        assert admin.patch(f"/api/v1/users/{site.people['duty']}", json=off).status_code == 200
        assert duty.get("/api/v1/users").status_code == 401


def test_second_factor_from_enrolment_to_recovery(site: Site, clock: SimulatedClock) -> None:
    def code(secret: str) -> str:
        return pyotp.TOTP(secret).at(clock.now())

    with site.client() as client:
        sign_in(client, "duty")
        assert code_of(client.put("/api/v1/session/totp", json={"code": "123456"})) == "kernel.totp.not_begun"
        begun = client.post("/api/v1/session/totp").json()
        assert begun["uri"].startswith("otpauth://totp/")
        wrong = "000000" if code(begun["secret"]) != "000000" else "000001"
        assert code_of(client.put("/api/v1/session/totp", json={"code": wrong})) == "kernel.totp.wrong_code"
        codes = client.put("/api/v1/session/totp", json={"code": code(begun["secret"])}).json()["codes"]
        assert len(set(codes)) == 10
        with site.app.state.db.read() as session:
            stored = session.get_one(User, site.people["duty"]).totp_secret
            assert stored is not None
            assert begun["secret"] not in stored

    with site.client() as client:
        assert code_of(sign_in(client, "duty")) == "kernel.sign_in.code_required"
        # The code that switched it on was used: a watcher cannot replay it.
        assert code_of(sign_in(client, "duty", code=code(begun["secret"]))) == "kernel.sign_in.refused"
        clock.advance(30)
        fresh = code(begun["secret"])
        assert sign_in(client, "duty", code=fresh).status_code == 200
        assert code_of(sign_in(client, "duty", code=fresh)) == "kernel.sign_in.refused"
        assert sign_in(client, "duty", code=codes[3].upper()).status_code == 200
        assert code_of(sign_in(client, "duty", code=codes[3])) == "kernel.sign_in.refused"
        assert client.get("/api/v1/session/totp").json() == {"enabled": True, "recovery_codes_left": 9}
        off = {"password": "not the password"}
        answer = client.request("DELETE", "/api/v1/session/totp", json=off)
        assert code_of(answer) == "kernel.password.wrong"
        answer = client.request("DELETE", "/api/v1/session/totp", json={"password": PASSWORD})
        assert answer.status_code == 204
        assert sign_in(client, "duty").status_code == 200


def test_password_change_ends_other_sessions(site: Site) -> None:
    with site.client() as here, site.client() as there:
        sign_in(here, "duty")
        sign_in(there, "duty")

        def change(current: str, password: str) -> httpx.Response:
            return here.post("/api/v1/session/password", json={"current": current, "password": password})

        assert code_of(change("wrong", "violet-harbour-92-stone")) == "kernel.password.wrong"
        assert code_of(change(PASSWORD, PASSWORD)) == "kernel.password.unchanged"
        assert code_of(change(PASSWORD, "short")) == "kernel.password.too_short"
        assert code_of(change(PASSWORD, "duty-harbour-92-stone")) == "kernel.password.contains_name"
        assert code_of(change(PASSWORD, "password123")) == "kernel.password.guessable"
        assert change(PASSWORD, "violet-harbour-92-stone").status_code == 204
        assert here.get("/api/v1/session").status_code == 200
        assert there.get("/api/v1/session").status_code == 401
        assert sign_in(there, "duty").status_code == 401
        assert sign_in(there, "duty", "violet-harbour-92-stone").status_code == 200


def test_a_first_password_must_be_changed_before_anything_else(site: Site) -> None:
    body = {
        "username": "new.person", "name": "新人", "password": "granite-willow-77-tide",
        "assignments": [{"role": "duty_operator"}],
    }  # fmt: skip
    with site.client() as admin, site.client() as client:
        sign_in(admin, "admin")
        assert admin.post("/api/v1/users", json=body).status_code == 201
        assert sign_in(client, "new.person", "granite-willow-77-tide").json()["must_change_password"]
        assert code_of(client.get("/api/v1/departments")) == "kernel.password.must_change"
        change = {"current": "granite-willow-77-tide", "password": "saffron-anvil-58-creek"}
        assert client.post("/api/v1/session/password", json=change).status_code == 204
        assert client.get("/api/v1/departments").status_code == 200


def test_more_sessions_than_allowed_end_the_oldest(quick_site: Site) -> None:
    clients = [quick_site.client() for _ in range(21)]
    for client in clients:
        assert sign_in(client, "duty").status_code == 200
    alive = [client.get("/api/v1/session").status_code for client in clients]
    assert alive == [401] + [200] * 20
    for client in clients:
        client.close()


def add_echo(site: Site) -> None:
    @site.app.websocket("/api/v1/echo")
    async def echo(websocket: WebSocket) -> None:
        caller: Caller | None = websocket.state.caller
        await websocket.accept()
        await websocket.send_text(caller.name if caller else "nobody")
        await websocket.close()


def test_websockets_know_their_caller_and_refuse_other_origins(quick_site: Site) -> None:
    add_echo(quick_site)
    url = quick_site.address.replace("http", "ws") + "/api/v1/echo"
    with quick_site.client() as client:
        sign_in(client, "duty", PASSWORD)
        cookie = {"Cookie": f"parksight_session={client.cookies['parksight_session']}"}
    with connect(url, additional_headers=cookie, origin=quick_site.address, proxy=None) as ws:
        assert ws.recv() == "duty 测试"
    with connect(url, proxy=None) as ws:
        assert ws.recv() == "nobody"
    with pytest.raises(websockets.InvalidStatus) as refused:
        connect(url, additional_headers=cookie, origin="https://evil.example", proxy=None)
    assert refused.value.response.status_code == 403
    with pytest.raises(websockets.InvalidStatus) as refused:
        connect(url, additional_headers={"Authorization": "Bearer pst_wrong"}, proxy=None)
    assert refused.value.response.status_code == 401
