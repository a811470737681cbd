"""Which registers to read together: blocks of at most 125 registers, values never cut in two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parksight.gateways.modbus.codec import MAX_BITS, MAX_REGISTERS, bits, registers
from parksight.gateways.modbus.registers import Register
from parksight.gateways.modbus.values import decode

_BIT_FUNCTIONS = (1, 2)


@dataclass(frozen=True, slots=True)
class Slot:
    """A value in a block.

    Attributes:
        register: what it is; ``register.address`` is zero-based here.
        at: position from the start of the block.
    """

    register: Register
    at: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request: ``count`` values from ``address`` (zero-based) with function ``function``."""

    function: int
    address: int
    count: int
    group: str
    slots: tuple[Slot, ...]

    def values(self, data: bytes) -> dict[str, float]:
        """Key -> number (NaN: no value) from the data bytes of a reply; scaled, in the register's unit."""
        if self.function in _BIT_FUNCTIONS:
            coils = bits(data, self.count)
            return {s.register.key: float(coils[s.at]) for s in self.slots}
        words = registers(data)
        out: dict[str, float] = {}
        for slot in self.slots:
            r = slot.register
            raw = decode(words[slot.at : slot.at + r.words], r.type, r.order, r.bit, frozenset(r.no_value))
            out[r.key] = raw * r.scale + r.offset
        return out

    def parts(self) -> list[Block]:
        """The same values, one request each."""
        return [
            Block(self.function, s.register.address, s.register.words, self.group, (Slot(s.register, 0),))
            for s in self.slots
        ]


def merge(rows: Iterable[Register], max_block: int = MAX_REGISTERS, max_gap: int = 8) -> list[Block]:
    """Blocks that cover the registers with few requests.

    Args:
        rows: registers with zero-based addresses.
        max_block: registers per request (at most 125; coils: sixteen times as many, at most 2,000).
        max_gap: registers read for nothing rather than to make another request.

    Returns:
        Blocks ordered by group, function and address; every register lies whole in exactly one of them.
    """
    out: list[Block] = []
    run: list[Register] = []
    end = 0

    def close() -> None:
        if run:
            start = run[0].address
            slots = tuple(Slot(r, r.address - start) for r in run)
            out.append(Block(run[0].function, start, end - start, run[0].group, slots))
            run.clear()

    for row in sorted(rows, key=lambda r: (r.group, r.function, r.address, -r.words, r.key)):
        bitwise = row.function in _BIT_FUNCTIONS
        size = min(MAX_BITS, max_block * 16) if bitwise else min(MAX_REGISTERS, max_block)
        gap = max_gap * 16 if bitwise else max_gap
        row_end = row.address + row.words
        if run and (
            (run[0].group, run[0].function) != (row.group, row.function)
            or row.address > end + gap
            or max(end, row_end) - run[0].address > max(size, row.words)
        ):
            close()
        if not run:
            end = 0
        run.append(row)
        end = max(end, row_end)
    close()
    return out
