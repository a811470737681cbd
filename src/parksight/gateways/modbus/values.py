"""Registers to numbers: types, word orders and the values that mean "no value"."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Literal

#: Words each type takes; ``bool`` is one bit of a register or a coil.
WORDS: dict[str, int] = {
    "bool": 1, "int16": 1, "uint16": 1, "bcd16": 1, "int32": 2, "uint32": 2, "float32": 2, "bcd32": 2,
    "int64": 4, "uint64": 4, "float64": 4,
}  # fmt: skip
ValueType = Literal[
    "bool", "int16", "uint16", "bcd16", "int32", "uint32", "float32", "bcd32", "int64", "uint64", "float64"
]
#: A is the most significant byte: ABCD as the standard writes, CDAB words swapped, BADC bytes swapped, DCBA both.
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]

_FORMAT = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f", "int64": ">q",
    "uint64": ">Q", "float64": ">d",
}  # fmt: skip
NAN = float("nan")


def ordered(words: Sequence[int], order: Order) -> bytes:
    """The bytes of a value, most significant first, from its registers in the device's order."""
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [(w >> 8) | (w & 0xFF) << 8 for w in words]
    return struct.pack(f">{len(words)}H", *words)


def raw_integer(words: Sequence[int], order: Order) -> int:
    """The registers as one unsigned number, for comparison with "no value" marks."""
    return int.from_bytes(ordered(words, order), "big")


def decode(
    words: Sequence[int],
    kind: ValueType,
    order: Order = "ABCD",
    bit: int = 0,
    no_value: frozenset[int] = frozenset(),
) -> float:
    """A number from its registers.

    Args:
        words: as many registers as the type takes, in the order of the wire.
        kind: the type.
        order: byte and word order.
        bit: bit of the register for ``bool``, 0 the lowest.
        no_value: raw values (unsigned, most significant byte first) that mean "nothing here".

    Returns:
        The number, NaN for "no value": a mark, any float NaN (0x7FC0… and others) or digits that are not BCD.

    Raises:
        ValueError: the wrong number of registers.
    """
    if len(words) != WORDS[kind]:
        raise ValueError(f"{kind} takes {WORDS[kind]} registers, not {len(words)}")
    data = ordered(words, order)
    if no_value and int.from_bytes(data, "big") in no_value:
        return NAN
    if kind == "bool":
        return float((data[0] << 8 | data[1]) >> bit & 1)
    if kind in ("bcd16", "bcd32"):
        text = data.hex()
        return float(text) if text.isdecimal() else NAN
    value = float(struct.unpack(_FORMAT[kind], data)[0])
    return value if math.isfinite(value) else NAN
