"""The one screen: composes what registry, telemetry, alarms and gateways know into one answer for one moment."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm
from parksight.cases import panel as case_panel
from parksight.cases.service import CaseService
from parksight.command import doors, energy, repository, surroundings, watch
from parksight.command.moment import Moment, levels_by_point
from parksight.command.repository import PointRow, Thing
from parksight.command.schemas import (
    AlarmPanel,
    AlarmRow,
    Coverage,
    Drill,
    EnergyPanel,
    EnvironmentPanel,
    Incident,
    IngestPanel,
    Kpi,
    Overview,
    PointState,
    StalePoint,
    TankPanel,
    Timeline,
    WeatherPanel,
    ZoneHead,
)
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import invalid
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import ZoneSettings
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Store

_WEATHER = "weather"
#: An answer this young serves everybody with the same eyes: many walls ask for the same picture.
_KEEP_S = 1.0
_KEPT = 32
#: Instants later than now by this much are a mistake, not a clock difference.
_AHEAD_MS = 60_000


@dataclass(frozen=True, slots=True)
class _Eyes:
    """What two callers must have in common to see the same picture."""

    scope: frozenset[int] | None
    alarms: bool
    points: bool
    ingest: bool
    gateways: bool
    registry: bool
    cases: tuple[str, ...] | None


class CommandService:
    """Builds the overview.

    Args:
        db: records.
        clock: the platform's time.
        zone: name and civil time zone of the zone.
        live: newest values.
        store: history.
        books: the ingest pipeline.
        gateways: the running gateways.
        cases: work that must be closed; None where there is none (tests of other panels).
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        zone: ZoneSettings,
        live: LiveTable,
        store: Store,
        books: doors.Books,
        gateways: doors.Gateways,
        cases: CaseService | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._tz = ZoneInfo(zone.timezone)
        self._live = live
        self._store = store
        self._books = books
        self._gateways = gateways
        self._cases = cases
        self._rate = doors.RateMeter(clock, lambda: int(books.ingest_counters()["stored"]))
        self._kept: dict[_Eyes, tuple[float, Overview]] = {}
        self._lock = threading.Lock()
        self._building: dict[_Eyes, threading.Lock] = {}
        # a change of alarms or cases is seen at the next question, not a second later
        self._unsubscribe = [
            db.bus.subscribe(subject, lambda _event: self.forget()) for subject in ("alarms.>", "cases.>")
        ]

    def overview(self, caller: Caller, at_ms: int | None = None) -> Overview:
        """Everything of the one screen, as the caller may see it.

        Args:
            at_ms: a past moment, ms since the epoch; None is now.

        Raises:
            ProblemError: 422 ``command.at_in_future`` for a moment that has not come yet.
        """
        eyes = _Eyes(
            scope=caller.enterprises,
            alarms=caller.may("alarms.alarm.read"),
            points=caller.may("telemetry.point.read"),
            ingest=caller.may("telemetry.ingest.read"),
            gateways=caller.may("gateways.gateway.read"),
            registry=caller.may("registry.enterprise.read"),
            # what is shown of cases depends on the roles, and on what one takes part in
            cases=(*sorted(caller.roles), str(caller.id)) if caller.may("cases.case.read") else None,
        )
        if at_ms is not None:
            if at_ms > self._clock.now_ms() + _AHEAD_MS:
                raise invalid("command.at_in_future", "at")
            return self._build(caller, eyes, at_ms)
        with self._lock:
            gate = self._building.setdefault(eyes, threading.Lock())
        with gate:  # one builds, the others take what was built
            kept = self._kept.get(eyes)
            if kept and self._clock.monotonic() - kept[0] < _KEEP_S:
                return kept[1]
            built = self._build(caller, eyes, None)
            with self._lock:
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                    self._building = {eyes: gate}
                self._kept[eyes] = (self._clock.monotonic(), built)
            return built

    def forget(self) -> None:
        """Build anew at the next question."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Let go of the bus. Idempotent."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    def _build(self, caller: Caller, eyes: _Eyes, at_ms: int | None) -> Overview:
        now = self._clock.now_ms()
        moment = Moment(self._live, self._store, now if at_ms is None else at_ms, at_ms is None)
        with self._db.read() as session:
            return _Picture(self, session, caller, eyes, moment, now).draw()


class _Picture:
    """One answer in the making; holds what its panels share."""

    def __init__(
        self, service: CommandService, session: Session, caller: Caller, eyes: _Eyes, moment: Moment, now: int
    ) -> None:
        self.service = service
        self.session = session
        self.caller = caller
        self.eyes = eyes
        self.moment = moment
        self.now = now
        self.at = None if moment.is_live else watch.instant(moment.at_ms)
        self.alarms: list[Alarm] = repository.open_alarms(session, caller, self.at) if eyes.alarms else []
        self.levels = levels_by_point((a.point_id, a.priority) for a in watch.standing(self.alarms, self.at))
        kinds = (*energy.KINDS, *surroundings.ENVIRONMENT, surroundings.TANKS, _WEATHER)
        self.points = repository.points(session, caller, kinds) if eyes.points else []
        self.alarmed = repository.points_by_id(session, caller, {a.point_id for a in self.alarms})
        moment.fetch([*self.points, *self.alarmed.values()])
        self.firms = repository.enterprises(
            session, caller, self._ids("enterprise_id") if eyes.registry else set()
        )
        self.equipment = repository.things(session, caller, self._ids("thing_id"))

    def _ids(self, name: str) -> set[int]:
        rows: Sequence[PointRow | Alarm] = [*self.points, *self.alarms]
        return {value for r in rows if (value := getattr(r, name)) is not None}

    def of_kind(self, *kinds: str) -> list[PointRow]:
        return [p for p in self.points if any(p.kind == k or p.kind.startswith(k + ".") for k in kinds)]

    def draw(self) -> Overview:
        service, moment = self.service, self.moment
        alarm_panel, incident, timeline = self._watch()
        points, stale = self._trust()
        load = energy.build(self.of_kind("energy"), moment, service._store, service._tz, self.firms)
        environment, tanks = self._surroundings()
        ingest = self._ingest()
        weather = self._weather()
        zone = service._zone
        return Overview(
            server_ms=self.now,
            at=moment.at_ms,
            live=moment.is_live,
            simulated=moment.simulated,
            zone=ZoneHead(name=zone.name, name_en=zone.name_en, timezone=zone.timezone, centre=zone.centre),
            kpis=self._kpis(points, alarm_panel, load, environment, ingest),
            points=points,
            stale=stale,
            alarms=alarm_panel,
            incident=incident,
            tanks=tanks,
            energy=load,
            environment=environment,
            ingest=ingest,
            weather=weather,
            timeline=timeline,
        )

    def _watch(self) -> tuple[AlarmPanel | None, Incident | None, Timeline | None]:
        if not self.eyes.alarms:
            return None, None, None
        moment = self.moment
        shown: list[AlarmRow] = watch.rows(
            self.alarms, self.at, self.alarmed, self.equipment, self.firms, moment
        )
        end = watch.instant(moment.at_ms + 1)
        raised = repository.raised_between(self.session, self.caller, watch.rate_since(end), end)
        start_ms, end_ms = watch.timeline_span(moment.at_ms, self.now)
        day = repository.raised_between(
            self.session, self.caller, watch.instant(start_ms), watch.instant(end_ms)
        )
        return (
            watch.panel(self.alarms, self.at, shown, len(raised)),
            watch.incident(self.alarms, self.at, shown, moment, self.service._store),
            watch.timeline(day, start_ms, end_ms, self.now),
        )

    def _trust(self) -> tuple[PointState | None, list[StalePoint]]:
        if not self.eyes.points:
            return None, []
        live = self.service._live
        if not self.moment.is_live:
            everything = list(
                repository.points_by_id(self.session, self.caller, live.active().tolist()).values()
            )
            return doors.state_then(everything, self.service._store, self.moment.at_ms), []
        ids = [int(i) for i in doors.stale_ids(live, self.now)[:200]]
        own = repository.points_by_id(self.session, self.caller, ids)
        firms: dict[int, Thing] = dict(self.firms)
        more = {p.enterprise_id for p in own.values() if p.enterprise_id is not None} - firms.keys()
        if more and self.eyes.registry:
            firms |= repository.enterprises(self.session, self.caller, more)
        return (
            doors.state_now(live, self.now, self.caller.enterprises),
            doors.worst(ids, own, live, self.now, firms),
        )

    def _surroundings(self) -> tuple[EnvironmentPanel | None, TankPanel | None]:
        outside = self.of_kind(*surroundings.ENVIRONMENT)
        vessels = self.of_kind(surroundings.TANKS)
        limits = repository.limits(self.session, (p.id for p in (*outside, *vessels)))
        return (
            surroundings.environment(
                outside, limits, self.levels, self.moment, self.service._store, self.firms, self.equipment
            ),
            surroundings.tanks(vessels, limits, self.levels, self.moment, self.firms, self.equipment),
        )

    def _ingest(self) -> IngestPanel | None:
        if not self.eyes.ingest or not self.moment.is_live:
            return None  # the books are of this process and this moment; they have no past
        statuses = self.service._gateways.status() if self.eyes.gateways else []
        return doors.ingest(self.service._books, self.service._rate(), statuses)

    def _weather(self) -> WeatherPanel | None:
        own = self.of_kind(_WEATHER)
        if not own:
            return None

        def first(tail: str) -> PointRow | None:
            mine = [p for p in own if p.kind == f"{_WEATHER}.{tail}"]
            # the zone's own station first; one that speaks before one that does not
            mine.sort(key=lambda p: (self.moment.stale(p), p.enterprise_id is not None, -p.priority, p.id))
            return mine[0] if mine else None

        chosen = {key: first(key) for key in ("wind_speed", "temperature", "humidity")}
        chosen["wind_from"] = first("wind_direction")
        return WeatherPanel(**{k: self.moment.figure(p) if p else None for k, p in chosen.items()})

    def _kpis(
        self,
        points: PointState | None,
        alarms: AlarmPanel | None,
        load: EnergyPanel | None,
        environment: EnvironmentPanel | None,
        ingest: IngestPanel | None,
    ) -> list[Kpi]:
        out: list[Kpi] = []
        if self.eyes.registry:
            number = repository.enterprise_count(self.session, self.caller)
            out.append(doors.kpi("enterprises", doors.count(number, Drill(page="enterprises"))))
        if points:
            part = Coverage(n=points.online, of=points.total)
            figure = doors.count(points.online, Drill(page="points"), coverage=part)
            out.append(doors.kpi("points_online", figure, of=points.total))
        if ingest:
            out.append(doors.kpi("rate", doors.count(ingest.rate, Drill(page="gateways"))))
            if ingest.gateways:
                linked = sum(g.connections for g in ingest.gateways)
                out.append(doors.kpi("connections", doors.count(linked, Drill(page="gateways"))))
        if load:
            out.append(doors.kpi("power", load.now))
        if environment:
            over = doors.count(
                environment.exceeding if environment.judged else None,
                Drill(page="points", params={"kind": "emission"}),
                coverage=Coverage(n=environment.judged, of=environment.total),
            )
            out.append(doors.kpi("exceeding", over))
        if self.eyes.cases and self.service._cases is not None and self.moment.is_live:
            # lights are computed from clocks that run now; what they were then is in the histories
            unfinished, overdue = case_panel.figures(
                self.session, self.caller, self.service._cases, watch.instant(self.now)
            )
            late = doors.count(overdue, Drill(page="work", params={"box": "all", "light": "red"}))
            out.append(doors.kpi("overdue_cases", late, of=unfinished))
        if alarms:
            out.append(doors.kpi("unacknowledged", doors.count(alarms.unacknowledged, Drill(page="alarms"))))
        return out
