"""The gateway as a client of real brokers, in both versions of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from tests.gateways.mqtt.brokers import MOSQUITTO, Broker, mosquitto, nats
from tests.gateways.mqtt.test_sparkplug import bd_seq, metric, payload
from tests.gateways.support import NOW, RecordingIngest, add_device, add_point

from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceRecord
from parksight.gateways.events import SourceDied
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.template import TemplateLibrary
from parksight.kernel.bus import Event
from parksight.kernel.db import Database
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import MqttSettings
from parksight.telemetry.ingest import IngestFailed
from parksight.telemetry.quality import Quality, QualityFlag

T0 = 1_795_452_524_304
SOURCE = {"topic": "park/{site}/{node}/data", "device": "{site}/{node}", "template": "values-object"}
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed on this machine")
pytestmark = pytest.mark.anyio


def ingest_of(context: GatewayContext) -> RecordingIngest:
    assert isinstance(context.ingest, RecordingIngest)
    return context.ingest


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def broker_of(version: str, folder: Path) -> AsyncIterator[Broker]:
    if version == "5":
        if MOSQUITTO is None:
            pytest.skip("mosquitto is not installed on this machine")
        async with mosquitto(folder) as broker:
            yield broker
    else:
        async with nats(folder) as broker:
            yield broker


@contextlib.asynccontextmanager
async def running(
    context: GatewayContext, db: Database, tmp_path: Path, port: int, *, password: str | None = None,
    settings: dict[str, Any] | None = None, **config: Any,
) -> AsyncIterator[MqttGateway]:  # fmt: skip
    sealer = Sealer(tmp_path)
    full = {
        "host": "127.0.0.1",
        "port": port,
        **({"sources": [SOURCE]} if "sparkplug" not in config else {}),
        **config,
    }
    with db.session() as session:
        session.add(
            MqttConnection(
                name="plant", config=full, password=sealer.seal(password) if password else None,
                created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    context.directory.load()
    gateway = MqttGateway(
        context, MqttSettings(tick_ms=10, **(settings or {})), db, sealer, TemplateLibrary()
    )
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


def publisher(port: int, version: str, **more: Any) -> aiomqtt.Client:
    protocol = aiomqtt.ProtocolVersion.V5 if version == "5" else aiomqtt.ProtocolVersion.V311
    return aiomqtt.Client("127.0.0.1", port, protocol=protocol, **more)


def body(at: int = T0, **values: float | None) -> bytes:
    return json.dumps({"ts": at, "values": values}).encode()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_json_messages_arrive_and_are_acknowledged(
    context: GatewayContext, db: Database, tmp_path: Path, version: str
) -> None:
    point = add_point(db, "T")
    mapped = {"t": {"point_id": point, "source_unit": "K"}}
    device = add_device(db, "D", "mqtt", "plant|E1/GW1", mapped, simulated=True)
    async with (
        broker_of(version, tmp_path) as broker,
        running(context, db, tmp_path, broker.port, version=version) as gateway,
    ):
        await until(lambda: gateway.sessions["plant"].connected)
        async with publisher(broker.port, version) as client:
            await client.publish("park/E1/GW1/data", body(t=300.0, other=1.0), qos=1)
            await client.publish("park/E9/GW1/data", body(x=7.5), qos=1)
            await client.publish("park/E1/GW1/data", body(T0 + 1, t=None), qos=0)
        await until(lambda: gateway.status().counters.get("stored", 0) >= 2)
        await until(lambda: gateway.status().counters.get("acknowledged", 0) == 2)
        status = gateway.status()
        assert [v.device_id for v in gateway.connections()] == [device]
    rows = ingest_of(context).rows()
    assert rows[0][:2] == (point, T0)
    assert rows[0][2] == pytest.approx(26.85)
    assert rows[0][3] == Quality.UNKNOWN | QualityFlag.SIMULATED
    assert rows[1][0] == -1
    assert any(p == point and at == T0 + 1 and math.isnan(v) for p, at, v, _ in rows)
    assert status.rejected == {"unknown_device": 1}
    activity = context.activity.of(device)
    assert dict(activity.unmapped) == {"other": 1}
    assert activity.clock_skew_ms is not None
    assert context.frames.read(device)[0].data.startswith(b"park/E1/GW1/data\n{")
    context.unknown.flush()
    with db.read() as session:
        from parksight.gateways.models import UnknownDevice

        (seen,) = session.query(UnknownDevice).all()
    assert (seen.address, seen.fields) == ("plant|E9/GW1", {"x": "7.5"})


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_was_not_durable_is_sent_again(
    context: GatewayContext, db: Database, tmp_path: Path, version: str
) -> None:
    point = add_point(db, "T")
    add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": point})
    ingest = ingest_of(context)
    async with broker_of(version, tmp_path) as broker:
        async with running(context, db, tmp_path, broker.port, version=version) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
            ingest.fail = IngestFailed("disk full")
            async with publisher(broker.port, version) as client:
                await client.publish("park/E1/GW1/data", body(t=1.0), qos=1)
            await until(lambda: gateway.status().counters.get("not_durable", 0) >= 1)
            assert gateway.status().counters.get("acknowledged", 0) == 0
            ingest.fail = None
            await until(lambda: gateway.status().counters.get("acknowledged", 0) == 1)
        assert {(p, v) for p, _, v, _ in ingest.rows()} == {(point, 1.0)}
        with db.session() as session:
            session.query(MqttConnection).delete()
        async with running(context, db, tmp_path, broker.port, version=version) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
            async with publisher(broker.port, version) as client:
                await client.publish("park/E1/GW1/data", body(T0 + 5, t=2.0), qos=1)
            await until(lambda: gateway.status().counters.get("acknowledged", 0) == 1)
            assert gateway.status().counters["messages"] == 1, "what was acknowledged does not come again"


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_the_session_keeps_messages_while_we_are_away(
    context: GatewayContext, db: Database, tmp_path: Path, version: str
) -> None:
    point = add_point(db, "T")
    add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": point})
    async with broker_of(version, tmp_path) as broker:
        async with running(context, db, tmp_path, broker.port, version=version) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
        async with publisher(broker.port, version) as client:
            for i in range(5):
                await client.publish("park/E1/GW1/data", body(T0 + i, t=float(i)), qos=1)
        with db.session() as session:
            session.query(MqttConnection).delete()
        async with running(context, db, tmp_path, broker.port, version=version):
            await until(lambda: len(ingest_of(context).rows()) == 5)
    assert [v for _, _, v, _ in ingest_of(context).rows()] == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_reconnects_when_the_broker_restarts(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "T")
    device = add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": point})
    async with nats(tmp_path) as broker, running(context, db, tmp_path, broker.port) as gateway:
        await until(lambda: gateway.sessions["plant"].connected)
        async with publisher(broker.port, "3.1.1") as client:
            await client.publish("park/E1/GW1/data", body(t=1.0), qos=1)
        await until(lambda: len(ingest_of(context).rows()) == 1)
        assert context.activity.of(device).connected
        await broker.stop()
        await until(lambda: not gateway.sessions["plant"].connected)
        await until(lambda: context.activity.of(device).connected is False)
        await broker.start()
        await until(lambda: gateway.sessions["plant"].connected)
        async with publisher(broker.port, "3.1.1") as client:
            await client.publish("park/E1/GW1/data", body(T0 + 1, t=2.0), qos=1)
        await until(lambda: len(ingest_of(context).rows()) == 2)
    assert gateway.status().counters["connects"] >= 2


HOSTILE = [
    ("park/E1/GW1/data", b"{", "not_json"),
    ("park/E1/GW1/data", b"[" * 100_000, "not_json"),
    ("park/E1/GW1/data", b"\xff\xfe", "not_json"),
    ("park/E1/GW1/data", b"", "not_json"),
    ("park/E1/GW1/data", b"x" * 20_000, "payload_large"),
    ("park/E1/GW1/data", b'{"ts":1,"values":{}}', "no_values"),
    ("park/" + "x" * 1_100 + "/GW1/data", b"{}", "topic_long"),
]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_hostile_messages_are_counted_acknowledged_and_disturb_nothing(
    context: GatewayContext, db: Database, tmp_path: Path, version: str
) -> None:
    point = add_point(db, "T")
    device = add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": point})
    async with broker_of(version, tmp_path) as broker:
        settings = {"max_payload_bytes": 16_384}
        async with running(context, db, tmp_path, broker.port, version=version, settings=settings) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
            async with publisher(broker.port, version) as client:
                for topic, content, _ in HOSTILE:
                    if len(content) < 81_920:
                        await client.publish(topic, content, qos=1)
                await client.publish("park/E1/GW1/data", body(t=1.0), qos=1)
            sent = [reason for _, content, reason in HOSTILE if len(content) < 81_920]
            await until(lambda: gateway.status().counters.get("acknowledged", 0) == len(sent) + 1)
            rejected = gateway.status().rejected
            assert gateway.status().counters["connects"] == 1
    assert rejected == {reason: sent.count(reason) for reason in sent}
    assert {(p, v) for p, _, v, _ in ingest_of(context).rows()} == {(point, 1.0)}
    assert ingest_of(context).rejected == {f"mqtt_{r}": n for r, n in rejected.items()}
    assert context.activity.of(device).errors["mqtt_not_json"] == rejected["not_json"]
    assert context.frames.read(device, deviating=True)[0].deviations


async def test_retained_messages_need_their_own_time(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "T")
    add_device(db, "D", "mqtt", "plant|x", {"value": point})
    source = {"topic": "v/{name}", "device": "{name}", "template": "plain-value"}
    async with nats(tmp_path) as broker:
        async with publisher(broker.port, "3.1.1") as client:
            await client.publish("v/x", b"1.5", qos=1, retain=True)
        async with running(context, db, tmp_path, broker.port, sources=[source]) as gateway:
            await until(lambda: gateway.status().rejected.get("retained_without_time", 0) == 1)
            async with publisher(broker.port, "3.1.1") as client:
                await client.publish("v/x", b"2.5", qos=1)
            await until(lambda: ingest_of(context).rows())
    assert [v for _, _, v, _ in ingest_of(context).rows()] == [2.5]


async def test_sparkplug_from_birth_to_death(context: GatewayContext, db: Database, tmp_path: Path) -> None:
    level, temp = add_point(db, "L"), add_point(db, "T")
    device = add_device(db, "D", "mqtt", "plant|E001/GW01", {"level": level, "temp": temp})
    died: list[Event] = []
    db.bus.subscribe(SourceDied.subject(), died.append)
    sparkplug = [{"group": "qingyuan", "host_id": "parksight"}]
    root = "spBv1.0/qingyuan"
    will = aiomqtt.Will(f"{root}/NDEATH/E001", payload(None, bd_seq(0)), qos=1)
    heard: list[str] = []
    async with nats(tmp_path) as broker, publisher(broker.port, "3.1.1") as watcher:
        await watcher.subscribe("spBv1.0/#")

        async def watch() -> None:
            async for message in watcher.messages:
                text = f"{message.topic} {bytes(message.payload)!r}"
                heard.append(text)

        watching = asyncio.create_task(watch())
        async with running(context, db, tmp_path, broker.port, sparkplug=sparkplug) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
            await until(lambda: any("STATE/parksight" in h and '"online": true' in h for h in heard))
            node = publisher(broker.port, "3.1.1", will=will)
            await node.__aenter__()
            await node.publish(f"{root}/DDATA/E001/GW01", payload(9, metric(None, 0, 9.0)), qos=0)
            await until(lambda: any("NCMD/E001" in h and "Node Control/Rebirth" in h for h in heard))
            await node.publish(f"{root}/NBIRTH/E001", payload(0, bd_seq(0)), qos=0)
            birth = payload(1, metric("level", 0, 1.0), metric("temp", 1, None), at=T0)
            await node.publish(f"{root}/DBIRTH/E001/GW01", birth, qos=0)
            data = payload(
                2, metric(None, 0, 2.0, timestamp=T0 + 5), metric(None, 1, 20.0, is_historical=True), at=T0
            )
            await node.publish(f"{root}/DDATA/E001/GW01", data, qos=0)
            await until(lambda: len(ingest_of(context).rows()) >= 4)
            assert context.activity.of(device).connected
            sock = node._client.socket()
            assert sock is not None
            sock.shutdown(2)  # the node dies without a word: the broker sends its will
            await until(lambda: context.activity.of(device).died_at is not None)
            with contextlib.suppress(aiomqtt.MqttError):
                await node.__aexit__(None, None, None)
            counters = gateway.status().counters
        await until(lambda: any("STATE/parksight" in h and '"online": false' in h for h in heard))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert counters["sparkplug_before_birth"] == 1
    assert counters["sparkplug_ndeath"] == 1
    (event,) = died
    assert isinstance(event, SourceDied)
    assert set(event.points) == {level, temp}
    rows = [(p, at, v) for p, at, v, _ in ingest_of(context).rows() if not math.isnan(v)]
    assert (level, T0, 1.0) in rows
    assert (level, T0 + 5, 2.0) in rows
    assert [b.backfill for b in ingest_of(context).batches if b.value[-1] == 20.0] == [True]
    assert context.activity.of(device).connected is False


@needs_mosquitto
async def test_tls_and_password(context: GatewayContext, db: Database, tmp_path: Path) -> None:
    ca = certificate(tmp_path)
    (tmp_path / "passwords").write_text("gw:plain-text\n")
    import subprocess

    subprocess.run(["mosquitto_passwd", "-U", str(tmp_path / "passwords")], check=True)
    lines = ("allow_anonymous false", f"password_file {tmp_path}/passwords")
    listen = f"certfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem"
    add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": add_point(db, "T")})
    async with mosquitto(tmp_path, *lines, listen=listen) as broker:
        tls = {"tls": {"ca_pem": ca}, "username": "gw"}
        async with running(
            context, db, tmp_path, broker.port, password="plain-text", version="5", **tls
        ) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
        with db.session() as session:
            row = session.query(MqttConnection).one()
            row.password, row.version = None, 2
        gateway = MqttGateway(context, MqttSettings(), db, Sealer(tmp_path), TemplateLibrary())
        await gateway.start()
        try:
            await until(lambda: gateway.sessions["plant"].last_error)
            assert not gateway.sessions["plant"].connected
        finally:
            await gateway.stop()


def certificate(folder: Path) -> str:
    """A self-signed certificate for 127.0.0.1; returns it as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "test broker")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    (folder / "cert.pem").write_text(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem


async def test_connections_follow_the_records(context: GatewayContext, db: Database, tmp_path: Path) -> None:
    async with nats(tmp_path) as broker, running(context, db, tmp_path, broker.port) as gateway:
        await until(lambda: gateway.sessions["plant"].connected)
        with db.session() as session:
            row = session.query(MqttConnection).one()
            row.config = {**row.config, "sources": [{**SOURCE, "template": "no-such"}]}
            row.version += 1
            session.add(MqttConnection(name="odd", config={"host": "x"}, created_at=NOW, updated_at=NOW))
        await gateway.reload_connections()
        assert gateway.sessions == {}
        assert gateway.unusable == {"plant": "template_missing", "odd": "config_wrong"}
        found = [gateway.trouble(device_record(a)) for a in ("plant|E1", "odd|x", "typo|E1")]
        assert found == ["template_missing", "config_wrong", "mqtt_no_connection"]
        assert gateway.status().counters["connects"] == 1
        with db.session() as session:
            row = session.query(MqttConnection).filter_by(name="plant").one()
            row.config = {**row.config, "sources": [SOURCE]}
            row.version += 1
        await gateway.reload_connections()
        await until(lambda: gateway.sessions["plant"].connected)
        assert gateway.trouble(device_record("plant|E1")) is None


def device_record(address: str) -> DeviceRecord:
    return DeviceRecord(1, "D", "mqtt", "", "", address, None, True, False, 1)


async def test_a_flood_waits_for_the_ingest_and_loses_no_acknowledged_message(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "T")
    add_device(db, "D", "mqtt", "plant|E1/GW1", {"t": point})
    ingest = ingest_of(context)
    async with nats(tmp_path) as broker:
        settings = {"max_pending": 100}
        async with running(context, db, tmp_path, broker.port, settings=settings) as gateway:
            await until(lambda: gateway.sessions["plant"].connected)
            ingest.full = True
            async with publisher(broker.port, "3.1.1") as client:
                for start in range(0, 600, 100):
                    await asyncio.gather(
                        *(
                            client.publish("park/E1/GW1/data", body(T0 + i, t=float(i)), qos=1)
                            for i in range(start, start + 100)
                        )
                    )
            await until(lambda: gateway.status().counters.get("paused", 0) >= 1)
            assert gateway.status().counters.get("acknowledged", 0) == 0
            ingest.full = False
            await until(lambda: gateway.status().counters.get("acknowledged", 0) == 600)
    assert sorted({v for _, _, v, _ in ingest.rows()}) == [float(i) for i in range(600)]
