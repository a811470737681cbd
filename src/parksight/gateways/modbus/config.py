"""How a Modbus device is configured."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from parksight.gateways.modbus.codec import Framing
from parksight.gateways.modbus.registers import Register
from parksight.gateways.modbus.templates import check_registers
from parksight.gateways.modbus.values import Order
from parksight.gateways.spec import ProtocolSpec, Strict

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})/(?P<unit>\d{1,3})")


class ModbusDeviceConfig(Strict):
    """A unit on a line.

    Attributes:
        framing: ``tcp`` (MBAP) or ``rtu`` (serial framing through a terminal server). Same on the whole line.
        template: name of a template; its registers come first, ``registers`` add to or replace them by key.
        zero_based: numbering of ``registers``; a template brings its own.
        order: word order for all registers, instead of their own: makers change it between firmware versions.
        periods: poll group -> seconds, instead of the template's.
        max_block, max_gap: instead of the template's.
    """

    framing: Framing = "tcp"
    template: str | None = None
    registers: Annotated[tuple[Register, ...], Field(max_length=2_000)] = ()
    zero_based: bool = True
    order: Order | None = None
    periods: dict[str, Annotated[float, Field(gt=0, le=86_400)]] = Field(default_factory=dict)
    max_block: Annotated[int, Field(ge=1, le=125)] | None = None
    max_gap: Annotated[int, Field(ge=0, le=124)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        groups = {r.group: 1.0 for r in self.registers} | dict(self.periods)
        rows = tuple(r.model_copy(update={"status": None}) for r in self.registers)
        check_registers(rows, self.zero_based, groups)
        return self


class ModbusPolicy(Strict):
    """What to do when a device does not do as it should.

    Attributes:
        timeout_s: patience with one reply.
        retries: further tries of a request before the unit counts as failed.
        backoff_top_s: longest pause between two probes of a silent unit.
        turnaround_s: silence kept between two requests on the line (Serial Line V1.02 2.4.1).
        busy_wait_s: pause after exception 5 or 6 before the next try.
        recheck_s: registers that the device says it does not have are asked again after this long.
    """

    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    backoff_top_s: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    turnaround_s: Annotated[float, Field(ge=0, le=1)] = 0.0
    busy_wait_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    recheck_s: Annotated[float, Field(ge=1, le=86_400)] = 600.0


def parse_address(address: str) -> tuple[str, int, int]:
    """Host, port and unit of ``host:port/unit``.

    Raises:
        ValueError: it is none.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        raise ValueError("write host:port/unit, e.g. 10.1.2.3:502/1")
    port, unit = int(found["port"]), int(found["unit"])
    if not 1 <= port <= 65_535:
        raise ValueError("the port is 1 to 65535")
    if not 0 <= unit <= 255:
        raise ValueError("the unit is 0 to 255")
    return found["host"].strip("[]").lower(), port, unit


def normal_address(address: str) -> str:
    """The one form in which an address is kept."""
    host, port, unit = parse_address(address)
    return f"[{host}]:{port}/{unit}" if ":" in host else f"{host}:{port}/{unit}"


SPEC = ProtocolSpec("modbus", ModbusDeviceConfig, ModbusPolicy, address=normal_address)
