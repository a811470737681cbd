"""Points joined with their newest values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from parksight.telemetry.live_table import LiveRows, LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points.schemas import CodeWord, FlagWord, LastValue, PointOut, StateWord
from parksight.telemetry.quality import CODE_MASK, QualityFlag

# The words of the API in the order of the numbers; a test holds them equal to the enumerations.
_CODES: tuple[CodeWord, ...] = get_args(CodeWord)
_FLAGS: tuple[tuple[int, FlagWord], ...] = tuple(zip(map(int, QualityFlag), get_args(FlagWord), strict=True))
_STATES: tuple[StateWord, ...] = get_args(StateWord)


def quality_words(quality: int) -> tuple[CodeWord, list[FlagWord]]:
    """Code and flags of a quality byte as words."""
    return _CODES[quality & CODE_MASK], [word for bit, word in _FLAGS if quality & bit]


def last_values(rows: LiveRows, now_ms: int) -> list[LastValue]:
    """One :class:`LastValue` per row."""
    out = []
    for i in range(len(rows.point)):
        observed, value = int(rows.observed_at[i]), float(rows.value[i])
        seen = observed >= 0
        code, flags = quality_words(int(rows.quality[i]))
        out.append(
            LastValue.model_construct(
                value=None if np.isnan(value) else value,
                observed_at=observed if seen else None,
                received_at=int(rows.received_at[i]) if seen else None,
                age_s=(now_ms - observed) / 1000 if seen else None,
                quality=int(rows.quality[i]),
                quality_code=code,
                quality_flags=flags,
                state=_STATES[rows.state[i]],
                count=int(rows.count[i]),
            )
        )
    return out


def show(points: Sequence[Point], live: LiveTable, now_ms: int) -> list[PointOut]:
    """Points as the API shows them, in the given order."""
    lasts = last_values(live.rows([p.id for p in points], now_ms), now_ms)
    names = [n for n in PointOut.model_fields if n != "last"]
    return [
        PointOut.model_construct(**{n: getattr(p, n) for n in names}, last=last)
        for p, last in zip(points, lasts, strict=True)
    ]
