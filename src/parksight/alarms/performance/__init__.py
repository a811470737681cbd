"""Alarm performance against ISA-18.2 / IEC 62682 / EEMUA 191: figures, and the events they are computed from."""

from parksight.alarms.performance.compute import Wanted, compute
from parksight.alarms.performance.events import COLUMNS, Announced, announced, rows

__all__ = ["COLUMNS", "Announced", "Wanted", "announced", "compute", "rows"]
