"""What a rule computes from readings before it compares: its signal.

A rule without a signal compares the value itself. Every signal is computed in observation time, reading by reading.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.expressions import ExpressionError, parse
from parksight.alarms.expressions.tree import Type
from parksight.alarms.schemas.common import Number, Seconds

__all__ = [
    "TRUTH_SIGNALS",
    "AverageSignal",
    "ChangeSignal",
    "CountSignal",
    "CusumSignal",
    "DeviationSignal",
    "EwmaSignal",
    "ExpressionSignal",
    "FlatSignal",
    "GivenBaseline",
    "LearnedBaseline",
    "RangeSignal",
    "RateSignal",
    "Signal",
    "StateSignal",
    "SuspectSignal",
    "TruthText",
    "VoteSignal",
    "check_expression",
]  # fmt: skip

Window = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, description="seconds")]
Positive = Annotated[float, Field(gt=0, le=1e300, allow_inf_nan=False)]


def check_expression(text: str, wanted: Type | None = None) -> str:
    """The text, if it is an expression; the reason and the position otherwise."""
    try:
        parse(text, wanted)
    except ExpressionError as error:
        params = {"position": error.position + 1, **{k: str(v) for k, v in error.params.items()}}
        # pydantic's custom errors format their own template; ours comes from the locales by code.
        raise PydanticCustomError(error.code, "character {position}", params) from None
    return text


_TEXT = StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)
FormulaText = Annotated[str, _TEXT, AfterValidator(check_expression)]
TruthText = Annotated[str, _TEXT, AfterValidator(lambda text: check_expression(text, "truth"))]
AmountText = Annotated[str, _TEXT, AfterValidator(lambda text: check_expression(text, "number"))]


class _Signal(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RateSignal(_Signal):
    """Rate of change: the difference to the oldest reading in the window, per ``per_s`` seconds.

    Judged once the window is at least half covered. Windows are kept in 32 parts, so the oldest reading is up to a
    thirty-second of the window younger than it could be.
    """

    kind: Literal["rate"]
    window_s: Window
    per_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 60.0
    absolute: bool = Field(False, description="size of the change, whichever its direction")


class DeviationSignal(_Signal):
    """Difference of the watched point to another point or to a model value (an expression).

    A single point as ``other`` is converted into the watched point's unit; a longer expression is taken as it is.
    """

    kind: Literal["deviation"]
    other: AmountText
    relative: bool = Field(False, description="percent of the other value instead of a difference")
    absolute: bool = Field(True, description="size, whichever its direction")
    max_age_s: Seconds | None = Field(
        None, description="older values count as unknown; default: three periods"
    )


class FlatSignal(_Signal):
    """True once the value has stayed within ``tolerance`` of one value for ``after_s`` seconds."""

    kind: Literal["flat"]
    tolerance: Annotated[float, Field(ge=0, le=1e300, allow_inf_nan=False)] = 0.0
    after_s: Window


class RangeSignal(_Signal):
    """True while the value lies outside its plausible range: the point's own, unless given here."""

    kind: Literal["range"]
    low: Number | None = None
    high: Number | None = None


class StateSignal(_Signal):
    """True while the value is one of ``values`` (a state or a switch)."""

    kind: Literal["state"]
    values: Annotated[list[Number], Field(min_length=1, max_length=32)]


class ChangeSignal(_Signal):
    """True for ``hold_s`` seconds after the value has changed (from one of ``before``, to one of ``after``)."""

    kind: Literal["change"]
    before: Annotated[list[Number], Field(max_length=16)] = []
    after: Annotated[list[Number], Field(max_length=16)] = []
    hold_s: Window = 60.0


class ExpressionSignal(_Signal):
    """An expression over several points: true or false with step ``on``, a number with limits."""

    kind: Literal["expression"]
    text: FormulaText
    max_age_s: Seconds | None = None


class VoteSignal(_Signal):
    """True when ``least`` of the conditions are true, e.g. 2 of 3 (2oo3).

    Attributes:
        bad: what a voter that is unknown does: ``unknown``: the result is unknown unless the others have decided it;
            ``trips``: votes for the alarm; ``drops``: does not vote; ``degrades``: does not vote, and one vote less
            is needed for each (at least one).
    """

    kind: Literal["vote"]
    least: Annotated[int, Field(ge=1, le=15)]
    voters: Annotated[list[TruthText], Field(min_length=2, max_length=15)]
    bad: Literal["unknown", "trips", "drops", "degrades"] = "unknown"
    max_age_s: Seconds | None = None

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.least > len(self.voters):
            raise PydanticCustomError("alarms.rule.too_few_voters", "more votes wanted than there are voters")
        return self


class CountSignal(_Signal):
    """True when ``when`` has come true (or was true, with ``every_reading``) ``least`` times within the window."""

    kind: Literal["count"]
    when: TruthText
    least: Annotated[int, Field(ge=1, le=500)]
    window_s: Annotated[float, Field(gt=0, le=31 * 86_400, allow_inf_nan=False)]
    every_reading: bool = False
    max_age_s: Seconds | None = None


class GivenBaseline(_Signal):
    """Ordinary mean and standard deviation, in the point's unit."""

    how: Literal["given"]
    mean: Number
    sigma: Positive


class LearnedBaseline(_Signal):
    """Mean and standard deviation of the first ``readings`` usable ones after the rule took effect.

    ``least_sigma`` guards against a series that happened to rest while it was learnt from.
    """

    how: Literal["learned"]
    readings: Annotated[int, Field(ge=10, le=1_000_000)]
    least_sigma: Positive


Baseline = Annotated[GivenBaseline | LearnedBaseline, Field(discriminator="how")]


class EwmaSignal(_Signal):
    """Exponentially weighted moving average, in its own standard deviations away from the mean (Roberts 1959)."""

    kind: Literal["ewma"]
    weight: Annotated[float, Field(gt=0, le=1)] = 0.2
    baseline: Baseline


class CusumSignal(_Signal):
    """Tabular CUSUM, in standard deviations (Page 1954); ``slack`` is half the shift to be found.

    Attributes:
        direction: ``up``, ``down``, or the larger of both.
    """

    kind: Literal["cusum"]
    slack: Annotated[float, Field(ge=0, le=10)] = 0.5
    direction: Literal["up", "down", "both"] = "both"
    baseline: Baseline


class AverageSignal(_Signal):
    """Mean over a legal period on the zone's civil clock, judged when the period ends.

    Valid shares follow HJ 75-2017 and GB 3095: 45 of 60 minutes, 20 of 24 hours, 6 of 8 hours (moving, each hour).
    """

    kind: Literal["average"]
    period: Literal["10min", "30min", "1h", "8h", "24h"]
    settle_s: Seconds = Field(60.0, description="patience with late readings after the period's end")


class SuspectSignal(_Signal):
    """True while the readings are marked suspect (or bad), and for ``hold_s`` after a finding of forensics."""

    kind: Literal["suspect"]
    bad: bool = Field(True, description="readings that are bad count too")
    findings: Annotated[
        list[Literal["flat_line", "spike", "out_of_range", "repeated_block", "clock_drift"]],
        Field(max_length=5),
    ] = []
    hold_s: Window = 3_600.0


Signal = Annotated[
    RateSignal | DeviationSignal | FlatSignal | RangeSignal | StateSignal | ChangeSignal | ExpressionSignal | VoteSignal
    | CountSignal | EwmaSignal | CusumSignal | AverageSignal | SuspectSignal,
    Field(discriminator="kind"),
]  # fmt: skip
#: Signals that are true or false: they take the step ``on``, the others take limits, an expression either.
TRUTH_SIGNALS = frozenset({"flat", "range", "state", "change", "vote", "count", "suspect"})
