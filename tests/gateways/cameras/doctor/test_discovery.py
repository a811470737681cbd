"""WS-Discovery against a responder on a real socket, and against rubbish."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras import discovery

pytestmark = pytest.mark.anyio


def matches(
    relates: str, endpoint: str = "urn:uuid:1", services: str = "http://192.168.1.64/onvif/device_service"
) -> bytes:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        f"<a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
        f"<a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference>"
        "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/type/ptz "
        "onvif://www.onvif.org/name/East%20Tower onvif://www.onvif.org/hardware/PD-1 "
        "onvif://www.onvif.org/location/%E4%B8%9C%E9%97%A8</d:Scopes>"
        f"<d:XAddrs>{services}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>"
        "</s:Body></s:Envelope>"
    ).encode()


class Responder(asyncio.DatagramProtocol):
    """Devices on the network; ``say`` makes the answers to a probe's message id."""

    def __init__(self, say: list[object]) -> None:
        self.say, self.probes = say, 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.probes += 1
        found = re.search(rb"<a:MessageID>(.+?)</a:MessageID>", data)
        assert found is not None
        assert b"NetworkVideoTransmitter" in data
        for answer in self.say:
            made = answer(found[1].decode()) if callable(answer) else answer
            self.transport.sendto(made, addr)


@asynccontextmanager
async def network(*say: object, sock: socket.socket | None = None) -> AsyncIterator[tuple[Responder, int]]:
    loop = asyncio.get_running_loop()
    where = {"sock": sock} if sock is not None else {"local_addr": ("127.0.0.1", 0)}
    transport, responder = await loop.create_datagram_endpoint(lambda: Responder(list(say)), **where)
    try:
        yield responder, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def test_devices_answer_once_each() -> None:
    second = lambda m: matches(m, "urn:uuid:2", "javascript:x http://10.0.0.5:8080/onvif/device_service")  # noqa: E731
    async with network(matches, second) as (responder, port):
        found = await discovery.search(0.6, to=("127.0.0.1", port))
    assert responder.probes == 2
    first, other = found.devices
    assert (first.address, first.endpoint, first.head) == ("127.0.0.1", "urn:uuid:1", True)
    assert (first.name, first.hardware, first.location) == ("East Tower", "PD-1", "东门")
    assert other.services == ("http://10.0.0.5:8080/onvif/device_service",)
    assert found.counters["repeated"] == 2


async def test_through_the_multicast_group() -> None:
    """The probe of the standard, by multicast on the loopback interface."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", 0))
    sock.setblocking(False)
    group = struct.pack("4s4s", socket.inet_aton(discovery.GROUP), socket.inet_aton("127.0.0.1"))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    async with network(matches, sock=sock) as (responder, port):
        found = await discovery.search(0.6, to=(discovery.GROUP, port), interface="127.0.0.1")
    assert responder.probes == 2
    assert [d.name for d in found.devices] == ["East Tower"]


async def test_rubbish_is_counted_and_left_out() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'
    other = matches("uuid:somebody-else")
    empty = lambda m: matches(m, services="file:///etc/passwd")  # noqa: E731
    async with network(b"\x00\xff", bomb, other, empty) as (_, port):
        found = await discovery.search(0.5, to=("127.0.0.1", port))
    assert found.devices == []
    assert found.counters == {"datagrams": 8, "not_xml": 4, "not_ours": 2, "no_device": 2}


async def test_a_flood_is_bounded() -> None:
    many = [lambda m, k=k: matches(m, f"urn:uuid:{k}") for k in range(400)]
    async with network(*many) as (_, port):
        found = await discovery.search(1.0, to=("127.0.0.1", port))
    assert len(found.devices) <= discovery.MAX_DEVICES


async def test_it_ends_in_time() -> None:
    async with network() as (_, port):
        began = time.monotonic()
        found = await discovery.search(0.5, to=("127.0.0.1", port))
        assert time.monotonic() - began < 1.5
        assert found.devices == []


@given(st.data())
def test_mutated_answers(data: st.DataObject) -> None:
    raw = bytearray(matches("uuid:1"))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=10))
        if not raw:
            return
    try:
        for device in discovery.read(bytes(raw), "uuid:1", "127.0.0.1"):
            assert device.services
            assert device.name.isprintable()
            assert len(device.name) <= 120
    except ValueError as error:
        assert str(error) in ("not_xml", "not_ours", "no_device", "too_big")
