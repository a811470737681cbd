"""Sparkplug B payloads to plain values and back, pure.

Eclipse Sparkplug 3.0.0, 6.4: metrics, data types, how signed integers travel in unsigned fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError

from parksight.gateways.mqtt.sparkplug.proto import Metric, Payload
from parksight.gateways.mqtt.template import PayloadError
from parksight.telemetry.quality import Quality

#: Metrics one payload may carry.
MAX_METRICS = 20_000
#: Templates inside templates.
_MAX_DEPTH = 4
_COMPRESSED = "SPBV1.0_COMPRESSED"
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"


class DataType(IntEnum):
    """6.4.16; those that carry a number or a switch."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    TEMPLATE = 19


_SIGNED: dict[int, int] = {
    int(DataType.INT8): 8, int(DataType.INT16): 16, int(DataType.INT32): 32, int(DataType.INT64): 64,
}  # fmt: skip
#: Quality property as in OPC classic (192 good, 0 bad) with 500 for stale, the common practice.
_QUALITY = {192: Quality.GOOD, 0: Quality.BAD, 500: Quality.SUSPECT}


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric.

    Attributes:
        name: None in data by alias.
        datatype: None where the payload leaves it to the birth.
        raw: value as the field held it: int, float, bool, str, or None for null and for kinds that are no number.
        quality: quality code from the Quality property, UNKNOWN without.
        usable: whether the kind can be a reading at all.
    """

    name: str | None
    alias: int | None
    at_ms: int | None
    datatype: int | None
    raw: int | float | bool | str | None
    quality: int
    historical: bool
    usable: bool


@dataclass(frozen=True, slots=True)
class Decoded:
    """A payload; ``seq`` None where there is none (NDEATH)."""

    at_ms: int | None
    seq: int | None
    metrics: tuple[MetricValue, ...]


def decode(body: bytes) -> Decoded:
    """Read a payload.

    Raises:
        PayloadError: ``not_sparkplug``, ``sparkplug_compressed`` or ``too_many_values``.
    """
    payload = Payload()
    try:
        payload.ParseFromString(body)
    except (DecodeError, RecursionError, ValueError) as error:
        raise PayloadError("not_sparkplug") from error
    if payload.uuid == _COMPRESSED:
        raise PayloadError("sparkplug_compressed")
    metrics: list[MetricValue] = []
    for metric in payload.metrics:
        for value in _values(metric, "", 0):
            if len(metrics) >= MAX_METRICS:
                raise PayloadError("too_many_values")
            metrics.append(value)
    return Decoded(
        int(payload.timestamp) if payload.HasField("timestamp") else None,
        int(payload.seq) if payload.HasField("seq") else None,
        tuple(metrics),
    )


def _values(metric: Any, prefix: str, depth: int) -> Iterator[MetricValue]:
    """A metric, or the members of a template as ``template/member``."""
    kind = metric.WhichOneof("value")
    name = _name(metric, prefix)
    if kind == "template_value":
        if depth < _MAX_DEPTH and not metric.template_value.is_definition:
            for member in metric.template_value.metrics:
                yield from _values(member, f"{name or metric.alias}/", depth + 1)
        return
    null = metric.is_null or kind is None
    raw = None if null or kind == "bytes_value" else getattr(metric, kind)
    text = isinstance(raw, str | bytes)
    yield MetricValue(
        name,
        int(metric.alias) if metric.HasField("alias") else None,
        int(metric.timestamp) if metric.HasField("timestamp") else None,
        int(metric.datatype) if metric.HasField("datatype") else None,
        str(raw) if text else raw,
        _quality(metric),
        bool(metric.is_historical),
        kind != "bytes_value",
    )


def _name(metric: Any, prefix: str) -> str | None:
    """The full name, None by alias; empty where it is not UTF-8 (protobuf then hands out bytes)."""
    if not metric.HasField("name"):
        return prefix.rstrip("/") or None
    return prefix + metric.name if isinstance(metric.name, str) else ""


def _quality(metric: Any) -> int:
    if not metric.HasField("properties"):
        return int(Quality.UNKNOWN)
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if (
            isinstance(key, str)
            and key.lower() == "quality"
            and value.WhichOneof("value") in ("int_value", "long_value")
        ):
            number = int(value.int_value or value.long_value)
            return int(_QUALITY.get(number, Quality.SUSPECT))
    return int(Quality.UNKNOWN)


def number(raw: int | float | bool | str | None, datatype: int | None) -> float | None:
    """A metric's value as a number; NaN for null, None for a text or a kind that is no number."""
    if raw is None:
        return float("nan")
    if isinstance(raw, str) or datatype in (DataType.STRING, DataType.TEXT):
        return None
    size = _SIGNED.get(datatype) if datatype is not None else None
    if size is not None and isinstance(raw, int) and not isinstance(raw, bool):
        # Two's complement; some senders fill 32 bits for the small types, some only their own.
        raw &= (1 << size) - 1
        if raw >> (size - 1):
            raw -= 1 << size
    value = float(raw)
    return value if math.isfinite(value) else float("nan")


def rebirth(now_ms: int) -> bytes:
    """Payload of the one command the platform ever sends: "tell me your names again" (6.4.11)."""
    payload = Payload(timestamp=now_ms)
    payload.metrics.append(
        Metric(name=REBIRTH, timestamp=now_ms, datatype=int(DataType.BOOLEAN), boolean_value=True)
    )
    return bytes(payload.SerializeToString())
