"""ONVIF devices on the local network, by WS-Discovery (OASIS WS-Discovery 1.0 draft of April 2005, as ONVIF asks).

Nothing is sent until a person asks; then one probe, a few seconds of listening, and no more than so many answers of so
many bytes. What devices say of themselves is a proposal: nothing is entered or trusted because of it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

GROUP, PORT = "239.255.255.250", 3702
#: Bounds of one search: answers, bytes of each, addresses and scopes kept of each, seconds.
MAX_DEVICES, MAX_DATAGRAM, MAX_LIST, MAX_SECONDS = 256, 64 * 1024, 16, 10.0
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_NETWORK = "http://www.onvif.org/ver10/network/wsdl"


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """What one device said.

    Attributes:
        address: where its answer came from; where it says it is may be useless (NAT) or a lie.
        endpoint: its own identity (usually a UUID).
        services: addresses of its device service.
        name, hardware, location: of its scopes.
        head: it says that it can be turned.
    """

    address: str
    endpoint: str
    services: tuple[str, ...]
    name: str
    hardware: str
    location: str
    head: bool


@dataclass(slots=True)
class Search:
    """A search that is over; ``counters`` say what was left out and why."""

    devices: list[FoundDevice] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)


def probe(message_id: str) -> bytes:
    """A Probe for network video transmitters."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}" '
        f'xmlns:d="{_DISCOVERY}" xmlns:n="{_NETWORK}"><s:Header>'
        f"<a:MessageID>{message_id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        f"<a:Action>{_DISCOVERY}/Probe</a:Action></s:Header><s:Body><d:Probe>"
        "<d:Types>n:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()


def read(data: bytes, message_id: str, address: str) -> list[FoundDevice]:
    """The devices of a ProbeMatches that answers our probe.

    Raises:
        ValueError: it is none; the text is a counter's name.
    """
    if len(data) > MAX_DATAGRAM:
        raise ValueError("too_big")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise ValueError("not_xml") from None
    if (root.findtext(f".//{{{_ADDRESSING}}}RelatesTo") or "").strip() != message_id:
        raise ValueError("not_ours")
    found: list[FoundDevice] = []
    for match in root.iterfind(f".//{{{_DISCOVERY}}}ProbeMatch"):
        if len(found) < MAX_LIST and (device := _device(match, address)) is not None:
            found.append(device)
    if not found:
        raise ValueError("no_device")
    return found


def _device(match: Any, address: str) -> FoundDevice | None:
    services = tuple(
        s for s in _words(match.findtext(f"{{{_DISCOVERY}}}XAddrs")) if _is_service(s)
    )[:MAX_LIST]  # fmt: skip
    if not services:
        return None
    scopes: dict[str, str] = {}
    head = False
    for scope in _words(match.findtext(f"{{{_DISCOVERY}}}Scopes"))[: 4 * MAX_LIST]:
        told = re.fullmatch(r"onvif://www\.onvif\.org/(name|hardware|location)/(.{1,200})", scope)
        if told:
            scopes.setdefault(told[1], _plain(unquote(told[2])))
        head = head or scope.lower().rstrip("/") == "onvif://www.onvif.org/type/ptz"
    endpoint = match.findtext(f"{{{_ADDRESSING}}}EndpointReference/{{{_ADDRESSING}}}Address") or ""
    return FoundDevice(
        address, _plain(endpoint), services, scopes.get("name", ""), scopes.get("hardware", ""),
        scopes.get("location", ""), head,
    )  # fmt: skip


def _words(text: str | None) -> list[str]:
    return (text or "")[: MAX_DATAGRAM // 2].split()


def _plain(text: str) -> str:
    """No control characters, and not more than a name's length."""
    return "".join(c for c in text.strip() if c.isprintable())[:120]


def _is_service(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            len(url) <= 300 and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        )
    except ValueError:
        return False


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, message_id: str, search: Search) -> None:
        self._message_id, self._search = message_id, search
        self._seen: set[tuple[str, str]] = set()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        counters = self._search.counters
        counters["datagrams"] += 1
        if len(self._search.devices) >= MAX_DEVICES or counters["datagrams"] > 8 * MAX_DEVICES:
            counters["too_many"] += 1
            return
        try:
            devices = read(data, self._message_id, str(addr[0]))
        except ValueError as error:
            counters[str(error)] += 1
            return
        for device in devices:
            key = (device.address, device.endpoint or device.services[0])
            if key in self._seen:
                counters["repeated"] += 1
            else:
                self._seen.add(key)
                self._search.devices.append(device)


async def search(
    seconds: float = 3.0, *, to: tuple[str, int] = (GROUP, PORT), interface: str | None = None
) -> Search:
    """Ask once (twice on the wire, for datagrams get lost) and listen.

    Args:
        seconds: of listening, at most ``MAX_SECONDS``.
        to: where the probe goes; the multicast group, or one device's own address.
        interface: our address on the network to ask; None: the system's choice.

    Raises:
        OSError: the network cannot be asked.
    """
    message_id = f"uuid:{uuid.uuid4()}"
    found = Search()
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.setblocking(False)
        # One hop: the local network, as the standard has it.
        own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        if interface:
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        own.bind((interface or "", 0))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Listener(message_id, found), sock=own
        )
    except BaseException:
        own.close()
        raise
    try:
        message = probe(message_id)
        transport.sendto(message, to)
        await asyncio.sleep(0.2)
        transport.sendto(message, to)
        await asyncio.sleep(min(max(seconds, 0.2), MAX_SECONDS) - 0.2)
    finally:
        transport.close()
    found.devices.sort(key=lambda d: (d.address, d.endpoint))
    return found
