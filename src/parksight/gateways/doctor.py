"""Collects the evidence for :mod:`parksight.gateways.diagnosis` from records, gateways, ingest and live table."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Protocol, runtime_checkable

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.gateways import repository
from parksight.gateways.activity import Activity
from parksight.gateways.context import GatewayContext
from parksight.gateways.diagnosis import Evidence, Finding, PointState, ages_s, diagnose, is_silent
from parksight.gateways.directory import DeviceRecord
from parksight.gateways.manager import GatewayManager
from parksight.gateways.models import Device, UnknownDevice
from parksight.gateways.schemas import CheckOut, DiagnosisOut
from parksight.kernel.i18n import has, translate
from parksight.telemetry.live_table import LiveRows

#: How far back an unknown sender may be the device in question under another name.
_UNKNOWN_WITHIN = timedelta(hours=1)


class LiveView(Protocol):
    """What is asked of the live table."""

    def rows(self, points: list[int], now_ms: int) -> LiveRows: ...


@runtime_checkable
class Troubled(Protocol):
    """A gateway that can say why it cannot serve a device at all."""

    def trouble(self, device: DeviceRecord) -> str | None:
        """Reason code, text under ``gateways.reason.<code>``; None where nothing is wrong."""
        ...


class BookLine(Protocol):
    """Ingest books of one source."""

    received: int
    stored: int
    rejected: Counter[str]


class BooksView(Protocol):
    """What is asked of the ingest's books."""

    def source(self, source: int) -> BookLine: ...


class Doctor:
    """Says why a device is silent.

    Args:
        context: shared parts of the gateways.
        manager: the running gateways.
        live: newest value per point; None leaves freshness unknown.
        books: ingest books per source; None falls back to the gateways' own counts.
        clock_skew_s: more than this between a device's clock and ours is a finding.
    """

    def __init__(
        self,
        context: GatewayContext,
        manager: GatewayManager,
        live: LiveView | None = None,
        books: BooksView | None = None,
        clock_skew_s: int = 120,
    ) -> None:
        self._context = context
        self._manager = manager
        self._live = live
        self._books = books
        self._skew_ms = clock_skew_s * 1000

    def evidence(self, session: Session, device: Device) -> Evidence:
        """Everything known about the device now."""
        context, now_ms = self._context, self._context.clock.now_ms()
        gateway = self._manager.get(device.protocol)
        activity = context.activity.get(device.id) or Activity()
        newest = context.frames.read(device.id, 1)
        received, stored, rejected = activity.readings, activity.stored, Counter(activity.rejected)
        if self._books is not None:
            line = self._books.source(device.id)
            received, stored, rejected = line.received, line.stored, Counter(line.rejected)
        recent = context.clock.now() - _UNKNOWN_WITHIN
        unknown = session.scalars(
            select(UnknownDevice.address).where(
                UnknownDevice.protocol == device.protocol, UnknownDevice.last_seen >= recent
            )
        )
        supervision = self._manager.supervision.get(device.protocol)
        return Evidence(
            device=_record(device),
            now_ms=now_ms,
            gateway=gateway.status() if gateway is not None else None,
            gateway_error=supervision.last_error if supervision else None,
            activity=activity,
            frames_logged=context.frames.total(device.id),
            last_logged_ms=newest[0].at_ms if newest else None,
            mappings=dict(context.directory.mappings(device.id)),
            broken={a: code for (i, a), code in context.directory.broken.items() if i == device.id},
            points=self._points(session, device.id, now_ms),
            unknown_addresses=list(unknown),
            received=received,
            stored=stored,
            rejected=rejected,
            clock_skew_limit_ms=self._skew_ms,
            trouble=gateway.trouble(_record(device)) if isinstance(gateway, Troubled) else None,
            peers=[c.peer for c in gateway.connections() if c.device_id == device.id] if gateway else [],
        )

    def _points(self, session: Session, device_id: int, now_ms: int) -> list[PointState]:
        found = {p.id: p for _, p in repository.mappings(session, device_id) if p is not None and p.active}
        if not found or self._live is None:
            return []
        ids = sorted(found)
        ages = ages_s(self._live.rows(ids, now_ms).observed_at, now_ms)
        return [
            PointState(i, found[i].code, found[i].period_s, age) for i, age in zip(ids, ages, strict=True)
        ]

    def diagnose(self, session: Session, device: Device, language: str) -> DiagnosisOut:
        """The checks in order, in the reader's language."""
        evidence = self.evidence(session, device)
        findings = diagnose(evidence)
        cause = next((name for name, f in findings if f.verdict == "fail"), None)
        return DiagnosisOut(
            device_id=device.id,
            silent=is_silent(evidence),
            cause=cause,
            checks=[_shown(name, finding, language) for name, finding in findings],
        )


def _shown(name: str, finding: Finding, language: str) -> CheckOut:
    key = f"gateways.check.{name}"
    text = f"{key}.{finding.variant}"
    params = {k: _reason(v, language) for k, v in finding.params.items()}
    return CheckOut(
        check=name,
        verdict=finding.verdict,
        title=translate(key, language),
        detail=translate(text, language, **params),
        action=translate(f"{text}.action", language, **params) if has(f"{text}.action") else None,
        params=finding.params,
    )


def _reason(value: object, language: str) -> object:
    """A reason code as text where there is one."""
    key = f"gateways.reason.{value}"
    return translate(key, language) if isinstance(value, str) and has(key) else value


def _record(device: Device) -> DeviceRecord:
    return DeviceRecord(
        id=device.id, code=device.code, protocol=device.protocol, name=device.name, name_en=device.name_en,
        address=device.address, enterprise_id=device.enterprise_id, enabled=device.enabled,
        simulated=device.simulated, version=device.version, config=device.config, policy=device.policy,
    )  # fmt: skip
