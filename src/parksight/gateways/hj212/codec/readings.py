"""What a segment says: the time, the numbers with their flags, the texts.

Nothing is guessed: a number without a readable time is no reading, a blank or unreadable number becomes NaN
(and is rejected and counted by the ingest), an unknown flag means "not normal".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from parksight.gateways.hj212.codec.flags import NO_FLAG, UNDEFINED
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError
from parksight.gateways.hj212.codec.segment import FIELDS, Segment
from parksight.gateways.hj212.codec.times import NO_TIME, ZoneTable
from parksight.telemetry.quality import CODE_MASK, Quality, QualityFlag

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_LOOSE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_BARE_KINDS = frozenset(
    ("Rtd", "Min", "Avg", "Max", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "Cou", "Flag", "EFlag", "Data",
     "DayData", "NightData", "Info", "SN", "SampleTime")
)  # fmt: skip
_META = frozenset(("EFlag", "SampleTime"))
_STANDALONE = frozenset(FIELDS)
_USABLE = (Quality.GOOD, Quality.UNKNOWN, Quality.SUBSTITUTED)


@dataclass(slots=True)
class Content:
    """Readings of one frame, in order; lists of equal length.

    Attributes:
        observed_at: UTC ms of DataTime, None when ``error`` says why there is none.
        names: ``factor-kind`` as sent (kind in normal case).
        values: in the device's unit; NaN for "no value".
        quality: quality bytes.
        texts: (name, text) of what is no number.
        fields: stand-alone fields (``RtdInterval``, ``QnRtn`` …).
    """

    observed_at: int | None = None
    error: FrameError | None = None
    names: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


def number(text: str) -> tuple[float, Deviation | None]:
    """A value as a float, and what was unusual about its form; NaN where it is none."""
    if _NUMBER.fullmatch(text):
        return float(text), None
    if not text:
        return float("nan"), Deviation.BLANK_VALUE
    if _LOOSE.fullmatch(text):
        return float(text), Deviation.NUMBER_FORM
    return float("nan"), Deviation.NOT_A_NUMBER


def read(segment: Segment, zone: ZoneTable, flags: npt.NDArray[np.uint8]) -> Content:
    """The content of a segment; further deviations are noted on it.

    Args:
        zone: where the device's clock lives.
        flags: :func:`~parksight.gateways.hj212.codec.flags.flag_table` of the device.
    """
    content = Content()
    factor_flags: dict[str, str] = {}
    factors: list[str] = []
    places: dict[str, int] = {}
    clashing: set[int] = set()
    closed: set[str] = set()
    for item in segment.items:
        current = ""
        seen: set[str] = set()
        for name, value in item:
            factor, dash, kind = name.rpartition("-")
            if not dash:
                if current and kind in _BARE_KINDS:
                    segment.note(Deviation.MISSING_PREFIX)
                    factor = current
                else:
                    if len(item) > 1 and kind in _STANDALONE:
                        segment.note(Deviation.COMMA_FOR_SEMICOLON)
                    _stand_alone(content, segment, kind, value)
                    continue
            if factor in closed:
                segment.note(Deviation.SEMICOLON_FOR_COMMA)
            if current and factor != current:
                segment.note(Deviation.COMMA_FOR_SEMICOLON)
            current = factor
            seen.add(factor)
            name = f"{factor}-{kind}"
            if kind == "Flag":
                if factor in factor_flags:
                    segment.note(Deviation.DUPLICATE_KEY)
                factor_flags.setdefault(factor, value)
            elif kind in _META:
                content.fields.setdefault(name, value)
            elif kind == "SN" or (kind == "Info" and not _NUMBER.fullmatch(value)):
                content.texts.append((name, value[2:-2] if _slashed(value) else value))
            else:
                parsed, deviation = number(value)
                if deviation is not None:
                    segment.note(deviation)
                place = places.setdefault(name, len(content.names))
                if place < len(content.names):
                    segment.note(Deviation.DUPLICATE_KEY)
                    if parsed != content.values[place]:
                        clashing.add(place)
                    continue
                content.names.append(name)
                content.values.append(parsed)
                factors.append(factor)
        closed |= seen
    codes = {f: _quality(segment, factor_flags.get(f), flags) for f in dict.fromkeys(factors)}
    extra = QualityFlag.RESENT if segment.resent else 0
    content.quality = [codes[f] | extra for f in factors]
    for place in clashing:
        # Two values for one name: the first is kept, but nobody can say which is right.
        if content.quality[place] & CODE_MASK in _USABLE:
            content.quality[place] = Quality.SUSPECT | extra
    _time(content, segment, zone)
    return content


def _slashed(value: str) -> bool:
    return len(value) >= 4 and value.startswith("//") and value.endswith("//")


def _stand_alone(content: Content, segment: Segment, name: str, value: str) -> None:
    if name in content.fields:
        segment.note(Deviation.DUPLICATE_KEY)
        return
    content.fields[name] = value[2:-2] if _slashed(value) else value


def _quality(segment: Segment, flag: str | None, flags: npt.NDArray[np.uint8]) -> int:
    if flag is None:
        return int(flags[segment.version, NO_FLAG])
    code = UNDEFINED
    if len(flag) == 1 and 0 < ord(flag) < 256:
        code = int(flags[segment.version, ord(flag)])
    if code == UNDEFINED:
        segment.note(Deviation.UNKNOWN_FLAG)
        return int(Quality.SUSPECT)
    return code


def _time(content: Content, segment: Segment, zone: ZoneTable) -> None:
    text = content.fields.pop("DataTime", None)
    if text is None:
        content.error = FrameError.NO_DATA_TIME
        return
    moment = zone.to_ms(text)
    if moment == NO_TIME:
        content.error = FrameError.BAD_DATA_TIME
        return
    if len(text) == 17:
        segment.note(Deviation.DATA_TIME_LENGTH)
    content.observed_at = moment
