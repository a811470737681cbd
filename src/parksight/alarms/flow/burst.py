"""A burst of transitions worked out to rows; nothing outside changes before the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from parksight.alarms import kernels
from parksight.alarms.evaluation import Transitions, rule_of
from parksight.alarms.events import AlarmNotice
from parksight.alarms.flow import gates
from parksight.alarms.flow.announcer import candidate, instant, ms, point_facts
from parksight.alarms.flow.chatter import Chatter, ChatterGuard, Flicker
from parksight.alarms.flow.gates import GATES
from parksight.alarms.flow.grouping import Candidate
from parksight.alarms.flow.notices import notice_of_row
from parksight.alarms.flow.silences import Silences, Spot, Windows
from parksight.alarms.models import STEPS, Alarm, JournalEntry, Rule, Suppression
from parksight.telemetry.quality import QualityFlag

_PORTION = 500
_WORDS = {
    kernels.RAISED: "raised",
    kernels.CLEARED: "cleared",
    kernels.DOUBTED: "unknown",
    kernels.CONFIRMED: "known",
    kernels.WITHDRAWN: "withdrawn",
}
CHATTERING = "chattering"


@dataclass(slots=True)
class Standing:
    """An alarm that stands, as the recorder remembers it."""

    id: int
    known: bool
    notice: AlarmNotice


class Facts:
    """What the records of a burst need to know: points, what rules say of their steps, silences, works."""

    def __init__(self, session: Session, batches: Sequence[Transitions]) -> None:
        self.points = point_facts(session, sorted({int(p) for b in batches for p in b.point}))
        rules = sorted({rule_of(int(k)) for b in batches for k in b.key[b.what == kernels.RAISED]})
        self.rules: dict[int, Any] = {}
        for start in range(0, len(rules), _PORTION):
            statement = select(Rule.id, Rule.latching, Rule.post, Rule.service_reason)
            found = session.execute(statement.where(Rule.id.in_(rules[start : start + _PORTION])))
            self.rules.update({row.id: row for row in found})
        self.silences = Silences(session)
        instants = [int(a) for b in batches for a in (b.at.min(initial=b.now), b.at.max(initial=0))]
        self.windows = Windows(session, instant(min(instants)), instant(max(instants)))


class Burst:
    """
    Args:
        standing: alarms that stand, by step key.
        guard: the flicker guard.
    """

    def __init__(self, session: Session, batches: Sequence[Transitions], standing: dict[int, Standing], guard: ChatterGuard) -> None:  # fmt: skip
        self.session = session
        self.facts = Facts(session, batches)
        self._standing = standing
        self.open = dict(standing)
        self.flicker = Flicker(guard)
        self.unmatched = 0
        self.repeated = 0
        self.notices: list[tuple[str, AlarmNotice]] = []
        self.candidates: list[Candidate] = []
        self._fresh: list[dict[str, Any]] = []
        self._changes: dict[int, dict[str, Any]] = {}
        self._repeats: dict[int, int] = {}
        self._silent: dict[int, int] = {}
        self._journal: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
        self._told: list[tuple[str, dict[str, Any] | AlarmNotice, str, int]] = []
        self._new_open: dict[int, dict[str, Any]] = {}
        self._begun: dict[int, tuple[dict[str, Any], datetime]] = {}
        self._flickered: dict[int, tuple[AlarmNotice | dict[str, Any], str, int]] = {}
        self.released: list[Alarm] = []
        self._gated: dict[int, gates.Gated] = {}
        self._cleared: list[int] = []
        self._closed = self._closed_chatterers(guard)
        for batch in batches:
            self._add(batch)

    def _closed_chatterers(self, guard: ChatterGuard) -> set[int]:
        """Occurrences that stood for a chattering alarm and were closed by a person meanwhile."""
        ids = sorted(c.notice.id for c in guard.running.values())
        closed: set[int] = set()
        for start in range(0, len(ids), _PORTION):
            statement = select(Alarm.id).where(
                Alarm.id.in_(ids[start : start + _PORTION]), Alarm.handling == "closed"
            )
            closed.update(self.session.scalars(statement))
        return closed

    # --- working out ----------------------------------------------------------------------------------

    def _add(self, batch: Transitions) -> None:
        now = instant(batch.now)
        columns = (batch.key, batch.version, batch.step, batch.priority, batch.limit, batch.what, batch.at,
                   batch.value, batch.quality, batch.point, batch.suppressed)  # fmt: skip
        for key, version, step, priority, limit, what, at, value, quality, point_id, gate in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            observed = instant(at)
            reading = None if value != value else value
            if what == kernels.RAISED:
                self._raise(
                    key, version, step, priority, limit, observed, reading, quality, point_id, gate, now
                )
            elif what in (kernels.SUPPRESSED, kernels.RELEASED):
                self._gate(key, what, gate, observed, now)
            else:
                self._change(key, what, observed, reading, now, batch.why)

    def _raise(
        self, key: int, version: int, step: int, priority: int, limit: float, observed: datetime,
        value: float | None, quality: int, point_id: int, gate: int, now: datetime,
    ) -> None:  # fmt: skip
        if key in self.open or key in self._new_open:
            self.unmatched += 1
            return
        if self._again(key, observed, value, now):
            return
        begins = self.flicker.came(key, ms(observed))
        fact = self.facts.points.get(point_id)
        rule_id, word = rule_of(key), STEPS[step]
        spot = Spot(
            rule_id, word, point_id, getattr(fact, "thing_id", None), getattr(fact, "unit_id", None),
            getattr(fact, "enterprise_id", None),
        )  # fmt: skip
        silence = self.facts.silences.of(spot)
        window = self.facts.windows.of(spot, observed)
        rule = self.facts.rules.get(rule_id)
        chatter = self.flicker.of(key)
        kept: tuple[str, int] | None = None
        if silence is not None:
            kept = (silence.kind, silence.id)
        elif gate != kernels.ANNOUNCED:
            kept = (GATES[gate], 0)  # its record is made when the burst is written
        elif chatter is not None:
            kept = (CHATTERING, chatter.suppression_id)
        row: dict[str, Any] = {
            "point_id": point_id, "rule_id": rule_id, "rule_version": version, "step": word,
            "priority": priority, "raised_at": observed, "recorded_at": now, "value": value, "limit": limit,
            "quality": quality, "condition": "active", "cleared_at": None, "cleared_reason": None,
            "handling": "new" if kept is None else "suppressed",
            "enterprise_id": spot.enterprise_id, "thing_id": spot.thing_id, "unit_id": spot.unit_id,
            "simulated": bool(quality & QualityFlag.SIMULATED) or bool(getattr(fact, "simulated", False)),
            "annunciated_at": now if kept is None else None,
            "suppressed": None if kept is None else kept[0],
            "suppression_id": None if kept is None else kept[1],
            "latching": bool(rule and rule.latching), "post": (rule.post or None) if rule else None, "repeats": 0,
            "window_id": None if window is None else window.id, "group_id": None,
        }  # fmt: skip
        self._fresh.append(row)
        self._new_open[key] = row
        row["_code"], row["_key"], row["_fact"] = getattr(fact, "code", ""), key, fact
        detail = None if kept is None else {"suppressed": kept[0]}
        self._note(row, "raised", observed, now, value, None, detail)
        if kept is None:
            self._told.append(("raised", row, "active", ms(observed)))
            if begins:
                self._begun[key] = (row, observed)
                self._note(row, CHATTERING, observed, now, value, None)
        else:
            if kept[1]:
                self._silent[kept[1]] = self._silent.get(kept[1], 0) + 1
            self._told.append(("kept_silent", row, "active", ms(observed)))

    def _again(self, key: int, observed: datetime, value: float | None, now: datetime) -> bool:
        """A chattering alarm came again: the occurrence that stands for all is active once more."""
        change = {"condition": "active", "cleared_at": None, "cleared_reason": None}
        begun = self._begun.get(key)
        if begun is not None:
            row = begun[0]
            row.update(change)
            row["repeats"] += 1
            self._new_open[key] = row
            self._note(row, "repeated", observed, now, value, None)
            self._begun[key] = (row, max(begun[1], observed))
            self._flickered[key] = (row, "active", ms(observed))
            self.repeated += 1
            return True
        chatter = self.flicker.of(key)
        if chatter is None or chatter.notice.id in self._closed:
            return False
        notice = chatter.notice
        self._changes.setdefault(notice.id, {}).update(change)
        self._repeats[notice.id] = self._repeats.get(notice.id, 0) + 1
        self._silent[chatter.suppression_id] = self._silent.get(chatter.suppression_id, 0) + 1
        self.open[key] = Standing(notice.id, True, notice)
        self.flicker.again(key, ms(observed))
        self._note(None, "repeated", observed, now, value, notice)
        self._flickered[key] = (notice, "active", ms(observed))
        self.repeated += 1
        return True

    def _change(
        self, key: int, what: int, observed: datetime, value: float | None, now: datetime,
        why: dict[str, Any] | None,
    ) -> None:  # fmt: skip
        condition = {kernels.DOUBTED: "unknown", kernels.CONFIRMED: "active"}.get(what, "cleared")
        change: dict[str, Any] = {"condition": condition}
        if condition == "cleared":
            reason = "withdrawn" if what == kernels.WITHDRAWN else "returned"
            change |= {"cleared_at": observed, "cleared_reason": reason}
            self._cleared.append(key)
        subject = "cleared" if condition == "cleared" else "doubted"
        row = self._new_open.get(key)
        if row is not None:
            row.update(change)
            self._note(row, _WORDS[what], observed, now, value, None, why)
            self._tell_change(key, subject, row, condition, ms(observed))
            if condition == "cleared":
                del self._new_open[key]
            return
        standing = self.open.get(key)
        if standing is None:
            self.unmatched += 1
            return
        self._changes.setdefault(standing.id, {}).update(change)
        self._note(None, _WORDS[what], observed, now, value, standing.notice, why)
        self._tell_change(key, subject, standing.notice, condition, ms(observed))
        if condition == "cleared":
            del self.open[key]
        else:
            self.open[key] = Standing(standing.id, condition == "active", standing.notice)

    def _gate(self, key: int, what: int, gate: int, observed: datetime, now: datetime) -> None:
        """The evaluation begins or ends keeping a standing alarm silent; its condition stays what it is."""
        row = self._new_open.get(key)
        standing = self.open.get(key)
        if row is None and standing is not None:
            self._gated[standing.id] = (what, gate, observed, now)
        elif row is None:
            self.unmatched += 1
        elif what == kernels.SUPPRESSED and row["suppressed"] is None:
            row.update(suppressed=GATES.get(gate, "by_design"), suppression_id=0)
            self._note(row, "suppressed", observed, now, None, None)
        elif what == kernels.RELEASED and row["suppressed"] in GATES.values() and not row["suppression_id"]:
            row.update(suppressed=None, suppression_id=None, handling="new", annunciated_at=now)
            self._note(row, "unsuppressed", observed, now, None, None)
            self._told.append(("raised", row, row["condition"], ms(observed)))

    def _tell_change(
        self, key: int, subject: str, source: AlarmNotice | dict[str, Any], condition: str, at: int
    ) -> None:
        if key in self._begun or self.flicker.of(key) is not None:
            self._flickered[key] = (source, condition, at)  # one word per burst is enough
        else:
            self._told.append((subject, source, condition, at))

    def _note(
        self, row: dict[str, Any] | None, what: str, observed: datetime, now: datetime, value: float | None,
        notice: AlarmNotice | None, detail: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        source = (
            row
            if row is not None
            else {n: getattr(notice, n) for n in ("point_id", "enterprise_id", "step", "priority")}
        )
        entry = {
            "alarm_id": notice.id if notice is not None else None, "point_id": source["point_id"],
            "enterprise_id": source["enterprise_id"], "what": what, "step": source["step"],
            "priority": source["priority"], "observed_at": observed, "recorded_at": now, "value": value,
            "detail": detail,
        }  # fmt: skip
        self._journal.append((entry, row))

    # --- writing --------------------------------------------------------------------------------------

    def save_alarms(self) -> None:
        """Write the alarms and name the new ones; then they can be put into groups."""
        self._begin_chatter()
        gates.begin_fresh(self.session, self._fresh)
        if self._fresh:
            statement = insert(Alarm).returning(Alarm.id, sort_by_parameter_order=True)
            plain = [{k: v for k, v in row.items() if not k.startswith("_")} for row in self._fresh]
            for row, alarm_id in zip(self._fresh, self.session.scalars(statement, plain), strict=True):
                row["id"] = alarm_id
        self._save_changes()
        silent, self.released = gates.change(self.session, self._gated)
        self._note_silence(silent)
        was = [s for k in self._cleared if (s := self._standing.get(k)) is not None and s.notice.suppressed]
        gates.end_cleared(self.session, [s.id for s in was])
        self.candidates = [
            candidate(
                r["id"], ms(r["raised_at"]), r["rule_id"], r["step"], r["priority"], r["point_id"], r["_fact"],
                r["simulated"],
            )
            for r in self._fresh if r["annunciated_at"] is not None
        ]  # fmt: skip

    def save_rest(self, group_of: dict[int, int]) -> None:
        """Write journal and suppressions; work out what is told."""
        for row in self._fresh:
            row["group_id"] = group_of.get(row["id"])
        for entry, made in self._journal:
            if made is not None:
                entry["alarm_id"] = made["id"]
                if entry["what"] == "raised" and made["group_id"] is not None:
                    entry["detail"] = {"group": made["group_id"]}
        if self._journal:
            self.session.execute(insert(JournalEntry), [entry for entry, _ in self._journal])
        for key, row in self._new_open.items():
            self.open[key] = Standing(
                row["id"], row["condition"] == "active", notice_of_row(row, row["condition"], 0)
            )
        for key, (row, last) in self._begun.items():
            notice = notice_of_row(row, "active", 0)
            self.flicker.running[key] = Chatter(row["suppression_id"], notice, ms(last))
        self._move_chatterers()
        told = [*self._told, *(("repeated", *rest) for rest in self._flickered.values())]
        for subject, source, condition, at in told:
            notice = source if isinstance(source, AlarmNotice) else notice_of_row(source, condition, at)
            self.notices.append((subject, msgspec.structs.replace(notice, condition=condition, at=at)))

    def _move_chatterers(self) -> None:
        """A silent occurrence made after a person closed the old one stands for the chattering alarm now."""
        for row in self._fresh:
            chatter = self.flicker.of(row["_key"])
            if row["suppressed"] == CHATTERING and chatter is not None and row["_key"] not in self._begun:
                moved = Chatter(chatter.suppression_id, notice_of_row(row, "active", 0), ms(row["raised_at"]))
                self.flicker.running[row["_key"]] = moved

    def _begin_chatter(self) -> None:
        for row, observed in self._begun.values():
            record = Suppression(
                kind=CHATTERING, rule_id=row["rule_id"], step=row["step"], point_id=row["point_id"],
                enterprise_id=row["enterprise_id"], reason="alarms.chattering.reason", owner_name="ParkSight",
                from_at=observed, kept_silent=row["repeats"],
            )  # fmt: skip
            self.session.add(record)
            self.session.flush()
            row["suppressed"], row["suppression_id"] = CHATTERING, record.id

    def _note_silence(self, silent: dict[int, str | None]) -> None:
        for key, standing in self.open.items():
            if standing.id in silent:
                notice = msgspec.structs.replace(standing.notice, suppressed=silent[standing.id])
                self.open[key] = Standing(standing.id, standing.known, notice)

    def _save_changes(self) -> None:
        by_shape: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for alarm_id, change in self._changes.items():
            by_shape.setdefault(tuple(sorted(change)), []).append({"id": alarm_id, **change})
        for rows in by_shape.values():
            self.session.execute(update(Alarm), rows)
        table = cast(Table, Alarm.__table__)
        if self._repeats:
            more = (
                update(table)
                .where(table.c.id == bindparam("which"))
                .values(repeats=table.c.repeats + bindparam("n"))
            )
            self.session.connection().execute(more, [{"which": a, "n": n} for a, n in self._repeats.items()])
        if self._silent:
            silences = cast(Table, Suppression.__table__)
            count = (
                update(silences).where(silences.c.id == bindparam("which"))
                .values(kept_silent=silences.c.kept_silent + bindparam("n"))
            )  # fmt: skip
            self.session.connection().execute(count, [{"which": s, "n": n} for s, n in self._silent.items()])
