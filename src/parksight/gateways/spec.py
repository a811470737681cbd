"""What the common parts must know of a protocol; each protocol folder exports one as ``SPEC``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Base of config and policy models: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoPolicy(Strict):
    """Policy of protocols that have nothing to decide."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point that onboarding suggests for one field of an unknown device.

    Attributes:
        address: mapping address of the field.
        name: name in Chinese, or the address where nothing better is known.
        quantity: word of ``telemetry.units.QUANTITIES``, None where it cannot be told.
        unit: unit the device sends in, None where it must be confirmed at commissioning.
        kind: class tag of the point.
        sample: newest value seen, as text.
    """

    address: str
    name: str
    name_en: str
    quantity: str | None
    unit: str | None
    kind: str = ""
    sample: str = ""


def plain_proposal(address: str, sample: str) -> Proposal:
    """Says nothing beyond the address: a person decides."""
    return Proposal(address, address, address, None, None, sample=sample)


def any_address(address: str) -> str:
    """Accept an address as it is."""
    return address


@dataclass(frozen=True, slots=True)
class ProtocolSpec:
    """One protocol as the device service sees it.

    Attributes:
        name: protocol key, also the gateway's name.
        config: model of ``Device.config``.
        policy: model of ``Device.policy``.
        address: normal form of a device address; raises ``ValueError`` with a short reason.
        propose: suggests a point for one field of an unknown device.
        default_address: a device may be made without an address and is then known by its code.
    """

    name: str
    config: type[BaseModel]
    policy: type[BaseModel] = NoPolicy
    address: Callable[[str], str] = any_address
    propose: Callable[[str, str], Proposal] = plain_proposal
    default_address: bool = False
