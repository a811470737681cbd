"""Rules on classes and places: one alarm per point, later points included, and why some cannot be watched."""

from __future__ import annotations

from tests.alarms.kit import START
from tests.alarms.rules.kit import STEP, Desk, limit, person

from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point


def test_a_class_is_watched_point_by_point_and_followed(desk: Desk) -> None:
    target = {"kind": "class", "quantity": "temperature", "enterprise_ids": [1], "without": ["P003"]}
    body = {"code": "HOT", "target": target, "definition": limit(40)}
    made = desk.ask(person(1), "POST", "", body, 201)
    assert (made["point"], made["enterprise_id"], made["kind"]) == (None, 1, "limit")
    desk.watch.service.recompile()
    desk.watch.clock.advance(10)
    desk.watch.feed((1, 1, 50.0), (2, 2, 50.0), (3, 3, 50.0), (5, 4, 50.0))
    assert [(a.rule_id, a.point_id) for a in desk.watch.alarms()] == [(made["id"], 1), (made["id"], 5)]
    desk.watch.feed((1, 5, 0.0))
    assert [a.condition for a in desk.watch.alarms()] == ["cleared", "active"]
    with desk.watch.db.session() as session:
        stamp = {"created_at": START, "updated_at": START}
        session.add(
            Point(
                id=99,
                code="NEW",
                name="新点",
                quantity="temperature",
                unit="degC",
                period_s=10.0,
                enterprise_id=1,
                **stamp,
            )
        )
    desk.watch.bus.publish(PointsChanged(ids=(99,)))
    desk.watch.second()
    desk.watch.feed((99, 6, 60.0))
    assert desk.watch.alarms()[-1].point_id == 99
    page = desk.ask(person(1), "GET", f"/{made['id']}/points", limit=100)
    assert "NEW" in {item["point"]["code"] for item in page["items"]}
    assert "P003" not in {item["point"]["code"] for item in page["items"]}


def test_a_place_is_everything_that_stands_there(desk: Desk) -> None:
    made = {}
    for place, number in (("unit", 1), ("thing", 1), ("enterprise", 2)):
        body = {
            "code": f"AT-{place}",
            "target": {"kind": "place", "place": place, "id": number},
            "definition": limit(40),
        }
        made[place] = desk.ask(person(1), "POST", "", body, 201)
    codes = {
        place: [i["point"]["code"] for i in desk.ask(person(1), "GET", f"/{rule['id']}/points")["items"]]
        for place, rule in made.items()
    }
    assert codes["unit"] == codes["thing"] == ["P001"]
    assert codes["enterprise"] == [f"P{i:03d}" for i in range(2, 21, 2)]
    wrong = {"code": "X", "target": {"kind": "place", "place": "unit", "id": 77}, "definition": limit(1)}
    assert desk.ask(person(1), "POST", "", wrong, 422)["code"] == "alarms.rule.place_unknown"


def test_what_cannot_be_watched_is_named_and_the_rest_is_watched(desk: Desk) -> None:
    desk.point(3, thing_id=1, kind="pump", unit="degC")
    on = {"on": {"on_delay_s": 0, "off_delay_s": 0, "priority": 2}}
    signal = {"kind": "expression", "text": "self > 1 and {pump} > 0"}
    body = {"code": "BY-KIND", "target": {"kind": "class", "quantity": "temperature", "enterprise_ids": [1]},
            "definition": {"signal": signal, **on}}  # fmt: skip
    rule = desk.ask(person(1), "POST", "", body, 201)
    items = {
        i["point"]["code"]: i for i in desk.ask(person(1), "GET", f"/{rule['id']}/points", limit=100)["items"]
    }
    assert items["P001"]["problem"] is None
    assert items["P005"]["problem"] == "alarms.rule.no_sibling"
    assert "pump" in items["P005"]["text"]
    desk.watch.service.recompile()
    desk.watch.feed((3, 0, 1.0), (1, 0, 5.0))
    assert [a.step for a in desk.watch.alarms()] == ["ON"]


def test_a_deviation_converts_units_and_refuses_what_cannot_be(desk: Desk) -> None:
    desk.point(3, unit="degF")
    signal = {"kind": "deviation", "other": "[P003]"}
    desk.rule(1, {"signal": signal, "h": {**STEP, "limit": 5, "priority": 2}})
    desk.watch.feed((3, 0, 68.0), (1, 0, 21.0))
    assert desk.watch.alarms() == [], "68 degF are 20 degC"
    desk.watch.feed((1, 0, 26.0))
    assert [round(a.value or 0, 6) for a in desk.watch.alarms()] == [6.0]
    desk.point(5, unit="kPa", quantity="pressure")
    rule = desk.rule(7, {"signal": {"kind": "deviation", "other": "[P005]"}, **limit(1)})
    assert (
        desk.ask(person(1), "GET", f"/{rule['id']}/points")["items"][0]["problem"]
        == "alarms.rule.units_differ"
    )


def test_nobody_reaches_beyond_their_enterprises(desk: Desk) -> None:
    mine = person(9, "safety_officer", 2)
    whole = {"code": "ALL", "target": {"kind": "class", "quantity": "temperature"}, "definition": limit(1)}
    desk.ask(mine, "POST", "", whole, 403)
    other = {"point_id": 2, "definition": {"signal": {"kind": "deviation", "other": "[P001]"}, **limit(1)}}
    assert desk.ask(mine, "POST", "", other, 422)["code"] == "alarms.rule.point_unknown"
    theirs = desk.rule(1, limit(40))
    desk.ask(mine, "GET", f"/{theirs['id']}", None, 404)
    desk.ask(mine, "GET", f"/{theirs['id']}/points", None, 404)
    assert desk.ask(mine, "GET", "")["total"] == 0
    own = {
        "code": "OWN",
        "target": {"kind": "class", "quantity": "temperature", "enterprise_ids": [2]},
        "definition": limit(1),
    }
    desk.ask(mine, "POST", "", own, 201)
