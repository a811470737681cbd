"""Modbus: a read-only polling master for TCP and RTU over TCP."""

from parksight.gateways.modbus.config import SPEC

__all__ = ["SPEC"]
