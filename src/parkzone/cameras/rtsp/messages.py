"""RTSP requests: read with bounds, and the transports they wish for."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

MAX_LINE = 2048
MAX_HEADERS = 40
MAX_BODY = 8192


class BadRequestError(ValueError):
    """Not RTSP, or beyond the limits."""


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: dict[str, str]

    @property
    def cseq(self) -> str:
        return self.headers.get("cseq", "0")[:20]


@dataclass(frozen=True)
class Interleaved:
    """A packet that came in between: channel and content."""

    channel: int
    data: bytes


async def receive(reader: asyncio.StreamReader) -> Request | Interleaved:
    """The next thing from a client.

    Raises:
        BadRequestError: rubbish. IncompleteReadError: it has gone.
    """
    first = await reader.readexactly(1)
    while first in (b"\r", b"\n"):
        first = await reader.readexactly(1)
    if first == b"$":
        head = await reader.readexactly(3)
        return Interleaved(head[0], await reader.readexactly(int.from_bytes(head[1:], "big")))
    line = first.decode("latin-1") + await _line(reader)
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("RTSP/1."):
        raise BadRequestError(line[:80])
    headers: dict[str, str] = {}
    while text := await _line(reader):
        name, colon, value = text.partition(":")
        if not colon or len(headers) >= MAX_HEADERS:
            raise BadRequestError(text[:80])
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise BadRequestError(f"body of {length[:20]} bytes")
    await reader.readexactly(int(length))
    return Request(parts[0].upper(), parts[1], headers)


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        data = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise BadRequestError("a line without end") from error
    if len(data) > MAX_LINE:
        raise BadRequestError("a line too long")
    return data.rstrip(b"\r\n").decode("latin-1")


@dataclass(frozen=True)
class Transport:
    """How packets go: two interleaved channels, or the client's two UDP ports."""

    channels: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None


def transport(header: str) -> Transport | None:
    """The first of the wished ways that we know; None: none."""
    for wish in header.split(","):
        words = [w.strip().lower() for w in wish.split(";")]
        if "multicast" in words:
            continue
        if words[0] == "rtp/avp/tcp":
            pair = _pair(words, "interleaved") or (0, 1)
            if max(pair) <= 255:
                return Transport(channels=pair)
        if words[0] in ("rtp/avp", "rtp/avp/udp"):
            ports = _pair(words, "client_port")
            if ports and min(ports) > 0 and max(ports) <= 65535:
                return Transport(ports=ports)
    return None


def _pair(words: list[str], name: str) -> tuple[int, int] | None:
    for word in words:
        found = re.fullmatch(rf"{name}=(\d{{1,5}})(?:-(\d{{1,5}}))?", word)
        if found:
            first = int(found[1])
            return first, int(found[2]) if found[2] else first + 1
    return None
