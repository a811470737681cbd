"""Single records: making, changing, retiring, scope, versions, history and events."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select
from tests.registry.kit import Park, caller

from parksight.kernel.audit.models import AuditEntry
from parksight.registry.events import EnterpriseChanged

XIAOMI = "91110108551385082Q"  # published code of a listed company, used for its check character only


def test_a_record_is_made_changed_and_retired_with_history_and_events(park: Park) -> None:
    made = park.make(
        "enterprises", code="E001", name="青原食品一厂", industry="food_processing", credit_code=XIAOMI
    )
    park.clock.advance(60)
    changed = park.http.patch(
        f"/api/v1/enterprises/{made['id']}", json={"version": 1, "chemical": True}
    ).json()
    assert (changed["version"], changed["chemical"], changed["credit_code"]) == (2, True, XIAOMI)
    assert changed["updated_at"] > made["updated_at"]
    gone = park.http.delete(f"/api/v1/enterprises/{made['id']}", params={"version": 2}).json()
    assert gone["active"] is False
    assert park.http.get("/api/v1/enterprises").json()["total"] == 0
    assert park.http.get("/api/v1/enterprises", params={"active": False}).json()["total"] == 1
    back = park.http.post(f"/api/v1/enterprises/{made['id']}/restore", params={"version": 3}).json()
    assert back["active"] is True
    with park.db.read() as session:
        bodies = [json.loads(b) for b in session.scalars(select(AuditEntry.body).order_by(AuditEntry.seq))]
    assert [b["action"].rsplit(".", 1)[1] for b in bodies] == ["create", "update", "retire", "restore"]
    assert (bodies[1]["before"], bodies[1]["after"]) == ({"chemical": False}, {"chemical": True})
    actions = [e.action for e in park.events if isinstance(e, EnterpriseChanged)]
    assert actions == ["create", "update", "retire", "restore"]


def test_two_people_changing_the_same_record_are_told(park: Park) -> None:
    made = park.make("enterprises", code="E001", name="a")
    address = f"/api/v1/enterprises/{made['id']}"
    assert park.http.patch(address, json={"version": 1, "name": "b"}).status_code == 200
    second = park.http.patch(address, json={"version": 1, "name": "c"})
    assert second.status_code == 409
    assert second.json()["code"] == "registry.changed_meanwhile"
    assert park.http.get(address).json()["name"] == "b"


def test_a_change_that_changes_nothing_makes_no_version(park: Park) -> None:
    made = park.make("enterprises", code="E001", name="a")
    same = park.http.patch(f"/api/v1/enterprises/{made['id']}", json={"version": 1, "name": "a"}).json()
    assert same["version"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credit_code", "91110108551385082X"),
        ("industry", "casino"),
        ("code", "with blank"),
        ("name", ""),
        ("geometry", {"type": "Point", "coordinates": [41.8, 120.77]}),
        ("geometry", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
        ("unknown_field", 1),
    ],
)
def test_wrong_fields_are_refused_with_the_place(park: Park, field: str, value: object) -> None:
    answer = park.http.post("/api/v1/enterprises", json={"code": "E1", "name": "n"} | {field: value})
    assert answer.status_code == 422
    assert field in answer.text
    assert park.http.get("/api/v1/enterprises").json()["total"] == 0


def test_codes_are_unique_in_their_kind(park: Park) -> None:
    park.make("enterprises", code="E001", credit_code=XIAOMI)
    again = park.http.post("/api/v1/enterprises", json={"code": "E001", "name": "x"})
    assert (again.status_code, again.json()["params"]["field"]) == (409, "code")
    credit = park.http.post("/api/v1/enterprises", json={"code": "E002", "name": "x", "credit_code": XIAOMI})
    assert (credit.status_code, credit.json()["params"]["field"]) == (409, "credit_code")


def test_an_enterprise_sees_and_changes_only_itself(park: Park) -> None:
    mine, other = park.make("enterprises", code="E001"), park.make("enterprises", code="E002")
    for number, owner in ((1, mine), (2, other)):
        park.make("units", code=f"U{number}", enterprise_id=owner["id"])
    unit_of_other = park.http.get("/api/v1/units", params={"q": "U2"}).json()["items"][0]
    road = park.make(
        "roads", code="R1", geometry={"type": "LineString", "coordinates": [[120, 41], [121, 41]]}
    )
    private = park.make("buildings", code="B2", enterprise_id=other["id"])
    park.who = caller("enterprise_manager", int(str(mine["id"])))
    assert [e["code"] for e in park.http.get("/api/v1/enterprises").json()["items"]] == ["E001"]
    assert [u["code"] for u in park.http.get("/api/v1/units").json()["items"]] == ["U1"]
    assert park.http.get(f"/api/v1/units/{unit_of_other['id']}").status_code == 404
    assert park.http.get(f"/api/v1/enterprises/{other['id']}/summary").status_code == 404
    assert park.http.get(f"/api/v1/roads/{road['id']}").status_code == 200
    assert park.http.get(f"/api/v1/buildings/{private['id']}").status_code == 404
    assert park.http.patch(f"/api/v1/roads/{road['id']}", json={"version": 1, "name": "x"}).status_code == 403
    change = {"version": 1, "contact_name": "王"}
    assert park.http.patch(f"/api/v1/enterprises/{mine['id']}", json=change).status_code == 200
    assert park.http.patch(f"/api/v1/enterprises/{other['id']}", json=change).status_code == 404
    assert park.http.post("/api/v1/enterprises", json={"code": "E9", "name": "x"}).status_code == 403


def test_references_must_exist_and_belong_to_the_same_enterprise(park: Park) -> None:
    a, b = park.make("enterprises", code="E001"), park.make("enterprises", code="E002")
    unit = park.make("units", code="U1", enterprise_id=a["id"])
    body = {"code": "T1", "name": "t", "kind": "tank", "unit_id": unit["id"], "enterprise_id": b["id"]}
    answer = park.http.post("/api/v1/equipment", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "registry.reference_of_other")
    answer = park.http.post("/api/v1/equipment", json=body | {"unit_id": 999, "enterprise_id": a["id"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "registry.reference_unknown")


def test_what_is_in_use_is_not_retired(park: Park) -> None:
    owner = park.make("enterprises", code="E001")
    park.make("units", code="U1", enterprise_id=owner["id"])
    answer = park.http.delete(f"/api/v1/enterprises/{owner['id']}", params={"version": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "registry.in_use")


def test_places_nest_without_circles_and_keep_to_their_address(park: Park) -> None:
    top = park.make("zones", code="Z1")
    below = park.make("zones", code="Z2", kind="park", parent_id=top["id"])
    assert top["kind"] == "zone"
    circle = park.http.patch(f"/api/v1/zones/{top['id']}", json={"version": 1, "parent_id": below["id"]})
    assert (circle.status_code, circle.json()["code"]) == (422, "registry.place.circle")
    road = park.http.post("/api/v1/zones", json={"code": "R", "name": "r", "kind": "road"})
    assert (road.status_code, road.json()["code"]) == (422, "registry.word_unknown")
    assert park.http.get("/api/v1/places", params={"kind": "park"}).json()["total"] == 1


def test_lists_filter_sort_page_and_cut_by_box(park: Park) -> None:
    for i in range(5):
        park.make(
            "cameras", code=f"C{i}", kind="lookout", geometry={"type": "Point", "coordinates": [120 + i, 41]}
        )
    page = park.http.get("/api/v1/cameras", params={"sort": "-code", "limit": 2, "offset": 1}).json()
    assert ([c["code"] for c in page["items"]], page["total"]) == (["C3", "C2"], 5)
    boxed = park.http.get("/api/v1/cameras", params={"bbox": "120.5,40,122.5,42"}).json()
    assert [c["code"] for c in boxed["items"]] == ["C1", "C2"]
    assert park.http.get("/api/v1/cameras", params={"bbox": "1,2,3"}).status_code == 422
    assert park.http.get("/api/v1/cameras", params={"sort": "geometry"}).status_code == 422
    assert park.http.get("/api/v1/cameras", params={"colour": "red"}).status_code == 422
    assert park.http.get("/api/v1/cameras", params={"q": "%"}).json()["total"] == 0


def test_rights_are_needed(park: Park) -> None:
    park.who = caller("enterprise_user", 1)
    answer = park.http.post("/api/v1/equipment", json={"code": "T", "name": "t", "kind": "tank"})
    assert (answer.status_code, answer.json()["params"]) == (403, {"permission": "registry.equipment.write"})
    park.who = caller("auditor")
    assert park.http.get("/api/v1/registry/imports").status_code == 403
