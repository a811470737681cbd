"""Linkage: declared, rehearsed, carried out after the commit, once, also across a crash; never a plant."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import select, update
from tests.alarms.kit import START, Watch, caller, step

from parksight.alarms.events import CameraRequested
from parksight.alarms.linkage.matching import Called, matches
from parksight.alarms.models import Reaction
from parksight.alarms.schemas.linkage import Action, Match
from parksight.kernel.settings import AlarmSettings
from parksight.registry.models import Assignment, Camera, Person


class Siren:
    """A broadcast server on this machine that keeps what it was told."""

    def __init__(self, status: int = 200) -> None:
        self.heard: list[tuple[str, dict[str, Any], str]] = []
        siren = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                siren.heard.append((self.path, body, self.headers["idempotency-key"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def siren() -> Iterator[Siren]:
    siren = Siren()
    yield siren
    siren.close()


@pytest.fixture
def zone(tmp_path: Path, siren: Siren) -> Iterator[Watch]:
    watch = Watch(
        f"sqlite:///{tmp_path / 'records.sqlite'}", AlarmSettings(grace_s=0, webhook_hosts=[siren.host])
    )
    watch.furnish()
    stamp = {"created_at": START, "updated_at": START}
    with watch.db.session() as session:
        session.add(
            Camera(id=1, code="C1", name="高点1", kind="lookout", min_lon=120.771, min_lat=41.8, **stamp)
        )
        session.add(
            Camera(id=2, code="C2", name="远处", kind="lookout", min_lon=121.5, min_lat=41.8, **stamp)
        )
        session.add(Person(id=1, code="W1", name="张安环", phone="13800000000", enterprise_id=1, **stamp))
        session.flush()
        session.add(
            Assignment(id=1, code="A1", name="安环员", person_id=1, enterprise_id=1, post="HSE", **stamp)
        )
    watch.service.start()
    yield watch
    watch.close()


ALL: list[dict[str, Any]] = [
    {"kind": "open_case"}, {"kind": "camera", "radius_m": 500}, {"kind": "adjacent"}, {"kind": "wind"},
    {"kind": "nearby", "what": "people"}, {"kind": "nearby", "what": "cameras"}, {"kind": "nearby", "what": "permits"},
    {"kind": "card", "text": "撤离下风向，关闭阀门由现场人员执行"}, {"kind": "plan", "code": "YJ-01", "title": "苯泄漏预案"},
    {"kind": "notify", "posts": ["HSE"]}, {"kind": "webhook", "url": "http://evil.example/siren"},
]  # fmt: skip


def declare(zone: Watch, actions: list[dict[str, Any]], **match: Any) -> int:
    body = {
        "code": f"L{len(actions)}-{len(match)}",
        "name": "苯罐联动",
        "definition": {"match": match, "actions": actions},
    }
    answer = zone.http.post("/api/v1/alarms/linkages", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def fire(zone: Watch) -> None:
    zone.rule(1, h=step(40, priority=1))
    zone.clock.advance(10)
    zone.feed((1, 1, 50.0))
    zone.alarms()
    while zone.service.reactions.step():
        pass


def results(zone: Watch) -> dict[str, tuple[str, dict[str, Any]]]:
    for _ in range(100):
        rows = zone.http.get("/api/v1/alarms/reactions", params={"limit": 100}).json()["items"]
        if all(r["state"] not in ("waiting", "running") for r in rows):
            break
        threading.Event().wait(0.05)
    return {f"{r['kind']}.{r['id']}": (r["state"], r["result"]) for r in rows}


def test_there_is_no_action_that_touches_a_plant() -> None:
    kinds = {model.model_fields["kind"].default for model in get_args(get_args(Action)[0])} - {None}
    assert kinds | {"nearby"} == {
        "open_case", "notify", "camera", "adjacent", "wind", "nearby", "card", "plan", "webhook",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("match", "meant"),
    [({}, True), ({"priorities": [1, 2]}, True), ({"priorities": [3]}, False), ({"kinds": ["gas"]}, True),
     ({"kinds": ["ga"]}, False), ({"kinds": ["gas.toxic.h2s"]}, False), ({"steps": ["HH"]}, False),
     ({"enterprises": [1], "units": [9]}, True), ({"enterprises": [2], "units": [9]}, False), ({"rules": ["R"]}, True)],
)  # fmt: skip
def test_all_lists_that_say_anything_must_agree(match: dict[str, Any], meant: bool) -> None:
    assert matches(Match(**match), Called(1, "R", "H", "gas.toxic", 1, 9, 4)) is meant


def test_each_action_says_what_became_of_it(zone: Watch, siren: Siren) -> None:
    declare(
        zone, [*ALL, {"kind": "webhook", "url": f"http://{siren.host}/siren", "text": "撤离"}], priorities=[1]
    )
    fire(zone)
    found = {
        k.split(".")[0] + str(i): v
        for i, (k, v) in enumerate(sorted(results(zone).items(), key=lambda kv: int(kv[0].split(".")[1])))
    }
    states = {k: v[0] for k, v in found.items()}
    assert states == {
        "open_case0": "done", "camera1": "done", "adjacent2": "done", "wind3": "no_provider", "nearby4": "done",
        "nearby5": "done", "nearby6": "no_provider", "card7": "done", "plan8": "done", "notify9": "no_provider",
        "webhook10": "refused", "webhook11": "done",
    }  # fmt: skip
    assert found["camera1"][1]["cameras"] == [
        {"id": 1, "code": "C1", "name": "高点1", "kind": "lookout", "metres": 83}
    ]
    assert [p["name"] for p in found["nearby4"][1]["on_post"]] == ["张安环"]
    assert found["nearby4"][1]["present"] is None, "a register of posts is no headcount"
    assert found["nearby6"][1] == {"reason": "permits"}
    assert found["webhook10"][1] == {"reason": "host_not_allowed", "host": "evil.example"}
    [(path, body, key)] = siren.heard
    assert (path, body["point"], body["text"], key.startswith("parksight-reaction-")) == (
        "/siren",
        "P001",
        "撤离",
        True,
    )
    [asked] = [e for e in zone.events if isinstance(e, CameraRequested)]
    assert (asked.cameras, asked.longitude, asked.alarm_id) == ((1,), 120.77, 1)
    detail = zone.http.get("/api/v1/alarms/1").json()
    assert len(detail["reactions"]) == 12


def test_more_of_the_same_in_a_group_calls_no_second_time_but_worse_does(zone: Watch, siren: Siren) -> None:
    declare(zone, [{"kind": "webhook", "url": f"http://{siren.host}/s"}])
    zone.rule(1, h=step(40, priority=3), hh=step(60, priority=1))
    zone.rule(3, h=step(40, priority=3))
    zone.clock.advance(10)
    zone.feed((1, 1, 50.0), (1, 2, 0.0), (1, 3, 50.0))
    zone.alarms()
    results(zone)
    assert len(siren.heard) == 1
    zone.feed((1, 4, 70.0))
    zone.alarms()
    results(zone)
    assert [h[1]["priority"] for h in siren.heard] == [3, 1]


def test_a_rehearsal_says_what_would_happen_and_touches_nothing(zone: Watch, siren: Siren) -> None:
    zone.rule(1, h=step(40, priority=1))
    zone.clock.advance(10)
    zone.feed((1, 1, 50.0))
    zone.alarms()
    linkage = declare(zone, [*ALL, {"kind": "webhook", "url": f"http://{siren.host}/siren"}])
    one = zone.http.post(f"/api/v1/alarms/linkages/{linkage}/dry-run", json={"alarm_id": 1}).json()
    every = zone.http.post("/api/v1/alarms/linkage-dry-run", json={"alarm_id": 1}).json()
    assert one == every
    assert [(a["kind"], a["would"]) for a in one["actions"]][-2:] == [
        ("webhook", "refused"),
        ("webhook", "done"),
    ]
    assert siren.heard == []
    assert results(zone) == {}
    assert not [e for e in zone.events if isinstance(e, CameraRequested)]
    other = {"match": {"priorities": [4]}, "actions": [{"kind": "wind"}]}
    tried = zone.http.post(
        f"/api/v1/alarms/linkages/{linkage}/dry-run", json={"alarm_id": 1, "definition": other}
    )
    assert tried.json() == {"matched": [], "actions": []}


def test_after_a_crash_nothing_fires_twice_and_nothing_is_forgotten(zone: Watch, siren: Siren) -> None:
    zone.service.reactions.stop()
    declare(zone, [{"kind": "card", "text": "x"}, {"kind": "webhook", "url": f"http://{siren.host}/a"},
                   {"kind": "webhook", "url": f"http://{siren.host}/b"}])  # fmt: skip
    zone.rule(1, h=step(40, priority=1))
    zone.clock.advance(10)
    zone.feed((1, 1, 50.0))
    zone.alarms()
    with zone.db.session() as session:  # the process died in the middle of the card and of the first call
        session.execute(update(Reaction).where(Reaction.place < 2).values(state="running"))
    zone.service.reactions.start()
    found = results(zone)
    assert sorted(v[0] for v in found.values()) == ["done", "done", "failed"]
    assert [v[1] for v in found.values() if v[0] == "failed"] == [{"reason": "interrupted"}]
    assert [h[0] for h in siren.heard] == ["/b"], "nobody knows whether /a arrived; it is not called again"


def test_an_unreachable_siren_is_tried_again_and_a_refusing_one_is_not(zone: Watch) -> None:
    zone.service.reactions.stop()
    zone.settings.webhook_hosts.append("127.0.0.1:9")
    declare(zone, [{"kind": "webhook", "url": "http://127.0.0.1:9/s"}])
    zone.rule(1, h=step(40, priority=1))
    zone.clock.advance(10)
    zone.feed((1, 1, 50.0))
    zone.alarms()
    for attempt in (1, 2, 3):
        assert zone.service.reactions.step()
        assert not zone.service.reactions.step(), "not before its time"
        with zone.db.read() as session:
            row = session.scalars(select(Reaction)).one()
        assert (row.attempts, row.state) == (attempt, "waiting" if attempt < 3 else "failed")
        zone.clock.advance(60)


def test_linkages_are_versioned_and_an_enterprise_keeps_to_its_own(zone: Watch) -> None:
    linkage = declare(zone, [{"kind": "wind"}])
    address = f"/api/v1/alarms/linkages/{linkage}"
    assert zone.http.patch(address, json={"version": 1, "enabled": False}).json()["version"] == 2
    assert (
        zone.http.patch(address, json={"version": 1, "enabled": True}).json()["code"]
        == "alarms.linkage.changed_meanwhile"
    )
    assert [v["version"] for v in zone.http.get(f"{address}/versions").json()] == [2, 1]
    zone.who = caller("enterprise_manager", 1)
    assert zone.http.get(address).status_code == 404
    assert zone.http.get("/api/v1/alarms/linkages").json()["total"] == 0
