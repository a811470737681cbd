"""What belongs to HJ 212 besides the wire: texts, proposals, configuration, routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from sqlalchemy import select
from tests.gateways.hj212.cases import MN
from tests.gateways.hj212.peer import Peer
from tests.gateways.support import add_device

from parksight.gateways import room
from parksight.gateways.api import router as common
from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212 import SPEC
from parksight.gateways.hj212.api import router
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError
from parksight.gateways.hj212.config import Hj212Config, Hj212Policy, normal_mn
from parksight.gateways.hj212.delivery import Text
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.hj212.information import KEEP_PER_DEVICE, InformationKeeper
from parksight.gateways.hj212.mapping import factor_of, factors, propose
from parksight.gateways.hj212.models import Hj212Information
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Hj212Settings, Settings
from parksight.kernel.web import current_caller
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.points.service import PointService
from parksight.telemetry.units import QUANTITIES, UNITS, check_unit

T0 = 1_767_225_600_000


def texts(language: str) -> dict[str, str]:
    file = files("parksight.gateways.hj212").joinpath(f"locales/{language}.json")
    found: dict[str, str] = json.loads(file.read_text("utf-8"))
    return found


def test_every_code_has_a_text_in_both_languages() -> None:
    zh, en = texts("zh-CN"), texts("en")
    assert zh.keys() == en.keys()
    wanted = {f"gateways.hj212.error.{e}" for e in FrameError}
    wanted |= {f"telemetry.reject.hj212_{e}" for e in FrameError}
    wanted |= {f"gateways.hj212.deviation.{d}" for d in Deviation}
    assert wanted <= en.keys()
    package = Path(str(files("parksight.gateways.hj212")))
    code = "".join(p.read_text("utf-8") for p in package.rglob("*.py"))
    for key in en.keys() - wanted:
        assert key.removesuffix(".action") in code, key
        assert key.endswith(".action") or f"{key}.action" in en


def test_all_factors_of_the_standard_have_a_proposal() -> None:
    for code, factor in factors().items():
        for address in (f"{code}-Rtd", f"2061:{code}-ZsAvg", f"2031:{code}-Cou"):
            proposal = propose(address, "1")
            assert proposal.address == address
            assert proposal.name.startswith(factor.name)
            if proposal.quantity is not None:
                assert proposal.quantity in QUANTITIES
                if proposal.unit is not None:
                    assert proposal.unit in UNITS
                    check_unit(proposal.quantity, proposal.unit)


@pytest.mark.parametrize(
    ("address", "name", "english", "quantity", "unit"),
    [
        ("a21026-Rtd", "二氧化硫", "Sulfur dioxide", "concentration", "mg/m3"),
        ("02-Rtd", "二氧化硫", "Sulfur dioxide", "concentration", "mg/m3"),
        (
            "2061:a21002-ZsAvg",
            "氮氧化物小时折算均值",
            "Nitrogen oxides hourly converted mean",
            "concentration",
            "mg/m3",
        ),
        ("a34004-Rtd", "细微颗粒物PM2.5", "PM2.5", "concentration", None),
        ("w01018-Cou", "化学需氧量累计", "COD total", "mass", "kg"),
        ("a00000-Rtd", "废气", "Flue gas flow", "flow", None),
        ("SB1-RS", "治理设施 1 运行状态", "Treatment device 1 state", "state", "state"),
        ("Leq-Data", "等效声级", "Equivalent level", "sound", "dB(A)"),
        ("g12301-Rtd", "入口温度", "Inlet temperature", "temperature", "degC"),
        ("g11901-Rtd", "g11901-Rtd", "g11901-Rtd", None, None),
        ("a214-Rtd", "a214-Rtd", "a214-Rtd", None, None),
        ("i12001-Info", "仪表工作状态", "instrument state", "state", None),
    ],
)
def test_proposals(address: str, name: str, english: str, quantity: str | None, unit: str | None) -> None:
    found = propose(address, "7")
    assert (found.name, found.name_en, found.quantity, found.unit, found.sample) == (
        name, english, quantity, unit, "7",
    )  # fmt: skip


def test_old_codes_lead_to_their_factor() -> None:
    found = {old: factor_of(old) for old in ("011", "060", "B01", "S01", "01", "03")}
    assert {old: f.code for old, f in found.items() if f} == {
        "011": "w01018", "060": "w21003", "B01": "w00000", "S01": "a19001", "01": "a34013", "03": "a21002",
    }  # fmt: skip
    assert factor_of("nonsense") is None


@pytest.mark.parametrize(
    "bad",
    [{"flags": {"NN": "good"}}, {"flags": {"N": "great"}}, {"addresses": ["here"]}, {"unknown": 1},
     {"first_connect": {"realtime_interval_s": 5}}, {"backfill": {"commands": [3011]}}],
)  # fmt: skip
def test_a_wrong_policy_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Hj212Policy.model_validate(bad)


def test_a_clear_key_and_a_wrong_mn_are_refused() -> None:
    with pytest.raises(ValidationError, match="kept sealed"):
        Hj212Config(sm4_key="00" * 16)
    assert normal_mn(f" {MN} ") == MN
    for mn in ("", "x" * 41, "a;b", "a b", "厂"):
        with pytest.raises(ValueError, match="MN"):
            normal_mn(mn)
    assert (SPEC.name, SPEC.config, SPEC.policy) == ("hj212", Hj212Config, Hj212Policy)


@pytest.mark.anyio
async def test_texts_are_bounded_per_device(db: Database) -> None:
    device = add_device(db, "D", "hj212", MN)
    from collections import Counter

    keeper = InformationKeeper(db, Counter())
    done = asyncio.Event()
    number = KEEP_PER_DEVICE + 500
    texts_ = [Text(device, 3020, T0, T0, "i11001-Info", str(i)) for i in range(number)]
    keeper.add([*texts_, Text(99, 3020, None, T0, "x", "nobody")], lambda ok: done.set() if ok else None)
    await asyncio.wait_for(done.wait(), 20)
    with db.read() as session:
        kept = session.scalars(select(Hj212Information.text).order_by(Hj212Information.id)).all()
    assert kept == [str(i) for i in range(500, number)]


# -- routes --------------------------------------------------------------------------------------------


@pytest.fixture
def served(
    context: GatewayContext, db: Database, tmp_path: Path
) -> Iterator[tuple[TestClient, Hj212Gateway]]:
    sealer = Sealer(tmp_path)
    gateway = Hj212Gateway(context, Hj212Settings(port=0, flush_ms=1), db, unseal=sealer.open)
    app = FastAPI()
    app.state.db, app.state.settings = db, Settings(data_dir=tmp_path)
    points = PointService(db, context.clock, LiveTable(Catalogue(db)))
    app.state.gateways = room.build(context, [gateway], [SPEC], points)
    app.include_router(router)
    app.include_router(common)
    add_handlers(app)
    caller = Caller(1, "Integrator", grants=("gateways.*",), enterprises=None)
    app.dependency_overrides[current_caller] = lambda: caller
    with TestClient(app, headers={"accept-language": "en"}) as client:
        assert client.portal is not None
        client.portal.call(gateway.start)
        yield client, gateway
        client.portal.call(gateway.stop)


@contextmanager
def dialled(client: TestClient, gateway: Hj212Gateway) -> Iterator[Peer]:
    """A device that is connected and has said something."""
    peer = Peer(gateway.port)
    portal = client.portal
    assert portal is not None

    async def arrive() -> None:
        await peer.__aenter__()
        await peer.upload(peer.segment(2011, peer.content(T0, {"a21026-Rtd": "1"})))

    async def leave() -> None:
        await peer.__aexit__()

    portal.call(arrive)
    try:
        yield peer
    finally:
        portal.call(leave)


def wait(client: TestClient, condition: Callable[[], bool]) -> None:
    """Until the running gateway has taken a change over."""
    assert client.portal is not None
    for _ in range(400):
        if condition():
            return
        client.portal.call(asyncio.sleep, 0.025)
    raise AssertionError("the gateway did not take the change over")


def test_asking_a_device_over_the_api(served: tuple[TestClient, Hj212Gateway], db: Database) -> None:
    client, gateway = served
    made = client.post(
        "/api/v1/devices", json={"code": "S1", "protocol": "hj212", "name": "S1", "address": MN}
    )
    assert made.status_code in (200, 201), made.text
    path = f"/api/v1/devices/{made.json()['id']}/hj212/requests"
    wait(client, lambda: made.json()["id"] in gateway.book.states)
    away = client.post(path, json={"command": "set_time"})
    assert (away.status_code, away.json()["code"]) == (409, "gateways.hj212.not_connected")
    with dialled(client, gateway):
        said = client.post(path, json={"command": "get_time"}).json()
        assert (said["ready"], said["fields"]) == (1, {"SystemTime": "20260101080000"})
        assert client.post(path, json={"command": "get_realtime_interval"}).json()["fields"] == {
            "RtdInterval": "30"
        }
        span = {"begin": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
        history = client.post(path, json={"command": "history", "history": 2051, **span})
        assert (history.status_code, history.json()["result"]) == (200, 100)
    for bad in ({"command": "calibrate"}, {"command": "history"}, {"command": "set_realtime_interval", "interval": 5},
                {"command": "set_minute_interval", "interval": 7}):  # fmt: skip
        assert client.post(path, json=bad).status_code == 422
    assert client.post("/api/v1/devices/999/hj212/requests", json={"command": "get_time"}).status_code == 404
    with db.read() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("gateways.hj212.request") == 4


def test_a_key_goes_in_sealed_and_never_comes_out(served: tuple[TestClient, Hj212Gateway]) -> None:
    client, gateway = served
    made = client.post(
        "/api/v1/devices", json={"code": "S1", "protocol": "hj212", "name": "S1", "address": MN}
    ).json()
    key = "0123456789abcdeffedcba9876543210"
    path = f"/api/v1/devices/{made['id']}"
    put = client.put(f"{path}/hj212/key", json={"key": key, "version": made["version"]})
    assert put.status_code == 204, put.text
    shown = client.get(path)
    assert key not in shown.text
    wait(client, lambda: made["id"] in gateway.book.states and gateway.device(made["id"]).key is not None)
    stale = client.put(f"{path}/hj212/key", json={"key": None, "version": made["version"]})
    assert stale.status_code == 409
    assert client.put(f"{path}/hj212/key", json={"key": "xyz", "version": 2}).status_code == 422
    gone = client.put(f"{path}/hj212/key", json={"key": None, "version": shown.json()["version"]})
    assert gone.status_code == 204


def test_information_is_listed(served: tuple[TestClient, Hj212Gateway], db: Database) -> None:
    client, _ = served
    device = add_device(db, "S1", "hj212", MN)
    other = add_device(db, "S2", "http", "S2")
    from datetime import UTC, datetime

    with db.session() as session:
        for cn in (3020, 2081):
            session.add(
                Hj212Information(
                    device_id=device, cn=cn, received_at=datetime(2026, 1, 1, tzinfo=UTC), name="n", text="t"
                )
            )
    page = client.get(f"/api/v1/devices/{device}/hj212/information").json()
    assert (page["total"], [i["cn"] for i in page["items"]]) == (2, [2081, 3020])
    assert client.get(f"/api/v1/devices/{device}/hj212/information?cn=3020").json()["total"] == 1
    assert client.get(f"/api/v1/devices/{other}/hj212/information").status_code == 404
