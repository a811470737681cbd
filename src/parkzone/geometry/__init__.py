"""Where everything in the zone lies: plan, buildings, terrain, as GeoJSON layers."""
