"""What the API shows of observations. Instants are ms since the epoch, UTC."""

from __future__ import annotations

from pydantic import BaseModel

from parksight.telemetry.points.schemas import LastValue


class LastItem(LastValue):
    """Newest value of a point, in its unit."""

    point: int
    code: str
    unit: str


class LastAnswer(BaseModel):
    """Newest values in the order asked for."""

    server_ms: int
    items: list[LastItem]


class Series(BaseModel):
    """The course of one point: equally long columns, one entry per bucket that has any row.

    Attributes:
        period_ms: expected time between readings.
        simulated: the point, or any row in it, is simulated.
        coverage: usable rows of the whole span as a share of those expected up to now; null before any is
            expected.
        count: all rows of the bucket; ``usable`` those that quality allows in a mean.
        min: over the usable rows, null where there is none; likewise ``max``, ``mean`` and ``last``.
        bucket_coverage: usable rows as a share of those expected by the point's period, 0 to 1.
        quality: quality byte: worst code of the rows with all their flags.
    """

    point: int
    code: str
    name: str
    name_en: str
    unit: str
    period_ms: int
    simulated: bool
    coverage: float | None
    start: list[int]
    count: list[int]
    usable: list[int]
    min: list[float | None]
    max: list[float | None]
    mean: list[float | None]
    last: list[float | None]
    bucket_coverage: list[float]
    quality: list[int]


class Course(BaseModel):
    """Courses of points; ``start`` and ``end`` are the edges of the first and last whole bucket."""

    server_ms: int
    start: int
    end: int
    width_ms: int
    series: list[Series]


class RawPoint(BaseModel):
    """What the rows' numbers mean."""

    point: int
    code: str
    name: str
    name_en: str
    unit: str


class RawPage(BaseModel):
    """Rows ordered by point then time, as equally long columns.

    Attributes:
        value: in the point's unit, null where the source gave none.
        next: give it as ``after`` for the following page; null on the last one.
    """

    server_ms: int
    points: list[RawPoint]
    point: list[int]
    observed_at: list[int]
    value: list[float | None]
    quality: list[int]
    received_at: list[int]
    next: str | None
