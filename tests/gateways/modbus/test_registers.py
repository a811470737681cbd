"""Values, templates, plain addresses and the merging of blocks."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parksight.gateways.modbus.blocks import merge
from parksight.gateways.modbus.config import ModbusDeviceConfig, normal_address
from parksight.gateways.modbus.registers import Register, StatusMap, plain_register
from parksight.gateways.modbus.templates import Template, TemplateLibrary
from parksight.gateways.modbus.values import WORDS, decode
from parksight.telemetry.quality import Quality
from parksight.telemetry.units import QUANTITIES, check_unit

_FORMAT = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}


def shuffled(data: bytes, order: str) -> list[int]:
    """Registers as a device with that order puts them on the wire, written independently of the decoder."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in ("BADC", "DCBA"):
        words = [w[::-1] for w in words]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    return [int.from_bytes(w, "big") for w in words]


orders = st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"])


@given(st.sampled_from(sorted(_FORMAT)), orders, st.data())
def test_integers_round_trip(kind: Any, order: Any, data: st.DataObject) -> None:
    size = struct.calcsize(_FORMAT[kind]) * 8
    low, high = (-(2 ** (size - 1)), 2 ** (size - 1) - 1) if kind.startswith("int") else (0, 2**size - 1)
    value = data.draw(st.integers(low, high))
    words = shuffled(struct.pack(f">{_FORMAT[kind]}", value), order)
    assert decode(words, kind, order) == float(value)


@given(st.floats(width=32), orders)
def test_floats_round_trip(value: float, order: Any) -> None:
    got = decode(shuffled(struct.pack(">f", value), order), "float32", order)
    assert got == value if math.isfinite(value) else math.isnan(got)


@pytest.mark.parametrize(
    ("words", "kind", "marks", "expected"),
    [
        ([0x8000], "int16", [0x8000], None),
        ([0x8000], "int16", [], -32768.0),
        ([0x7FC0, 0x0000], "float32", [], None),
        ([0xFFC0, 0x0000], "float32", [], None),
        ([0x7F80, 0x0000], "float32", [], None),
        ([0xFFFF, 0xFFFF], "uint32", [0xFFFFFFFF], None),
        ([0x1234], "bcd16", [], 1234.0),
        ([0x12A4], "bcd16", [], None),
        ([0x0012, 0x3456], "bcd32", [], 123456.0),
    ],
)
def test_values_that_are_none(words: list[int], kind: Any, marks: list[int], expected: float | None) -> None:
    got = decode(words, kind, no_value=frozenset(marks))
    assert math.isnan(got) if expected is None else got == expected


def test_bits_of_a_register() -> None:
    assert [decode([0b1000_0000_0000_0101], "bool", bit=b) for b in (0, 1, 2, 15)] == [1.0, 0.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="takes 2 registers"):
        decode([1], "float32")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("40001", ("holding", 0, "uint16", "ABCD", 0)),
        ("400001", ("holding", 0, "uint16", "ABCD", 0)),
        ("30013:float32:CDAB", ("input", 12, "float32", "CDAB", 0)),
        ("00005", ("coil", 4, "bool", "ABCD", 0)),
        ("10001", ("discrete", 0, "bool", "ABCD", 0)),
        ("40010.3", ("holding", 9, "bool", "ABCD", 3)),
        ("holding@0:int16", ("holding", 0, "int16", "ABCD", 0)),
        ("465536", ("holding", 65_535, "uint16", "ABCD", 0)),
        ("40000", None),
        ("20001", None),
        ("40001:float", None),
        ("40001.16", None),
        ("00001:int16", None),
        ("465537", None),
        ("tank", None),
    ],
)
def test_plain_addresses(address: str, expected: tuple[str, int, str, str, int] | None) -> None:
    found = plain_register(address)
    assert (found and (found.table, found.address, found.type, found.order, found.bit)) == expected


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = plain_register(text)
    assert found is None or found.key == text


registers_ = st.builds(
    lambda n, table, address, kind, group: Register(
        key=f"r{n}", table=table, address=address, group=group,
        type="bool" if table in ("coil", "discrete") else kind,
    ),
    st.integers(0, 10**9),
    st.sampled_from(["coil", "discrete", "holding", "input"]),
    st.integers(0, 3_000),
    st.sampled_from(sorted(WORDS)),
    st.sampled_from(["fast", "slow"]),
)  # fmt: skip


@given(st.lists(registers_, max_size=40, unique_by=lambda r: r.key), st.integers(1, 125), st.integers(0, 124))
def test_merging_loses_nothing_and_keeps_limits(rows: list[Register], max_block: int, max_gap: int) -> None:
    blocks = merge(rows, max_block, max_gap)
    placed = [s.register.key for b in blocks for s in b.slots]
    assert sorted(placed) == sorted(r.key for r in rows)
    for block in blocks:
        bitwise = block.function in (1, 2)
        widest = max(s.register.words for s in block.slots)
        assert block.count <= (2000 if bitwise else 125)
        assert block.count <= max(max_block * (16 if bitwise else 1), widest)
        for slot in block.slots:
            assert (slot.register.function, slot.register.group) == (block.function, block.group)
            assert block.address + slot.at == slot.register.address
            assert slot.at + slot.register.words <= block.count


def test_neighbours_share_a_request() -> None:
    rows = [Register(key=f"r{i}", address=i * 2, type="float32") for i in range(100)]
    assert [(b.address, b.count) for b in merge(rows)] == [(0, 124), (124, 76)]
    apart = [Register(key="a", address=0), Register(key="b", address=9), Register(key="c", address=19)]
    assert [(b.address, b.count) for b in merge(apart, max_gap=8)] == [(0, 10), (19, 1)]


def test_status_decides_quality() -> None:
    status = StatusMap(key="s", codes={0: "good", 3: "bad", 4: "calibration"}, otherwise="suspect")
    got = [status.quality(v) for v in (0.0, 3.0, 4.0, 9.0, math.nan)]
    assert got == [Quality.GOOD, Quality.BAD, Quality.CALIBRATION, Quality.SUSPECT, Quality.BAD]


def test_shipped_templates_are_sound() -> None:
    library = TemplateLibrary()
    assert not library.broken
    assert {"energy-meter-3p", "gas-controller-4ch", "plc-tank-boiler"} <= {t.name for t in library.all()}
    for template in library.all():
        for row in template.registers:
            assert row.name, row.key
            assert row.name_en, row.key
            assert row.quantity in QUANTITIES, row.key
            assert row.unit is not None
            check_unit(row.quantity, row.unit)


def test_broken_templates_of_the_installation_are_named(tmp_path: Any) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "twice.json").write_text(
        '{"name":"x","title":"x","title_en":"x","registers":[{"key":"a","address":1},{"key":"a","address":2}]}'
    )
    (tmp_path / "good.json").write_text('{"name":"flow-computer","title":"x","title_en":"x","registers":[]}')
    library = TemplateLibrary(tmp_path)
    assert set(library.broken) == {"bad.json", "twice.json"}
    found = library.get("flow-computer")
    assert found is not None
    assert found.registers == ()


@pytest.mark.parametrize(
    "change",
    [
        {"registers": [{"key": "a", "address": 0}], "zero_based": False},
        {"registers": [{"key": "a", "address": 65_535, "type": "float32"}]},
        {"registers": [{"key": "a", "address": 0, "group": "never"}]},
        {"registers": [{"key": "a", "address": 0, "status": {"key": "b", "codes": {}}}]},
        {"registers": [{"key": "a", "address": 0, "table": "coil"}]},
        {"registers": [{"key": "a", "address": 0, "scale": 0}]},
        {"registers": [{"key": "a", "address": 0, "function": 16}]},
    ],
)
def test_wrong_templates_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Template.model_validate({"name": "x", "title": "x", "title_en": "x", "registers": [], **change})


def test_device_configuration_is_checked() -> None:
    row = {"key": "a", "address": 0, "table": "coil", "type": "bool"}
    assert ModbusDeviceConfig.model_validate({"registers": [row]}).registers[0].function == 1
    for wrong in ({"registers": [row, row]}, {"framing": "ascii"}, {"periods": {"x": 0}}):
        with pytest.raises(ValidationError):
            ModbusDeviceConfig.model_validate(wrong)


def test_device_addresses() -> None:
    assert normal_address(" Meter.Local:502/7 ") == "meter.local:502/7"
    assert normal_address("[::1]:502/1") == "[::1]:502/1"
    for wrong in ("h:502", "h:0/1", "h:70000/1", "h:502/256", "h 1:502/1"):
        with pytest.raises(ValueError):
            normal_address(wrong)
