from __future__ import annotations

import asyncio

import httpx
import pytest

from parkzone.control import Control
from parkzone.engine import Engine
from parkzone.history import HistoryProgress
from parkzone.park import Park
from parkzone.scenarios.stage import Stage

from .conftest import MIDNIGHT_MS


@pytest.fixture(scope="module")
def stage(park: Park) -> Stage:
    return Stage(Engine(park, lambda: MIDNIGHT_MS), lambda _codes: None)


def ask(stage: Stage, *requests: tuple[str, str, object], token: str = "secret") -> list[httpx.Response]:
    async def scenario() -> list[httpx.Response]:
        progress = HistoryProgress(phase="sending", sent=5, total=10)
        control = Control(stage, lambda: progress, lambda: {"hj212": {"connected": 3}}, "secret")
        port = await control.start("127.0.0.1", 0)
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
                return [await client.request(method, path, json=body) for method, path, body in requests]
        finally:
            await control.stop()
            stage.stop_all()

    return asyncio.run(scenario())


def test_scenarios_are_listed_started_and_stopped(stage: Stage) -> None:
    listed, started, during, stopped, after = ask(
        stage,
        ("GET", "/scenarios", None),
        ("POST", "/scenarios/tank-leak", {"duration_s": 60}),
        ("GET", "/scenarios", None),
        ("DELETE", "/scenarios/tank-leak", None),
        ("GET", "/scenarios", None),
    )
    assert listed.json()[0]["name"] == "tank-leak"
    assert listed.json()[0]["title"] == "Benzene tank leak"
    assert started.json()["running"] is True
    assert started.json()["ends_at"] - started.json()["started_at"] == 60_000
    assert [s["name"] for s in during.json() if s["running"]] == ["tank-leak"]
    assert stopped.json()["running"] is False
    assert not any(s["running"] for s in after.json())


def test_status_tells_history_and_devices(stage: Stage) -> None:
    (answer,) = ask(stage, ("GET", "/status", None))
    body = answer.json()
    assert body["simulated"] is True
    assert body["history"]["phase"] == "sending"
    assert body["counters"]["hj212"]["connected"] == 3


def test_without_the_token_nothing_is_told_or_done(stage: Stage) -> None:
    answers = ask(
        stage, ("GET", "/status", None), ("POST", "/scenarios/tank-leak", {}), ("DELETE", "/scenarios/tank-leak", None),
        token="guess",
    )  # fmt: skip
    assert [a.status_code for a in answers] == [401, 401, 401]
    assert not any(s.running for s in stage.scenarios.values())


@pytest.mark.parametrize("body", [{"duration_s": "soon"}, {"duration_s": -1}, [1], {"duration_s": [1]}])
def test_bad_requests_are_explained(stage: Stage, body: object) -> None:
    (answer,) = ask(stage, ("POST", "/scenarios/tank-leak", body))
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid"


def test_unknown_scenarios_are_404(stage: Stage) -> None:
    answers = ask(stage, ("POST", "/scenarios/volcano", {}), ("POST", "/scenarios/volcano/stop", {}))
    assert [a.status_code for a in answers] == [404, 404]
