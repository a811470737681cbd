"""Search, layers, picking, the enterprise page, the check character of GB 32100."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.registry.kit import Park, caller

from parksight.registry import gb32100, geometry, search
from parksight.registry.layers import LAYERS
from parksight.registry.panel import EnterpriseTab, EnterpriseTabs, figures
from parksight.registry.schemas import Clean

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[120.77, 41.8], [120.772, 41.8], [120.772, 41.802], [120.77, 41.802], [120.77, 41.8]]],
}


def at(longitude: float, latitude: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


def codes(park: Park, q: str, **query: object) -> list[str]:
    answer = park.http.get("/api/v1/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    return [hit["code"] for hit in answer.json()]


def stock(park: Park) -> dict[str, object]:
    a = park.make(
        "enterprises",
        code="E001",
        name="青原食品一厂",
        name_en="Qingyuan Food Plant One",
        industry="food_processing",
    )
    b = park.make(
        "enterprises", code="E002", name="再生金属厂", name_en="Metals Recycling", industry="metals_recycling"
    )
    park.make(
        "equipment",
        code="T08",
        name="苯储罐B-08",
        name_en="Benzene tank B-08",
        kind="tank",
        enterprise_id=b["id"],
    )
    park.make("equipment", code="G01", name="可燃气探头", kind="gas_detector", enterprise_id=a["id"])
    park.make("roads", code="R1", name="北二路", name_en="North Second Road")
    park.make("people", code="P1", name="王食品", enterprise_id=a["id"])
    return {"a": a["id"], "b": b["id"]}


@pytest.mark.parametrize("trigrams", [True, False])
def test_search_in_both_languages_by_code_name_and_kind_word(park: Park, trigrams: bool) -> None:
    stock(park)
    if not trigrams:  # what PostgreSQL does
        with park.db.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER registry_search_au"))
    assert codes(park, "苯储罐") == ["T08"]
    assert codes(park, "苯") == ["T08"]
    assert codes(park, "benzene TANK") == ["T08"]
    assert codes(park, "e001")[0] == "E001"
    assert set(codes(park, "食品")) == {"E001", "P1"}
    assert codes(park, "食品", kind="person") == ["P1"]
    assert codes(park, "气体探测器") == ["G01"], "the word of the kind finds it too"
    assert codes(park, "储罐 T08") == ["T08"]
    assert codes(park, '"') == codes(park, "%") == codes(park, "NEAR(a b)") == []


def test_search_follows_changes_and_retirement(park: Park) -> None:
    ids = stock(park)
    park.http.patch(f"/api/v1/enterprises/{ids['a']}", json={"version": 1, "name": "青原饮料厂"})
    assert codes(park, "饮料厂") == ["E001"]
    assert codes(park, "食品一厂") == []
    park.http.delete("/api/v1/people/1", params={"version": 1})
    assert codes(park, "王食品") == []


def test_search_keeps_to_scope_and_rights(park: Park) -> None:
    ids = stock(park)
    park.who = caller("enterprise_user", int(str(ids["a"])))
    assert codes(park, "厂") == ["E001"]
    assert codes(park, "T08") == []
    assert codes(park, "北二路") == ["R1"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=st.text(min_size=1, max_size=40))
def test_any_text_may_be_searched(park: Park, q: str) -> None:
    answer = park.http.get("/api/v1/search", params={"q": q})
    assert answer.status_code == (200 if re.fullmatch(Clean, q) else 422)


def test_signs_of_the_query_language_are_plain_text(park: Park) -> None:
    stock(park)
    for q in ('"a""b', "a*b^c", "-----", "{code}:x", "AND OR NOT", "𬬮𬬮𬬮", "'; DROP TABLE x", "(((("):
        assert codes(park, q) == []


def test_layers_carry_short_names_for_the_map(park: Park) -> None:
    park.make(
        "buildings",
        code="B1",
        geometry=SQUARE,
        properties={"height": 12, "base": 2, "class": "tank", "tone": 0.5},
    )
    park.make(
        "roads",
        code="R1",
        name="北二路",
        geometry={"type": "LineString", "coordinates": [[120, 41], [121, 41]]},
        properties={"class": 1},
    )
    park.make(
        "places",
        code="K1",
        kind="contour",
        geometry={"type": "LineString", "coordinates": [[120, 41], [121, 41]]},
        properties={"major": True, "elevation_m": 60},
    )
    park.make(
        "cameras",
        code="C1",
        name="T01",
        kind="lookout",
        height_m=40,
        azimuth_deg=90,
        geometry=at(120.77, 41.8),
    )
    listed = {layer["name"]: layer["features"] for layer in park.http.get("/api/v1/map/layers").json()}
    assert list(listed) == list(LAYERS)
    assert {n for n, count in listed.items() if count} == {"buildings", "roads", "contours", "cameras"}

    def one(name: str) -> dict[str, object]:
        feature: dict[str, object] = park.http.get(f"/api/v1/map/layers/{name}").json()["features"][0]
        return feature

    assert one("buildings")["properties"] == {"id": 1, "h": 12, "b": 2, "k": "tank", "t": 0.5}
    assert one("roads")["properties"]["c"] == 1  # type: ignore[index]
    assert one("contours")["properties"] == {"m": 1, "z": 60}
    assert one("cameras")["properties"] == {
        "id": 1,
        "code": "C1",
        "n": "T01",
        "k": "lookout",
        "h": 40.0,
        "az": 90.0,
    }
    assert one("buildings")["geometry"] == SQUARE


def test_layers_are_tagged_compressed_and_follow_changes(park: Park) -> None:
    made = park.make("buildings", code="B1", geometry=SQUARE)
    address = "/api/v1/map/layers/buildings"
    first = park.http.get(address)
    assert first.headers["content-encoding"] == "gzip"
    plain = park.http.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
    assert len(json.loads(plain.content)["features"]) == 1
    etag = first.headers["etag"]
    again = park.http.get(address, headers={"if-none-match": f'"x", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    park.http.patch(f"/api/v1/buildings/{made['id']}", json={"version": 1, "properties": {"height": 9}})
    changed = park.http.get(address, headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed.json()["features"][0]["properties"]["h"] == 9
    park.http.delete(f"/api/v1/buildings/{made['id']}", params={"version": 2})
    assert park.http.get(address).json()["features"] == []
    assert park.http.get("/api/v1/map/layers/nothing").status_code == 404


def test_a_layer_shows_each_caller_its_own(park: Park) -> None:
    mine = park.make("enterprises", code="E001", geometry=at(120.77, 41.8))
    park.make("enterprises", code="E002", geometry=at(120.78, 41.8))
    assert len(park.http.get("/api/v1/map/layers/enterprises").json()["features"]) == 2
    park.who = caller("enterprise_user", int(str(mine["id"])))
    shown = park.http.get("/api/v1/map/layers/enterprises").json()["features"]
    assert [f["properties"]["code"] for f in shown] == ["E001"]


def test_picking_says_what_is_there_nearest_first(park: Park) -> None:
    mine = park.make("enterprises", code="E001", geometry=at(120.7800, 41.801))
    other = park.make("enterprises", code="E002")
    park.make("zones", code="Z1", geometry=SQUARE)
    park.make(
        "buildings",
        code="B1",
        geometry={
            "type": "Polygon",
            "coordinates": [
                [[120.7705, 41.8005], [120.7715, 41.8005], [120.7715, 41.8015], [120.7705, 41.8005]]
            ],
        },
    )
    park.make("places", code="S1", kind="shadow", geometry=SQUARE)
    park.make("equipment", code="T1", kind="tank", enterprise_id=other["id"], geometry=at(120.7712, 41.8007))
    where = {"lon": 120.7712, "lat": 41.8008}

    def picked(**query: object) -> list[tuple[str, str]]:
        hits = park.http.get("/api/v1/map/pick", params={**where, **query}).json()
        return [(h["noun"], h["code"]) for h in hits]

    assert picked(radius=50) == [("place", "B1"), ("place", "Z1"), ("equipment", "T1")]
    assert picked(radius=5) == [("place", "B1"), ("place", "Z1")]
    hits = park.http.get("/api/v1/map/pick", params={**where, "radius": 50}).json()
    assert hits[2]["distance_m"] == pytest.approx(11.12, abs=0.02)  # 0.0001 degrees of latitude
    park.who = caller("enterprise_user", int(str(mine["id"])))
    assert picked(radius=50) == [("place", "B1"), ("place", "Z1")]
    assert ("enterprise", "E001") in picked(radius=1000)
    assert park.http.get("/api/v1/map/pick", params={**where, "radius": "nan"}).status_code == 422
    assert park.http.get("/api/v1/map/pick", params={**where, "radius": 1e9}).status_code == 422


def test_the_enterprise_page_counts_and_takes_tabs(park: Park) -> None:
    ids = stock(park)
    tabs: EnterpriseTabs = park.app.state.enterprise_tabs
    tabs.register(
        EnterpriseTab(
            "alarms", "registry.tab.units", "alarms.alarm.read", "/api/v1/alarms?enterprise_id={id}", 50
        )
    )
    page = park.http.get(f"/api/v1/enterprises/{ids['a']}/summary", headers={"accept-language": "en"}).json()
    assert page["enterprise"]["code"] == "E001"
    assert (page["counts"]["equipment"], page["counts"]["people"], page["counts"]["sites"]) == (1, 1, 0)
    assert [t["key"] for t in page["tabs"]] == ["alarms", "sites", "units", "equipment", "cameras", "people"]
    assert page["tabs"][0]["href"] == f"/api/v1/alarms?enterprise_id={ids['a']}"
    assert page["tabs"][3]["title"] == "Equipment"
    park.who = caller("planner")
    keys = [t["key"] for t in park.http.get(f"/api/v1/enterprises/{ids['a']}/summary").json()["tabs"]]
    assert "alarms" not in keys
    with pytest.raises(ValueError, match="registered already"):
        tabs.register(EnterpriseTab("alarms", "x", "y", "z"))
    with park.db.read() as session:
        shown = figures(session, park.who)
    assert shown["by_industry"] == {"food_processing": 1, "metals_recycling": 1}


# Published codes of listed companies; the check character of each was computed by the registering authority.
REAL = ("91110108551385082Q", "9144030071526726XG", "914403001922038216", "91330100799655058B")


@pytest.mark.parametrize("code", REAL)
def test_real_credit_codes_pass(code: str) -> None:
    assert gb32100.is_valid(code)


@given(code=st.sampled_from(REAL), position=st.integers(0, 17), other=st.sampled_from(gb32100.ALPHABET))
def test_one_wrong_character_is_always_found(code: str, position: int, other: str) -> None:
    wrong = code[:position] + other + code[position + 1 :]
    assert gb32100.is_valid(wrong) == (wrong == code)


@given(code=st.sampled_from(REAL), i=st.integers(0, 16))
def test_two_exchanged_neighbours_are_found(code: str, i: int) -> None:
    swapped = code[:i] + code[i + 1] + code[i] + code[i + 2 :]
    assert gb32100.is_valid(swapped) == (swapped == code)


@given(st.text(max_size=20))
def test_any_text_is_judged(text_: str) -> None:
    assert gb32100.is_valid(text_) in (True, False)


@given(st.floats(115, 125), st.floats(35, 45), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))
def test_distances_agree_with_the_great_circle(lon: float, lat: float, dx: float, dy: float) -> None:
    import math

    import shapely

    a, b = math.radians(lat), math.radians(lat + dy)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(dx) / 2) ** 2
    exact = 2 * 6_371_008.8 * math.asin(math.sqrt(half))
    found = geometry.distance_m(lon, lat, shapely.Point(lon + dx, lat + dy))
    assert found == pytest.approx(exact, rel=2e-3, abs=0.01)


def test_the_search_index_can_be_installed_twice(park: Park) -> None:
    search.install(park.db.engine)
    stock(park)
    search.install(park.db.engine)
    assert codes(park, "苯储罐") == ["T08"]
