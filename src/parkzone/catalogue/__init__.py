"""What is measured in the zone: equipment, devices, points, limits and how each value behaves."""
