"""Why is this device silent? One table of checks, in the order in which an experienced person would look.

Each check looks at :class:`Evidence` and returns a verdict with figures; texts are in the locale files under
``gateways.check.<name>`` (title), ``.<verdict>`` or ``.<variant>`` (what was found) and ``.<variant>.action``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from parksight.gateways.activity import Activity
from parksight.gateways.directory import DeviceRecord, Mapped
from parksight.gateways.protocols import GatewayStatus

Verdict = Literal["ok", "fail", "unknown"]

#: A device is late after this many expected periods, as a point is.
STALE_PERIODS = 3
#: Protocols in which the platform makes the connection; in the others the device calls.
DIALLED = frozenset({"modbus", "mqtt"})
CONNECTIONLESS = frozenset({"http"})


@dataclass(slots=True)
class PointState:
    """One mapped point now: age in seconds of its newest value, None when there was never one."""

    point: int
    code: str
    period_s: float
    age_s: float | None


@dataclass(slots=True)
class Evidence:
    """All that is known about one device; ``None`` means not known, never "no"."""

    device: DeviceRecord
    now_ms: int
    gateway: GatewayStatus | None
    gateway_error: str | None
    activity: Activity
    frames_logged: int
    last_logged_ms: int | None
    mappings: dict[str, Mapped]
    broken: dict[str, str]
    points: list[PointState]
    unknown_addresses: list[str]
    received: int
    stored: int
    rejected: Counter[str]
    clock_skew_limit_ms: int = 120_000
    #: Why the gateway cannot serve this device at all, a reason code.
    trouble: str | None = None
    peers: list[str] = field(default_factory=list)

    @property
    def last_frame_ms(self) -> int | None:
        known = [t for t in (self.activity.last_frame_at, self.last_logged_ms) if t is not None]
        return max(known) if known else None

    @property
    def period_s(self) -> float:
        return min((p.period_s for p in self.points), default=60.0)


@dataclass(slots=True, frozen=True)
class Finding:
    """Verdict of one check; ``variant`` picks the text where a verdict has several."""

    verdict: Verdict
    variant: str
    params: dict[str, Any]


def _ok(**params: Any) -> Finding:
    return Finding("ok", "ok", params)


def _fail(variant: str = "fail", **params: Any) -> Finding:
    return Finding("fail", variant, params)


def _unknown(**params: Any) -> Finding:
    return Finding("unknown", "unknown", params)


def _top(counter: Counter[str], number: int = 3) -> str:
    return ", ".join(f"{reason} ×{count}" for reason, count in counter.most_common(number))


def _enabled(e: Evidence) -> Finding:
    return _ok() if e.device.enabled else _fail(device=e.device.code)


def _gateway_running(e: Evidence) -> Finding:
    if e.gateway is None:
        return _fail("absent", gateway=e.device.protocol)
    if not e.gateway.running:
        return _fail(gateway=e.gateway.name, error=e.gateway_error or "-")
    return _ok(gateway=e.gateway.name)


def _reachable(e: Evidence) -> Finding:
    activity = e.activity
    if activity.connected:
        return _ok(listening=e.device.address)
    if e.trouble is not None:
        return _fail(address=e.device.address, reason=e.trouble)
    if e.device.protocol in DIALLED and activity.refusal is not None:
        return _fail(address=e.device.address, reason=activity.refusal)
    if e.gateway is not None and e.gateway.listening:
        return _ok(listening=e.gateway.listening)
    return _unknown(address=e.device.address)


def _ever_heard(e: Evidence) -> Finding:
    if e.activity.connected_at is not None or e.last_frame_ms is not None or e.frames_logged:
        return _ok()
    if any(p.age_s is not None for p in e.points):
        return _ok()
    near = get_close_matches(e.device.address, e.unknown_addresses, n=1, cutoff=0.75)
    if near:
        return _fail("other_name", address=e.device.address, seen=near[0])
    return _fail(address=e.device.address)


def _declared_dead(e: Evidence) -> Finding:
    died, last = e.activity.died_at, e.last_frame_ms
    if died is not None and (last is None or last <= died):
        return _fail(seconds=(e.now_ms - died) // 1000)
    return _ok()


def _connected(e: Evidence) -> Finding:
    if e.device.protocol in CONNECTIONLESS or e.activity.connected is None:
        return _unknown()
    if e.activity.connected:
        return _ok(peers=", ".join(e.peers) or e.device.address)
    since = e.activity.disconnected_at or e.activity.refused_at
    return _fail(
        seconds=(e.now_ms - since) // 1000 if since is not None else "?", reason=e.activity.refusal or "-"
    )


def _frames_arriving(e: Evidence) -> Finding:
    last = e.last_frame_ms
    if last is None:
        return _fail("never")
    age = (e.now_ms - last) / 1000
    if age > STALE_PERIODS * e.period_s:
        return _fail(seconds=round(age), period=round(e.period_s))
    return _ok(seconds=round(age))


def _readable(e: Evidence) -> Finding:
    errors = e.activity.errors.total()
    if not errors:
        return _ok(frames=e.activity.frames) if e.activity.frames else _unknown()
    if errors * 10 >= e.activity.frames + errors:
        return _fail(errors=errors, frames=e.activity.frames + errors, reasons=_top(e.activity.errors))
    return _ok(frames=e.activity.frames)


def _mapped(e: Evidence) -> Finding:
    if e.broken:
        address, code = next(iter(sorted(e.broken.items())))
        return _fail("broken", number=len(e.broken), address=address, problem=code)
    if not e.mappings:
        return _fail("none", seen=", ".join(a for a, _ in e.activity.unmapped.most_common(5)) or "-")
    missed = e.activity.unmapped
    if missed and e.activity.last_reading_at is None:
        return _fail("other_addresses", seen=", ".join(a for a, _ in missed.most_common(5)))
    return _ok(number=len(e.mappings), unmapped=len(missed))


def _accepted(e: Evidence) -> Finding:
    refused = Counter({r: n for r, n in e.rejected.items() if r not in ("rate_limited", "duplicate")})
    total = refused.total()
    if not e.received:
        return _unknown()
    if total and not e.stored:
        return _fail("all", number=total, reasons=_top(refused))
    if total * 10 >= e.received:
        return _fail("many", number=total, received=e.received, reasons=_top(refused))
    return _ok(stored=e.stored, rejected=total)


def _not_throttled(e: Evidence) -> Finding:
    number = e.rejected["rate_limited"] + e.activity.throttled
    return _fail(number=number) if number else _ok()


def _clock(e: Evidence) -> Finding:
    skew = e.activity.clock_skew_ms
    if skew is None:
        return _unknown()
    if abs(skew) > e.clock_skew_limit_ms:
        return _fail("ahead" if skew > 0 else "behind", seconds=abs(skew) // 1000)
    return _ok(seconds=round(skew / 1000, 1))


def _points_fresh(e: Evidence) -> Finding:
    if not e.points:
        return _unknown()
    stale = [p for p in e.points if p.age_s is None or p.age_s > STALE_PERIODS * p.period_s]
    if not stale:
        return _ok(number=len(e.points))
    never = sum(p.age_s is None for p in stale)
    names = ", ".join(p.code for p in stale[:5])
    variant = "all" if len(stale) == len(e.points) else "some"
    return _fail(variant, stale=len(stale), number=len(e.points), never=never, points=names)


#: The order is the order of the answer; the first failure is the cause that is named.
CHECKS: tuple[tuple[str, Callable[[Evidence], Finding]], ...] = (
    ("enabled", _enabled),
    ("gateway_running", _gateway_running),
    ("reachable", _reachable),
    ("ever_heard", _ever_heard),
    ("declared_dead", _declared_dead),
    ("connected", _connected),
    ("frames_arriving", _frames_arriving),
    ("readable", _readable),
    ("mapped", _mapped),
    ("accepted", _accepted),
    ("not_throttled", _not_throttled),
    ("clock", _clock),
    ("points_fresh", _points_fresh),
)


def diagnose(evidence: Evidence) -> list[tuple[str, Finding]]:
    """All findings, in order."""
    return [(name, check(evidence)) for name, check in CHECKS]


def is_silent(evidence: Evidence) -> bool:
    """Whether any mapped point is stale or was never seen (or nothing is mapped at all)."""
    return not evidence.points or _points_fresh(evidence).verdict == "fail"


def ages_s(observed_at: np.ndarray[Any, np.dtype[np.int64]], now_ms: int) -> list[float | None]:
    """Seconds since each instant; None for -1, the live table's "never"."""
    return [None if t < 0 else max(0.0, (now_ms - int(t)) / 1000) for t in observed_at]
