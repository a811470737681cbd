"""HTTP push: devices and integrators hand over JSON, CSV or Arrow and are answered once it is durable."""

from parksight.gateways.http.config import SPEC

__all__ = ["SPEC"]
