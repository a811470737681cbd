"""Live push to browsers."""

from parksight.telemetry.live.hub import LiveHub

__all__ = ["LiveHub"]
