"""The switchboard of the demo zone: scenarios and history progress, passed on to the zone in a box.

Mounted only where ``zone.demo`` is set; a real zone has none of it.
"""
