"""What the data say at a handover of the watch: silent points, and doors that do not run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from parksight.command import doors, repository
from parksight.duty.contributors import Item, Section
from parksight.kernel.clock import Clock
from parksight.kernel.permissions import Caller
from parksight.telemetry.live_table import LiveTable

#: Silent points that fit on a handover, those silent for the longest first; the total is shown with them.
SHOWN = 50


class DataItems:
    """A :class:`~parksight.duty.contributors.HandoverContributor`.

    Args:
        live: newest values.
        gateways: the running gateways.
        clock: silence is judged at the moment of the draft.
    """

    name = "telemetry"

    def __init__(self, live: LiveTable, gateways: doors.Gateways, clock: Clock) -> None:
        self._live = live
        self._gateways = gateways
        self._clock = clock

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        sections = []
        if caller.may("telemetry.point.read"):
            sections.append(self._silent(session, caller))
        if caller.may("gateways.gateway.read"):
            stopped = [s for s in self._gateways.status() if not s.running]
            items = [
                Item(
                    key=f"gateway:{s.name}", text="command.handover.gateway", params={"name": s.name},
                    page=f"/gateways/{s.name}", severity="critical",
                )
                for s in stopped
            ]  # fmt: skip
            sections.append(Section("gateways", "command.handover.gateways", items))
        return sections

    def _silent(self, session: Session, caller: Caller) -> Section:
        now = self._clock.now_ms()
        ids = [int(i) for i in doors.stale_ids(self._live, now)]
        mine = repository.points_by_id(session, caller, set(ids))
        ordered = [mine[i] for i in ids if i in mine]
        shown = ordered[:SHOWN]
        observed = self._live.rows([p.id for p in shown], now).observed_at
        items = [
            Item(
                key=f"point:{p.id}", text="command.handover.silent",
                params={"name": p.name, "name_en": p.name_en, "code": p.code},
                subject=("point", str(p.id)), page=f"/points?q={p.code}", severity="warning",
                since=datetime.fromtimestamp(at / 1000, UTC) if at >= 0 else None,
            )
            for p, at in zip(shown, observed.tolist(), strict=True)
        ]  # fmt: skip
        return Section("silent", "command.handover.silent_points", items, len(ordered))
