"""How a pushing device is configured."""

from __future__ import annotations

from typing import Literal

from parksight.gateways.spec import ProtocolSpec, Strict


class HttpDeviceConfig(Strict):
    """A device that pushes.

    Attributes:
        time: ``required``: a reading without time is refused; ``arrival``: a device without a clock, the time
            of arrival stands in.
    """

    time: Literal["required", "arrival"] = "required"


SPEC = ProtocolSpec("http", HttpDeviceConfig, default_address=True)
