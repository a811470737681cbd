"""How each device is found and what its addresses mean, in the words of ParkSight's gateways.

Kept apart from the catalogue: ports belong to a run of the zone, not to the zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parkzone.catalogue.specs import Device, Point
from parkzone.modbus.layout import INPUT, layout

#: Sparkplug group of the zone.
GROUP = "qingyuan"


@dataclass(frozen=True)
class Endpoints:
    """Where this run of the zone listens.

    Attributes:
        modbus: port per Modbus line.
        mqtt: port of the broker.
        broker: name under which the platform knows the broker.
    """

    modbus: tuple[int, ...]
    mqtt: int
    broker: str = "parkzone"
    host: str = "127.0.0.1"


#: Kinds of Modbus line that are serial behind a terminal server.
RTU_KINDS = ("meter", "flow")
_TYPES = {"f32": "float32", "u32": "uint32", "u16": "uint16"}


def framing(line_kind: str) -> str:
    """Framing of a Modbus line: serial lines keep theirs through the terminal server."""
    return "rtu" if line_kind in RTU_KINDS else "tcp"


def device_row(device: Device, points: Sequence[Point], endpoints: Endpoints) -> dict[str, Any]:
    """One row of the device import; ``enterprise_code`` and ``thing_code`` still to be resolved to ids."""
    return {
        "code": device.code, "protocol": device.protocol, "name": device.name, "name_en": device.name_en,
        "enterprise_code": device.enterprise.code if device.enterprise else None,
        "thing_code": device.equipment.code if device.equipment else None, "simulated": True,
        "address": address(device, endpoints), "config": config(device, points, endpoints),
        "mappings": [{"address": p.address, "point": p.code} for p in points],
    }  # fmt: skip


def address(device: Device, endpoints: Endpoints) -> str:
    """The device's address in its protocol."""
    if device.protocol == "modbus":
        return f"{endpoints.host}:{endpoints.modbus[device.line]}/{device.unit}"
    if device.protocol == "mqtt":
        return f"{endpoints.broker}|{device.key}"
    return device.key


def config(device: Device, points: Sequence[Point], endpoints: Endpoints) -> dict[str, Any]:
    """What the gateway must know of the device beside its address."""
    if device.protocol == "hj212":
        return {"st": device.system_type}
    if device.protocol == "modbus":
        return _modbus(device, points)
    return {}


def broker_config(endpoints: Endpoints) -> dict[str, Any]:
    """How the platform becomes a client of the demo's broker."""
    return {
        "host": endpoints.host, "port": endpoints.mqtt, "version": "3.1.1",
        "sources": [{"topic": "park/{site}/{node}/data", "device": "{site}/{node}", "template": "values-object"}],
        "sparkplug": [{"group": GROUP, "device": "{node}/{device}"}],
    }  # fmt: skip


def _modbus(device: Device, points: Sequence[Point]) -> dict[str, Any]:
    """Shipped templates where they fit the layout, the device's own registers elsewhere."""
    if device.kind == "meter":
        return {
            "framing": framing("meter"),
            "template": "energy-meter-3p",
            "periods": {"fast": device.period_s},
        }
    if device.kind == "flow" and points[0].address == "RATE":
        return {
            "framing": framing("flow"),
            "template": "flow-computer",
            "periods": {"normal": device.period_s},
        }
    registers = []
    for p, r in zip(points, layout(device, points), strict=True):
        row: dict[str, Any] = {
            "key": p.address, "table": "input" if r.function == INPUT else "holding", "address": r.address,
            "type": _TYPES[r.form], "order": r.order, "scale": r.scale, "unit": p.unit, "quantity": p.quantity,
            "kind": p.kind, "name": p.name[:200], "name_en": p.name_en[:200], "group": "all",
        }  # fmt: skip
        if r.form != "f32":
            row["no_value"] = [0xFFFF if r.form == "u16" else 0xFFFFFFFF]
        registers.append(row)
    return {"framing": framing(device.kind), "registers": registers, "periods": {"all": device.period_s}}
