"""ParkSight (园视): the open operating system of an industrial park."""

__version__ = "0.1.0"
