"""What an examination finds. ``unknown``: not looked at, because a step before it failed or nothing applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """One step: its text is ``gateways.cameras.check.<name>.<variant>`` with ``params`` as the evidence."""

    name: str
    verdict: Verdict
    variant: str
    params: dict[str, object] = field(default_factory=dict)


def ok(name: str, variant: str = "ok", **params: object) -> Check:
    return Check(name, "ok", variant, params)


def warn(name: str, variant: str, **params: object) -> Check:
    return Check(name, "warn", variant, params)


def fail(name: str, variant: str, **params: object) -> Check:
    return Check(name, "fail", variant, params)


def unknown(name: str, variant: str = "skipped", **params: object) -> Check:
    return Check(name, "unknown", variant, params)
