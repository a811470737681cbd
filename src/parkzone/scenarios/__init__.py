"""What can be made to happen in the zone: accidents, faults, fraud; each starts, lasts and ends."""
