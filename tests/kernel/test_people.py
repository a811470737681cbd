"""People, organisations, tokens and device credentials over the API, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tests.kernel.site import PASSWORD, Site, make_settings, sign_in

from parksight.kernel import audit
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.models import ApiToken, DeviceCredential
from parksight.kernel.identity.names import check_username, fold
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.identity.seeding import create_account
from parksight.kernel.permissions import ROLES, SYSTEM

GOOD = "velvet-compass-63-orchard"


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


@pytest.fixture
def admin(site: Site) -> httpx.Client:
    client = site.client(headers={"Accept-Language": "en"})
    assert sign_in(client, "admin").status_code == 200
    return client


def person(**more: object) -> dict[str, object]:
    return {"username": "li.lei", "name": "李雷", "assignments": [{"role": "planner"}], **more}


def test_people_are_made_found_and_changed(site: Site, admin: httpx.Client) -> None:
    made = admin.post("/api/v1/users", json=person(password=GOOD, email="ll@example.org"))
    assert made.status_code == 201
    user = made.json()
    assert (user["must_change_password"], user["version"], user["totp"]) == (True, 1, False)
    assert "password" not in made.text.replace("must_change_password", "")
    assert (
        code_of(admin.post("/api/v1/users", json=person(username="LI.LEI"))) == "kernel.user.username_taken"
    )
    for query, found in (
        ({"q": "李"}, 1), ({"q": "li.lei"}, 1), ({"q": "%"}, 0), ({"q": "_"}, 0), ({"q": "\\"}, 0),
        ({"role": "planner"}, 1), ({"role": "auditor"}, 0), ({"active": "false"}, 0), ({}, 4),
    ):  # fmt: skip
        assert admin.get("/api/v1/users", params=query).json()["total"] == found, query
    listed = admin.get("/api/v1/users", params={"sort": "-username", "limit": 2}).json()
    assert [u["username"] for u in listed["items"]] == ["li.lei", "firm"]
    url = f"/api/v1/users/{user['id']}"
    changed = admin.patch(url, json={"version": 1, "name": "李磊", "language": "en"})
    assert (changed.json()["name"], changed.json()["version"]) == ("李磊", 2)
    assert code_of(admin.patch(url, json={"version": 1, "name": "x"})) == "kernel.stale_version"
    assert code_of(admin.patch(url, json={"version": 2, "active": None})) == "kernel.user.not_null"
    assert admin.get("/api/v1/users/999").status_code == 404
    entries = admin.get("/api/v1/audit", params={"subject_kind": "user", "subject_id": user["id"]}).json()
    assert [e["action"] for e in entries["items"]] == ["kernel.user.update", "kernel.user.create"]
    assert entries["items"][0]["before"] == {"language": None, "name": "李雷"}
    assert GOOD not in json.dumps(entries)


@pytest.mark.parametrize(
    ("assignments", "code", "where"),
    [
        ([{"role": "king"}], "kernel.user.unknown_role", "/assignments/0/role"),
        ([{"role": "enterprise_user"}], "kernel.user.role_scope", "/assignments/0/scope"),
        ([{"role": "planner", "scope": "enterprises", "scope_ids": [1]}], "kernel.user.role_scope",
         "/assignments/0/scope"),
        ([{"role": "planner", "scope": "departments"}], "kernel.user.scope_ids", "/assignments/0/scope_ids"),
        ([{"role": "planner", "scope_ids": [3]}], "kernel.user.scope_ids", "/assignments/0/scope_ids"),
        ([{"role": "planner", "scope": "departments", "scope_ids": [99]}], "kernel.no_such_record",
         "/assignments/0/scope_ids"),
        ([{"role": "planner"}, {"role": "enterprise_user", "scope": "enterprises", "scope_ids": [7]}],
         "kernel.user.mixed_scopes", "/assignments"),
        ([{"role": "enterprise_manager", "scope": "enterprises", "scope_ids": [7]},
          {"role": "enterprise_user", "scope": "enterprises", "scope_ids": [7, 8]}],
         "kernel.user.mixed_scopes", "/assignments"),
    ],
)  # fmt: skip
def test_impossible_assignments_are_refused(
    quick_site: Site, assignments: list[dict[str, object]], code: str, where: str
) -> None:
    with quick_site.client() as client:
        sign_in(client, "admin")
        body = client.post("/api/v1/users", json=person(assignments=assignments)).json()
        assert (body["status"], body["code"], body["where"]) == (422, code, where)


def test_nobody_hands_out_or_touches_rights_beyond_their_own(
    quick_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "clerk", ("kernel.user.*", "registry.*.read", "telemetry.*.read", "alarms.*.read",
                                         "kernel.department.read"))  # fmt: skip
    monkeypatch.setitem(ROLES, "reader", ("registry.*.read",))
    from tests.kernel.site import add_user

    add_user(quick_site.app, "clerk", "clerk")
    with quick_site.client() as client:
        sign_in(client, "clerk")
        assert client.post("/api/v1/users", json=person(assignments=[{"role": "reader"}])).status_code == 201
        for role in ("administrator", "planner"):
            answer = client.post("/api/v1/users", json=person(username="x.y", assignments=[{"role": role}]))
            assert code_of(answer) == "kernel.forbidden"
        boss = f"/api/v1/users/{quick_site.people['admin']}"
        assert client.patch(boss, json={"version": 1, "active": False}).status_code == 403
        assert client.put(f"{boss}/password", json={"password": GOOD}).status_code == 403
        assert client.delete(f"{boss}/totp").status_code == 403


def test_the_last_administrator_stays(site: Site, admin: httpx.Client) -> None:
    me = f"/api/v1/users/{site.people['admin']}"
    for change in ({"active": False}, {"assignments": [{"role": "planner"}]}, {"assignments": []}):
        answer = admin.patch(me, json={"version": 1, **change})
        assert (answer.status_code, code_of(answer)) == (409, "kernel.user.last_administrator")
    assert admin.get("/api/v1/session").json()["grants"] == ["*"]


def test_an_administrator_signs_somebody_out_everywhere(site: Site, admin: httpx.Client) -> None:
    with site.client() as duty:
        sign_in(duty, "duty")
        url = f"/api/v1/users/{site.people['duty']}/sessions"
        assert duty.delete(url).status_code == 403
        assert admin.delete(url).status_code == 204
        assert duty.get("/api/v1/session").status_code == 401
        assert sign_in(duty, "duty").status_code == 200
    noted = admin.get("/api/v1/audit", params={"action": "kernel.user.sessions_end"}).json()["items"]
    assert [row["subject_id"] for row in noted] == [str(site.people["duty"])]
    assert admin.get("/api/v1/session").status_code == 200


def test_reset_password_ends_sessions_and_must_be_changed(site: Site, admin: httpx.Client) -> None:
    with site.client() as duty:
        sign_in(duty, "duty")
        url = f"/api/v1/users/{site.people['duty']}/password"
        assert code_of(admin.put(url, json={"password": "short"})) == "kernel.password.too_short"
        assert admin.put(url, json={"password": GOOD}).status_code == 204
        assert duty.get("/api/v1/session").status_code == 401
        assert sign_in(duty, "duty").status_code == 401
        assert sign_in(duty, "duty", GOOD).json()["must_change_password"]


def test_departments_and_posts(site: Site, admin: httpx.Client) -> None:
    zone = admin.post("/api/v1/organisations", json={"code": "zone", "name": "管委会", "kind": "zone"}).json()
    firm = {"code": "firm9", "name": "九号企业", "kind": "enterprise"}
    assert code_of(admin.post("/api/v1/organisations", json=firm)) == "kernel.organisation.enterprise"
    firm9 = admin.post("/api/v1/organisations", json={**firm, "enterprise_id": 9}).json()
    body = {"organisation_id": zone["id"], "code": "safety", "name": "安全局", "kind": "bureau"}
    bureau = admin.post("/api/v1/departments", json=body).json()
    assert code_of(admin.post("/api/v1/departments", json=body)) == "kernel.code_taken"
    admin.post("/api/v1/departments", json={"organisation_id": firm9["id"], "code": "f9", "name": "九号车间"})
    wrong = admin.post("/api/v1/departments", json={**body, "code": "x", "organisation_id": 99})
    assert (code_of(wrong), wrong.json()["where"]) == ("kernel.no_such_record", "/organisation_id")
    post = admin.post(
        "/api/v1/posts", json={"department_id": bureau["id"], "code": "p1", "name": "监管员"}
    ).json()
    changed = admin.patch(f"/api/v1/posts/{post['id']}", json={"version": 1, "duties": "巡查"}).json()
    assert (changed["duties"], changed["version"]) == ("巡查", 2)
    stale = admin.patch(f"/api/v1/departments/{bureau['id']}", json={"version": 7, "name": "x"})
    assert code_of(stale) == "kernel.stale_version"
    with site.client() as enterprise:
        sign_in(enterprise, "firm")
        # Enterprise 7 sees the zone's departments, not those of enterprise 9.
        assert [d["code"] for d in enterprise.get("/api/v1/departments").json()] == ["safety"]
        assert [o["code"] for o in enterprise.get("/api/v1/organisations").json()] == ["zone"]
        assert len(enterprise.get("/api/v1/posts").json()) == 1
        assert enterprise.post("/api/v1/departments", json=body).status_code == 403
        assert enterprise.get("/api/v1/users").status_code == 403
    assert len(admin.get("/api/v1/departments").json()) == 2


def test_roles_are_explained(quick_site: Site) -> None:
    with quick_site.client(headers={"Accept-Language": "en"}) as client:
        sign_in(client, "duty")
        rows = {r["name"]: r for r in client.get("/api/v1/roles").json()}
    assert set(rows) == set(ROLES)
    assert rows["duty_operator"]["title"] == "Duty operator"
    assert rows["enterprise_user"]["scopes"] == ["enterprises"]


def test_tokens_narrow_expire_and_end(site: Site, clock: SimulatedClock) -> None:
    body = {"name": "script", "grants": ["registry.*.read", "kernel.department.read"], "days": 10}
    with site.client() as duty, site.client() as program:
        sign_in(duty, "duty")
        beyond = duty.post("/api/v1/tokens", json={**body, "grants": ["kernel.user.read"]})
        assert (code_of(beyond), beyond.json()["where"]) == ("kernel.token.beyond", "/grants/0")
        assert code_of(duty.post("/api/v1/tokens", json={**body, "days": 400})) == "kernel.token.too_long"
        issued = duty.post("/api/v1/tokens", json=body).json()
        token = issued["token"]
        with site.app.state.db.read() as session:
            row = session.get_one(ApiToken, issued["id"])
            assert token not in (row.token_hash, row.hint)
            assert row.last_used_at is None
        program.headers["Authorization"] = f"Bearer {token}"
        me = program.get("/api/v1/session").json()
        assert (me["kind"], me["grants"], me["csrf"]) == ("token", sorted(body["grants"]), None)
        assert program.get("/api/v1/departments").status_code == 200
        assert program.get("/api/v1/roles").status_code == 403
        # A token neither manages the account nor begets tokens, and needs no CSRF token to be told so.
        for method, path in (("POST", "/tokens"), ("DELETE", "/session"), ("GET", "/session/totp")):
            assert code_of(program.request(method, f"/api/v1{path}", json=body)) == "kernel.forbidden"
        assert "token" not in duty.get("/api/v1/tokens").json()["items"][0]
        clock.advance(timedelta(days=10).total_seconds() - 1)
        assert program.get("/api/v1/departments").status_code == 200
        clock.advance(1)
        assert code_of(program.get("/api/v1/departments")) == "kernel.token.invalid"
        sign_in(duty, "duty")
        second = duty.post("/api/v1/tokens", json=body).json()
        program.headers["Authorization"] = f"Bearer {second['token']}"
        assert program.get("/api/v1/departments").status_code == 200
        assert duty.delete(f"/api/v1/tokens/{second['id']}").status_code == 204
        assert program.get("/api/v1/departments").status_code == 401
        site.app.state.callers.close()
        with site.app.state.db.read() as session:
            assert session.get_one(ApiToken, issued["id"]).last_used_at is not None


def test_a_token_loses_what_its_owner_loses(site: Site, admin: httpx.Client) -> None:
    with site.client() as duty, site.client() as program:
        sign_in(duty, "duty")
        grants = {"name": "s", "grants": ["telemetry.export", "kernel.department.read"]}
        token = duty.post("/api/v1/tokens", json=grants).json()["token"]
        program.headers["Authorization"] = f"Bearer {token}"
        assert "telemetry.export" in program.get("/api/v1/session").json()["grants"]
        url = f"/api/v1/users/{site.people['duty']}"
        admin.patch(url, json={"version": 1, "assignments": [{"role": "planner"}]})
        left = program.get("/api/v1/session").json()["grants"]
        assert left == ["kernel.department.read"]
        admin.patch(url, json={"version": 2, "active": False})
        assert program.get("/api/v1/session").status_code == 401


def test_own_tokens_only(site: Site, admin: httpx.Client) -> None:
    with site.client() as duty:
        sign_in(duty, "duty")
        mine = duty.post("/api/v1/tokens", json={"name": "a", "grants": ["registry.*.read"]}).json()
        his = admin.post("/api/v1/tokens", json={"name": "b", "grants": ["*"]}).json()
        assert duty.delete(f"/api/v1/tokens/{his['id']}").status_code == 404
        assert duty.get("/api/v1/tokens/all").status_code == 403
        assert admin.get("/api/v1/tokens/all").json()["total"] == 2
        assert admin.delete(f"/api/v1/tokens/{mine['id']}").status_code == 204
        assert duty.get("/api/v1/tokens").json()["items"][0]["revoked_at"] is not None


@pytest.mark.parametrize(
    "header",
    ["Basic YTpi", "Bearer", "bearer pst_x", "Bearer psd_x", "Bearer " + "x" * 5000, "pst_x"],
)
def test_other_authorizations_are_refused(quick_site: Site, header: str) -> None:
    with quick_site.client() as client:
        sign_in(client, "admin")
        # Even beside a good cookie: what was shown and is wrong is told, not ignored.
        answer = client.get("/api/v1/session", headers={"Authorization": header.encode()})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_device_credentials(site: Site, clock: SimulatedClock) -> None:
    tokens, db = site.app.state.identity.tokens, site.app.state.db
    with db.session() as session:
        row, secret = tokens.issue_for_device(session, SYSTEM, 31, "站房 1", days=5)
        number = row.id
    with site.client(headers={"Authorization": f"Bearer {secret}"}) as device:
        assert code_of(device.get("/api/v1/session")) == "kernel.forbidden"
        assert device.get("/api/v1/departments").status_code == 403
        with site.client() as probe:
            identity = site.app.state.callers.resolve("device", secret)
            assert (identity.caller.kind, identity.caller.id) == ("device", 31)
            assert identity.caller.may("gateways.observation.push")
            assert identity.caller.enterprises == frozenset()
            del probe
        clock.advance(5 * 86_400)
        assert device.get("/api/v1/departments").status_code == 401
    with db.session() as session:
        tokens.revoke_for_device(session, SYSTEM, number)
        for i in range(4):
            tokens.issue_for_device(session, SYSTEM, 31, f"n{i}")
        with pytest.raises(ProblemError, match="too_many"):
            tokens.issue_for_device(session, SYSTEM, 31, "n5")
    with db.read() as session:
        assert len(session.scalars(select(DeviceCredential)).all()) == 5


def test_audit_pages_and_verification(site: Site, admin: httpx.Client) -> None:
    page = admin.get("/api/v1/audit", params={"action": "kernel.session.", "limit": 1}).json()
    assert (page["total"], page["items"][0]["actor_kind"]) == (1, "user")
    report = admin.get("/api/v1/audit/verify").json()
    assert report["sound"]
    later = {"anchor_seq": report["head_seq"] + 5, "anchor_hash": "0" * 64}
    assert admin.get("/api/v1/audit/verify", params=later).json()["fault"] == "truncated"
    lines = admin.get("/api/v1/audit/export").text.splitlines()
    assert audit.verify_export(lines, (report["head_seq"], report["head_hash"])).sound
    with site.client() as duty:
        sign_in(duty, "duty")
        for path in ("", "/verify", "/export"):
            assert duty.get(f"/api/v1/audit{path}").status_code == 403


def test_user_names_fold_and_are_checked() -> None:
    assert fold(" Ａdmin ") == fold("ADMIN") == "admin"
    assert check_username("张三.zhang@x-1") == "张三.zhang@x-1"
    for bad in ("a", "a b", "a/b", "x" * 81, "ad\u200bmin", ""):
        with pytest.raises(ProblemError, match="bad_username"):
            check_username(bad)


def test_passwords_hold_in_either_width_and_judge_by_guessability() -> None:
    passwords = Passwords(10)
    kept = passwords.hash("Ｐässwörd-１２３")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(kept, "Pa\u0308sswo\u0308rd-123")
    assert not passwords.verify(kept, "Passwörd-123")
    assert not passwords.verify(None, "anything")
    assert not passwords.verify("not a hash", "anything")
    assert not passwords.verify(kept, "x" * 10_000)
    for weak, code in (
        ("short", "too_short"), ("x" * 300, "too_long"), ("1234567890", "guessable"), ("qwertyuiop", "guessable"),
        ("zhangsan-77-kettle", "contains_name"), ("ZHANGSAN-77-kettle", "contains_name"),
    ):  # fmt: skip
        with pytest.raises(ProblemError, match=code):
            passwords.check_new(weak, ["zhangsan", "张三"])
    passwords.check_new("mauve kettle drifts 41", ["zhangsan", "张三"])
    passwords.check_new("滦河大桥边第三棵老槐树下", ["zhangsan", "张三"])


def test_the_first_administrator_is_made_at_the_machine(
    sqlite_db: Database, clock: SimulatedClock, tmp_path: Path
) -> None:
    made = make_settings(tmp_path, database_url=sqlite_db.url)
    first = {"username": "root.admin", "name": "首任管理员", "role": "administrator"}
    with pytest.raises(ProblemError, match="guessable"), sqlite_db.session() as session:
        create_account(session, made, clock, **first, password="password123")
    with pytest.raises(ProblemError, match="role_scope"), sqlite_db.session() as session:
        create_account(session, made, clock, **{**first, "role": "enterprise_user"}, password=PASSWORD)
    with sqlite_db.session() as session:
        user = create_account(session, made, clock, **first, password=PASSWORD)
        assert not user.must_change_password
