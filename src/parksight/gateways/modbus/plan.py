"""What to poll of one unit: its registers, merged into blocks, and where each value goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from parksight.gateways.directory import DeviceRecord, Mapped
from parksight.gateways.modbus.blocks import Block, merge
from parksight.gateways.modbus.codec import Framing
from parksight.gateways.modbus.config import ModbusDeviceConfig, ModbusPolicy, parse_address
from parksight.gateways.modbus.registers import Register, plain_register
from parksight.gateways.modbus.templates import TemplateLibrary

DEFAULT_PERIOD_S = 15.0


class PlanError(Exception):
    """The device cannot be polled; ``reason`` is a text key under ``gateways.reason``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """One unit of a line.

    Attributes:
        line: host, port and framing of its line.
        blocks: requests to make, with the seconds between two polls of each.
        targets: register key -> where its value goes.
        status: register key -> the register that tells its quality.
        unknown: mapped addresses that are neither in template nor configuration nor plain addresses.
    """

    device: DeviceRecord
    line: tuple[str, int, Framing]
    unit: int
    policy: ModbusPolicy
    blocks: tuple[tuple[Block, float], ...]
    targets: Mapping[str, Mapped]
    registers: Mapping[str, Register]
    unknown: tuple[str, ...]


def plan(device: DeviceRecord, mappings: Mapping[str, Mapped], library: TemplateLibrary) -> UnitPlan:
    """The plan of a device from its configuration and mappings; only mapped registers are read.

    Raises:
        PlanError: configuration unusable or template missing.
    """
    try:
        config = ModbusDeviceConfig.model_validate(dict(device.config))
        policy = ModbusPolicy.model_validate(dict(device.policy))
        host, port, unit = parse_address(device.address)
    except (ValidationError, ValueError) as error:
        raise PlanError("config_wrong", str(error)) from error
    periods: dict[str, float] = {}
    known: dict[str, Register] = {}
    max_block, max_gap = 125, 8
    if config.template is not None:
        template = library.get(config.template)
        if template is None:
            raise PlanError("template_missing", config.template)
        periods |= template.periods
        max_block, max_gap = template.max_block, template.max_gap
        known |= {r.key: _zero_based(r, template.zero_based) for r in template.registers}
    known |= {r.key: _zero_based(r, config.zero_based) for r in config.registers}
    periods |= config.periods
    wanted: dict[str, Register] = {}
    unknown: list[str] = []
    for address in mappings:
        found = known.get(address) or plain_register(address)
        if found is None:
            unknown.append(address)
            continue
        wanted[address] = found
        if found.status is not None and found.status.key in known:
            wanted[found.status.key] = known[found.status.key]
    if config.order is not None:
        wanted = {k: r.model_copy(update={"order": config.order}) for k, r in wanted.items()}
    blocks = merge(
        wanted.values(),
        config.max_block if config.max_block is not None else max_block,
        config.max_gap if config.max_gap is not None else max_gap,
    )
    return UnitPlan(
        device=device,
        line=(host, port, config.framing),
        unit=unit,
        policy=policy,
        blocks=tuple((b, _period(b, periods, mappings)) for b in blocks),
        targets={k: m for k, m in mappings.items() if k in wanted},
        registers=wanted,
        unknown=tuple(sorted(unknown)),
    )


def _period(block: Block, periods: Mapping[str, float], mappings: Mapping[str, Mapped]) -> float:
    """The group's period; for plain addresses the shortest period their points expect."""
    if block.group in periods:
        return periods[block.group]
    expected = [mappings[s.register.key].period_s for s in block.slots if s.register.key in mappings]
    return min(expected, default=DEFAULT_PERIOD_S)


def _zero_based(register: Register, zero_based: bool) -> Register:
    return register if zero_based else register.model_copy(update={"address": register.address - 1})
