"""Sparkplug B payloads (Eclipse Sparkplug 3.0.0), encoded by hand: protobuf wire format of the few fields used."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

INT64, UINT64, DOUBLE, BOOLEAN = 4, 8, 10, 11
#: Member names of the payload and metric messages -> field numbers (sparkplug_b.proto).
_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _ALIAS, _METRIC_TIME, _DATATYPE, _IS_NULL = 1, 2, 3, 4, 7
_LONG, _DOUBLE, _BOOLEAN = 11, 13, 14


@dataclass(frozen=True)
class Metric:
    """One metric; ``name`` only in births, ``alias`` always, ``value`` None for null."""

    alias: int | None
    timestamp: int
    datatype: int
    value: float | int | bool | None
    name: str | None = None


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def metric(m: Metric) -> bytes:
    """Body of one metric message."""
    out = b""
    if m.name is not None:
        out += _bytes(_NAME, m.name.encode())
    if m.alias is not None:
        out += _integer(_ALIAS, m.alias)
    out += _integer(_METRIC_TIME, m.timestamp) + _integer(_DATATYPE, m.datatype)
    if m.value is None:
        return out + _integer(_IS_NULL, 1)
    if m.datatype == DOUBLE:
        return out + varint(_DOUBLE << 3 | 1) + struct.pack("<d", m.value)
    if m.datatype == BOOLEAN:
        return out + _integer(_BOOLEAN, int(m.value))
    return out + _integer(_LONG, int(m.value))


def payload(timestamp: int, metrics: Sequence[Metric], seq: int | None) -> bytes:
    """A whole payload; ``seq`` None only in NDEATH."""
    out = _integer(_TIMESTAMP, timestamp)
    for m in metrics:
        out += _bytes(_METRICS, metric(m))
    if seq is not None:
        out += _integer(_SEQ, seq)
    return out


def death(bd_seq: int, timestamp: int) -> bytes:
    """NDEATH, registered as the will: names the birth it ends."""
    return payload(timestamp, [Metric(None, timestamp, INT64, bd_seq, "bdSeq")], None)
