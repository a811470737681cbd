"""The way of the picture: name, port, sign-in, stream, codec, transport, packets, key picture, clock.

The camera is played for a few seconds by the same session that the viewers use, so what is found out is what they meet.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from parksight.gateways.cameras.doctor.checks import Check, fail, ok, unknown, warn
from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.gateways.cameras.ptz.device_clock import precise_ms
from parksight.gateways.cameras.rtsp.session import Session, Target, checked
from parksight.kernel.clock import Clock

STEPS = ("name", "port", "credentials", "stream", "codec", "transport", "packets", "key", "clock")
#: A camera's clock may differ by this much, s; more spoils recordings and evidence.
CLOCK_S = 2.0

#: Reason of a session that ended -> the step it failed at and the variant of its text.
_WHERE: dict[str, tuple[str, str]] = {
    "address": ("name", "address"), "name": ("name", "fail"), "timeout": ("stream", "timeout"), "tls": ("port", "tls"),
    "not_rtsp": ("port", "not_rtsp"), "connection_lost": ("port", "lost"), "credentials": ("credentials", "fail"),
    "forbidden": ("credentials", "forbidden"), "no_stream": ("stream", "fail"), "redirects": ("stream", "redirects"),
    "answer": ("stream", "answer"), "busy": ("stream", "busy"), "too_many_viewers": ("stream", "busy"),
    "no_video": ("codec", "no_video"), "codec": ("codec", "fail"), "format": ("codec", "fail"),
    "transport": ("transport", "refused"), "no_packets": ("packets", "none"), "silent": ("packets", "silent"),
    "udp_loss": ("packets", "loss"), "goodbye": ("packets", "goodbye"), "session_lost": ("packets", "goodbye"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for each answer, without a packet, and for a key picture."""

    answer: float = 3.0
    silence: float = 3.0
    key: float = 8.0


async def examine(target: Target, clock: Clock, patience: Patience) -> list[Check]:
    """Every step in order; those after the first failure are unknown."""
    found: list[Check] = []
    try:
        parts = checked(target.url)
    except CameraError as error:
        return _rest([fail("name", "address", detail=error.detail)])
    host = parts.hostname or ""
    try:
        addresses = await _resolve(host)
    except OSError as error:
        return _rest([fail("name", "fail", host=host, detail=error.strerror or str(error))])
    found.append(ok("name", host=host, addresses=", ".join(addresses)))
    closed = await _port(host, parts.port or _default_port(parts.scheme), parts.scheme, patience.answer)
    if closed is not None:
        return _rest([*found, closed])
    told = replace(target, connect_s=patience.answer, silence_s=patience.silence)
    played = await _play(told, clock, patience)
    found += _judge(told, played)
    if found[-1].name == "packets" and found[-1].verdict == "fail" and played.session.transport == "udp":
        found[-1] = await _compare(told, clock, patience, found[-1])
    return _rest(found)


@dataclass(slots=True)
class _Played:
    session: Session
    units: list[AccessUnit]
    counters: Counter[str]
    error: CameraError | None
    #: The device's clock less ours by its sender reports, s.
    ahead_s: float | None


async def _play(target: Target, clock: Clock, patience: Patience) -> _Played:
    units: list[AccessUnit] = []
    counters: Counter[str] = Counter()
    session = Session(
        target,
        lambda unit: units.append(unit) if len(units) < 50 else None,
        lambda: precise_ms(clock),
        counters,
    )
    task = asyncio.create_task(session.run())
    end = clock.monotonic() + patience.answer + patience.key
    try:
        while not task.done() and clock.monotonic() < end:
            if any(u.key for u in units) and counters["sender_reports"]:
                break
            if any(u.key for u in units):
                end = min(end, clock.monotonic() + 2.0)  # a report comes about every second, or never
                await asyncio.sleep(0.1)
                continue
            await asyncio.sleep(0.05)
        error = None
        if task.done():
            with contextlib.suppress(asyncio.CancelledError):
                cause = task.exception()
                error = cause if isinstance(cause, CameraError) else CameraError("answer", repr(cause)[:200])
        track = session.track
        ahead = None
        if track is not None and track.report is not None:
            ahead = (track.report.wall_ms - track.report_at) / 1000
        return _Played(session, units, counters, error, ahead)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _judge(target: Target, played: _Played) -> list[Check]:
    error, session, counters = played.error, played.session, played.counters
    step, variant = _WHERE.get(error.reason, ("stream", "answer")) if error is not None else ("", "")
    parts = urlsplit(target.url)
    port = parts.port or _default_port(parts.scheme)
    codec = session.track.codec if session.track is not None else ""
    signed = "user" if target.username else "anonymous"
    good: dict[str, Check] = {
        "port": ok("port", port=port),
        "credentials": ok("credentials", signed, user=target.username),
        "stream": ok("stream", path=parts.path or "/"),
        "codec": ok("codec", codec="H.264") if codec == "h264" else warn("codec", "h265"),
        "transport": ok("transport", transport=session.transport.upper()),
        "packets": ok("packets", packets=counters["packets"], lost=counters["lost"]),
    }
    found: list[Check] = []
    for name, check in good.items():
        if error is not None and name == step:
            return [
                *found,
                fail(
                    name, _transport(variant, target, session), port=port, host=parts.hostname, path=parts.path,
                    user=target.username or "-", detail=error.detail, transport=session.transport.upper() or "-",
                ),
            ]  # fmt: skip
        if name == "packets" and not counters["packets"]:
            return [*found, fail("packets", "none", transport=session.transport.upper() or "-", detail="")]
        found.append(check)
    if not any(u.key for u in played.units):
        return [*found, fail("key", "fail", packets=counters["packets"], broken=counters["waiting_for_key"])]
    return [*found, ok("key", pictures=len(played.units)), clock_check(played.ahead_s)]


def _transport(variant: str, target: Target, session: Session) -> str:
    if variant == "refused":
        return "refused_tcp" if target.transport == "tcp" else "refused_udp"
    if variant == "none" and session.transport == "udp":
        return "udp"
    return variant


def clock_check(ahead_s: float | None) -> Check:
    if ahead_s is None:
        return unknown("clock", "none")
    if abs(ahead_s) <= CLOCK_S:
        return ok("clock", seconds=round(ahead_s, 1))
    return warn("clock", "ahead" if ahead_s > 0 else "behind", seconds=round(abs(ahead_s), 1))


async def _compare(target: Target, clock: Clock, patience: Patience, found: Check) -> Check:
    """No datagram came: whether the same stream comes by TCP tells the network from the camera."""
    played = await _play(replace(target, transport="tcp"), clock, replace(patience, key=2.0))
    works = played.counters["packets"] > 0
    return Check(found.name, found.verdict, "udp_but_tcp" if works else "udp", found.params)


def _default_port(scheme: str) -> int:
    return 322 if scheme == "rtsps" else 554


async def _port(host: str, port: int, scheme: str, patience_s: float) -> Check | None:
    """What is wrong with the port, asked by itself so that a slow service is not taken for a firewall."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), patience_s)
    except TimeoutError:
        return fail("port", "filtered", host=host, port=port, detail=f"{patience_s:g} s")
    except ConnectionRefusedError:
        return fail("port", "closed", host=host, port=port)
    except OSError as error:
        return fail("port", "unreachable", host=host, port=port, detail=error.strerror or str(error))
    try:
        if scheme == "rtsp":
            return await _speaks(reader, writer, host, port, patience_s)
    finally:
        writer.close()
    return None


async def _speaks(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, patience_s: float
) -> Check | None:  # fmt: skip
    """Whether it is RTSP that answers; one that says nothing is left to the session."""
    name = f"[{host}]" if ":" in host else host
    writer.write(f"OPTIONS rtsp://{name}:{port}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
    try:
        first = await asyncio.wait_for(reader.read(64), patience_s)
    except (TimeoutError, OSError):
        return None
    if not first or first.startswith(b"RTSP/"[: len(first)]):
        return None
    said = first.split(b"\r\n")[0].decode("ascii", "replace")
    return fail("port", "not_rtsp", host=host, port=port, detail=said)


async def _resolve(host: str) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        told = await asyncio.wait_for(loop.getaddrinfo(host, None, type=socket.SOCK_STREAM), 5.0)
    except TimeoutError:
        raise OSError("no answer of the name server within 5 s") from None
    except UnicodeError as error:
        raise OSError(str(error)) from error
    return sorted({str(t[4][0]) for t in told})[:4]


def _rest(found: list[Check]) -> list[Check]:
    done = {c.name for c in found}
    return [*found, *(unknown(name) for name in STEPS if name not in done)]
