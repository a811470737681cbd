"""Linkage (在线监测报警联动): declared reactions to alarms. None of them can touch a plant: there is no such action."""
