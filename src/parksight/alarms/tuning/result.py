"""What a change of a rule would have brought, as figures and as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, cast

from parksight.alarms.models import STEPS
from parksight.alarms.schemas import StepWord, TuningDifference, TuningResult, TuningSide
from parksight.alarms.tuning.confirmed import Confirmed, Judged
from parksight.alarms.tuning.spans import SHIFT_MS, SLACK_MS, Span, compare
from parksight.kernel.i18n import translate

#: Differences named one by one; how many there are is always said.
MOST_DIFFERENCES = 500


def summarise(
    before: Sequence[Span] | None, after: Sequence[Span], judged: Judged, now: int, rows: int, coverage: float
) -> TuningResult:  # fmt: skip
    """The counterfactual; alarms suppressed by design count for neither version. ``text`` is left empty."""
    old = [s for s in before or () if not s.suppressed]
    new = [s for s in after if not s.suppressed]
    found = compare(old, new, now)
    real = _Real(judged.events, now)
    differences = [_difference("removed", span, None, real) for span in found.removed]
    differences += [_difference("added", span, None, real) for span in found.added]
    shifted = [(a, b) for a, b in found.pairs if abs(b.raised_at - a.raised_at) >= SHIFT_MS]
    differences += [_difference("shifted", b, (b.raised_at - a.raised_at) / 1000, real) for a, b in shifted]
    differences.sort(key=lambda d: d.raised_at, reverse=True)
    missed, later = real.under(new)
    return TuningResult(
        before=None if before is None else _side(old, now), after=_side(new, now), fewer=len(old) - len(new),
        confirmed=len(judged.events), confirmed_known=judged.any_judged, missed=missed,
        later=sum(b.raised_at > a.raised_at for a, b in shifted),
        earlier=sum(b.raised_at < a.raised_at for a, b in shifted), later_s=later,
        differences=differences[:MOST_DIFFERENCES], differences_total=len(differences), rows=rows, coverage=coverage,
        text="",
    )  # fmt: skip


def sentence(result: TuningResult, language: str) -> str:
    """The result as a person would say it."""

    def say(key: str, **params: object) -> str:
        return translate(f"alarms.tuning.{key}", language, **params)

    if result.before is None:
        parts = [say("would_raise", count=result.after.alarms)]
    elif result.fewer > 0:
        parts = [say("fewer", count=result.fewer)]
    else:
        parts = [say("more", count=-result.fewer) if result.fewer else say("same")]
    if not result.confirmed_known:
        parts.append(say("nothing_confirmed"))
    elif result.missed:
        parts.append(say("missed", count=result.missed, of=result.confirmed))
    else:
        parts.append(say("none_missed", of=result.confirmed))
    if result.later_s:
        parts.append(say("later", count=len(result.later_s), seconds=round(max(result.later_s))))
    return say("joiner").join(parts) + say("stop")


class _Real:
    """Confirmed events, to be held against alarms."""

    def __init__(self, events: Sequence[Confirmed], now: int) -> None:
        self._events = events
        self._now = now

    def covers(self, span: Span) -> bool:
        return any(self._same(event, span) for event in self._events)

    def _same(self, event: Confirmed, span: Span) -> bool:
        end = self._now if event.cleared_at is None else event.cleared_at
        apart = span.raised_at > end + SLACK_MS or span.end(self._now) + SLACK_MS < event.raised_at
        return event.point == span.point and not apart

    def under(self, spans: Sequence[Span]) -> tuple[int, list[float]]:
        """Events no alarm would have told of, and the delays in seconds of those told later."""
        missed, later = 0, []
        for event in self._events:
            told = [s for s in spans if self._same(event, s)]
            same_step = [s for s in told if s.step == event.step] or told
            if not told:
                missed += 1
                continue
            delay = min(s.raised_at for s in same_step) - event.raised_at
            if delay >= SHIFT_MS:
                later.append(delay / 1000)
        return missed, later


def _difference(
    what: Literal["added", "removed", "shifted"], span: Span, shift_s: float | None, real: _Real
) -> TuningDifference:  # fmt: skip
    return TuningDifference(
        what=what, point_id=span.point, step=cast(StepWord, STEPS[span.step]), raised_at=span.raised_at,
        cleared_at=span.cleared_at, shift_s=shift_s, confirmed=real.covers(span),
    )  # fmt: skip


def _side(spans: Sequence[Span], now: int) -> TuningSide:
    by_step = Counter(STEPS[s.step] for s in spans)
    minutes = sum(s.end(now) - s.raised_at for s in spans) / 60_000
    return TuningSide(alarms=len(spans), by_step=dict(by_step), minutes=round(minutes, 1))
