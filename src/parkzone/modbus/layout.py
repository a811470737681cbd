"""Where each value of a Modbus device lies in its registers.

One layout per kind of device, as makers have them: meters with big-endian floats, flow computers with swapped
words and scaled totals, gas controllers with scaled integers in input registers, PLCs with swapped floats.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkzone.catalogue.specs import Device, Point

HOLDING, INPUT = 3, 4


@dataclass(frozen=True)
class Register:
    """One value: ``raw * scale`` is the value in the point's unit.

    Attributes:
        function: 3 holding registers, 4 input registers.
        address: zero-based.
        form: ``f32``, ``u32``, ``u16`` or ``i16``.
        order: word order of 32-bit forms, ``ABCD`` or ``CDAB``.
    """

    function: int
    address: int
    form: str
    order: str
    scale: float

    @property
    def words(self) -> int:
        return 2 if self.form.endswith("32") else 1


def layout(device: Device, points: Sequence[Point]) -> list[Register]:
    """Registers of a device's points, in the order of the points.

    Raises:
        ValueError: the device is of no Modbus kind.
    """
    out: list[Register] = []
    for i, p in enumerate(points):
        if device.kind == "gas":
            channel = int(p.address.removeprefix("CH"))
            out.append(Register(INPUT, channel - 1, "u16", "ABCD", p.resolution))
        elif device.kind == "meter":
            form, scale = ("u32", p.resolution) if p.quantity == "energy" else ("f32", 1.0)
            out.append(Register(HOLDING, 2 * i, form, "ABCD", scale))
        elif device.kind == "flow":
            form, scale = ("u32", p.resolution) if p.kind.endswith("_total") else ("f32", 1.0)
            out.append(Register(HOLDING, 2 * i, form, "CDAB", scale))
        elif device.kind == "plc":
            out.append(Register(HOLDING, 100 + 2 * i, "f32", "CDAB", 1.0))
        else:
            raise ValueError(f"{device.code}: no Modbus layout for kind {device.kind!r}")
    return out


def encode(register: Register, value: float) -> list[int]:
    """Register words of a value; a value that is not there becomes NaN or all ones, as real devices do."""
    absent = value != value
    if register.form == "f32":
        words = list(struct.unpack(">HH", struct.pack(">f", value)))
    elif register.form == "u32":
        raw = 0xFFFFFFFF if absent else max(0, min(0xFFFFFFFE, round(value / register.scale)))
        words = [raw >> 16, raw & 0xFFFF]
    else:
        raw = 0xFFFF if absent else max(0, min(0xFFFE, round(value / register.scale)))
        words = [raw]
    return words[::-1] if register.order == "CDAB" else words


class Bank:
    """The registers of one unit, refreshed when the zone's snapshot is.

    Args:
        rows: rows of the points in the engine's columns.
    """

    def __init__(self, device: Device, points: Sequence[Point], rows: Sequence[int]) -> None:
        self.device = device
        self.rows = np.array(rows, np.int64)
        self.registers = layout(device, points)
        self.size = {
            f: max((r.address + r.words for r in self.registers if r.function == f), default=0)
            for f in (3, 4)
        }
        self._at = -1
        self._words: dict[int, list[int]] = {}

    def read(
        self, function: int, address: int, count: int, at_ms: int, values: npt.NDArray[np.float64],
        missing: npt.NDArray[np.bool_],
    ) -> list[int] | None:  # fmt: skip
        """``count`` words from ``address``; None where the device has no such registers."""
        if address + count > self.size.get(function, 0):
            return None
        if at_ms != self._at:
            self._refresh(values, missing)
            self._at = at_ms
        return self._words[function][address : address + count]

    def _refresh(self, values: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_]) -> None:
        self._words = {f: [0] * n for f, n in self.size.items()}
        absent = missing[self.rows]
        for register, value, gone in zip(
            self.registers, values[self.rows].tolist(), absent.tolist(), strict=True
        ):
            words = encode(register, float("nan") if gone else value)
            self._words[register.function][register.address : register.address + len(words)] = words
