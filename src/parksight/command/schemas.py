"""What the one screen shows. Every number carries unit, age, coverage and where its records are.

Instants are ms since the epoch, UTC. ``None`` is "unknown", never zero.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Target = Literal["trends", "points", "enterprises", "alarms", "gateways", "devices", "map", "work"]


class Shown(BaseModel):
    """Base of what is shown: every member is always there, so that generated types need no "maybe"."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Coverage(Shown):
    """``n`` parts answered with a usable value of ``of`` that exist."""

    n: int
    of: int


class Drill(Shown):
    """Where the records behind a number are: a page of the site and its query."""

    page: Target
    params: dict[str, str] = Field(default_factory=dict)


class Figure(Shown):
    """A number with everything that is needed to believe it.

    Attributes:
        observed_at: instant of the *oldest* newest-value in it; a sum is as old as its oldest part.
        period_s: longest expected period of its parts, seconds; older than three of them is stale.
        points: ids whose live values make up the number when there are few; the page follows them live.
    """

    value: float | None
    unit: str
    observed_at: int | None = None
    period_s: float | None = None
    coverage: Coverage | None = None
    simulated: bool = False
    points: list[int] = Field(default_factory=list)
    drill: Drill | None = None


class Named(Shown):
    id: int
    name: str
    name_en: str = ""


class ZoneHead(Shown):
    name: str
    name_en: str
    timezone: str
    centre: tuple[float, float]


class Kpi(Shown):
    """One cell of the strip; ``key`` is the word of its label ``command.kpi.<key>``."""

    key: str
    figure: Figure
    of: float | None = Field(None, description="the whole that value is a part of, where there is one")


class AlarmRow(Shown):
    """An active alarm as the column, the map and the incident card show it."""

    id: int
    level: Literal[1, 2, 3, 4]
    state: str
    acknowledged: bool
    acknowledged_by: str | None = None
    kind: str
    raised_at: int
    cleared_at: int | None = None
    point_id: int | None
    point_name: str
    point_name_en: str = ""
    thing: Named | None = None
    enterprise: Named | None = None
    value: float | None
    peak: float | None = None
    limit: float | None
    unit: str
    lon: float | None = None
    lat: float | None = None
    simulated: bool = False


class AlarmPanel(Shown):
    """Counts are of active alarms by level; ``items`` the worst first, at most as many as the column holds.

    Attributes:
        rate_per_hour: alarms raised per hour over ``rate_hours`` before the moment shown.
    """

    counts: dict[int, int]
    unacknowledged: int
    total: int
    items: list[AlarmRow]
    rate_per_hour: float | None
    rate_hours: float


class Step(Shown):
    """A step of handling that really happened (or, without ``at``, has not yet)."""

    key: str
    at: int | None
    by: str | None = None


class Incident(Shown):
    """The one alarm that owns the screen: the highest active one, unacknowledged and newest first."""

    alarm: AlarmRow
    trend: list[tuple[int, float | None]]
    trend_width_ms: int
    steps: list[Step]


class TankRow(Shown):
    """A tank with its level. ``low``/``high`` are alarm limits, ``bottom``/``top`` the instrument's range."""

    point_id: int
    name: str
    name_en: str
    thing: Named | None
    enterprise: Named | None
    figure: Figure
    low: float | None
    high: float | None
    bottom: float
    top: float
    level: Literal[1, 2, 3, 4] | None
    stale: bool


class TankPanel(Shown):
    rows: list[TankRow]
    total: int


class LoadPoint(Shown):
    """Sum over the meters of their means in a quarter of an hour; ``n`` meters had one."""

    start: int
    value: float | None
    n: int


class Utility(Shown):
    key: str
    figure: Figure
    spark: list[float | None]


class EnterpriseEnergy(Shown):
    enterprise: Named
    figure: Figure
    share: float | None


class EnergyPanel(Shown):
    """Active power of all meters. ``change`` compares with yesterday's same quarter over the same meters."""

    now: Figure
    change: float | None
    change_coverage: Coverage | None
    width_ms: int
    today: list[LoadPoint]
    yesterday: list[LoadPoint]
    meters: int
    utilities: list[Utility]
    ranking: list[EnterpriseEnergy]


class EnvironmentRow(Shown):
    point_id: int
    name: str
    name_en: str
    kind: str
    enterprise: Named | None
    thing: Named | None
    figure: Figure
    limit: float | None
    warn: float | None
    scale: float
    level: Literal[1, 2, 3, 4] | None
    stale: bool
    spark: list[float | None]


class EnvironmentPanel(Shown):
    """``judged`` points have a limit and a fresh value, ``exceeding`` of them are above it."""

    rows: list[EnvironmentRow]
    total: int
    judged: int
    exceeding: int
    unknown: int


class PointState(Shown):
    """Points by what may be believed of them; ``unknown`` have never said anything."""

    total: int
    online: int
    suspect: int
    stale: int
    unknown: int


class StalePoint(Shown):
    point_id: int
    code: str
    name: str
    name_en: str
    enterprise: Named | None
    observed_at: int | None
    period_s: float


class GatewayRow(Shown):
    name: str
    running: bool
    listening: str | None
    connections: int
    rejected: int


class IngestPanel(Shown):
    """The doors: received = stored + rejected + in flight."""

    received: int
    stored: int
    rejected: dict[str, int]
    in_flight: int
    rate: float | None
    gateways: list[GatewayRow]


class WeatherPanel(Shown):
    """The zone's own station: direction in degrees the wind comes *from*."""

    wind_speed: Figure | None
    wind_from: Figure | None
    temperature: Figure | None
    humidity: Figure | None


class Timeline(Shown):
    """Alarms raised per bucket and level (index 0 is level 1), for the time conductor."""

    start: int
    end: int
    width_ms: int
    counts: list[tuple[int, int, int, int]]


class Overview(Shown):
    """Everything of the one screen at one moment.

    A panel is None when the caller may not see it. ``live`` is False when a past moment was asked for:
    then values are the last ones observed at or before ``at``.
    """

    server_ms: int
    at: int
    live: bool
    simulated: bool
    zone: ZoneHead
    kpis: list[Kpi]
    points: PointState | None
    stale: list[StalePoint]
    alarms: AlarmPanel | None
    incident: Incident | None
    tanks: TankPanel | None
    energy: EnergyPanel | None
    environment: EnvironmentPanel | None
    ingest: IngestPanel | None
    weather: WeatherPanel | None
    timeline: Timeline | None
