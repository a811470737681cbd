from __future__ import annotations

import asyncio
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient

from parkzone.catalogue.specs import Device
from parkzone.engine import Engine
from parkzone.modbus.layout import Bank, Register, encode
from parkzone.modbus.server import Line, crc16
from parkzone.park import Park

from .conftest import MIDNIGHT_MS


@pytest.fixture(scope="module")
def engine(park: Park) -> Engine:
    return Engine(park, lambda: MIDNIGHT_MS)


def line(engine: Engine, kind: str, framing: str) -> tuple[Line, list[Device]]:
    number = engine.park.lines.index(kind)
    devices = [d for d in engine.park.catalogue.devices if d.protocol == "modbus" and d.line == number]
    of_device = engine.park.catalogue.of_device()
    banks = {d.unit: Bank(d, of_device[d.code], engine.rows_of[d.code]) for d in devices}
    return Line(number, framing, banks, engine), devices


def decode(words: list[int], register: Register) -> float:
    if register.form == "u16":
        return words[0] * register.scale
    if register.order == "CDAB":
        words = words[::-1]
    raw = struct.pack(">HH", *words)
    if register.form == "u32":
        return struct.unpack(">I", raw)[0] * register.scale
    return struct.unpack(">f", raw)[0]


@pytest.mark.parametrize(
    ("kind", "framing"), [("meter", "rtu"), ("flow", "rtu"), ("gas", "tcp"), ("plc", "tcp"), ("meter", "tcp")]
)
def test_an_independent_master_reads_every_value(engine: Engine, kind: str, framing: str) -> None:
    async def scenario() -> int:
        served, devices = line(engine, kind, framing)
        port = await served.start("127.0.0.1", 0)
        framer = FramerType.RTU if framing == "rtu" else FramerType.SOCKET
        client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=framer)
        await client.connect()
        checked = 0
        try:
            for d in devices:
                bank = served.banks[d.unit]
                for register, row in zip(bank.registers, bank.rows.tolist(), strict=True):
                    read = (
                        client.read_holding_registers
                        if register.function == 3
                        else client.read_input_registers
                    )
                    answer = await read(register.address, count=register.words, device_id=d.unit)
                    assert not answer.isError(), (d.code, register)
                    expected = float(engine.values[row])
                    got = decode(answer.registers, register)
                    assert got == pytest.approx(
                        expected, rel=1e-6, abs=register.scale / 2 if register.form != "f32" else 1e-6
                    )
                    checked += 1
        finally:
            client.close()
            await served.stop()
        return checked

    assert asyncio.run(scenario()) > 20


def test_exceptions_as_the_specification_has_them(engine: Engine) -> None:
    async def scenario() -> list[int]:
        served, devices = line(engine, "plc", "tcp")
        port = await served.start("127.0.0.1", 0)
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        unit = devices[0].unit
        try:
            answers = [
                await client.write_register(0, 1, device_id=unit),  # read only
                await client.read_holding_registers(9000, count=2, device_id=unit),
                await client.read_holding_registers(
                    0, count=1, device_id=200
                ),  # no such unit behind the gateway
            ]
            return [a.exception_code for a in answers]
        finally:
            client.close()
            await served.stop()

    assert asyncio.run(scenario()) == [1, 2, 0x0B]


def test_a_cut_device_is_reported_by_the_gateway_and_silent_on_a_serial_line(engine: Engine) -> None:
    served, devices = line(engine, "plc", "tcp")
    serial, _ = line(engine, "meter", "rtu")
    pdu = struct.pack(">BHH", 3, 100, 2)
    code = devices[0].code
    engine.offline.add(code)
    try:
        assert served.answer(devices[0].unit, pdu) == bytes((0x83, 0x0B))
        assert served.answer(devices[1].unit, pdu) is not None
    finally:
        engine.offline.discard(code)
    assert serial.answer(99, pdu) is None


def test_a_missing_value_is_not_a_number(engine: Engine) -> None:
    served, devices = line(engine, "plc", "tcp")
    bank = served.banks[devices[0].unit]
    engine.missing[bank.rows[0]] = True
    bank._at = -1
    try:
        answer = served.answer(devices[0].unit, struct.pack(">BHH", 3, 100, 4))
    finally:
        engine.missing[bank.rows[0]] = False
        bank._at = -1
    assert answer is not None
    words = list(struct.unpack(">4H", answer[2:]))
    assert math.isnan(decode(words[:2], bank.registers[0]))
    assert not math.isnan(decode(words[2:], bank.registers[1]))


def test_crc_of_the_specification_examples() -> None:
    # Modbus.org examples as kept in the project's vectors (rtu_read_holding_request, …_2)
    assert crc16(bytes.fromhex("010300000002")) == 0x0BC4
    assert crc16(bytes.fromhex("1103006b0003")) == 0x8776


@given(st.floats(0, 4e8), st.sampled_from(["ABCD", "CDAB"]))
def test_scaled_totals_survive(value: float, order: str) -> None:
    register = Register(3, 0, "u32", order, 0.1)
    assert decode(encode(register, value), register) == pytest.approx(value, abs=0.0500001)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["ABCD", "CDAB"]))
def test_floats_survive(value: float, order: str) -> None:
    register = Register(3, 0, "f32", order, 1.0)
    assert decode(encode(register, value), register) == value


@given(st.binary(max_size=300), st.sampled_from(["tcp", "rtu"]))
def test_garbage_never_breaks_a_session(engine: Engine, junk: bytes, framing: str) -> None:
    from parkzone.modbus.server import _Session

    served, devices = line(engine, "meter", framing)
    sent: list[bytes] = []

    class Wire(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(bytes(data))

        def abort(self) -> None:
            pass

    session = _Session(served)
    session.connection_made(Wire())
    session.data_received(junk)
    good = struct.pack(">BBHH", devices[0].unit, 3, 0, 2)
    if framing == "rtu":
        session._buffer.clear()
        session.data_received(good + struct.pack("<H", crc16(good)))
        assert sent
        assert sent[-1][:3] == bytes((devices[0].unit, 3, 4))


def test_every_modbus_device_fits_its_line(park: Park) -> None:
    units = [(d.line, d.unit) for d in park.catalogue.devices if d.protocol == "modbus"]
    assert len(units) == len(set(units))
    assert all(1 <= unit <= 16 and 0 <= number < len(park.lines) for number, unit in units)
