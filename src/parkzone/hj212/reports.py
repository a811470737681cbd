"""What a data logger reports: real-time, minute, hour and day contents (CP) of its factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from parkzone.behaviour.model import CALIBRATION
from parkzone.catalogue.specs import Device, Point
from parkzone.engine import Engine

_LOCAL = timezone(timedelta(hours=8))
#: Command -> (length of a period, step of the samples in it), seconds.
PERIODS = {"2051": (60, 20), "2061": (3600, 60), "2031": (86_400, 600)}
#: Periods computed at once.
_PORTION = 60
_OFFSET_MS = 8 * 3_600_000


def _stamp(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(_LOCAL).strftime("%Y%m%d%H%M%S")


def factor_of(point: Point) -> str:
    """Factor code of a point: its address without the kind."""
    return point.address.rsplit("-", 1)[0]


class Reports:
    """Contents for one station.

    Args:
        rows: rows of its points in the engine's columns.
    """

    def __init__(self, device: Device, points: Sequence[Point], rows: Sequence[int], engine: Engine) -> None:
        self.device = device
        self.points = points
        self.rows = list(rows)
        self.engine = engine
        self._factors = [factor_of(p) for p in points]
        self._model = engine.model.part(self.rows)

    def live(self, at_ms: int) -> str:
        """Real-time content (2011) of the present snapshot; ``at_ms`` is the logger's idea of the time."""
        items = [f"DataTime={_stamp(at_ms)}"]
        for row, factor in zip(self.rows, self._factors, strict=True):
            if not self.engine.missing[row]:
                value = self.engine.text(row, float(self.engine.values[row]))
                flag = "C" if self.engine.quality[row] == CALIBRATION else "N"
                items.append(f"{factor}-Rtd={value},{factor}-Flag={flag}")
        return ";".join(items)

    def periods(self, cn: str, start_ms: int, end_ms: int) -> Iterator[tuple[int, str]]:
        """Start (ms) and content of each whole period, oldest first.

        DataTime is the start of the period (HJ 212-2017 table 8); periods are whole ones of local time.
        """
        length, step = (1000 * s for s in PERIODS[cn])
        first = -(-(start_ms + _OFFSET_MS) // length) * length - _OFFSET_MS  # whole periods of local time
        last = (end_ms + _OFFSET_MS) // length * length - _OFFSET_MS
        starts = np.arange(first, last, length, dtype=np.int64)
        samples = np.arange(0, length, step, dtype=np.int64)
        for i in range(0, len(starts), _PORTION):
            part = starts[i : i + _PORTION]
            at = (part[:, None] + samples[None, :]).ravel()
            values = self._model.values(at).reshape(len(self.rows), len(part), len(samples))
            busy = self._model.quality(at).reshape(values.shape) == CALIBRATION
            for k, start in enumerate(part.tolist()):
                yield start, self._content(start, values[:, k], busy[:, k])

    def _content(self, start_ms: int, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], busy: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:  # fmt: skip
        items = [f"DataTime={_stamp(start_ms)}"]
        for j, (row, f) in enumerate(zip(self.rows, self._factors, strict=True)):
            v = values[j]
            low, mean, high = (self.engine.text(row, float(x)) for x in (v.min(), v.mean(), v.max()))
            # flue gas: at least 75 % normal samples make the period normal (HJ 75); same rule for the demo's water
            flag = "N" if busy[j].mean() <= 0.25 else "C"
            items.append(f"{f}-Min={low},{f}-Avg={mean},{f}-Max={high},{f}-Flag={flag}")
        return ";".join(items)
