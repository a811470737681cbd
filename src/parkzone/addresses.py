"""How each device is found and what its addresses mean, in the words of ParkSight's gateways.

Kept apart from the catalogue: ports belong to a run of the zone, not to the zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parkzone.catalogue.specs import Device, Point


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


def device_row(device: Device, points: Sequence[Point], endpoints: Endpoints) -> dict[str, Any]:
    """One row of the device import; ``enterprise_code`` and ``thing_code`` still to be resolved to ids."""
    row: dict[str, Any] = {
        "code": device.code, "protocol": device.protocol, "name": device.name, "name_en": device.name_en,
        "enterprise_code": device.enterprise.code if device.enterprise else None,
        "thing_code": device.equipment.code if device.equipment else None, "simulated": True,
        "address": address(device, endpoints),
        "mappings": [{"address": p.address, "point": p.code} for p in points],
    }  # fmt: skip
    return row


def address(device: Device, endpoints: Endpoints) -> str:
    """The device's address in its protocol."""
    if device.protocol == "modbus":
        return f"{endpoints.host}:{endpoints.modbus[device.line]}/{device.unit}"
    if device.protocol == "mqtt":
        return f"{endpoints.broker}|{device.key}"
    return device.key
